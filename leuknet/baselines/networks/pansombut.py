"""Pansombut et al. 2019 [19]: a network of three convolutional and two dense layers.

The paper says (section 2.2): three convolutional layers, two fully connected ones and a sigmoid output of three neurons
that separates subtypes (pre-T, pre-B and healthy); hold-out on 363 images, 81.74 %; no augmentation (section 4.4).

Left open, and the interpretation used: widths (32, 64, 128; dense 128 and 64), 3 x 3 kernels with 2 x 2 max-pooling
after each, no dropout. Adam with a learning rate of 0.001, 30 epochs, batches of 32.

Departures: one output for two classes. Networks of narrow profiles are smaller (`layers.stack`).
"""

from functools import partial

from leuknet.baselines.networks import layers
from leuknet.baselines.networks.training import NetworkBaseline


class Pansombut(NetworkBaseline):
    """See the module docstring."""

    build = staticmethod(partial(layers.stack, filters=(32, 64, 128), dense=(128, 64)))
