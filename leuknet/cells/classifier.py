"""Classifiers of cells, and of images from their cells."""

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

# descriptors that are log-transformed
LOGARITHMIC = ["nucleus_area", "cell_area", *(f"texture_{band}" for band in BANDS), "variation", "rim_gradient"]
COMPONENTS = 60
SPECIFICITY = 0.95  # on normal images of the training sources, at the threshold chosen on them


@dataclass
class CellClassifier:
    """Classifier of cells, on sixteen morphological numbers or on features of a pretrained network.

    Attributes
    ----------
    kind : {"morphology", "embedding"}
    weights : str
        Weights of the network (see `leuknet.cells.embedding.features`).
    copies : int
        Number of zoomed crops of each training cell; embedding only.
    c : float
        Inverse strength of the logistic regression's penalty.
    pairs : bool
        Whether to add the products of two of the sixteen numbers; morphology only.
    colour : bool
        Whether to add the optical densities of the three channels, as a control experiment (page 12).
    caption : str
        Caption of the weights that the features were computed with.
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
        """Fit the classifier to the cells at `rows` (default: all).

        Parameters
        ----------
        cells : Cells
        y : int, shape (cells,)
            1 blast, 0 normal cell; only read at `rows`.
        rows : int array, optional
        seed : int
            Seed of the zoom.

        Raises
        ------
        LeuknetError
            If the cells at `rows` are all of one class.
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
        """Return P(blast) of the cells at `rows` (default: all), float32."""
        rows = np.arange(len(cells.table)) if rows is None else rows
        if not len(rows):
            return np.zeros(0, np.float32)
        return self.pipeline.predict_proba(self._inputs(cells, rows))[:, 1].astype(np.float32)

    def size(self) -> int:
        """Return the size of the fitted classifier in bytes, without the network."""
        return len(pickle.dumps(self.pipeline))


def logarithmic(values: np.ndarray) -> np.ndarray:
    """Return the sixteen numbers with sizes and textures log-transformed, so that scaling becomes a shift."""
    columns = [list(DESCRIPTORS).index(name) for name in LOGARITHMIC]
    values = values.astype(np.float64)
    values[:, columns] = np.log(np.maximum(values[:, columns], 1e-3))
    return values


def image_scores(p: np.ndarray, owner: np.ndarray, images: int, rule: str = "max") -> np.ndarray:
    """Return the score of each image, float32 (images,); 0 for images without cells.

    Parameters
    ----------
    p : float, shape (cells,)
        P(blast) of each cell.
    owner : int, shape (cells,)
        Index of the cell's image.
    images : int
    rule : {"max", "mean", "top3"}
        The highest score, the mean, or the mean of the three highest (or of all if there are fewer).
    """
    scores = np.zeros(images, np.float32)
    for image in np.unique(owner):
        own = np.sort(p[owner == image])[::-1]
        scores[image] = {"max": own[:1], "mean": own, "top3": own[:3]}[rule].mean()
    return scores


def chosen_threshold(scores: np.ndarray, specificity: float = SPECIFICITY) -> float:
    """Return the threshold at which a share `specificity` of the normal training images is negative, at least 0.5.

    Parameters
    ----------
    scores : float, shape (images,)
        Scores of normal images of the training sources that were not used to fit the classifier. If empty, the result
        is 0.5.
    """
    if not len(scores):
        return 0.5
    return float(np.clip(np.quantile(scores, specificity, method="higher") + 1e-6, 0.5, 1 - 1e-6))


def shifted(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Return scores in [0, 1] rescaled so that `threshold` becomes 0.5; the order is preserved."""
    return np.interp(scores, [0, threshold, 1], [0, 0.5, 1]).astype(np.float32)


@dataclass
class ImageClassifier:
    """Classifier of images, which are positive if any of their cells is.

    Attributes
    ----------
    cell : CellClassifier
    rule : {"max", "mean", "top3"}
        See `image_scores`.
    threshold : {"half", "chosen"}
        0.5, or the `chosen_threshold` on the training sources.
    pool : bool
        Fit to the cells of all sources even if some sources have both classes, as a control experiment (page 12).
    sources : list of str
        The sources used for fitting: those with cells of both classes. If there are none, all sources are used and
        every cell has its image's label.
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
        """Fit the classifier to the images at the positions `train`, int array."""
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
        """Return P(leukaemia) of the images at `where`, float32, rescaled so that the threshold is 0.5."""
        return shifted(self._scores(cells, where), self.cut)

    def _scores(self, cells: Cells, where: np.ndarray) -> np.ndarray:
        rows, place = cells.of(where)
        return image_scores(self.cell.predict(cells, rows), place, len(where), self.rule)
