"""The controls: baselines that see nothing of a cell. What scores no better than they do has shown nothing.

They are ours, no article's. A high accuracy of either means that the images' origin gives the class away.
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
    """The label of the training image whose mean R, G and B are nearest (Euclidean)."""

    def vectors(self, cohort: Cohort, where: np.ndarray) -> np.ndarray:
        """Return the mean of R, G and B of each image, float, shape (n, 3)."""
        return np.array([cohort.images[i].reshape(-1, 3).mean(axis=0) for i in where])

    def make(self, seed: int) -> KNeighborsClassifier:
        """Return the nearest-neighbour classifier."""
        return KNeighborsClassifier(1)


class SizeAndFormat(VectorBaseline):
    """Logistic regression on the file: logarithms of width, height and their ratio, and the file's suffix.

    Synthetic images have no file: there only the native size is left.
    """

    def vectors(self, cohort: Cohort, where: np.ndarray) -> list[dict[str, float | str]]:
        """Return one dictionary an image; the classifier's first step makes columns of them."""
        rows = cohort.table.iloc[where]
        return [
            {"width": np.log(w), "height": np.log(h), "ratio": np.log(w / h), "suffix": PurePath(path).suffix.lower()}
            for w, h, path in zip(rows["width"], rows["height"], rows["path"], strict=True)
        ]

    def make(self, seed: int) -> Pipeline:
        """Return the pipeline from dictionaries to logistic regression."""
        return make_pipeline(DictVectorizer(sparse=False), StandardScaler(), LogisticRegression(max_iter=2000))
