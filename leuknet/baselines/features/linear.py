"""Features of a pretrained VGG-16 as they are, and a linear SVM: what fine-tuning has to beat (paper, section 4.3).

It is the usual baseline of transfer learning, not an article's method. The features are fc2's (4096) where images fit
the pretrained network, otherwise those of its deepest pretrained layer.
"""

from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from leuknet._random import derive
from leuknet.baselines.features.activations import ActivationBaseline


class Linear(ActivationBaseline):
    """See the module's text."""

    backbones = ("VGG16",)

    def make(self, seed: int) -> Pipeline:
        """Return the standardising linear SVM."""
        return make_pipeline(StandardScaler(), LinearSVC(max_iter=5000, random_state=derive("svm", seed)))
