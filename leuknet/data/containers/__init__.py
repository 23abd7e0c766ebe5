"""Image containers: one reader each, from a file's bytes to uint8 RGB as displayed."""

import numpy as np

from leuknet.exceptions import LeuknetError

MAX_BYTES = 2**28  # of the decoded picture: 89 megapixels of 8-bit RGB
DEPTHS = (8, 10, 12, 14, 16)
LYING = (5, 6, 7, 8)  # EXIF orientations whose rows are the displayed picture's columns


def check_size(width: int, height: int, bytes_per_pixel: int) -> None:
    """Raise LeuknetError if a picture of this size would take more than `MAX_BYTES` decoded."""
    if width * height * bytes_per_pixel > MAX_BYTES:
        needed = width * height * bytes_per_pixel / 2**20
        limit = f"above the limit of {MAX_BYTES // 2**20} MiB; cut or shrink it"
        raise LeuknetError(f"{width} x {height} pixels take {needed:.0f} MiB, {limit}")


def full_scale(values: np.ndarray, bits: int, declared: int = 0) -> int:
    """Return the value that means full intensity in samples of `bits` bits.

    Cameras of 10, 12 or 14 bits are often saved in files of 16 bits without a scale. Where the file does not declare
    its largest value, the smallest of `DEPTHS` that holds the samples is taken.
    """
    if bits != 16:
        return 2**bits - 1
    top = int(values.max(initial=0))
    if declared >= top and declared in [2**depth - 1 for depth in DEPTHS]:
        return declared
    return next(2**depth - 1 for depth in DEPTHS if top < 2**depth)


def to_8_bits(values: np.ndarray, scale: int) -> np.ndarray:
    """Return unsigned samples as uint8, where `scale` becomes 255."""
    if values.dtype == np.uint8 and scale == 255:
        return values
    levels = np.minimum(np.arange(np.iinfo(values.dtype).max + 1, dtype=np.float64) / scale, 1)
    return np.round(255 * levels).astype(np.uint8)[values]


def on_white(rgb: np.ndarray, alpha: np.ndarray, premultiplied: bool = False) -> np.ndarray:
    """Lay a uint8 picture on white by its uint8 alpha.

    An alpha that is zero everywhere hides the whole picture, as programs write it that do not know of alpha: it is
    disregarded, and the colours are taken as they are.
    """
    if not alpha.any() or (alpha == 255).all():
        return rgb
    opacity = alpha[..., None].astype(np.float32) / 255
    colour = rgb if premultiplied else rgb * opacity
    return np.round(np.minimum(colour + 255 * (1 - opacity), 255)).astype(np.uint8)


def upright(image: np.ndarray, orientation: object) -> np.ndarray:
    """Return `image` turned and mirrored as its EXIF or TIFF orientation (1 to 8) says."""
    image = image.swapaxes(0, 1) if orientation in LYING else image
    image = image[:, ::-1] if orientation in (2, 3, 6, 7) else image
    return image[::-1] if orientation in (3, 4, 7, 8) else image
