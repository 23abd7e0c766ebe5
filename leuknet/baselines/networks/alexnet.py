"""AlexNet (Krizhevsky et al., NeurIPS 2012) as a Keras functional model, with its published layer sizes.

Five convolutions (96 of 11 x 11 with stride 4, 256 of 5 x 5 and, of 3 x 3, 384, 384 and 256; the second, fourth and
fifth in two groups), response normalisation after the first two, 3 x 3 max-pooling with stride 2 after the first,
second and fifth, dense layers of 4096 with dropout of 0.5. 60 965 224 parameters with its 1000 classes. At 224 px the
first convolution is padded, so that the maps after it and after the poolings are 56, 27, 13 and 6 px wide and fc6 has
the published 9216 inputs.

``keras.applications`` has no AlexNet. At full width it starts from random weights, or from a user's file
``alexnet.weights.h5`` in the folder given by ``LEUKNET_WEIGHTS``, with the Keras weights of ``body(224)`` (up to fc7).
A narrow AlexNet starts from the package's formula-driven weights, or from random weights.
"""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from leuknet.baselines.networks.training import NetworkBaseline
from leuknet.exceptions import SetUpError
from leuknet.models.weights import draw, lay_shipped

FILE = "alexnet.weights.h5"
NARROW = "alexnet-nano"


@keras.saving.register_keras_serializable("leuknet")
class ResponseNormalisation(keras.layers.Layer):
    """Local response normalisation: x / (2 + 0.0001 * sum of squares over five neighbouring channels) ** 0.75."""

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Normalise maps, (batch, height, width, channels)."""
        place = np.arange(x.shape[-1])
        neighbours = np.abs(place - place[:, None]) <= 2
        near = keras.ops.matmul(keras.ops.square(x), neighbours.astype("float32"))
        return x / keras.ops.power(2 + 1e-4 * near, 0.75)


def _grouped(x: keras.KerasTensor, filters: int, kernel: int, name: str) -> keras.KerasTensor:
    """Convolve each half of the channels separately, as in the two halves of the published network."""
    half = x.shape[-1] // 2
    parts = [
        keras.layers.Conv2D(filters // 2, kernel, padding="same", activation="relu", name=f"{name}{side}")(part)
        for side, part in (("a", x[..., :half]), ("b", x[..., half:]))
    ]
    return keras.layers.Concatenate(name=name)(parts)


def body(size: int, nano: bool = False) -> keras.Model:
    """Return AlexNet up to fc7 and its dropout; widths are divided by eight if `nano`."""
    share = 8 if nano else 1
    pool = {"pool_size": 3, "strides": 2, "padding": "valid" if size >= 64 else "same"}
    image = keras.Input((size, size, 3), name="image")
    centred = keras.layers.Rescaling(2.0, -1.0, name="centred")(image)
    first = {"strides": 4, "padding": "same", "activation": "relu", "name": "conv1"}
    x = keras.layers.Conv2D(96 // share, 11, **first)(centred)
    x = keras.layers.MaxPooling2D(name="pool1", **pool)(ResponseNormalisation(name="norm1")(x))
    x = _grouped(x, 256 // share, 5, "conv2")
    x = keras.layers.MaxPooling2D(name="pool2", **pool)(ResponseNormalisation(name="norm2")(x))
    x = keras.layers.Conv2D(384 // share, 3, padding="same", activation="relu", name="conv3")(x)
    x = _grouped(_grouped(x, 384 // share, 3, "conv4"), 256 // share, 3, "conv5")
    x = keras.layers.Flatten(name="flatten")(keras.layers.MaxPooling2D(name="pool5", **pool)(x))
    for number in (6, 7):
        x = keras.layers.Dense(4096 // share, activation="relu", name=f"fc{number}")(x)
        x = keras.layers.Dropout(0.5, name=f"drop{number}")(x)
    return keras.Model(image, x)


def classifier(size: int, nano: bool = False) -> keras.Model:
    """Return AlexNet with one sigmoid unit as its last layer."""
    trunk = body(size, nano)
    return keras.Model(trunk.inputs[0], keras.layers.Dense(1, "sigmoid", name="probability")(trunk.output))


def weights_file(nano: bool) -> Path | None:
    """Return the user's file of pretrained weights, or None; always None for narrow networks."""
    folder = os.environ.get("LEUKNET_WEIGHTS")
    path = Path(folder) / FILE if folder else None
    return path if path and path.is_file() and not nano else None


def start(model: keras.Model, nano: bool, seed: int, formula: bool = False) -> str:
    """Draw all weights of `model`, load pretrained ones if available, and return a caption of the weights.

    Parameters
    ----------
    model : keras.Model
        From `body` or `classifier`.
    nano : bool
    seed : int
    formula : bool
        Whether a narrow network starts from formula-driven weights. At full width the user's file is loaded if it
        exists.
    """
    draw(model, seed)
    path = weights_file(nano)
    if path is None and nano:
        return lay_shipped(model, NARROW) if formula else "random"
    if path is None:
        return f"random, not pretrained (no {FILE} in LEUKNET_WEIGHTS)"
    trunk = keras.Model(model.inputs[0], model.get_layer("drop7").output)
    try:
        trunk.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise SetUpError(f"{path} does not fit AlexNet ({reason}): save body(224).save_weights(...) again") from error
    return path.name


class AlexNetBaseline(NetworkBaseline):
    """A baseline that trains AlexNet; all layers of narrow networks are trained."""

    epochs, learning_rate = 20, 0.0005
    build: Any = staticmethod(classifier)

    def begin(self, seed: int) -> None:
        """See `NetworkBaseline.begin`."""
        self.weights = start(self.model, self.settings.nano, seed, self.settings.weights == "formula")
