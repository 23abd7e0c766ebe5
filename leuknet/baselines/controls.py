"""Controls: baselines that do not use the appearance of cells, as a lower bound for all other methods.

They are not from an article. A high accuracy of either means that the class can be inferred from the images' origin.
"""

from pathlib import PurePath

import numpy as np
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from leuknet.baselines.base import VectorBaseline
from leuknet.data.cohort import Cohort


class MeanColour(VectorBaseline):
    """Nearest-neighbour classifier on the mean R, G and B of each image (Euclidean distance)."""

    def vectors(self, cohort: Cohort, where: np.ndarray) -> np.ndarray:
        """Return the mean R, G and B of each image, float, shape (n, 3)."""
        return np.array([cohort.images[i].reshape(-1, 3).mean(axis=0) for i in where])

    def make(self, seed: int) -> KNeighborsClassifier:
        """Return the nearest-neighbour classifier."""
        return KNeighborsClassifier(1)


class SizeAndFormat(VectorBaseline):
    """Logistic regression on properties of the file: logarithms of width, height and their ratio, and the suffix.

    Synthetic images have no file, so only their native size is used.
    """

    def vectors(self, cohort: Cohort, where: np.ndarray) -> list[dict[str, float | str]]:
        """Return one dictionary per image, which the first step of the classifier converts to columns."""
        rows = cohort.table.iloc[where]
        return [
            {"width": np.log(w), "height": np.log(h), "ratio": np.log(w / h), "suffix": PurePath(path).suffix.lower()}
            for w, h, path in zip(rows["width"], rows["height"], rows["path"], strict=True)
        ]

    def make(self, seed: int) -> Pipeline:
        """Return the unfitted pipeline from dictionaries to logistic regression."""
        return make_pipeline(DictVectorizer(sparse=False), StandardScaler(), LogisticRegression(max_iter=2000))
