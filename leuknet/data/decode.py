"""From the bytes of an image file to uint8 RGB at one size: the only place where files are decoded."""

import hashlib
import io
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import PIL
from PIL import Image, ImageOps, UnidentifiedImageError

from leuknet.exceptions import LeuknetError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
FORMATS = ("JPEG", "PNG", "BMP", "TIFF")
MAX_PIXELS = 89_478_485
VERSION = f"1 Pillow {PIL.__version__}"


def decode(data, size):
    """Decode one image file and resize it.

    The content decides the format, not the name. EXIF orientation is applied. Grey and palette images become RGB;
    16-bit grey is scaled by its full range (65 535 -> 255) and 16-bit colour keeps its high bytes; alpha is laid on
    white; CMYK, YCbCr and Lab are converted, colour profiles are not applied. Of a multi-picture JPEG (MPO, as phones
    write) the first picture is the image. The image is resized to `size` x `size` without keeping its aspect (section
    3.1) by Pillow's BOX filter, which averages over area; where an edge grows, by BILINEAR.

    Parameters
    ----------
    data : bytes
        The file's content.
    size : int
        Edge in pixels.

    Returns
    -------
    image : numpy.ndarray, uint8, shape (size, size, 3)
    width, height : int
        In pixels, as displayed (after EXIF orientation), before resizing.

    Raises
    ------
    LeuknetError
        The reason, without the file's name: empty, damaged, truncated, another format, above `MAX_PIXELS` (Pillow's
        own limit against decompression bombs), several pages or frames, 32-bit pixels.
    """
    with _reasons(data) as image:
        rgb = _to_rgb(ImageOps.exif_transpose(image))
        shrinks = min(rgb.size) >= size
        resized = rgb.resize((size, size), Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR)
    return np.asarray(resized), *rgb.size


def pixels(path, sha256):
    """Return the image in file `path` at its full size, decoded as `decode` does: uint8 RGB, shape (height, width, 3).

    Raises
    ------
    LeuknetError
        If the file cannot be read or decoded, or its SHA-256 is another.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LeuknetError(f"cannot read {path}: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise LeuknetError(f"{path} changed since the cohort was read: run again")
    with _reasons(data) as image:
        return np.asarray(_to_rgb(ImageOps.exif_transpose(image)))


@contextmanager
def _reasons(data):
    """Open an image file's bytes; whatever Pillow says against it becomes a `LeuknetError`."""
    if not data:
        raise LeuknetError("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _refuse(image)
            yield image
    except (LeuknetError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise LeuknetError("not a JPEG, PNG, BMP or TIFF image, or its head is damaged") from None
    except Image.DecompressionBombError:
        raise LeuknetError(_too_large()) from None
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files; each becomes a listed reason
        raise LeuknetError(f"damaged or truncated: {' '.join(str(error).split())}") from error


def _refuse(image):
    if image.width * image.height > MAX_PIXELS:
        raise LeuknetError(_too_large(image.size))
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise LeuknetError(f"holds {frames} pages or frames; save each as a file of its own")
    if image.mode in ("I", "F"):
        raise LeuknetError("32-bit pixels have no fixed range; save it with 8 or 16 bits a channel")


def _too_large(size=None):
    found = f" ({size[0]} x {size[1]})" if size else ""
    return f"above the limit of {MAX_PIXELS} pixels{found}; cut or shrink it"


def _to_rgb(image):
    if image.mode.startswith("I;16"):
        levels = np.asarray(image).astype(np.float32) / 257
        return Image.fromarray(np.round(levels).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def digests(paths):
    """Return the SHA-256 of each file as hexadecimal str, or the OSError that kept it from being read."""
    return _in_parallel(_digest, paths)


def decode_files(paths, sha256, size):
    """Decode files in parallel threads.

    Parameters
    ----------
    paths : sequence of pathlib.Path
    sha256 : sequence of str
        Expected digest of each file.
    size : int
        Edge in pixels.

    Returns
    -------
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
        Zero where a file was left out.
    sizes : numpy.ndarray, int, shape (n, 2)
        Width and height in pixels.
    reasons : list of str or None
        Why a file was left out; None where it was decoded.

    Raises
    ------
    LeuknetError
        If a file has changed since its digest was taken.
    """
    images = np.zeros((len(paths), size, size, 3), np.uint8)
    sizes = np.zeros((len(paths), 2), int)

    def one(i):
        data = paths[i].read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256[i]:
            raise LeuknetError(f"{paths[i]} changed while the cohort was read: run again")
        try:
            images[i], *sizes[i] = decode(data, size)
        except LeuknetError as reason:
            return str(reason)
        return None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `_refuse` lists the file instead
        reasons = _in_parallel(one, range(len(paths)))
    return images, sizes, reasons


def _digest(path):
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return error


def _in_parallel(function, items):
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))
