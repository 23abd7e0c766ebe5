"""Backbones and the fine-tuning approaches applied to them (paper, sections 3.3, 3.4 and 4.2; Figures 4, 5 and 8).

Details that the paper leaves open, and the interpretation used here (each is a field of `NetworkSpec`):

- *What SFT freezes.* "Usually, the first convolutional layers" (section 3.3, after Tajbakhsh et al., 2016). Here: all
  convolutional blocks; the network's own fc1 and fc2 are retrained from their transferred weights. `frozen_until`
  selects a different last frozen layer.
- *Dropout.* "After each fully connected layer with rates of 0.5 and 0.6" (section 4.2) describes LeukNet. Here: after
  each new dense layer, even if there is only one. The original dense layers that SFT and DFT reuse have no dropout,
  as published.
- *ResNet50, InceptionV3, Xception* have no original dense layers to reuse, so only mSFT and mDFT are available, as in
  Tables 5 to 7. Their head is global average pooling and one dense layer of 1024 units (Xception: 128; section 3.4).
- *Training from random weights* (VGG-16* of Table 12): with the architecture's original dense layers, if any, as in
  DFT.
- *Scaling.* The paper scales pixels to [0, 1] (section 3.2) and mentions no other preprocessing: "unit". "imagenet" is
  the preprocessing that the backbone's published weights were trained with, applied inside the network.

In a narrow version "<name>-nano" all widths are divided by eight: LeukNet's 1024-256 become 128-32.
"""

import re
from dataclasses import dataclass

import keras
import pandas as pd

from leuknet.exceptions import LeuknetError
from leuknet.models import backbones
from leuknet.models.backbones import canonical, has_own_dense, resolve
from leuknet.models.settings import APPROACHES, FROZEN_APPROACHES, TrainSettings

_DEFAULTS = TrainSettings()


@dataclass(frozen=True)
class NetworkSpec:
    """Specification of a network's structure.

    Attributes
    ----------
    backbone : str
        A name in ``keras.applications`` or "<name>-nano"; case and hyphens are ignored.
    approach : {"SFT", "mSFT", "DFT", "mDFT", "scratch"}
    size : int
        Edge of the square input, px.
    dense : tuple of int, or None
        Units of the new dense layers (mSFT, mDFT, and scratch if the backbone has no dense layers). None: as given in
        section 3.4 for this backbone (see `dense_sizes`).
    dropout : tuple of float
        Rate after each new dense layer; further dense layers have no dropout.
    frozen_until : str or None
        SFT and mSFT: name of the last frozen layer. None: the last layer of the backbone's convolutional part.
    preprocessing : {"unit", "imagenet"}
    """

    backbone: str = _DEFAULTS.backbone
    approach: str = _DEFAULTS.approach
    size: int = 224
    dense: tuple | None = None
    dropout: tuple = _DEFAULTS.dropout
    frozen_until: str | None = None
    preprocessing: str = _DEFAULTS.preprocessing


def keeps_dense(spec: NetworkSpec) -> bool:
    """Return whether the network of `spec` reuses the backbone's own dense layers."""
    return has_own_dense(spec.backbone) and spec.approach in ("SFT", "DFT", "scratch")


def dense_sizes(spec: NetworkSpec) -> tuple[int, ...]:
    """Return the units of the new dense layers as a tuple; empty if the backbone's own ones are reused."""
    if keeps_dense(spec):
        return ()
    if spec.dense is not None:
        return tuple(spec.dense)
    known, narrow = resolve(spec.backbone)
    units = (1024, 256) if has_own_dense(known) else (128,) if known == "Xception" else (1024,)
    return tuple(backbones.narrower(n) for n in units) if narrow else units


def build(spec: NetworkSpec) -> keras.Model:
    """Build the network of `spec`, with arbitrary weights (see `leuknet.models.weights.initialise`).

    Parameters
    ----------
    spec : NetworkSpec

    Returns
    -------
    keras.Model
        Flat functional model. Input "image": float32, (batch, size, size, 3), RGB in [0, 1]. Output "probability":
        float32, (batch, 1). Layers of the backbone are named as in ``keras.applications`` in a fresh session, new ones
        ``head_…``. Frozen layers have ``trainable=False``, so frozen batch normalisation uses its stored statistics.

    Raises
    ------
    LeuknetError
        If the backbone, approach or preprocessing is unknown, the input is too small, the approach is SFT or DFT and
        the backbone has no dense layers, or `frozen_until` does not cut the network in two.
    """
    _check(spec)
    image = keras.Input((spec.size, spec.size, 3), name="image")
    scaled = image if spec.preprocessing == "unit" else backbones.imagenet_scaling(image, spec.backbone)
    backbone = backbones.layers_on(scaled, spec.backbone, keeps_dense(spec))
    if spec.preprocessing == "unit" and any(isinstance(layer, keras.layers.Rescaling) for layer in backbone.layers):
        raise LeuknetError(f"{canonical(spec.backbone)} scales its input itself: use preprocessing 'imagenet'")
    x = backbone.output
    if not keeps_dense(spec):
        x = _new_head(x, spec)
    out = keras.layers.Dense(1, activation="sigmoid", dtype="float32", name="probability")(x)
    model = keras.Model(backbone.inputs[0], out, name=re.sub(r"\W", "_", canonical(spec.backbone)))
    if spec.approach in FROZEN_APPROACHES:
        _freeze(model, spec)
    return model


def split_at_frozen(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Split a network with frozen layers into its frozen and its trained part.

    The frozen part includes the pooling or flattening after the frozen layers, so its output is a vector.

    Parameters
    ----------
    model : keras.Model
        From `build`, approach SFT or mSFT.

    Returns
    -------
    backbone, head : keras.Model
        Both share layers and weights with `model`, and ``model(x) == head(backbone(x))``.

    Raises
    ------
    LeuknetError
        If no layer is frozen.
    """
    first = next(i for i, layer in enumerate(model.layers) if _is_live(layer))
    if not any(layer.weights for layer in model.layers[:first]):
        raise LeuknetError("nothing of this network is frozen, so it cannot be split: use approach SFT or mSFT")
    features = model.layers[first].input
    return keras.Model(model.inputs[0], features), keras.Model(features, model.output)


def layer_table(model: keras.Model, spec: NetworkSpec) -> pd.DataFrame:
    """Return a table of the layers: type, size, whether they are trained, and where their weights come from.

    Returns
    -------
    pandas.DataFrame
        ``layer``, ``kind``, ``output_shape`` (str, without the batch), ``parameters`` (int), ``trainable`` (bool),
        ``part`` ("transferred" or "new"; all are new with approach "scratch").
    """
    rows = []
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            shape = "x".join(str(n) for n in layer.output.shape[1:])
            part = "new" if is_new(layer) or spec.approach == "scratch" else "transferred"
            rows.append((layer.name, type(layer).__name__, shape, layer.count_params(), layer.trainable, part))
    return pd.DataFrame(rows, columns=["layer", "kind", "output_shape", "parameters", "trainable", "part"])


def is_new(layer: keras.layers.Layer) -> bool:
    """Return whether a layer was added to the backbone and thus has no pretrained weights."""
    return layer.name == "probability" or layer.name.startswith("head_")


def penultimate(model: keras.Model) -> str:
    """Return the name of the layer before the output, ignoring dropout: the feature space of section 4.3."""
    return next(layer.name for layer in reversed(model.layers[:-1]) if not isinstance(layer, keras.layers.Dropout))


def last_map(model: keras.Model) -> str:
    """Return the name of the last layer whose output is a feature map (height, width, channels)."""
    return next(layer.name for layer in reversed(model.layers) if len(layer.output.shape) == 4)


def _check(spec: NetworkSpec) -> None:
    if spec.approach not in APPROACHES:
        raise LeuknetError(f"approach {spec.approach!r} is unknown: choose one of {', '.join(APPROACHES)}")
    if spec.preprocessing not in ("unit", "imagenet"):
        raise LeuknetError(f"preprocessing {spec.preprocessing!r} is unknown: choose 'unit' or 'imagenet'")
    if spec.approach in ("SFT", "DFT") and not has_own_dense(spec.backbone):
        raise LeuknetError(
            f"{spec.approach} retrains a network's own dense layers and {canonical(spec.backbone)} has none "
            f"(paper, section 3.4): use m{spec.approach}"
        )


def _is_live(layer: keras.Layer) -> bool:
    return bool(layer.trainable_weights) or (isinstance(layer, keras.layers.Dropout) and layer.rate > 0)


def _new_head(x: keras.KerasTensor, spec: NetworkSpec) -> keras.KerasTensor:
    """Append flattening or global average pooling, and the new dense layers with dropout."""
    pool = keras.layers.Flatten if has_own_dense(spec.backbone) else keras.layers.GlobalAveragePooling2D
    x = pool(name="head_flatten" if has_own_dense(spec.backbone) else "head_pool")(x)
    for i, units in enumerate(dense_sizes(spec), start=1):
        x = keras.layers.Dense(units, activation="relu", name=f"head_dense{i}")(x)
        if i <= len(spec.dropout):
            x = keras.layers.Dropout(spec.dropout[i - 1], name=f"head_dropout{i}")(x)
    return x


def _freeze(model: keras.Model, spec: NetworkSpec) -> None:
    """Freeze all layers up to `spec.frozen_until`, and turn off their dropout; it must cut the network in two."""
    last = spec.frozen_until or last_map(model)
    if last not in [layer.name for layer in model.layers]:
        raise LeuknetError(f"frozen_until={last!r}: {canonical(spec.backbone)} has no such layer")
    boundary = model.get_layer(last)
    if is_new(boundary):
        raise LeuknetError(f"frozen_until={last!r} is a new layer: name one of the backbone's")
    try:
        keras.Model(boundary.output, model.output)
    except ValueError as error:
        raise LeuknetError(
            f"frozen_until={last!r} leaves a path around that layer: name one that all paths go through"
        ) from error
    for layer in keras.Model(model.inputs[0], boundary.output).layers:
        layer.trainable = False
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
