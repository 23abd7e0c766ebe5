"""The paper's augmentation policy (section 3.2) and its draws: eight numbers per image, by NumPy or by Keras.

The conventions are those of Keras. The matrix maps an output pixel to the position that it is sampled from, so a zoom
below 1 enlarges the image. The origin is the image's centre, with x along the width and y along the height. Rotation,
shift, shear and zoom are composed in this order, followed by the flips.
"""

from typing import Any, Literal, get_args

import numpy as np

from leuknet._config import Settings, setting

COLUMNS = ("theta", "tx", "ty", "shear", "zx", "zy", "flip_h", "flip_v")
ShearUnit = Literal["degrees", "radians"]
SHEAR_UNITS = get_args(ShearUnit)


class Policy(Settings):
    """Ranges from which augmentations are drawn; every range is symmetric about the identity."""

    subject = "augmentation: "

    rotation: float = setting(40.0, "Uniform in [-rotation, rotation] (§3.2).", "degrees", ge=0, le=180)
    width_shift: float = setting(0.2, "Along the width, uniform in [-shift, shift] (§3.2).", "fraction", ge=0, lt=1)
    height_shift: float = setting(0.2, "Along the height, uniform in [-shift, shift] (§3.2).", "fraction", ge=0, lt=1)
    shear: float = setting(0.2, "Uniform in [-shear, shear], in `shear_unit` (§3.2).", "shear_unit", ge=0, le=180)
    zoom: float = setting(0.2, "Uniform in [1 - zoom, 1 + zoom], apart for width and height (§3.2).", ge=0, lt=1)
    horizontal_flip: bool = setting(True, "Mirror left and right with probability 1/2 (§3.2).")
    vertical_flip: bool = setting(True, "Mirror top and bottom with probability 1/2 (§3.2).")
    shear_unit: ShearUnit = setting(
        "degrees",
        "Keras took `shear_range` as degrees from version 2.1.3 on and as radians before; the paper does not say which "
        "it ran. At 0.2 degrees the shear is invisible, at 0.2 radians (11.5 degrees) it is not.",
    )


PAPER = Policy()
NOTHING = Policy(rotation=0, width_shift=0, height_shift=0, shear=0, zoom=0, horizontal_flip=False, vertical_flip=False)


def draw(policy: Policy, n: int, generator: np.random.Generator) -> np.ndarray:
    """Draw the augmentations of `n` images on the host; training draws them in its compiled step (see `Drawn`).

    Parameters
    ----------
    policy : Policy
    n : int
    generator : numpy.random.Generator
        From `leuknet._random.rng`. The first rows do not depend on `n`.

    Returns
    -------
    numpy.ndarray, float32, shape (n, 8)
        See `ranged`.
    """
    return ranged(policy, generator.uniform(-1.0, 1.0, size=(n, len(COLUMNS)))).astype("float32")


def ranged(policy: Policy, uniform: Any, xp: Any = np) -> Any:
    """Scale uniform numbers to the ranges of `policy`, as in ``ImageDataGenerator.get_random_transform``.

    Keras draws ``tx`` from ``height_shift_range`` although its ``tx`` is a shift along the width (since its matrices
    use x, y order). Here each range applies to the side it is named after. The paper's two ranges are equal.

    Parameters
    ----------
    policy : Policy
    uniform : array, float, shape (n, 8)
        In [-1, 1).
    xp : module
        ``numpy``, or ``keras.ops`` inside a layer.

    Returns
    -------
    array, of `uniform`'s dtype, shape (n, 8)
        ``theta`` (degrees), ``tx``, ``ty`` (fractions of the width and height), ``shear`` (in `policy.shear_unit`),
        ``zx``, ``zy`` (factors), ``flip_h``, ``flip_v`` (0 or 1).
    """
    spread = [policy.rotation, policy.width_shift, policy.height_shift, policy.shear, policy.zoom, policy.zoom]
    flips = [float(policy.horizontal_flip), float(policy.vertical_flip)]
    moved = uniform[:, :6] * xp.array(spread, dtype=uniform.dtype) + xp.array([0, 0, 0, 0, 1, 1], dtype=uniform.dtype)
    flipped = xp.where(uniform[:, 6:] < 0, xp.array(flips, dtype=uniform.dtype), xp.zeros_like(uniform[:, 6:]))
    return xp.concatenate([moved, flipped], axis=1)


def identity(n: int) -> np.ndarray:
    """Return the draws of the identity, float32, shape (n, 8)."""
    return np.tile(np.array([0, 0, 0, 0, 1, 1, 0, 0], np.float32), (n, 1))


def places(draws: Any, size: int, shear_unit: str = "degrees", xp: Any = np) -> tuple[Any, Any]:
    """Return the coordinates that each pixel of the warped images is sampled from.

    Parameters
    ----------
    draws : array, float32, shape (n, 8)
    size : int
        Edge of the images, px.
    shear_unit : {"degrees", "radians"}
    xp : module
        ``numpy``, or ``keras.ops`` inside a layer.

    Returns
    -------
    x, y : array, float32, shape (n, size, size)
        Column and row in pixels; the image covers the range from -0.5 to size - 0.5.
    """
    theta, tx, ty, shear, zx, zy, flip_h, flip_v = (draws[:, i, None, None] for i in range(len(COLUMNS)))
    degree = np.float32(np.pi / 180)
    theta = theta * degree
    sheared = theta + (shear * degree if shear_unit == "degrees" else shear)
    zx, zy = zx * (1 - 2 * flip_h), zy * (1 - 2 * flip_v)
    centre = (size - 1) / 2
    line = xp.arange(size, dtype="float32") - centre
    x, y = line[None, None, :] * zx, line[None, :, None] * zy
    cos, sin = xp.cos(theta), xp.sin(theta)
    x_from = x * cos - y * xp.sin(sheared) + (tx * cos - ty * sin) * size
    y_from = x * sin + y * xp.cos(sheared) + (tx * sin + ty * cos) * size
    return x_from + centre, y_from + centre
