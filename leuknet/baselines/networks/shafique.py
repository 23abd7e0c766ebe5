"""Shafique & Tehsin 2018 [16]: AlexNet fine-tuned, with images in RGB, HSV or YCbCr.

The paper says (section 2.2): the pretrained AlexNet fine-tuned on ALL-IDB 2, its 260 images augmented to 760, other
colour systems tried as the input; 99.50 % for leukaemia against healthy by hold-out. (It also says "four convolutional
and three dense layers"; AlexNet has five and three, which is built here.)

Left open, and the reading taken: 760 is 2.9 times 260, so an epoch shows each image three times (`copies`: 780); which
augmentation (quarter turns and mirror images); which colour system the 99.50 % is of (RGB here). Adam with 0.0005, 20
epochs, batches of 32; all layers learn.

Departures: no pretrained AlexNet in Keras, see `leuknet.baselines.networks.alexnet`; with random weights this is
training from the
start, not fine-tuning.
"""

import cv2
import numpy as np

from leuknet.baselines.networks import variants
from leuknet.baselines.networks.alexnet import AlexNetBaseline


class Shafique(AlexNetBaseline):
    """With images in RGB; see the module's text."""

    copies = 3  # 760 / 260 images

    def augment(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the image after quarter turns, mirrored or not."""
        return np.ascontiguousarray(np.rot90(variants.flipped(image, generator), int(generator.integers(4))))


class HSV(Shafique):
    """With images in HSV."""

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Return the image in HSV, uint8, hue over the full range."""
        return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2HSV_FULL)


class YCbCr(Shafique):
    """With images in YCbCr."""

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Return the image in YCbCr, uint8 (OpenCV puts Cr before Cb)."""
        return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2YCrCb)
