"""Shafique & Tehsin 2018 [16]: AlexNet fine-tuned, with images in RGB, HSV or YCbCr.

The paper says (section 2.2): the pretrained AlexNet fine-tuned on ALL-IDB 2, its 260 images augmented to 760, with
other colour systems also tried as input; 99.50 % for leukaemia against healthy by hold-out. (It also says "four
convolutional and three dense layers"; AlexNet has five and three, as implemented here.)

Left open, and the interpretation used: 760 is 2.9 times 260, so an epoch uses each image three times (`copies`: 780).
The augmentation is by quarter turns and mirror images. The 99.50 % are taken to refer to RGB. Adam with a learning rate
of 0.0005, 20 epochs, batches of 32; all layers are trained.

Departures: Keras has no pretrained AlexNet, see `leuknet.baselines.networks.alexnet`; with random weights this is
training from scratch, not fine-tuning.
"""

import cv2
import numpy as np

from leuknet.baselines.networks import variants
from leuknet.baselines.networks.alexnet import AlexNetBaseline


class Shafique(AlexNetBaseline):
    """AlexNet on RGB images; see the module docstring."""

    copies = 3  # 760 / 260 images

    def augment(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the image after random quarter turns and an optional reflection."""
        return np.ascontiguousarray(np.rot90(variants.flipped(image, generator), int(generator.integers(4))))


class HSV(Shafique):
    """AlexNet on HSV images."""

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Return the image in HSV, uint8, hue over the full range."""
        return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2HSV_FULL)


class YCbCr(Shafique):
    """AlexNet on YCbCr images."""

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Return the image in YCbCr, uint8 (OpenCV puts Cr before Cb)."""
        return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2YCrCb)
