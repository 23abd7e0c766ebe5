"""Cells by frozen ImageNet features of a grey picture that the cell's own nucleus normalises, and logistic regression.

As `leuknet.baselines.cells_morphology`, with DenseNet-169's features of each cell in place of the sixteen numbers.
Where the profile's weights are not ImageNet's, a narrow VGG-16 stands in, and the run's record names it.
"""

from leuknet.baselines.cells_morphology import Morphology


class Embedding(Morphology):
    """See the module's text."""

    kind = "embedding"
