"""The classifier of cells, and of images through their cells."""

import pickle
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from threadpoolctl import threadpool_limits

from leuknet.cells.descriptors import BANDS, DESCRIPTORS
from leuknet.cells.embedding import COPIES, features
from leuknet.cells.extract import COLOUR, Cells
from leuknet.cells.labels import UNKNOWN, CellLabels
from leuknet.exceptions import LeuknetError

# taken as logarithms
LOGARITHMIC = ["nucleus_area", "cell_area", *(f"texture_{band}" for band in BANDS), "variation", "rim_gradient"]
COMPONENTS = 60
SPECIFICITY = 0.95  # of the normal images of training sources, at the threshold chosen on them


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
    c : float
        Inverse strength of the logistic regression's penalty.
    pairs : bool
        Products of two of the sixteen numbers as well; of morphology only.
    colour : bool
        Put the densities of the three channels back, next to the sixteen numbers: a control (page 12).
    caption : str
        What the features began from, as captions print it.
    """

    kind: str = "morphology"
    weights: str = "imagenet"
    copies: int = COPIES
    c: float = 0.01
    pairs: bool = True
    colour: bool = False
    caption: str = "none"
    pipeline: Any = field(default=None, repr=False)

    def fit(self, cells: Cells, y: np.ndarray, rows: np.ndarray | None = None, seed: int = 0) -> "CellClassifier":
        """Learn from the cells at `rows` (all if not given).

        Parameters
        ----------
        cells : Cells
        y : int, shape (cells,)
            1 blast, 0 normal cell; what other cells have is not read.
        rows : int array, optional
        seed : int
            Of the zoom.

        Raises
        ------
        LeuknetError
            If the cells at `rows` are of one class.
        """
        rows = np.arange(len(y)) if rows is None else rows
        if len(set(y[rows])) < 2:
            raise LeuknetError("the training cells hold one class only: add normal cells or blasts of the same source")
        x = self._inputs(cells, rows, self.copies, seed)
        with threadpool_limits(1):
            self.pipeline = self._pipeline(len(x)).fit(x, np.tile(y[rows], len(x) // len(rows)))
        return self

    def _inputs(self, cells: Cells, rows: np.ndarray, copies: int = 0, seed: int = 0) -> np.ndarray:
        if self.kind == "morphology":
            numbers = logarithmic(cells.values[rows])
            return np.hstack([numbers, cells.table[COLOUR].to_numpy()[rows]]) if self.colour else numbers
        blocks = cells.table["data_set"].to_numpy(str)
        values, self.caption = features(cells.crops, blocks, rows, self.weights, copies, seed)
        return values

    def _pipeline(self, n: int) -> Pipeline:
        if self.kind == "morphology":
            middle = [PolynomialFeatures(2, include_bias=False)] if self.pairs else []
        else:
            middle = [PCA(min(COMPONENTS, n - 1), random_state=0)]
        final = LogisticRegression(C=self.c, class_weight="balanced", max_iter=3000)
        return make_pipeline(StandardScaler(), *middle, StandardScaler(), final)

    def predict(self, cells: Cells, rows: np.ndarray | None = None) -> np.ndarray:
        """Return P(blast) of the cells at `rows` (all if not given), float32."""
        rows = np.arange(len(cells.table)) if rows is None else rows
        if not len(rows):
            return np.zeros(0, np.float32)
        return self.pipeline.predict_proba(self._inputs(cells, rows))[:, 1].astype(np.float32)

    def size(self) -> int:
        """Return the bytes that must be kept to predict, without the network."""
        return len(pickle.dumps(self.pipeline))


def logarithmic(values: np.ndarray) -> np.ndarray:
    """Return the sixteen numbers with sizes and textures as logarithms: a factor of scale becomes a shift."""
    columns = [list(DESCRIPTORS).index(name) for name in LOGARITHMIC]
    values = values.astype(np.float64)
    values[:, columns] = np.log(np.maximum(values[:, columns], 1e-3))
    return values


def image_scores(p: np.ndarray, owner: np.ndarray, images: int, rule: str = "max") -> np.ndarray:
    """Return each image's score, float32 (images,); 0 where it has no cell.

    Parameters
    ----------
    p : float, shape (cells,)
        P(blast) of each cell.
    owner : int, shape (cells,)
        The cell's image.
    images : int
    rule : {"max", "mean", "top3"}
        The highest score, the mean, or the mean of the three highest (of fewer where there are fewer).
    """
    scores = np.zeros(images, np.float32)
    for image in np.unique(owner):
        own = np.sort(p[owner == image])[::-1]
        scores[image] = {"max": own[:1], "mean": own, "top3": own[:3]}[rule].mean()
    return scores


def chosen_threshold(scores: np.ndarray, specificity: float = SPECIFICITY) -> float:
    """Return the threshold at which a share `specificity` of normal training images is negative, at least 0.5.

    Parameters
    ----------
    scores : float, shape (images,)
        Scores of the normal images of training sources that the classifier was not fitted on. Without any, 0.5.
    """
    if not len(scores):
        return 0.5
    return float(np.clip(np.quantile(scores, specificity, method="higher") + 1e-6, 0.5, 1 - 1e-6))


def shifted(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Return scores in [0, 1] rescaled so that `threshold` becomes 0.5; their order does not change."""
    return np.interp(scores, [0, threshold, 1], [0, 0.5, 1]).astype(np.float32)


@dataclass
class ImageClassifier:
    """An image is positive if any of its cells is.

    Attributes
    ----------
    cell : CellClassifier
    rule : {"max", "mean", "top3"}
        See `image_scores`.
    threshold : {"half", "chosen"}
        0.5, or `chosen_threshold` on the training sources.
    pool : bool
        Fit every source's cells, also where some source has both classes: a control (page 12).
    sources : list of str
        The sources whose cells were fitted: those with cells of both classes; where there is none, every cell has its
        image's label.
    cut : float
        The threshold in use.
    """

    cell: CellClassifier = field(default_factory=CellClassifier)
    rule: str = "max"
    threshold: str = "half"
    pool: bool = False
    sources: list[str] = field(default_factory=list)
    cut: float = 0.5

    def fit(self, cells: Cells, labels: CellLabels, train: np.ndarray, seed: int = 0) -> "ImageClassifier":
        """Learn from the images at the positions `train`, int array."""
        rows = np.flatnonzero(np.isin(cells.owner, train))
        self.sources = labels.two_class_sources(rows)
        chosen = rows[labels.y[rows] != UNKNOWN]
        if self.sources and not self.pool:
            chosen = chosen[np.isin(labels.source[chosen], self.sources) & ~labels.weak[chosen]]
        self.cell.fit(cells, labels.y, chosen, seed)
        if self.threshold == "chosen":
            normal = rows[(labels.y[rows] == 0) & ~np.isin(labels.source[rows], self.sources)]
            self.cut = chosen_threshold(self._scores(cells, np.unique(cells.owner[normal])))
        return self

    def predict(self, cells: Cells, where: np.ndarray) -> np.ndarray:
        """Return P(leukaemia) of the images at `where`, float32; the threshold in use is at 0.5."""
        return shifted(self._scores(cells, where), self.cut)

    def _scores(self, cells: Cells, where: np.ndarray) -> np.ndarray:
        rows, place = cells.of(where)
        return image_scores(self.cell.predict(cells, rows), place, len(where), self.rule)
