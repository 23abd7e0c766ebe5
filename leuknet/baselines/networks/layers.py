"""Layers of the small baseline networks: convolutions with pooling, followed by dense layers."""

import keras


def stack(size: int, nano: bool, filters: tuple[int, ...], dense: tuple[int, ...], dropout: float = 0.0) -> keras.Model:
    """Return a network with a 3 x 3 convolution (ReLU) and 2 x 2 max-pooling per entry of `filters`, then dense layers.

    Pooling rounds sizes up, so that a small image still has one pixel after five pooling layers.

    Parameters
    ----------
    size : int
        Edge of the input, px.
    nano : bool
        Use a quarter of the widths (at least 8), and first average the image to half its edge.
    filters, dense : tuple of int
        Widths of the layers; `dense` excludes the output.
    dropout : float
        Dropout rate after each dense layer.
    """
    image = x = keras.Input((size, size, 3), name="image")
    if nano:
        filters, dense = (tuple(max(8, width // 4) for width in widths) for widths in (filters, dense))
        x = keras.layers.AveragePooling2D(2, name="halved")(x)
    for i, width in enumerate(filters, start=1):
        x = keras.layers.Conv2D(width, 3, padding="same", activation="relu", name=f"conv{i}")(x)
        x = keras.layers.MaxPooling2D(padding="same", name=f"pool{i}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    for i, units in enumerate(dense, start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"dense{i}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout{i}")(x)
    return keras.Model(image, keras.layers.Dense(1, activation="sigmoid", name="probability")(x))
