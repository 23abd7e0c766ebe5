"""Vogado et al. 2018 [22]: activations of three networks, the gain ratio, and an SVM; the method of Tables 12 and 13.

The paper says (section 2.3): the activations of the last fully connected layer of three CNNs; the gain ratio chooses
attributes, how many being "empirically established considering a balance between accuracy and dimensionality"; an SVM
with a radial basis function and standard parameters; k-fold cross-validation; 99.76 % on 1268 images. It names neither
the networks nor the number of attributes, and the article itself was not at hand.

Left open, and the reading taken: VGG-16, VGG-19 and ResNet50, three that Keras has. "The last fully connected layer"
is read as fc2 (4096 values), the last before the classifier of ImageNet's classes; ResNet50's only dense layer is that
classifier, so its average-pooled last maps stand for it, as do VGG's last maps where images do not fit fc1.
Numbers are cut at their deciles for the gain ratio, on the training images only; the best quarter is kept. "Standard
parameters" are scikit-learn's.

Departures: activations are standardised for the SVM (its radial basis function needs one scale); p is the sigmoid of
the margin. In the narrow profiles a network whose formula-driven weights are not shipped begins from random ones: the
run's record names them.
"""

import numpy as np
from sklearn.feature_selection import SelectPercentile
from sklearn.pipeline import Pipeline, make_pipeline

from leuknet.baselines.base import svm
from leuknet.baselines.features.activations import ActivationBaseline
from leuknet.baselines.features.selection import gain_ratios

KEPT = 25  # percent


def score(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each feature's gain ratio and, a little below, its s.d., which orders those without any."""
    return gain_ratios(values, labels) + 1e-9 * np.argsort(np.argsort(values.std(axis=0)))


class Vogado(ActivationBaseline):
    """See the module's text."""

    backbones = ("VGG16", "VGG19", "ResNet50")

    def make(self, seed: int) -> Pipeline:
        """Return the pipeline: gain ratio, standardising, SVM."""
        return make_pipeline(SelectPercentile(score, percentile=KEPT), *svm("rbf"))
