"""Vogado et al. 2018 [22]: activations of three networks, the gain ratio, and an SVM; the method of Tables 12 and 13.

The paper says (section 2.3): the activations of the last fully connected layer of three CNNs; attributes selected by
the gain ratio, their number "empirically established considering a balance between accuracy and dimensionality"; an SVM
with a radial basis function and standard parameters; k-fold cross-validation; 99.76 % on 1268 images. It states neither
the networks nor the number of attributes, and the article itself was not available.

Left open, and the interpretation used: VGG-16, VGG-19 and ResNet50, which are available in Keras. "The last fully
connected layer" is taken to be fc2 (4096 values), the last before the classifier of the ImageNet classes. ResNet50's
only dense layer is that classifier, so its average-pooled last maps are used instead, as are VGG's last maps if the
images do not fit fc1. For the gain ratio, features are binned at their deciles on the training images only; the best
quarter is selected. "Standard parameters" are scikit-learn's defaults.

Departures: activations are standardised for the SVM (its radial basis function needs one scale); p is the sigmoid of
the margin. In the narrow profiles, networks without shipped formula-driven weights start from random weights, as stated
in the run's record.
"""

import numpy as np
from sklearn.feature_selection import SelectPercentile
from sklearn.pipeline import Pipeline, make_pipeline

from leuknet.baselines.base import svm
from leuknet.baselines.features.activations import ActivationBaseline
from leuknet.baselines.features.selection import gain_ratios

KEPT = 25  # percent


def score(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each feature's gain ratio, with the rank of its s.d. as a tie-breaker."""
    return gain_ratios(values, labels) + 1e-9 * np.argsort(np.argsort(values.std(axis=0)))


class Vogado(ActivationBaseline):
    """See the module docstring."""

    backbones = ("VGG16", "VGG19", "ResNet50")

    def make(self, seed: int) -> Pipeline:
        """Return the unfitted pipeline of selection by gain ratio, standardisation and SVM."""
        return make_pipeline(SelectPercentile(score, percentile=KEPT), *svm("rbf"))
