"""Decode image files to uint8 RGB at one size; no other module decodes image files."""

import hashlib
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL
import simplejpeg
from PIL import Image, UnidentifiedImageError

from leuknet.data.containers import jpeg, other, tiff
from leuknet.data.walk import SUFFIXES, read_bytes, shown
from leuknet.exceptions import LeuknetError

__all__ = ["SUFFIXES", "decode", "decode_files", "digests", "is_blank", "pixels", "read_picture"]

VERSION = f"3 Pillow {PIL.__version__} simplejpeg {simplejpeg.__version__} {tiff.VERSION}"
BLANK = 1.0  # grey levels, s.d. within each channel


def decode(data: bytes, size: int) -> tuple[np.ndarray, int, int]:
    """Decode one image file and resize it.

    The format is determined from the content, not the file name. EXIF and TIFF orientation are applied. Grey and
    palette images are converted to RGB, as are CMYK, YCbCr and Lab; colour profiles are not applied. Samples of 16 bits
    are scaled by their range: the range declared in the file, or else the smallest of 8, 10, 12, 14 and 16 bits that
    can represent all samples. Alpha is composited onto white, but ignored if it is zero everywhere. For a multi-picture
    JPEG (MPO, written by phones) the first image is used. The image is resized to `size` x `size` without preserving
    the aspect ratio (section 3.1), with Pillow's BOX filter (area averaging), or BILINEAR if an edge is enlarged. JPEGs
    of more than `jpeg.REDUCE_FROM` decoded bytes are decoded at a reduced scale first.

    Parameters
    ----------
    data : bytes
        Content of the file.
    size : int
        Edge length in pixels.

    Returns
    -------
    image : numpy.ndarray, uint8, shape (size, size, 3)
    width, height : int
        In pixels, as displayed (after orientation), before resizing.

    Raises
    ------
    LeuknetError
        If the file is empty, damaged, truncated, of an unsupported format, larger than `containers.MAX_BYTES` when
        decoded, has several pages or frames, or has signed, floating-point or 32-bit samples. The message states the
        reason, without the file name.
    """
    rgb, (width, height) = read_picture(data, size)
    shrinks = min(rgb.shape[:2]) >= size
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(rgb).resize((size, size), how)), width, height


def pixels(path: Path, sha256: str) -> np.ndarray:
    """Decode the file `path` like `decode`, at full size: uint8 RGB, shape (height, width, 3).

    Raises
    ------
    LeuknetError
        If the file cannot be read or decoded, or its SHA-256 differs.
    """
    try:
        data = read_bytes(path)
    except OSError as error:
        raise LeuknetError(f"cannot read {shown(path)}: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise LeuknetError(f"{shown(path)} changed since the cohort was read: run again")
    return read_picture(data)[0]


def is_blank(image: np.ndarray) -> bool:
    """Return whether an image (uint8, shape (height, width, 3)) is a single colour, with nothing to classify."""
    return bool(image.reshape(-1, image.shape[-1]).std(axis=0).max() < BLANK)


def decode_slide(data: bytes, size: int) -> tuple[np.ndarray, int, int]:
    """Decode an image like `decode`, and raise LeuknetError if it is blank."""
    image, width, height = decode(data, size)
    if is_blank(image):
        raise LeuknetError("blank: one colour throughout, nothing to classify")
    return image, width, height


def read_picture(data: bytes, least: int = 0) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode an image with its width and height as displayed; convert all decoder errors to `LeuknetError`."""
    if not data:
        raise LeuknetError("the file is empty")
    try:
        if data.startswith(jpeg.MAGIC):
            return jpeg.read(data, least)
        image = tiff.read(data) if data.startswith(tiff.MAGIC) else other.read(data)
        return image, (image.shape[1], image.shape[0])
    except (LeuknetError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise LeuknetError("not a JPEG, PNG, BMP or TIFF image, or its head is damaged") from None
    except Image.DecompressionBombError:
        raise LeuknetError("above the limit of decoded bytes; crop or downsize it") from None
    except Exception as error:  # decoders raise many types on damaged files; each becomes a listed reason
        raise LeuknetError(f"damaged or truncated: {' '.join(str(error).split())}") from error


def digests(paths: Iterable[Path]) -> list[str | OSError]:
    """Return the SHA-256 of each file as hexadecimal str, or the OSError raised on reading it."""
    return _in_parallel(_digest, paths)


def decode_files(
    paths: Sequence[Path], sha256: Sequence[str], size: int
) -> tuple[np.ndarray, np.ndarray, list[str | None]]:
    """Decode files in parallel threads.

    Parameters
    ----------
    paths : sequence of pathlib.Path
    sha256 : sequence of str
        Expected digest of each file.
    size : int
        Edge length in pixels.

    Returns
    -------
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
        Zero for excluded files.
    sizes : numpy.ndarray, int, shape (n, 2)
        Width and height in pixels.
    reasons : list of str or None
        Why a file was excluded (blank images are excluded); None if it was decoded.

    Raises
    ------
    LeuknetError
        If a file has changed since its digest was computed.
    """
    images = np.zeros((len(paths), size, size, 3), np.uint8)
    sizes = np.zeros((len(paths), 2), int)

    def one(i: int) -> str | None:
        data = read_bytes(paths[i])
        if hashlib.sha256(data).hexdigest() != sha256[i]:
            raise LeuknetError(f"{paths[i]} changed while the cohort was read: run again")
        try:
            images[i], *sizes[i] = decode_slide(data, size)
        except LeuknetError as reason:
            return str(reason)
        return None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `check_size` reports the file instead
        reasons = _in_parallel(one, range(len(paths)))
    return images, sizes, reasons


def _digest(path: Path) -> str | OSError:
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except OSError as error:
        return error


def _in_parallel(function: Callable, items: Iterable) -> list:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))
