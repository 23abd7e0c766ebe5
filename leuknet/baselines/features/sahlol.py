"""Sahlol, Kollmannsberger & Ewees 2020 [23]: VGG-19 features, a statistically enhanced salp swarm, and an SVM.

The paper says (section 2.3): features of VGG-19, selected by the salp swarm algorithm (SESSA), an SVM, 5-fold
cross-validation, 96.11 % on ALL-IDB 2 and 87.90 % on C-NMC. The article's abstract (Sci. Rep. 10, 2536) says:
pretrained on ImageNet; the enhanced swarm "selects the most relevant features and removes highly correlated and noisy
features"; 1 K of 25 K features are selected.

Left open, and the interpretation used: 25 K are VGG-19's flattened last maps (7 x 7 x 512 = 25 088 at 224 px). Noisy
features are those whose F-test between the classes has p above 0.05; of the 2200 best remaining features, those that
correlate above 0.95 with a feature of higher F are removed. The salp swarm (10 salps, 20 steps) selects from the rest:
a feature is selected if its coordinate is above 0.5, and the cost is 0.99 times the error of 5 nearest neighbours in
3-fold cross-validation plus 0.01 times the share of selected features, the usual cost in swarm selection. All steps use
training images only. The SVM is linear.

Departures: the article's swarm selects 1 K of 25 K features. A randomly initialised swarm selects about half of its
candidates, so ours has at most 2 200 candidates, the best by F, and features below these are never tried. (With all
features, the correlation filter alone would compare 3.1e8 pairs instead of 2.4e6.) p is the sigmoid of the margin.
In the narrow profiles, VGG-19 has an eighth of its width.
"""

import numpy as np
from sklearn.feature_selection import f_classif
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from leuknet._random import derive
from leuknet.baselines.base import linear_svm, probability
from leuknet.baselines.features.activations import ActivationBaseline
from leuknet.baselines.features.selection import salp_swarm, uncorrelated
from leuknet.data.cohort import Cohort

NOISE, ALIKE, MOST, NEIGHBOURS = 0.05, 0.95, 2200, 5


def informative(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the informative, mutually uncorrelated features, int array by descending F."""
    varying = np.flatnonzero(np.ptp(values, axis=0) > 0)
    f, p = f_classif(values[:, varying], labels)
    order = np.argsort(-f, kind="stable")
    significant = order[p[order] < NOISE]
    return uncorrelated(values, varying[(significant if len(significant) else order[:10])[:MOST]], ALIKE)


def misjudged(values: np.ndarray, labels: np.ndarray, folds: np.ndarray) -> float:
    """Return the error of classifying each row by its 5 nearest rows (Euclidean) in other folds, in [0, 1]."""
    square = (values**2).sum(axis=1)
    distance = square[:, None] + square - 2 * values @ values.T
    distance[folds[:, None] == folds] = np.inf
    nearest = np.argpartition(distance, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return float(((labels[nearest].mean(axis=1) > 0.5) != labels).mean())


def swarm(values: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Return a mask, bool (d,), of the features that the salp swarm selects; all if there are too few images."""
    if len(labels) < 3 * NEIGHBOURS or np.bincount(labels).min() < 3:
        return np.ones(values.shape[1], bool)
    folds, parts = np.zeros(len(labels), int), StratifiedKFold(3, shuffle=True, random_state=derive("salp folds", seed))
    for number, (_, judged) in enumerate(parts.split(values, labels)):
        folds[judged] = number

    def cost(place: np.ndarray) -> float:
        taken = place > 0.5
        return 0.99 * misjudged(values[:, taken], labels, folds) + 0.01 * taken.mean() if taken.any() else 1.0

    taken = salp_swarm(cost, values.shape[1], seed)[0] > 0.5
    return taken if taken.any() else ~taken


class Sahlol(ActivationBaseline):
    """See the module docstring."""

    backbones = ("VGG19",)
    layer = "flat"

    def fit(self, cohort: Cohort, train: np.ndarray, seed: int) -> None:
        """See `Baseline.fit`."""
        labels = cohort.labels[train].astype(int)
        values = self.vectors(cohort, train)
        chosen = informative(values, labels)
        scaled = StandardScaler().fit_transform(values[:, chosen])
        self.chosen = chosen[swarm(scaled, labels, seed)]
        self.classifier = linear_svm(seed).fit(values[:, self.chosen], labels)

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """See `Baseline.predict`."""
        return probability(self.classifier, self.vectors(cohort, test)[:, self.chosen])
