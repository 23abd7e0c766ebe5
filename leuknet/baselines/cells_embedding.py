"""Baseline on frozen ImageNet features of grey cell crops, normalised by the nucleus, with logistic regression.

Same as `leuknet.baselines.cells_morphology`, with DenseNet-169 features of each cell instead of the sixteen numbers.
In profiles without ImageNet weights, a narrow VGG-16 is used instead, which is stated in the run's record.
"""

from leuknet.baselines.cells_morphology import Morphology


class Embedding(Morphology):
    """See the module docstring."""

    kind = "embedding"
