"""The baselines' AlexNet: what it begins from, and the class of those that train it.

Keras has no pretrained AlexNet. At full width it begins from random weights, or from a user's file
``alexnet.weights.h5`` in the folder that ``LEUKNET_WEIGHTS`` names: Keras' weights of ``body(224)`` (up to fc7). A
narrow one begins from the formula-driven weights of the package, or from random ones.
"""

import os
from pathlib import Path
from typing import Any

import keras

from leuknet.baselines.networks.training import NetworkBaseline
from leuknet.exceptions import SetUpError
from leuknet.models.alexnet import NARROW, body
from leuknet.models.weights import draw, lay_shipped

FILE = "alexnet.weights.h5"


def classifier(size: int, nano: bool = False, classes: int = 1) -> keras.Model:
    """Return AlexNet with a new last layer: one sigmoid, or a softmax over `classes`."""
    trunk = body(size, nano)
    activation = "sigmoid" if classes == 1 else "softmax"
    return keras.Model(trunk.inputs[0], keras.layers.Dense(classes, activation, name="probability")(trunk.output))


def weights_file(nano: bool) -> Path | None:
    """Return the user's file of pretrained weights, or None; narrow networks have none."""
    folder = os.environ.get("LEUKNET_WEIGHTS")
    path = Path(folder) / FILE if folder else None
    return path if path and path.is_file() and not nano else None


def start(model: keras.Model, nano: bool, seed: int, formula: bool = False) -> str:
    """Draw every weight of `model`, lay pretrained ones over it, and return what captions print.

    Parameters
    ----------
    model : keras.Model
        From `body` or `classifier`.
    nano : bool
    seed : int
    formula : bool
        Whether a narrow network begins from formula-driven weights. At full width the user's file is taken if there is
        one.
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
    """A baseline that trains AlexNet; of narrow networks all layers learn."""

    epochs, learning_rate = 20, 0.0005
    build: Any = staticmethod(classifier)

    def begin(self, seed: int) -> None:
        """See `NetworkBaseline.begin`."""
        self.weights = start(self.model, self.settings.nano, seed, self.settings.weights == "formula")
