"""Activations of a layer: of a saved network, of the same network before training, and of a pretrained network."""

import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from leuknet._cache import cached
from leuknet._io import hash_of, hash_of_array, sha256_of
from leuknet.models.settings import SCALINGS, UNTUNED, TrainSettings

if TYPE_CHECKING:
    import keras

HELD_BYTES = 10**9  # maximum of a batch's activations
EXTRA = ("DenseNet169", "VGG16")


def activations(model: "keras.Model", images: np.ndarray, layer: str | None = None, batch: int = 64) -> np.ndarray:
    """Return the activations of one layer of a network.

    Parameters
    ----------
    model : keras.Model
        From `leuknet.models.networks.build`, or the saved model of a run.
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
    layer : str, optional
        Default: the layer before the output.
    batch : int

    Returns
    -------
    numpy.ndarray, float32, shape (n, d)
    """
    import keras

    from leuknet.models.networks import penultimate

    return outputs(keras.Model(model.inputs[0], model.get_layer(layer or penultimate(model)).output), images, batch)


def outputs(model: "keras.Model", images: np.ndarray, batch: int = 64) -> np.ndarray:
    """Return the outputs of a network for uint8 images, at most `batch` at a time, float32 (n, d)."""
    batches = padded(images, affordable(model, batch))
    parts = [np.asarray(model.predict_on_batch(x), np.float32)[:count] for count, x in batches]
    return np.concatenate(parts).reshape(len(images), -1)


def affordable(model: "keras.Model", batch: int) -> int:
    """Return `batch`, reduced so that the outputs of all layers need at most `HELD_BYTES`; at least 1.

    Keras holds the output of every layer until an uncompiled call ends, as does the tape of a gradient, and a compiled
    call nearly as much: 58 MB per image for DenseNet-169 at 112 px, 61 MB for VGG-16 at 224 px, in float32.
    """
    held = 4 * sum(math.prod(layer.output.shape[1:]) for layer in model.layers)
    return max(1, min(batch, HELD_BYTES // held))


def padded(images: np.ndarray, batch: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield batches of uint8 images as float32 in [0, 1], padded to `batch`, and the number of images in each.

    The padding allows the model to be compiled for one shape only.
    """
    for start in range(0, len(images), batch):
        some = images[start : start + batch]
        yield len(some), np.resize(some, (batch, *images.shape[1:])).astype(np.float32) / 255


def before_training(
    settings: TrainSettings, images: np.ndarray, seed: int = 0, backbone_only: bool = False
) -> tuple[np.ndarray, str]:
    """Return the features of an untuned network, with pretrained weights and the scaling that these were trained with.

    The scaling is that of `leuknet.models.settings.UNTUNED`, as in `leuknet.models.features.extract`.

    Parameters
    ----------
    settings : TrainSettings
        Approach DFT reuses VGG's own dense layers, so its features are those of the pretrained network.
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
    seed : int
        Seed of the layers without pretrained weights.
    backbone_only : bool
        Return the backbone's last maps, pooled or flattened as in the network, instead of the layer before the output.

    Returns
    -------
    features : numpy.ndarray, float32, shape (n, d)
    weights : str
        Caption with the network's initial weights and the scaling of the images.
    """
    from leuknet.models.networks import is_new
    from leuknet.models.training import begun

    preprocessing = UNTUNED[settings.weights]
    model, record = begun(settings.but(preprocessing=preprocessing), images.shape[1], seed)
    first = next(layer.name for layer in model.layers if is_new(layer))
    features = activations(model, images, first if backbone_only else None)
    return features, f"{record['weights']}, {SCALINGS[preprocessing]}"


def at_hand(images: np.ndarray, own: str) -> tuple[np.ndarray | None, str | None]:
    """Return the features and name of another backbone whose complete ImageNet weights are available on this machine.

    Uses the first available backbone of `EXTRA`, with its ImageNet scaling and its last maps. The features are cached.

    Parameters
    ----------
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
    own : str
        The backbone of the study, which is skipped.

    Returns
    -------
    features : numpy.ndarray, float32, shape (n, d), or None
    backbone : str or None
        None if no weights are available; nothing is downloaded.
    """
    from leuknet.models.weights import available

    for name in EXTRA:
        if name == own or (file := available(name)["imagenet"]) is None:
            continue
        key = hash_of([name, sha256_of(file), hash_of_array(images)])
        kept = cached("features", key, partial(_pretrained, name, images))
        if kept["weights"].startswith("ImageNet"):
            return kept["features"], name
    return None, None


def none_at_hand(own: str) -> str:
    """Return the sentence for a study on backbone `own` if `at_hand` returns None."""
    others = " or ".join(name for name in EXTRA if name != own)
    return f"none added: complete ImageNet weights of {others} are not available here; `leuknet doctor` lists the files"


def _pretrained(backbone: str, images: np.ndarray) -> dict[str, Any]:
    """Return the features and the caption of pretrained weights; of the first image only if these are incomplete."""
    before = partial(before_training, TrainSettings(backbone=backbone), backbone_only=True)
    features, weights = before(images[:1])
    if weights.startswith("ImageNet"):
        features, weights = before(images)
    return {"features": features, "weights": weights}
