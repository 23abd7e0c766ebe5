"""Activation maps: the parts of an image that determine a network's prediction (paper, section 4.2, Figures 6 and 9).

The paper does not state how its maps were computed. Three methods are available here, for any flat functional network
with one sigmoid output and on any backend: Grad-CAM (Selvaraju et al., ICCV 2017), Grad-CAM++ (Chattopadhay et al.,
WACV 2018) and occlusion (Zeiler & Fergus, ECCV 2014). All explain the logit rather than the probability, whose
gradient vanishes for confident predictions.
"""

from collections.abc import Callable
from typing import Any

import cv2
import keras
import numpy as np

from leuknet.exceptions import LeuknetError
from leuknet.models.interpretation.activations import affordable, padded

METHODS = ("Grad-CAM", "Grad-CAM++", "occlusion")
TARGETS = ("called", "positive", "negative")
PATCHES = 5  # occlusion: patches per edge; they overlap by half


def activation_maps(
    model: keras.Model,
    images: np.ndarray,
    method: str = "Grad-CAM",
    target: str = "called",
    layer: str | None = None,
    batch: int = 32,
) -> np.ndarray:
    """Return maps of the evidence for a class in each image.

    Parameters
    ----------
    model : keras.Model
        From `leuknet.models.networks.build`, or the saved model of a run.
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
    method : {"Grad-CAM", "Grad-CAM++", "occlusion"}
    target : {"called", "positive", "negative"}
        The class to explain; "called" is the class that the network predicts at a threshold of 0.5.
    layer : str, optional
        For Grad-CAM: a layer whose output is a feature map. Default: `default_layer`.
    batch : int
        Maximum number of images at a time; fewer for large networks, see `affordable`.

    Returns
    -------
    numpy.ndarray, float32, shape (n, size, size)
        Non-negative; zero everywhere if an image has no evidence for the class. Grad-CAM's coarse maps are enlarged by
        bilinear interpolation.

    Raises
    ------
    LeuknetError
        If method, target or layer is unknown, or if a path of the network bypasses the layer.
    """
    if method not in METHODS:
        raise LeuknetError(f"method {method!r} is unknown: choose one of {', '.join(METHODS)}")
    logit = logit_model(model)
    signs = class_signs(logits(logit, images, batch), target)
    if method == "occlusion":
        return occlusion(logit, images, signs, batch)
    low, high = split_at(logit, layer or default_layer(model))
    maps, done, batch = [], 0, affordable(logit, min(batch, len(images)))
    for count, x in padded(images, batch):
        some = np.resize(signs[done : done + count], batch)
        maps.append(grad_cam(low, high, x, some, plus=method == "Grad-CAM++")[:count])
        done += count
    return enlarged(np.concatenate(maps), images.shape[1])


def default_layer(model: keras.Model) -> str:
    """Return the name of the last layer with feature maps as output, except pooling: block5_conv3 for VGG-16."""
    kinds = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
    return next(x.name for x in reversed(model.layers) if len(x.output.shape) == 4 and not isinstance(x, kinds))


def map_layers(model: keras.Model) -> list[str]:
    """Return the names of the layers to choose from, coarsest last: the last convolution of each resolution.

    Convolutions that a path bypasses (inside the blocks of ResNet and DenseNet) are excluded; `default_layer` is always
    included.
    """
    last = default_layer(model)
    place, least = {layer.name: n for n, layer in enumerate(model.layers)}, len(model.layers)
    edges: dict[str, Any] = {}
    for layer in reversed(model.layers):
        convolves = isinstance(layer, keras.layers.Conv2D | keras.layers.SeparableConv2D) and least >= place[layer.name]
        if layer.name == last or (convolves and layer.output.shape[1] not in edges):
            edges.setdefault(layer.output.shape[1], layer.name)
        inputs = [tensor for node in layer._inbound_nodes for tensor in node.input_tensors]
        before = [place.get(tensor._keras_history.operation.name, least) for tensor in inputs]
        least = min([least, *before])
    return list(edges.values())[::-1]


def logit_model(model: keras.Model) -> keras.Model:
    """Return the network without its final sigmoid; all layers are shared except for a copy of the last."""
    last = model.layers[-1]
    if not isinstance(last, keras.layers.Dense) or last.units != 1 or last.activation is not keras.activations.sigmoid:
        raise LeuknetError(f"{model.name} does not end in one sigmoid neuron: maps explain LeukNet's kind of network")
    copy = keras.layers.Dense(1, dtype="float32", name="logit")
    net = keras.Model(model.inputs[0], copy(last.input))
    copy.set_weights(last.get_weights())
    return net


def split_at(model: keras.Model, layer: str) -> tuple[keras.Model, keras.Model]:
    """Return two models, from the image to the maps of `layer` and from these to the output; both share layers."""
    try:
        cut = model.get_layer(layer).output
        if len(cut.shape) != 4:
            raise LeuknetError(f"layer {layer!r} gives no maps: choose one of {', '.join(map_layers(model))}")
        return keras.Model(model.inputs[0], cut), keras.Model(cut, model.output)
    except ValueError as error:
        advice = f"choose another, such as {default_layer(model)}"
        raise LeuknetError(f"{model.name} cannot be cut at layer {layer!r} ({str(error)[:80]}): {advice}") from error


def logits(logit: keras.Model, images: np.ndarray, batch: int = 32) -> np.ndarray:
    """Return the logit of each uint8 image, float32 (n,)."""
    batches = padded(images, affordable(logit, min(batch, len(images))))
    return np.concatenate([values_of(logit, x)[:count, 0] for count, x in batches])


def values_of(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Return a network's output for one batch as float32, uncompiled: compiling takes longer than a few calls."""
    return keras.ops.convert_to_numpy(model(x, training=False)).astype(np.float32)


def class_signs(z: np.ndarray, target: str) -> np.ndarray:
    """Return +1 for images whose target class is the positive one and -1 for the others, float32 (n,)."""
    if target not in TARGETS:
        raise LeuknetError(f"target {target!r} is unknown: choose one of {', '.join(TARGETS)}")
    positive = {"called": z >= 0, "positive": np.ones(len(z), bool), "negative": np.zeros(len(z), bool)}
    return np.where(positive[target], 1, -1).astype(np.float32)


def gradient(function: Callable, x: np.ndarray) -> np.ndarray:
    """Return d sum(function(x)) / dx as an array, by the backend's own API because Keras has no gradient function.

    Parameters
    ----------
    function : callable
        Maps a tensor of the backend to a tensor.
    x : numpy.ndarray, float32
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        x = tf.convert_to_tensor(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(function(x))
        return tape.gradient(total, x).numpy()
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(lambda v: function(v).sum())(jax.numpy.asarray(x)))
    if backend == "torch":
        tensor = keras.ops.convert_to_tensor(x).requires_grad_(True)
        function(tensor).sum().backward()
        return tensor.grad.cpu().numpy()
    raise LeuknetError(f"no gradients on Keras backend {backend!r}: use tensorflow, jax or torch")


def grad_cam(low: keras.Model, high: keras.Model, images: np.ndarray, signs: np.ndarray, plus: bool) -> np.ndarray:
    """Return maps, (n, h, w): ReLU of the sum of the layer's maps, weighted by the mean gradient of the signed logit.

    With `plus`, Grad-CAM++: only positive gradients, weighted at each position (equation 19 of that article).
    """
    maps = values_of(low, images)
    slope = gradient(lambda v: high(v, training=False)[:, 0] * signs, maps)
    weight = slope.mean(axis=(1, 2), keepdims=True)
    if plus:
        below = 2 * slope**2 + maps.sum(axis=(1, 2), keepdims=True) * slope**3
        alpha = np.divide(slope**2, below, out=np.zeros_like(slope), where=np.abs(below) > 1e-30)
        weight = (alpha * np.maximum(slope, 0)).sum(axis=(1, 2), keepdims=True)
    return np.maximum((maps * weight).sum(axis=-1), 0)


def occlusion(logit: keras.Model, images: np.ndarray, signs: np.ndarray, batch: int = 32) -> np.ndarray:
    """Return the decrease of the signed logit when a patch is covered, averaged over the patches that cover a pixel.

    The edge of a patch is a fifth of the image's. Patches are half a patch apart and have the image's median colour.
    """
    size = images.shape[1]
    edge = max(size // PATCHES, 1)
    starts = np.unique(np.linspace(0, size - edge, 2 * PATCHES - 1).round().astype(int))
    places = [np.s_[top : top + edge, left : left + edge] for top in starts for left in starts]
    whole, maps = logits(logit, images, batch), np.zeros((len(images), size, size), np.float32)
    covered = np.zeros((size, size), np.float32)
    for place in places:
        covered[place] += 1
    for i, image in enumerate(images):
        hidden = np.repeat(image[None], len(places), axis=0)
        for one, place in zip(hidden, places, strict=True):
            one[place] = np.median(image, axis=(0, 1))
        for place, fall in zip(places, (whole[i] - logits(logit, hidden, batch)) * signs[i], strict=True):
            maps[i][place] += fall
    return np.maximum(maps / covered, 0)


def enlarged(maps: np.ndarray, size: int) -> np.ndarray:
    """Return maps (n, h, w) resized to `size` px, float32, by bilinear interpolation with aligned pixel centres."""
    return np.asarray(keras.ops.image.resize(maps[..., None], (size, size), interpolation="bilinear"))[..., 0]


def coarse(masks: np.ndarray, grid: int) -> np.ndarray:
    """Return boolean masks (n, size, size) at Grad-CAM's resolution: averaged over `grid` cells and enlarged again."""
    area = [cv2.resize(mask.astype(np.float32), (grid, grid), interpolation=cv2.INTER_AREA) for mask in masks]
    return enlarged(np.stack(area), masks.shape[1])


def filter_maps(model: keras.Model, image: np.ndarray, layers: list[str] | None = None) -> dict[str, np.ndarray]:
    """Return the feature maps of one image in several layers (paper, Figure 6).

    Parameters
    ----------
    model : keras.Model
    image : numpy.ndarray, uint8, shape (size, size, 3)
    layers : list of str, optional
        Default: `map_layers`.

    Returns
    -------
    dict of str to numpy.ndarray, float32, shape (h, w, c)
    """
    layers = layers or map_layers(model)
    x = image[None].astype(np.float32) / 255
    return {name: values_of(keras.Model(model.inputs[0], model.get_layer(name).output), x)[0] for name in layers}
