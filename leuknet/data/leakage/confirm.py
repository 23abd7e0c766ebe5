"""Pixel-level comparison of two images: alignment (ECC, Evangelidis & Psarakis 2008) and correlation at full size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

COARSE = 56  # px, longest edge for the initial alignment
FINE = 512  # px, longest edge for its refinement: an error of 0.02 px here is 0.1 px at full size
LEAST = 0.9  # minimum correlation of the grey levels of two images of the same scene
LEAST_COARSE = 0.8  # minimum correlation at reduced size, to reject other positions early
LEAST_DETAIL = 0.9  # minimum correlation of details finer than a cell's outline: other cells have other chromatin
FLAT = 1.0  # grey levels, minimum s.d. of the detail of an image
STRETCH = 1.06  # maximum ratio of the horizontal and vertical scale of a crop
MARGIN = 0.12
LEAST_EDGE = 48  # px, minimum edge of a common part to be compared


Box = tuple[float, ...]  # left, top, width, height


@dataclass(frozen=True)
class Match:
    """Match of two images: grey-level and detail correlation, and the box (left, top, width, height) in px."""

    score: float
    detail: float
    box: Box


def grey(image: np.ndarray) -> np.ndarray:
    """Convert uint8 RGB to float32 grey levels (ITU-R BT.601 luma), shape (height, width)."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)


def same(crop: np.ndarray, holder: np.ndarray, box: Sequence[float]) -> Match | None:
    """Compare a crop with a box of another image, after alignment of the box.

    Parameters
    ----------
    crop, holder : numpy.ndarray, float32, shape (height, width)
        Grey levels.
    box : tuple of float
        Approximate left, top, width and height in px of the holder (to within about an eighth of the edge).

    Returns
    -------
    Match or None
        None if the pixels do not match.
    """
    full, score, detail = max(crop.shape), 0.0, 0.0
    for longest, moves in [(COARSE, True), (min(full, FINE), True)] + [(full, False)] * (full > FINE):
        aligned = _align(crop, holder, box, longest, moves)
        if aligned is None or aligned[1] < LEAST_COARSE:
            return None
        box, score, detail = aligned
    if score < LEAST or detail < LEAST_DETAIL:
        return None
    return Match(round(score, 4), round(detail, 4), tuple(round(float(edge), 1) for edge in box))


def overlapping(crop: np.ndarray, holder: np.ndarray, box: Sequence[float]) -> Match | None:
    """Compare the part of a crop that its box places inside the other image, with `same`.

    Returns
    -------
    Match or None
        Match with the box of the whole crop, which may extend beyond the holder; None if the pixels of the common part
        do not match, or if one of its edges is shorter than `LEAST_EDGE` px and than that of the crop.
    """
    size, edges = np.array(crop.shape[::-1]), np.array(holder.shape[::-1])
    place, scale = np.array(box[:2]), np.array(box[2:]) / size  # px of the holder per px of the crop
    low = np.ceil(np.maximum(-place / scale, 0)).astype(int)
    high = np.floor(np.minimum((edges - place) / scale, size)).astype(int)
    if ((high - low) < np.minimum(size, LEAST_EDGE)).any():
        return None
    part = crop[low[1] : high[1], low[0] : high[0]]
    match = same(part, holder, (*(place + low * scale), *((high - low) * scale)))
    if match is None:
        return None
    moved = np.array(match.box[2:]) / (high - low)
    whole = (*(np.array(match.box[:2]) - low * moved), *(size * moved))
    return replace(match, box=tuple(round(float(edge), 1) for edge in whole))


def _align(
    crop: np.ndarray, holder: np.ndarray, box: Sequence[float], longest: int, moves: bool
) -> tuple[Box, float, float] | None:
    """Return (box, correlation, correlation of detail) at `longest` px, aligned if `moves`; None if it fails."""
    shrink = min(1.0, longest / max(crop.shape), longest / max(box[2:]), max(box[2:]) / max(crop.shape))
    size = [max(8, round(edge * shrink)) for edge in crop.shape[::-1]]
    template = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    patch, start = _patch(holder, box, size)
    warp: np.ndarray = np.array([[1, 0, start[0]], [0, 1, start[1]]], np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-5)
    try:
        if moves:
            _, warp = cv2.findTransformECC(template, patch, warp, cv2.MOTION_AFFINE, stop, None, 5)  # type: ignore[call-overload]
    except cv2.error:
        return None  # no convergence: the images do not match
    stretch, turn = warp[0, 0] / warp[1, 1], np.abs([warp[0, 1], warp[1, 0]]).max()
    if not (1 / STRETCH < stretch < STRETCH and 0.75 < warp[0, 0] < 1.33 and turn < 0.05):
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    shown = cv2.warpAffine(patch, warp, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    ratio = box[2] / size[0], box[3] / size[1]
    left, top = (box[k] + (warp[k, 2] - start[k]) * ratio[k] for k in (0, 1))
    moved = left, top, box[2] * warp[0, 0], box[3] * warp[1, 1]
    return moved, _correlation(template, shown), _detail(template, shown)


def _patch(holder: np.ndarray, box: Sequence[float], size: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the patch of a box with a margin, scaled so that the box has `size` px, and the box's origin in it."""
    left, top, width, height = box
    scale = size[0] / width, size[1] / height
    margin = np.ceil(MARGIN * np.array(size))
    matrix = np.array([[scale[0], 0, margin[0] - left * scale[0]], [0, scale[1], margin[1] - top * scale[1]]])
    x0, x1 = (int(np.clip(edge, 0, holder.shape[1])) for edge in (left - 0.3 * width, left + 1.3 * width + 1))
    y0, y1 = (int(np.clip(edge, 0, holder.shape[0])) for edge in (top - 0.3 * height, top + 1.3 * height + 1))
    part = holder[y0:y1, x0:x1]
    if scale[0] < 1:  # area interpolation first, to prevent aliasing
        small = [max(1, round(edge * scale[k])) for k, edge in enumerate(part.shape[::-1])]
        part = cv2.resize(part, small, interpolation=cv2.INTER_AREA)
        matrix[0, 0], matrix[1, 1] = (x1 - x0) / small[0] * scale[0], (y1 - y0) / small[1] * scale[1]
        shift = 0.5 * (np.array([matrix[0, 0], matrix[1, 1]]) - np.array(scale))
    else:
        shift = np.zeros(2)
    matrix[:, 2] = margin + (np.array([x0, y0]) - [left, top]) * scale + shift
    out = [int(edge + 2 * edge_margin) for edge, edge_margin in zip(size, margin, strict=True)]
    return cv2.warpAffine(part, matrix, out, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), margin


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = np.linalg.norm(a) * np.linalg.norm(b)
    return float((a * b).sum() / norm) if norm > 0 else 0.0


def _detail(a: np.ndarray, b: np.ndarray) -> float:
    """Return the correlation of details between 1 px and a sixteenth of the edge, without the border."""
    wide = max(2.0, max(a.shape) / 16)
    bands = [cv2.GaussianBlur(v, (0, 0), 1.0) - cv2.GaussianBlur(v, (0, 0), wide) for v in (a, b)]
    rim = max(1, min(a.shape) // 20)
    inner = [band[rim:-rim, rim:-rim] for band in bands]
    return 0.0 if min(band.std() for band in inner) < FLAT else _correlation(*inner)
