"""Read TIFF with tifffile and imagecodecs: grey, RGB and palette, 1 to 16 bits, chunky or planar, any byte order."""

import io

import imagecodecs
import numpy as np
import tifffile

from leuknet.data.containers import check_size, full_scale, on_white, to_8_bits, upright
from leuknet.data.containers.other import read as read_by_pillow
from leuknet.exceptions import LeuknetError

VERSION = f"tifffile {tifffile.__version__} imagecodecs {imagecodecs.__version__}"
MAX_SEGMENTS = 100_000  # strips or tiles
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
GREY, INVERTED, RGB, PALETTE, YCBCR = 1, 0, 2, 3, 6
_JPEG, _NONE, _ASSOCIATED, _UNASSOCIATED = 7, 1, 1, 2
_SEGMENT_TAGS, _LARGEST, _ORIENTATION = (273, 324), 281, 274


def read(data: bytes) -> np.ndarray:
    """Decode a single-page TIFF file to uint8 RGB, shape (height, width, 3), as displayed.

    Raises
    ------
    LeuknetError
        If the file contains several pages, more than `MAX_SEGMENTS` strips or tiles, or signed or floating-point
        samples, or is too large when decoded.
    Exception
        Any exception raised by tifffile or a codec on damaged files.
    """
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = _only_page(file)
        _check(page, len(data))
        if page.photometric not in (GREY, INVERTED, RGB, PALETTE) and not _is_jpeg_ycbcr(page):
            return read_by_pillow(data)  # CMYK, CIELAB and the like
        raw = page.asarray(squeeze=False, maxworkers=1)  # planes, depth, rows, columns, samples
        samples = raw[0, 0] if raw.shape[0] == 1 else np.moveaxis(raw[:, 0, :, :, 0], 0, -1)
        image = _colour(page, samples.astype(np.uint8) if samples.dtype == bool else samples)
        orientation = page.tags.get(_ORIENTATION)
        return np.ascontiguousarray(upright(image, orientation and int(orientation.value)))


def _only_page(file: tifffile.TiffFile) -> tifffile.TiffPage:
    page = file.pages.first
    stacked = (file.imagej_metadata or {}).get("images", 1) if file.is_imagej else 1
    if len(file.pages) > 1 or stacked > 1 or page.imagedepth > 1:
        raise LeuknetError("contains several pages or frames; save each as a separate file")
    return page


def _check(page: tifffile.TiffPage, length: int) -> None:
    segments = max(page.tags[tag].count for tag in _SEGMENT_TAGS if tag in page.tags)
    if segments > MAX_SEGMENTS:
        raise LeuknetError(f"{segments} strips, above the limit of {MAX_SEGMENTS}; save it again with fewer")
    bits = page.bitspersample
    if page.sampleformat not in (1, 4) or not isinstance(bits, int) or bits > 16:
        kind = {2: "signed", 3: "floating-point"}.get(page.sampleformat, "")
        raise LeuknetError(f"{kind} {bits}-bit samples have no fixed range; save 8 or 16 bits per channel".strip())
    check_size(page.imagewidth, page.imagelength, page.samplesperpixel * (2 if bits > 8 else 1))
    ends = [start + size for start, size in zip(page.dataoffsets, page.databytecounts, strict=True)]
    if not ends or max(ends) > length or 0 in page.databytecounts or 0 in page.dataoffsets:
        raise LeuknetError("damaged or truncated: a strip or tile is outside the file")
    stored = page.imagewidth * page.imagelength * page.samplesperpixel * bits
    if page.compression == _NONE and page.photometric != YCBCR and sum(page.databytecounts) * 8 < stored:
        raise LeuknetError("damaged or truncated: its strips contain less data than the image")


def _is_jpeg_ycbcr(page: tifffile.TiffPage) -> bool:
    """Return whether tifffile converts the page from YCbCr to RGB when decoding."""
    return page.photometric == YCBCR and page.compression == _JPEG


def _colour(page: tifffile.TiffPage, samples: np.ndarray) -> np.ndarray:
    """Convert samples, shape (height, width, channels), to uint8 RGB."""
    channels = 3 if page.photometric in (RGB, YCBCR) else 1
    if samples.shape[-1] < channels:
        raise LeuknetError("damaged or truncated: fewer channels than its colour space requires")
    values = samples[..., :channels]
    if page.photometric == PALETTE:
        return _from_palette(page, values[..., 0])
    scale = _scale(page, values)
    levels = to_8_bits(values, scale)
    levels = 255 - levels if page.photometric == INVERTED else levels
    rgb = np.repeat(levels, 3, axis=-1) if channels == 1 else levels
    return _with_alpha(page, rgb, samples, channels, scale)


def _scale(page: tifffile.TiffPage, values: np.ndarray) -> int:
    largest = page.tags.get(_LARGEST)
    declared = int(np.max(largest.value)) if largest is not None else 0
    scale = full_scale(values, page.bitspersample, declared)
    if page.photometric == INVERTED and page.bitspersample == 16 and scale not in (declared, 2**16 - 1):
        raise LeuknetError("white is zero and its 16-bit samples use part of their range; save it with white = maximum")
    return scale


def _with_alpha(page: tifffile.TiffPage, rgb: np.ndarray, samples: np.ndarray, channels: int, scale: int) -> np.ndarray:
    kinds = [int(kind) for kind in page.extrasamples]
    known = [place for place, kind in enumerate(kinds) if kind in (_ASSOCIATED, _UNASSOCIATED)]
    if not known or samples.shape[-1] <= channels + known[0]:
        return rgb
    alpha = samples[..., channels + known[0]]
    top = max(scale, full_scale(alpha, page.bitspersample))
    return on_white(rgb, to_8_bits(alpha, top), premultiplied=kinds[known[0]] == _ASSOCIATED)


def _from_palette(page: tifffile.TiffPage, index: np.ndarray) -> np.ndarray:
    colours = np.asarray(page.colormap)
    colours = colours >> 8 if colours.max() > 255 else colours
    if index.max(initial=0) >= colours.shape[1]:
        raise LeuknetError("damaged or truncated: it uses colours that its palette does not define")
    return colours.T.astype(np.uint8)[index]
