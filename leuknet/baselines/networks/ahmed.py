"""Ahmed et al. 2019 [20]: a network of two convolutional, two pooling and two dense layers, eightfold augmentation.

The paper says (section 2.2): two convolutional, two max-pooling and two fully connected layers; 903 images of ALL-IDB
and ASH; augmentation to eight times as many; 88.50 % in the text and 88.25 % in Table 11. The article's abstract
(Diagnostics 9, 104) says seven image transformations, 5-fold cross-validation, 88.25 % for leukaemia against healthy.

Left open, and the interpretation used: widths (32, 64; dense 128 and the output), 3 x 3 kernels, dropout of 0.25. The
seven transformations are rotation, two shifts, shear, zoom and two flips; an epoch uses each image eight times, each
time unchanged or after one of the seven. Adam with a learning rate of 0.001, 30 epochs, batches of 32.

Departures: variants are redrawn each epoch, from training images only. Networks of narrow profiles are smaller
(`layers.stack`).
"""

from functools import partial
from typing import Any

import numpy as np

from leuknet.baselines.networks import layers, variants
from leuknet.baselines.networks.training import NetworkBaseline


class Ahmed(NetworkBaseline):
    """See the module docstring."""

    copies = 8
    build = staticmethod(partial(layers.stack, filters=(32, 64), dense=(128,), dropout=0.25))

    def augment(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the image unchanged or after one of seven transformations."""
        kind, a = int(generator.integers(8)), generator.uniform(-1, 1)
        moves: dict[int, dict[str, Any]] = {1: {"angle": 40 * a}, 4: {"shear": 20 * a}, 5: {"zoom": 1 + 0.2 * a}}
        moves |= {2: {"shift": (0.2 * a, 0)}, 3: {"shift": (0, 0.2 * a)}}
        if kind in moves:
            return variants.moved(image, **moves[kind])
        return np.ascontiguousarray({6: image[:, ::-1], 7: image[::-1]}.get(kind, image))
