"""Baseline on sixteen shape, size and texture features of each cell, with a linear model on their pairwise products.

This baseline is from this study companion (page 12), not from an article. It uses neither a network nor colour.
Leukocytes are cropped at a scale given by the red cells, each is classified separately, and an image is positive if any
of its cells is. If some training sources contain cells of both classes (``cells.csv``, single-cell images, the
synthetic cohort), only these are used for training, because from a source with one class a classifier learns the
camera. Otherwise every cell is given the label of its image.
"""

import numpy as np

from leuknet.baselines.base import Baseline
from leuknet.cells.classifier import CellClassifier, ImageClassifier
from leuknet.cells.extract import cells_of
from leuknet.cells.labels import cell_labels
from leuknet.data.cohort import Cohort


class Morphology(Baseline):
    """See the module docstring."""

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
        """See `Baseline.size`; the network is not included."""
        return self.classifier.cell.size()
