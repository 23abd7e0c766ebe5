"""Thanh et al. 2018 [14]: a network of five convolutional and two dense layers with its own augmentation.

The paper says (section 2.2): similar to AlexNet, five convolutional and two dense layers; the 108 images of ALL-IDB 1
become 1188 by rotation, translation, blurring and histogram equalisation; 70 % train, 30 % test; 96.60 %.

Left open, and the interpretation used: the layers' widths (32, 64, 128, 128, 128; dense 256 and the output), 3 x 3
kernels with 2 x 2 max-pooling after each, dropout of 0.5. 1188 is 11 times 108: an epoch uses each image eleven times,
each time unchanged, rotated, shifted, blurred or equalised, with equal probability. Adam with a learning rate of 0.001,
30 epochs, batches of 32.

Departures: variants are redrawn each epoch instead of once, and from training images only. Networks of narrow profiles
are smaller (`layers.stack`).
"""

from functools import partial

import numpy as np

from leuknet.baselines.networks import layers, variants
from leuknet.baselines.networks.training import NetworkBaseline


class Thanh(NetworkBaseline):
    """See the module docstring."""

    copies = 11
    build = staticmethod(partial(layers.stack, filters=(32, 64, 128, 128, 128), dense=(256,), dropout=0.5))

    def augment(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the image unchanged, rotated, shifted, blurred or equalised."""
        kind, a, b = generator.integers(5), *generator.uniform(-1, 1, 2)
        if kind == 1:
            return variants.moved(image, angle=180 * a)
        if kind == 2:
            return variants.moved(image, shift=(0.15 * a, 0.15 * b))
        if kind == 3:
            return variants.blurred(image, 0.5 + abs(a))
        return variants.equalised(image) if kind == 4 else image
