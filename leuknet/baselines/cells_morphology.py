"""Cells by sixteen numbers of shape, size and texture, and a linear model on their pairs; no network, no colour.

It is this companion's own (page 12), no article's: leukocytes are cut out at the scale of the red cell, each is called
by itself, and an image is positive if any of its cells is. Where a training source holds cells of both classes
(``cells.csv``, single-cell images, the synthetic cohort) only such sources are fitted, because a source with one class
teaches its camera; where none does, every cell has its image's label.
"""

import numpy as np

from leuknet.baselines.base import Baseline
from leuknet.cells.classifier import CellClassifier, ImageClassifier
from leuknet.cells.extract import cells_of
from leuknet.cells.labels import cell_labels
from leuknet.data.cohort import Cohort


class Morphology(Baseline):
    """See the module's text."""

    kind = "morphology"

    def fit(self, cohort: Cohort, train: np.ndarray, seed: int) -> None:
        """See `Baseline.fit`."""
        cells = cells_of(cohort)
        self.seconds_per_image = cells.seconds
        self.classifier = ImageClassifier(CellClassifier(self.kind, self.settings.weights))
        self.classifier.fit(cells, cell_labels(cohort, cells), np.asarray(train), seed)
        self.weights = self.classifier.cell.caption

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """See `Baseline.predict`."""
        return self.classifier.predict(cells_of(cohort), np.asarray(test))

    def size(self) -> int:
        """See `Baseline.size`; without the network."""
        return self.classifier.cell.size()
