"""Readers of image file formats, from the bytes of a file to uint8 RGB as displayed."""

import numpy as np

from leuknet.exceptions import LeuknetError

MAX_BYTES = 2**28  # decoded: 89 megapixels of 8-bit RGB
DEPTHS = (8, 10, 12, 14, 16)
LYING = (5, 6, 7, 8)  # EXIF orientations that swap rows and columns


def check_size(width: int, height: int, bytes_per_pixel: int) -> None:
    """Raise LeuknetError if an image of this size would exceed `MAX_BYTES` when decoded."""
    if width * height * bytes_per_pixel > MAX_BYTES:
        needed = width * height * bytes_per_pixel / 2**20
        limit = f"above the limit of {MAX_BYTES // 2**20} MiB; crop or downsize it"
        raise LeuknetError(f"{width} x {height} pixels take {needed:.0f} MiB, {limit}")


def full_scale(values: np.ndarray, bits: int, declared: int = 0) -> int:
    """Return the value that represents full intensity in samples of `bits` bits.

    Images from cameras with 10, 12 or 14 bits are often saved in 16-bit files without a scale. If the file does not
    declare its maximum value, the smallest bit depth of `DEPTHS` that can represent all samples is used.
    """
    if bits != 16:
        return 2**bits - 1
    top = int(values.max(initial=0))
    if declared >= top and declared in [2**depth - 1 for depth in DEPTHS]:
        return declared
    return next(2**depth - 1 for depth in DEPTHS if top < 2**depth)


def to_8_bits(values: np.ndarray, scale: int) -> np.ndarray:
    """Convert unsigned samples to uint8, mapping `scale` to 255."""
    if values.dtype == np.uint8 and scale == 255:
        return values
    levels = np.minimum(np.arange(np.iinfo(values.dtype).max + 1, dtype=np.float64) / scale, 1)
    return np.round(255 * levels).astype(np.uint8)[values]


def on_white(rgb: np.ndarray, alpha: np.ndarray, premultiplied: bool = False) -> np.ndarray:
    """Composite a uint8 image onto white using its uint8 alpha channel.

    An alpha channel that is zero everywhere, as written by programs without alpha support, would hide the entire image.
    It is ignored, and the colours are returned unchanged.
    """
    if not alpha.any() or (alpha == 255).all():
        return rgb
    opacity = alpha[..., None].astype(np.float32) / 255
    colour = rgb if premultiplied else rgb * opacity
    return np.round(np.minimum(colour + 255 * (1 - opacity), 255)).astype(np.uint8)


def upright(image: np.ndarray, orientation: object) -> np.ndarray:
    """Return `image` rotated and mirrored according to its EXIF or TIFF orientation (1 to 8)."""
    image = image.swapaxes(0, 1) if orientation in LYING else image
    image = image[:, ::-1] if orientation in (2, 3, 6, 7) else image
    return image[::-1] if orientation in (3, 4, 7, 8) else image
