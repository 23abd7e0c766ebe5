"""The paper's augmentation (section 3.2, Figure 3): one affine warp per image, in batches on the device.

The layer `Drawn` draws eight numbers per image; the layer `Warp` composes them into one matrix and samples each image
once. For the same numbers, the result equals that of ``ImageDataGenerator.apply_transform``, which the paper used, up
to float32 rounding. Keras has deprecated that class, which processes one image at a time on the host.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import keras
import numpy as np
from keras import ops

from leuknet.exceptions import LeuknetError
from leuknet.models.policy import COLUMNS, Policy, places, ranged


def _reflect(place: Any, size: int) -> Any:
    """Reflect coordinates outside the image back into it (d c b a | a b c d | d c b a)."""
    place = ops.abs(place + 0.5)
    place = place - 2 * size * ops.floor(place / (2 * size))
    return ops.clip(ops.minimum(place, 2 * size - place) - 0.5, 0, size - 1)


def _sample(images: Any, x: Any, y: Any, size: int) -> Any:
    """Sample `images` at the coordinates x, y by bilinear interpolation; float32, shape (b, size, size, 3)."""
    x0, y0 = ops.floor(x), ops.floor(y)
    right, down = (x - x0)[..., None], (y - y0)[..., None]
    x0, y0 = ops.cast(x0, "int32"), ops.cast(y0, "int32")
    x1, y1 = ops.minimum(x0 + 1, size - 1), ops.minimum(y0 + 1, size - 1)
    pixels = ops.reshape(images, (-1, images.shape[-1]))
    first = ops.arange(ops.shape(images)[0], dtype="int32")[:, None, None] * (size * size)

    def at(row: Any, column: Any) -> Any:
        return ops.cast(ops.take(pixels, first + row * size + column, axis=0), "float32")

    top, bottom = at(y0, x0), at(y1, x0)
    top = top + (at(y0, x1) - top) * right
    bottom = bottom + (at(y1, x1) - bottom) * right
    return top + (bottom - top) * down


class Drawn(keras.layers.Layer):
    """Draw augmentations in the compiled step: a call with any tensor of b rows returns draws, float32 (b, 8).

    The numbers depend on the seed passed to `begin`, on the number of steps since then and on the backend's generator.

    Parameters
    ----------
    policy : Policy
    """

    def __init__(self, policy: Policy, **kwargs: Any) -> None:
        super().__init__(dtype="float32", trainable=False, **kwargs)
        self.policy, self.seed_generator = policy, keras.random.SeedGenerator(0)

    def begin(self, seed: int) -> None:
        """Reset the generator to `seed`, an int below 2**31."""
        self.seed_generator.state.assign(np.array([seed, 0], "uint32"))

    def call(self, rows: Any, training: bool | None = None) -> Any:
        shape = (ops.shape(rows)[0], len(COLUMNS))
        if training is False:  # `Warp` ignores the draws
            return ops.zeros(shape)
        return ranged(self.policy, keras.random.uniform(shape, -1.0, 1.0, seed=self.seed_generator), ops)

    def compute_output_spec(self, rows: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        return keras.KerasTensor((rows.shape[0], len(COLUMNS)), dtype="float32")


@keras.saving.register_keras_serializable(package="leuknet")
class Warp(keras.layers.Layer):
    """Warp images by their draws and scale them to [0, 1], with bilinear interpolation and reflected borders.

    Call it with ``[images, draws]``: images (b, size, size, 3), uint8 or float in 0 to 255; draws (b, 8) from
    `policy.draw` or `policy.identity`. Returns float32 (b, size, size, 3) in [0, 1].

    With ``training=False`` (``evaluate``, ``predict``) the layer only scales, unless `always` is set, so validation
    images are never warped. If `training` is not given, it warps. The layer computes in float32 under any global dtype
    policy, because bfloat16 coordinates would be off by half a pixel. The next layer casts the result to its own
    compute dtype.

    Parameters
    ----------
    size : int
        Side of the square images, in pixels.
    shear_unit : {"degrees", "radians"}
        Unit of the column ``shear``; pass the `shear_unit` of the policy.
    always : bool
        Warp under ``training=False`` as well, e.g. to compute the features of variants.
    """

    def __init__(self, size: int, shear_unit: str = "degrees", always: bool = False, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.size, self.shear_unit, self.always = size, shear_unit, always

    def build(self, input_shape: Sequence[tuple[int | None, ...]]) -> None:
        images, draws = input_shape
        if tuple(images[1:3]) != (self.size, self.size) or tuple(draws[1:]) != (len(COLUMNS),):
            raise LeuknetError(
                f"Warp({self.size}) got images {tuple(images)} and draws {tuple(draws)}: "
                f"needs (b, {self.size}, {self.size}, channels) and (b, {len(COLUMNS)})"
            )

    def call(self, inputs: Sequence[Any], training: bool | None = None) -> Any:
        images, draws = inputs
        if training is False and not self.always:
            return ops.cast(images, "float32") / 255
        x, y = places(ops.cast(draws, "float32"), self.size, self.shear_unit, ops)
        return _sample(images, _reflect(x, self.size), _reflect(y, self.size), self.size) / 255

    def compute_output_shape(self, input_shape: Sequence[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "shear_unit": self.shear_unit, "always": self.always}


@lru_cache(maxsize=4)
def _model(size: int, shear_unit: str, image_type: str) -> keras.Model:
    images, draws = keras.Input((size, size, 3), dtype=image_type), keras.Input((len(COLUMNS),), dtype="float32")
    model = keras.Model([images, draws], Warp(size, shear_unit, always=True)([images, draws]))
    model.compile(jit_compile=True)
    return model


def warped(images: np.ndarray, draws: np.ndarray, shear_unit: str = "degrees", batch: int = 32) -> np.ndarray:
    """Warp images on the host by `draws`, in compiled batches (see `Warp`).

    Parameters
    ----------
    images : numpy.ndarray, uint8 or float32 in 0 to 255, shape (n, size, size, 3)
    draws : numpy.ndarray, float32, shape (n, 8)
    shear_unit : {"degrees", "radians"}
    batch : int

    Returns
    -------
    numpy.ndarray, float32, shape (n, size, size, 3), in [0, 1]
    """
    if len(images) != len(draws):
        raise LeuknetError(f"{len(images)} images but {len(draws)} rows of draws: give one row per image")
    model = _model(images.shape[1], shear_unit, str(images.dtype))
    out = np.empty(images.shape, "float32")
    for start in range(0, len(images), batch):
        part = slice(start, start + batch)
        out[part] = model.predict_on_batch([np.ascontiguousarray(images[part]), draws[part]])
    return out
