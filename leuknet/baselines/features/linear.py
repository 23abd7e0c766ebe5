"""Features of a pretrained VGG-16 as they are, and a linear SVM: what fine-tuning has to beat (paper, section 4.3).

It is the usual baseline of transfer learning, not an article's method. The features are fc2's (4096) where images fit
the pretrained network, otherwise those of its deepest pretrained layer.
"""

from leuknet.baselines.base import linear_svm
from leuknet.baselines.features.activations import ActivationBaseline


class Linear(ActivationBaseline):
    """See the module's text."""

    backbones = ("VGG16",)
    make = staticmethod(linear_svm)
