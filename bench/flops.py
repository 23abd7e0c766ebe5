"""Floating-point operations of a network, counted from the shapes of its layers: two per multiply-add."""

import math


def layer_flops(layer):
    """Return the operations of one layer's convolutions or matrix products per image; 0 for other layers."""
    kind = type(layer).__name__
    if kind == "Dense":
        return 2 * math.prod(layer.kernel.shape)
    if kind not in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        return 0
    places = math.prod(layer.output.shape[1:3])
    if kind == "SeparableConv2D":
        return 2 * places * (math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape))
    return 2 * places * math.prod(layer.kernel.shape)


def counted(model):
    """Return the number of operations per image.

    Parameters
    ----------
    model : keras.Model
        A flat functional network.

    Returns
    -------
    dict of str to int
        ``forward``; ``training``: forward, the gradients of the trained weights, and the gradients passed back through
        every layer after the first of these. Activations, pooling and normalisation are not counted.
    """
    layers = [(layer_flops(layer), bool(layer.trainable_weights)) for layer in model.layers]
    forward = sum(flops for flops, _ in layers)
    weights = sum(flops for flops, trained in layers if trained)
    first = next((i for i, (flops, trained) in enumerate(layers) if trained and flops), len(layers))
    passed_back = sum(flops for flops, _ in layers[first + 1 :])
    return {"forward": forward, "training": forward + weights + passed_back}
