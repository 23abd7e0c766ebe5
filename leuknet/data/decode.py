"""From the bytes of an image file to uint8 RGB at one size: the only place where files are decoded."""

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

    The content decides the format, not the name. EXIF and TIFF orientation are applied. Grey and palette images
    become RGB. Samples of 16 bits are scaled by their range: that which the file declares, else the smallest of 8, 10,
    12, 14 and 16 bits that holds them all. Alpha is laid on white; zero everywhere, it is disregarded.
    CMYK, YCbCr and Lab are converted, colour profiles are not applied. Of a multi-picture JPEG (MPO, as phones write)
    the first picture is the image. The image is resized to `size` x `size` without keeping its aspect (section 3.1) by
    Pillow's BOX filter, which averages over area; where an edge grows, by BILINEAR. JPEGs of more than
    `jpeg.REDUCE_FROM` bytes decoded are first decoded at a reduced scale.

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
        In pixels, as displayed (after orientation), before resizing.

    Raises
    ------
    LeuknetError
        The reason, without the file's name: empty, damaged, truncated, another format, larger than
        `containers.MAX_BYTES` decoded, several pages or frames, signed, floating-point or 32-bit samples.
    """
    rgb, (width, height) = read_picture(data, size)
    shrinks = min(rgb.shape[:2]) >= size
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(rgb).resize((size, size), how)), width, height


def pixels(path: Path, sha256: str) -> np.ndarray:
    """Return the image in file `path` at its full size, decoded as `decode` does: uint8 RGB, shape (height, width, 3).

    Raises
    ------
    LeuknetError
        If the file cannot be read or decoded, or its SHA-256 is another.
    """
    try:
        data = read_bytes(path)
    except OSError as error:
        raise LeuknetError(f"cannot read {shown(path)}: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise LeuknetError(f"{shown(path)} changed since the cohort was read: run again")
    return read_picture(data)[0]


def is_blank(image: np.ndarray) -> bool:
    """Return whether a picture (uint8, shape (height, width, 3)) shows one colour throughout: nothing to classify."""
    return bool(image.reshape(-1, image.shape[-1]).std(axis=0).max() < BLANK)


def decode_slide(data: bytes, size: int) -> tuple[np.ndarray, int, int]:
    """Return what `decode` does of a picture that is not blank; raises LeuknetError for one that is."""
    image, width, height = decode(data, size)
    if is_blank(image):
        raise LeuknetError("blank: one colour throughout, nothing to classify")
    return image, width, height


def read_picture(data: bytes, least: int = 0) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a file's picture with width and height as displayed; every complaint becomes a `LeuknetError`."""
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
        raise LeuknetError("above the limit of decoded bytes; cut or shrink it") from None
    except Exception as error:  # decoders raise many kinds on damaged files; each becomes a listed reason
        raise LeuknetError(f"damaged or truncated: {' '.join(str(error).split())}") from error


def digests(paths: Iterable[Path]) -> list[str | OSError]:
    """Return the SHA-256 of each file as hexadecimal str, or the OSError that kept it from being read."""
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
        Edge in pixels.

    Returns
    -------
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
        Zero where a file was left out.
    sizes : numpy.ndarray, int, shape (n, 2)
        Width and height in pixels.
    reasons : list of str or None
        Why a file was left out (a blank picture is); None where it was decoded.

    Raises
    ------
    LeuknetError
        If a file has changed since its digest was taken.
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
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `check_size` lists the file instead
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
