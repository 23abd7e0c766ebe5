"""Linear SVM on the features of an untuned pretrained VGG-16, as a reference for fine-tuning (paper, section 4.3).

This is the usual baseline for transfer learning, not the method of an article. The features are those of fc2 (4096) if
the images fit the pretrained network, otherwise those of its deepest pretrained layer.
"""

from leuknet.baselines.base import linear_svm
from leuknet.baselines.features.activations import ActivationBaseline


class Linear(ActivationBaseline):
    """See the module docstring."""

    backbones = ("VGG16",)
    make = staticmethod(linear_svm)
