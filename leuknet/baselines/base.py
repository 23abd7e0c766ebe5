"""The common interface of all baselines, and the base classes of those with handcrafted features."""

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
    """Base class of all baselines.

    Parameters
    ----------
    settings : BaselineSettings

    Attributes
    ----------
    weights : str
        Caption of the initial weights of its networks; "none" if it has no network.
    seconds_per_image : float
        Time for computing the features of one image, s.
    history : pandas.DataFrame
        One row per epoch; empty if it trains no network.
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
        """Fit the baseline to the cohort's images at the positions `train`, int array."""
        raise NotImplementedError

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """Return P(leukaemia) of the images at the positions `test`, float32, shape (len(test),)."""
        raise NotImplementedError

    def size(self) -> int:
        """Return the size of the fitted baseline, as needed for prediction, in bytes."""
        return len(pickle.dumps(self.classifier))


def sigmoid(margin: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-margin)), float32; uncalibrated, but a margin of 0 is the decision threshold 0.5."""
    return (0.5 * (1 + np.tanh(0.5 * np.asarray(margin)))).astype(np.float32)


def svm(kernel: str) -> Pipeline:
    """Return an unfitted pipeline of standardisation and an SVM with scikit-learn's default parameters."""
    return make_pipeline(StandardScaler(), SVC(kernel=kernel))


def linear_svm(seed: int) -> Pipeline:
    """Return an unfitted pipeline of standardisation and a linear SVM (liblinear), for long vectors."""
    return make_pipeline(StandardScaler(), LinearSVC(max_iter=5000, random_state=derive("svm", seed)))


def probability(classifier: Any, values: Any) -> np.ndarray:
    """Return P(leukaemia) of each row: by `predict_proba` if available, else the sigmoid of the margin (SVM)."""
    if hasattr(classifier, "predict_proba"):
        return classifier.predict_proba(values)[:, 1].astype(np.float32)
    return sigmoid(classifier.decision_function(values))


class VectorBaseline(Baseline):
    """Base class of baselines with one vector per image and a scikit-learn classifier.

    Subclasses define ``vectors(cohort, where)``, float (n, d), and ``make(seed)``, the unfitted classifier.
    """

    def fit(self, cohort: Cohort, train: np.ndarray, seed: int) -> None:
        """See `Baseline.fit`."""
        self.classifier = self.make(seed).fit(self.vectors(cohort, train), cohort.labels[train].astype(int))

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """See `Baseline.predict`."""
        return probability(self.classifier, self.vectors(cohort, test))


class CellBaseline(Baseline):
    """Base class of baselines that classify each detected leukocyte and average its probabilities over an image.

    Subclasses define ``describe(image)``, float (cells, d), a plain function, and the SVM's `kernel`. In training each
    leukocyte has its image's label, with weight 1 / leukocytes of that image. The prediction for an image without
    leukocytes is the share of positive training images, which assigns it to the larger class.
    """

    describe: ClassVar[Any]  # a static method, `Describe`
    kernel = "rbf"

    def cells(self, cohort: Cohort, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the leukocytes' features (m, d) and, for each leukocyte, the index of its image in `where`."""
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
    """Return the mean `p` of each image's leukocytes, float32; `otherwise` for images without any."""
    count = np.bincount(owner, minlength=images)
    total = np.bincount(owner, weights=p, minlength=images)
    return np.where(count > 0, total / np.maximum(count, 1), otherwise).astype(np.float32)
