"""What all baselines share: the interface, and the two shapes that those with handmade features take."""

import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from leuknet._random import derive
from leuknet.baselines.handcrafted.descriptors import descriptions
from leuknet.baselines.settings import BaselineSettings
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError


class Baseline:
    """One baseline, unfitted.

    Parameters
    ----------
    settings : BaselineSettings

    Attributes
    ----------
    weights : str
        What its networks begin from, as captions print it; "none" if it has no network.
    seconds_per_image : float
        What describing one image takes before the classifier sees it, s.
    history : pandas.DataFrame
        One row an epoch; empty if it trains no network.
    """

    weights = "none"
    seconds_per_image = 0.0
    history = pd.DataFrame(columns=["epoch"])
    classifier: Any
    make: Callable[[int], Any]
    vectors: Callable[[Cohort, np.ndarray], Any]

    def __init__(self, settings: BaselineSettings) -> None:
        self.settings = settings

    def fit(self, cohort: Cohort, train: np.ndarray, seed: int) -> None:
        """Learn from the cohort's images at the positions `train`, int array."""
        raise NotImplementedError

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """Return P(leukaemia), float32, shape (len(test),), for the images at `test`."""
        raise NotImplementedError

    def size(self) -> int:
        """Return the bytes that must be kept to predict."""
        return len(pickle.dumps(self.classifier))


def sigmoid(margin: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-margin)), float32: a margin of 0 stays the decision border, 0.5; not calibrated."""
    return (0.5 * (1 + np.tanh(0.5 * np.asarray(margin)))).astype(np.float32)


def svm(kernel: str) -> Pipeline:
    """Return an unfitted SVM with scikit-learn's standard parameters behind standardisation."""
    return make_pipeline(StandardScaler(), SVC(kernel=kernel))


def linear_svm(seed: int) -> Pipeline:
    """Return an unfitted linear SVM for long vectors (liblinear) behind standardisation."""
    return make_pipeline(StandardScaler(), LinearSVC(max_iter=5000, random_state=derive("svm", seed)))


def probability(classifier: Any, values: Any) -> np.ndarray:
    """Return P(leukaemia) of each row: the classifier's own, or the sigmoid of its margin if it has none (SVM)."""
    if hasattr(classifier, "predict_proba"):
        return classifier.predict_proba(values)[:, 1].astype(np.float32)
    return sigmoid(classifier.decision_function(values))


class VectorBaseline(Baseline):
    """One vector an image, one scikit-learn classifier over them.

    A baseline gives ``vectors(cohort, where)``, float (n, d), and ``make(seed)``, the unfitted classifier.
    """

    def fit(self, cohort: Cohort, train: np.ndarray, seed: int) -> None:
        """See `Baseline.fit`."""
        self.classifier = self.make(seed).fit(self.vectors(cohort, train), cohort.labels[train].astype(int))

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """See `Baseline.predict`."""
        return probability(self.classifier, self.vectors(cohort, test))


class CellBaseline(Baseline):
    """Every leukocyte found is described and classified; an image is as positive as its leukocytes are on average.

    A baseline gives ``describe(image)``, float (cells, d), a plain function, and the SVM's `kernel`. A leukocyte learns
    its image's label, with weight 1 / leukocytes of that image. An image without any gets the training images' share of
    positives, so it counts with the larger class.
    """

    describe: ClassVar[Any]  # a static method, `Describe`
    kernel = "rbf"

    def cells(self, cohort: Cohort, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the leukocytes' descriptions (m, d) and, for each, the place of its image in `where`."""
        table = descriptions(cohort, type(self).describe)
        self.seconds_per_image = float(table.seconds.mean())
        parts = [table.of(i) for i in where]
        owner = np.repeat(np.arange(len(where)), [len(part) for part in parts])
        return np.concatenate(parts), owner

    def fit(self, cohort: Cohort, train: np.ndarray, seed: int) -> None:
        """See `Baseline.fit`."""
        values, owner = self.cells(cohort, train)
        labels = cohort.labels[train].astype(int)
        self.prevalence = float(labels.mean())
        if len(set(labels[owner])) < 2:
            raise LeuknetError(f"{self.settings.baseline} finds leukocytes in one class only: use larger images")
        weight = 1 / np.bincount(owner, minlength=len(train))[owner]
        self.classifier = svm(self.kernel).fit(values, labels[owner], svc__sample_weight=weight)

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """See `Baseline.predict`."""
        values, owner = self.cells(cohort, test)
        p = probability(self.classifier, values) if len(values) else np.zeros(0)
        return means(p, owner, len(test), self.prevalence)


def means(p: np.ndarray, owner: np.ndarray, images: int, otherwise: float) -> np.ndarray:
    """Return each image's mean of its leukocytes' `p`, float32; `otherwise` where it has none."""
    count = np.bincount(owner, minlength=images)
    total = np.bincount(owner, weights=p, minlength=images)
    return np.where(count > 0, total / np.maximum(count, 1), otherwise).astype(np.float32)
