"""The backbones of ``keras.applications`` by name, and their narrow versions (paper, section 3.4 and Table 2).

A narrow version "<name>-nano" has the same layers at 1/8 of the width (at least 8), dense layers included: VGG-16's
4096 become 512. Its native size is 48 px.

Keras cannot build InceptionV3 below 75 px. Smaller images are enlarged to that size inside the network, by a bilinear
layer named "enlarged".
"""

import functools
import re
import sys
from collections.abc import Iterable

import keras
import numpy as np

from leuknet.exceptions import LeuknetError

PAPER_BACKBONES = ("VGG16", "VGG19", "ResNet50", "InceptionV3", "Xception")
LABELS = {"VGG16": "VGG-16", "VGG19": "VGG-19"}
NARROW, LEAST_WIDTH, NANO_SIZE = 8, 8, 48
NARROW_MOMENTUM = 0.9  # narrow networks train for about a hundred steps, too few for Keras' 0.99
LEAST_SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75}


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of all backbones in ``keras.applications``, sorted."""
    return tuple(sorted(name for name in vars(keras.applications) if name[0].isupper()))


def resolve(name: str) -> tuple[str, bool]:
    """Return ``(keras name, narrow)`` of a backbone, e.g. ``("VGG16", True)`` for "vgg16-nano".

    Raises
    ------
    LeuknetError
        If Keras has no such network.
    """
    letters = re.sub(r"[^a-z0-9]", "", str(name).lower())
    narrow = letters.endswith("nano")
    letters = letters.removesuffix("nano")
    for known in names():
        if known.lower() == letters:
            return known, narrow
    raise LeuknetError(
        f"backbone {name!r} is unknown: choose {', '.join(PAPER_BACKBONES)} or another name in keras.applications, "
        "each also with '-nano' behind it"
    )


def canonical(name: str) -> str:
    """Return the canonical name of a backbone: "VGG16", or "vgg16-nano" for a narrow one."""
    known, narrow = resolve(name)
    return f"{known.lower()}-nano" if narrow else known


def label(name: str) -> str:
    """Return the name of a backbone for captions: "VGG-16", "vgg16-nano", "ResNet50"."""
    return LABELS.get(canonical(name), canonical(name))


def native_size(name: str) -> int:
    """Return the input size (px) that the backbone's pretrained dense layers require."""
    known, narrow = resolve(name)
    return NANO_SIZE if narrow else {"InceptionV3": 299, "Xception": 299}.get(known, 224)


def has_own_dense(name: str) -> bool:
    """Return whether the backbone has its own dense layers fc1 and fc2, which SFT and DFT reuse (the VGG family)."""
    return resolve(name)[0].startswith("VGG")


def fits_own_dense(name: str, size: int) -> bool:
    """Return whether the backbone has its own dense layers and their pretrained weights fit images of `size` px."""
    return has_own_dense(name) and size // 32 == native_size(name) // 32  # five poolings by two before fc1


def narrower(units: int) -> int:
    """Return the number of units that a layer of `units` has in a narrow version."""
    return max(LEAST_WIDTH, units // NARROW)


def imagenet_scaling(image: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Apply the backbone's ``preprocess_input``, an affine map, to RGB in [0, 1] by built-in layers."""
    module = sys.modules[getattr(keras.applications, resolve(name)[0]).__module__]
    zero, *primaries = module.preprocess_input(255.0 * np.eye(4, 3, -1, dtype="float32")[:, None, None]).reshape(4, 3)
    matrix = np.stack(primaries) - zero
    swapped = abs(matrix[0, 2]) > abs(matrix[0, 0])
    scale = np.diag(matrix[::-1] if swapped else matrix)
    x = keras.ops.flip(image, axis=-1) if swapped else image
    return keras.layers.Rescaling(scale.tolist(), zero.tolist(), dtype="float32", name="imagenet_scaling")(x)


def layers_on(image: keras.KerasTensor, name: str, own_dense: bool) -> keras.Model:
    """Build the layers of a backbone on an input tensor, named as ``keras.applications`` names them in a fresh session.

    Parameters
    ----------
    image : KerasTensor, (batch, size, size, 3)
    name : str
    own_dense : bool
        Include the layers up to fc2; otherwise only those up to the last feature map.

    Returns
    -------
    keras.Model

    Raises
    ------
    LeuknetError
        If the backbone is unknown, the input is too small, or the backbone has no narrow version.
    """
    known, narrow = resolve(name)
    least = LEAST_SIZES.get(known, 0)
    if image.shape[1] < least:
        image = keras.layers.Resizing(least, least, dtype="float32", name="enlarged")(image)
    top = {"include_top": True, "classes": 1, "input_shape": image.shape[1:]}
    options = top if own_dense else {"include_top": False}
    try:
        model = getattr(keras.applications, known)(weights=None, input_tensor=image, **options)
        if own_dense:
            model = keras.Model(model.inputs[0], model.get_layer("fc2").output)
        fresh = fresh_names((layer.name, class_stem(type(layer))) for layer in model.layers)
        if narrow or any(fresh[layer.name] != layer.name for layer in model.layers):
            model = keras.models.clone_model(model, clone_function=functools.partial(_copy, fresh=fresh, narrow=narrow))
    except ValueError as error:
        raise LeuknetError(
            f"Keras cannot build {canonical(name)} for {image.shape[1]} px "
            f"(take a larger size or another backbone): {str(error).splitlines()[0]}"
        ) from error
    if any(isinstance(layer, keras.Model) for layer in model.layers):
        raise LeuknetError(f"{canonical(name)} is built of models inside a model: choose another backbone")
    return model


def class_stem(kind: type) -> str:
    """Return the default name that Keras gives layers of this class: "max_pooling2d" for ``MaxPooling2D``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


def fresh_names(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Map layer names to those of a fresh Keras session, e.g. "conv2d_97" to "conv2d_3".

    Parameters
    ----------
    pairs : iterable of (name, stem)
        All layers of one network; see `class_stem`.

    Returns
    -------
    dict of str to str
    """
    fresh: dict[str, str] = {}
    counted: dict[str, dict[str, int]] = {}
    for name, stem in pairs:
        fresh[name] = name
        if match := re.fullmatch(rf"{stem}(?:_(\d+))?", name):
            counted.setdefault(stem, {})[name] = int(match[1] or 0)
    for stem, numbers in counted.items():
        first = min(numbers.values())
        fresh |= {name: f"{stem}_{n - first}" if n > first else stem for name, n in numbers.items()}
    return fresh


def _copy(layer: keras.Layer, fresh: dict[str, str], narrow: bool) -> keras.Layer:
    """Return an unbuilt copy of `layer` with its name from `fresh`, at 1/8 of its width if `narrow`."""
    config = layer.get_config()
    config["name"] = fresh.get(layer.name, layer.name)
    if narrow:
        config |= {key: narrower(config[key]) for key in ("filters", "units") if config.get(key)}
        if "target_shape" in config:
            config["target_shape"] = (*config["target_shape"][:-1], -1)
        if isinstance(layer, keras.layers.BatchNormalization):
            config["momentum"] = NARROW_MOMENTUM
    return type(layer).from_config(config)
