"""The classifier of cells, and of images through their cells."""

import pickle
from dataclasses import dataclass, field

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from leuknet.cells.aggregate import HALF, chosen_threshold, image_scores, shifted
from leuknet.cells.descriptors import DESCRIPTORS
from leuknet.cells.embedding import COPIES, features, training_copies
from leuknet.cells.extract import Cells
from leuknet.cells.labels import UNKNOWN, CellLabels
from leuknet.exceptions import LeuknetError

LOGARITHMIC = (
    "nucleus_area",
    "cell_area",
    "texture_fine",
    "texture_medium",
    "texture_coarse",
    "variation",
    "rim_gradient",
)
COMPONENTS = 60


@dataclass
class CellClassifier:
    """P(blast) of a cell, by its sixteen numbers or by a pretrained network's features.

    Attributes
    ----------
    kind : {"morphology", "embedding"}
    weights : str
        Of the network (`leuknet.cells.embedding.features`).
    copies : int
        Zoomed pictures of each training cell; of the embedding only.
    caption : str
        What the features began from, as captions print it.
    """

    kind: str = "morphology"
    weights: str = "imagenet"
    copies: int = COPIES
    caption: str = "none"
    pipeline: Pipeline | None = field(default=None, repr=False)

    def fit(self, cells: Cells, y: np.ndarray, seed: int = 0) -> "CellClassifier":
        """Learn from cells with labels `y`, int (cells,), 0 or 1.

        Raises
        ------
        LeuknetError
            If all cells are of one class.
        """
        if len(set(y)) < 2:
            raise LeuknetError("the training cells hold one class only: add normal cells or blasts of the same source")
        x, repeats = self._training(cells, seed)
        self.pipeline = self._pipeline(len(x)).fit(x, np.tile(y, repeats))
        return self

    def _training(self, cells, seed):
        if self.kind == "morphology":
            return logarithmic(cells.values), 1
        return self._features(training_copies(cells.crops, seed, self.copies)), 1 + self.copies

    def _features(self, pictures):
        values, self.caption = features(pictures, self.weights)
        return values

    def _pipeline(self, n):
        if self.kind == "morphology":
            final = LogisticRegression(C=0.01, class_weight="balanced", max_iter=3000)
            pairs = PolynomialFeatures(2, include_bias=False)
            return make_pipeline(StandardScaler(), pairs, StandardScaler(), final)
        final = LogisticRegression(C=0.01, class_weight="balanced", max_iter=3000)
        return make_pipeline(StandardScaler(), PCA(min(COMPONENTS, n - 1), random_state=0), StandardScaler(), final)

    def predict(self, cells: Cells) -> np.ndarray:
        """Return P(blast) of each cell, float32 (cells,)."""
        if not len(cells.table):
            return np.zeros(0, np.float32)
        x = logarithmic(cells.values) if self.kind == "morphology" else self._features(cells.crops)
        return self.pipeline.predict_proba(x)[:, 1].astype(np.float32)

    def size(self) -> int:
        """Return the bytes that must be kept to predict, without the network."""
        return len(pickle.dumps(self.pipeline))


def logarithmic(values: np.ndarray) -> np.ndarray:
    """Return the sixteen numbers with sizes and textures as logarithms: a factor of scale becomes a shift."""
    columns = [list(DESCRIPTORS).index(name) for name in LOGARITHMIC]
    values = values.astype(np.float64)
    values[:, columns] = np.log(np.maximum(values[:, columns], 1e-3))
    return values


@dataclass
class ImageClassifier:
    """An image is positive if any of its cells is.

    Attributes
    ----------
    cell : CellClassifier
    rule : {"max", "mean", "top3"}
        See `leuknet.cells.aggregate.image_scores`.
    threshold : {"half", "chosen"}
        0.5, or the one at which 95 % of the normal images of training sources that were not fitted are negative.
    sources : list of str
        The sources whose cells were fitted: those with cells of both classes, where there are any.
    both : bool
        Whether such a source was there; if not, every cell has its image's label.
    border : float
        The threshold in use.
    """

    cell: CellClassifier = field(default_factory=CellClassifier)
    rule: str = "max"
    threshold: str = "half"
    sources: list[str] = field(default_factory=list)
    both: bool = False
    border: float = HALF

    def fit(self, cells: Cells, labels: CellLabels, train: np.ndarray, seed: int = 0) -> "ImageClassifier":
        """Learn from the images at the positions `train`, int array."""
        rows = np.flatnonzero(np.isin(cells.owner, train))
        self.sources = labels.two_class_sources(rows)
        self.both = bool(self.sources)
        chosen = rows[labels.y[rows] != UNKNOWN]
        if self.both:
            chosen = chosen[np.isin(labels.source[chosen], self.sources) & ~labels.weak[chosen]]
        self.cell.fit(_taken(cells, chosen), labels.y[chosen], seed)
        normal = np.unique(cells.owner[rows[(labels.y[rows] == 0) & ~np.isin(labels.source[rows], self.sources)]])
        self.border = HALF
        if self.threshold == "chosen":
            self.border = chosen_threshold(self.scores(cells, normal))
        return self

    def scores(self, cells: Cells, where: np.ndarray) -> np.ndarray:
        """Return the images' scores before the threshold, float32 (len(where),)."""
        own = cells.of(where)
        return image_scores(self.cell.predict(own), own.owner, len(where), self.rule)

    def predict(self, cells: Cells, where: np.ndarray) -> np.ndarray:
        """Return P(leukaemia) of the images at `where`, float32; the threshold lies at 0.5."""
        return shifted(self.scores(cells, where), self.border)


def _taken(cells, rows):
    table = cells.table.iloc[rows].reset_index(drop=True)
    return Cells(table, cells.crops[rows], cells.images, cells.seconds)
