"""Read PNG and BMP, and TIFF and JPEG in colour spaces other than grey and RGB, with Pillow."""

import io

import imagecodecs
import numpy as np
from PIL import Image

from leuknet.data.containers import check_size, full_scale, on_white, to_8_bits, upright
from leuknet.exceptions import LeuknetError

FORMATS = ("JPEG", "PNG", "BMP", "TIFF")
ORIENTATION = 0x0112
_PNG, _DEPTH = b"\x89PNG\r\n\x1a\n", 24  # signature, and position of the bit depth in the header


def read(data: bytes) -> np.ndarray:
    """Decode an image file to uint8 RGB, shape (height, width, 3), as displayed.

    Raises
    ------
    LeuknetError
        If the file contains several frames or 32-bit samples, or is too large when decoded.
    Exception
        Any exception raised by Pillow on damaged files; PIL.UnidentifiedImageError if the format is not in `FORMATS`.
    """
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        _check(image)
        deep = data.startswith(_PNG) and data[_DEPTH] == 16
        rgb = _deep_png(data) if deep else _to_rgb(image)
        return np.ascontiguousarray(upright(rgb, image.getexif().get(ORIENTATION)))


def _check(image: Image.Image) -> None:
    check_size(image.width, image.height, 6 if image.mode.startswith("I;16") else max(3, len(image.getbands())))
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise LeuknetError(f"contains {frames} pages or frames; save each as a separate file")
    if image.mode in ("I", "F"):
        raise LeuknetError("32-bit pixels have no fixed range; save it with 8 or 16 bits per channel")


def _deep_png(data: bytes) -> np.ndarray:
    """Decode a PNG with 16 bits per sample, of which Pillow would return only the high bytes."""
    samples = np.atleast_3d(imagecodecs.png_decode(data))
    channels = 1 if samples.shape[-1] < 3 else 3
    values = samples[..., :channels]
    scale = full_scale(values, 16)
    rgb = np.broadcast_to(to_8_bits(values, scale), (*values.shape[:2], 3))
    if samples.shape[-1] == channels:
        return rgb
    alpha = samples[..., -1]
    return on_white(rgb, to_8_bits(alpha, max(scale, full_scale(alpha, 16))))


def _to_rgb(image: Image.Image) -> np.ndarray:
    if image.has_transparency_data:
        pixels = np.asarray(image.convert("RGBA"))
        return on_white(pixels[..., :3], pixels[..., 3])
    return np.asarray(image.convert("RGB"))
