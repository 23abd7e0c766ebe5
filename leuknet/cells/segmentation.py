"""Nuclei of leukocytes and the cells around them: found without learning, at 40 px a red cell.

All functions but `find` work on optical densities, float32 (height, width, 3), of an image brought to `scale.WORKING`
px a red cell; areas are in red-cell areas, lengths in red-cell diameters (d).
"""

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from scipy import ndimage
from scipy.sparse.csgraph import connected_components
from skimage.filters import threshold_multiotsu
from skimage.measure import label, regionprops
from skimage.morphology import remove_small_objects
from skimage.segmentation import clear_border, relabel_sequential, watershed

from leuknet.cells.scale import WORKING, filled, optical_density, otsu, red_cells, resized

BLUR = 0.045  # d
CENTRE = 1.5  # d: Otsu's window of a single-cell image reaches so far from its centre
AROUND = 0.8  # d: and of a seed in a field
WEIGHTS = (1.0, 0.4, 0.0)  # of OD_R, tried in fields: some stains leave red cells with much of it
SOLID = 0.85  # area over convex area of a piece that looks like a nucleus or a lobe
OPENING = 0.12  # d
LEAST_PART = 0.6  # red-cell areas: smaller parts are not cut from each other
LOBES_APART = 0.375  # d: lobes of one nucleus have outlines nearer than this
LEAST = 0.3  # red-cell areas: smaller pieces are no nucleus
SPECK = 0.05  # red-cell areas: smaller pieces are no lobe either
MOST_LOBE = 0.9  # red-cell areas: larger pieces are nuclei of their own, not lobes
MOST_NUCLEUS = 2.4  # red-cell areas: two pieces that together are larger are two nuclei
SINGLE = 6.0  # d: an image whose longer edge is at most this shows one cell
RED_AREA = np.pi * (WORKING / 2) ** 2  # px

# of the cell around a nucleus
REACH = 1.0  # cytoplasm lies within this share of the nucleus' radius (of a disc of equal area) around it
LEAST_REACH, MOST_REACH = 0.25, 0.6  # d
THIN = 0.2  # d: an opening this wide cuts the bridges to red cells next to the cell
PAPER = 0.2  # OD of green: what stains less is background
PALE = 0.25  # of the nucleus' median OD of green: and in a pale stain what stains less than that
COMMON = 0.12  # share of the image that red cells cover where their colour can be trusted
BETWEEN = 0.8  # how far from the nuclei's to the red cells' OD_B / OD_G the border to red cells lies


def is_single(shape: tuple[int, ...], diameter: float) -> bool:
    """Return whether an image (height, width) shows one cell by its size: at most `SINGLE` red cells wide."""
    return max(shape[:2]) <= SINGLE * diameter


def chromatin(density: np.ndarray, weight: float = 1.0) -> np.ndarray:
    """Return ``weight * OD_R + OD_G - OD_B``, float32, smoothed: chromatin's purple, in which red cells are weak."""
    values = weight * density[..., 0] + density[..., 1] - density[..., 2]
    return cv2.GaussianBlur(values, (0, 0), BLUR * WORKING)


def disc(diameter: float) -> np.ndarray:
    """Return a disc of `diameter` d as a structuring element, uint8, of odd width."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(diameter * WORKING / 2) + 1,) * 2)


def tidy(mask: np.ndarray) -> np.ndarray:
    """Return the mask opened by a disc of `OPENING` d, holes filled, without specks."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc(OPENING))
    return remove_small_objects(filled(opened > 0), max_size=int(SPECK * RED_AREA), connectivity=2)


def single_mask(density: np.ndarray) -> np.ndarray:
    """Return the mask of nuclei of a single-cell image: Otsu's threshold of the central window.

    Of `WEIGHTS` it takes the one whose threshold parts the window best (variance between the two sides over all of it).
    """
    _, mask = max((_central(chromatin(density, weight)) for weight in WEIGHTS), key=lambda pair: pair[0])
    return tidy(mask)


def _central(values: np.ndarray) -> tuple[float, np.ndarray]:
    """Return how well Otsu's threshold parts the central window, 0 to 1, and all pixels above it."""
    reach = round(CENTRE * WORKING)
    row, column = (edge // 2 for edge in values.shape)
    window = values[max(row - reach, 0) : row + reach, max(column - reach, 0) : column + reach]
    above = window > otsu(window)
    if not above.any():
        return 0.0, np.zeros(values.shape, bool)
    share, apart = above.mean(), window[above].mean() - window[~above].mean()
    return share * (1 - share) * apart**2 / window.var(), values > otsu(window)


def field_mask(density: np.ndarray) -> np.ndarray:
    """Return the mask of nuclei of a field: of `WEIGHTS`, the one that gives most solid pieces (or the first)."""
    masks = [_seeded(chromatin(density, weight)) for weight in WEIGHTS]
    return max(masks, key=solid_pieces)


def solid_pieces(mask: np.ndarray) -> int:
    """Return how many pieces are at least as large as a small nucleus and solid."""
    regions = regionprops(label(mask))
    return sum(LEAST * RED_AREA <= region.area <= 8 * RED_AREA and region.solidity >= SOLID for region in regions)


def _seeded(values: np.ndarray) -> np.ndarray:
    """Return the pixels above Otsu's threshold within `AROUND` d of a coarse seed, each by its own threshold."""
    coarse = cv2.GaussianBlur(values, (0, 0), 0.15 * WORKING)
    small = coarse[::4, ::4]
    top = threshold_multiotsu(small, 3)[-1] if len(np.unique(small)) > 3 else np.inf
    seeds, count = ndimage.label(coarse > top)
    mask = np.zeros(values.shape, bool)
    reach = round(AROUND * WORKING)
    for place, (rows, columns) in enumerate(ndimage.find_objects(seeds, count), 1):
        if (seeds[rows, columns] == place).sum() < SPECK * RED_AREA:
            continue
        box = tuple(slice(max(part.start - reach, 0), part.stop + reach) for part in (rows, columns))
        near = cv2.dilate((seeds[box] == place).astype(np.uint8), disc(2 * AROUND)).astype(bool)
        mask[box] |= near & (values[box] > otsu(values[box][near]))
    return tidy(mask)


def parted(mask: np.ndarray) -> np.ndarray:
    """Part nuclei that touch by a watershed of the distance to the border; returns labels, int32, 0 outside.

    A cut is made only where every part keeps at least `LEAST_PART` red-cell areas: lobes are not torn apart.
    """
    pieces = label(mask).astype(np.int32)
    depth = cv2.GaussianBlur(ndimage.distance_transform_edt(mask).astype(np.float32), (0, 0), 0.05 * WORKING)
    result, fresh = np.zeros_like(pieces), 1
    for region in regionprops(pieces):
        own = np.where(region.image, depth[region.slice], 0)
        parts = _cut(own, region.image) if region.area >= 2 * LEAST_PART * RED_AREA else region.image.astype(np.int32)
        result[region.slice][region.image] = parts[region.image] + fresh - 1
        fresh += int(parts.max())
    return result


def _cut(depth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return one piece's parts, or the piece as 1 where a part would be too small or the neck is not narrow."""
    seeds, _ = ndimage.label(depth > 0.75 * depth.max())
    parts = watershed(-depth, seeds, mask=mask)
    areas = np.bincount(parts.ravel())[1:]
    return parts if areas.min() >= LEAST_PART * RED_AREA else mask.astype(np.int32)


def contours(mask: np.ndarray) -> Sequence[np.ndarray]:
    """Return the outer outlines of a mask's pieces, each int32 (n, 1, 2), x before y."""
    return cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]  # type: ignore[return-value]


def merged(labels: np.ndarray) -> np.ndarray:
    """Give pieces of one nucleus one label: small ones (lobes) within `LOBES_APART` d of each other."""
    regions = regionprops(labels)
    if len(regions) < 2:
        return labels
    points = [np.concatenate(contours(region.image))[:, 0] + region.bbox[1::-1] for region in regions]
    pairs = [
        (a, b)
        for a, b in itertools.combinations(range(len(regions)), 2)
        if min(regions[a].area, regions[b].area) < MOST_LOBE * RED_AREA
        and regions[a].area + regions[b].area < MOST_NUCLEUS * RED_AREA
        and _gap(points[a], points[b]) < LOBES_APART * WORKING
    ]
    near = np.zeros((len(regions), len(regions)), bool)
    near[tuple(np.array(pairs, int).reshape(-1, 2).T)] = True
    lookup = np.zeros(labels.max() + 1, np.int32)
    lookup[[region.label for region in regions]] = connected_components(near, directed=False)[1] + 1
    return lookup[labels]


def _gap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the least distance of two outlines, px; infinite where their boxes alone are too far apart."""
    away = np.maximum(one.min(0) - other.max(0), other.min(0) - one.max(0)).max()
    if away > LOBES_APART * WORKING:
        return np.inf
    return float(np.sqrt(((one[:, None].astype(np.float32) - other[None]) ** 2).sum(-1).min()))


def whole(labels: np.ndarray) -> np.ndarray:
    """Leave out nuclei that touch the border or are smaller than `LEAST`; returns labels 1, 2, …"""
    inner = clear_border(labels)
    small = np.bincount(inner.ravel()) < LEAST * RED_AREA
    return relabel_sequential(np.where(small[inner], 0, inner))[0].astype(np.int32)


def segment(density: np.ndarray, single: bool) -> np.ndarray:
    """Return the labels of the nuclei of one image's densities, int32, 0 outside, lobes of a nucleus alike."""
    mask = single_mask(density) if single else field_mask(density)
    return whole(merged(parted(mask)))


def find(image: np.ndarray, diameter: float) -> tuple[np.ndarray, np.ndarray]:
    """Find the nuclei of an image.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
    diameter : float
        Of its red cells, px (`scale.red_cell_diameter`).

    Returns
    -------
    density : float32, shape (h, w, 3)
        At `scale.WORKING` px a red cell.
    labels : int32, shape (h, w)
    """
    density = optical_density(resized(image, WORKING / diameter))
    return density, segment(density, is_single(image.shape, diameter))


def masks(image: np.ndarray, diameter: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of leukocytes and of their nuclei at the image's own size, bool (height, width) each.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
    diameter : float
        Of its red cells, px.
    """
    density, labels = find(image, diameter)
    parts = ((part > 0).astype(np.float32) for part in (bodies(density, labels), labels))
    whole, core = (cv2.resize(part, image.shape[1::-1]) >= 0.5 for part in parts)
    return whole, core


def bodies(density: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the labels of whole cells, int32, the same numbers as their nuclei's.

    Parameters
    ----------
    density : float32, shape (height, width, 3)
        See `scale.optical_density`.
    labels : int32, shape (height, width)
        Nuclei, see `segment`.

    Notes
    -----
    A pixel belongs to the nearest nucleus if it lies within its reach and stains at least as
    `PAPER` says, or `PALE` of its nucleus where that is less, and is not coloured as red cells are.
    """
    result = labels.copy()
    soft = cv2.GaussianBlur(density, (0, 0), 0.03 * WORKING)
    green = np.where(red(density, soft, labels > 0), 0, soft[..., 1])
    margin = round(MOST_REACH * WORKING) + 2
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        box = tuple(slice(max(part.start - margin, 0), part.stop + margin) for part in (rows, columns))
        own = labels[box] == number
        body = _body(own, green[box], labels[box])
        result[box][body & (result[box] == 0)] = number
    return result


def red(density: np.ndarray, soft: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Return where an image is coloured as its red cells, bool (height, width); nowhere where it shows few of them.

    Haemoglobin absorbs blue nearly as green, cytoplasm and chromatin much less: a pixel is red where OD_B / OD_G lies
    beyond `BETWEEN` of the way from the nuclei's median to that of the red cells.
    """
    cells = red_cells(density, WORKING) & ~core
    if cells.mean() < COMMON or not core.any():
        return np.zeros_like(core)
    ratio = soft[..., 2] / np.maximum(soft[..., 1], 1e-3)
    of_nuclei, of_red = np.median(ratio[core]), np.median(ratio[cells])
    return (ratio > of_nuclei + BETWEEN * (of_red - of_nuclei)) & ~core & (of_red > of_nuclei)


def _body(nucleus: np.ndarray, green: np.ndarray, labels: np.ndarray) -> np.ndarray:
    distance = cv2.distanceTransform((~nucleus).astype(np.uint8), cv2.DIST_L2, 5)
    others = (labels > 0) & ~nucleus
    nearer = np.zeros_like(nucleus)
    if others.any():
        nearer = cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, 5) < distance
    radius = np.sqrt(nucleus.sum() / np.pi)
    reach = np.clip(REACH * radius, LEAST_REACH * WORKING, MOST_REACH * WORKING)
    dark = (green > min(PALE * np.median(green[nucleus]), PAPER)) & (distance < reach) & ~nearer
    return joined(dark | nucleus, nucleus)


def joined(mask: np.ndarray, nucleus: np.ndarray) -> np.ndarray:
    """Return the piece of `mask` that holds the nucleus, bridges cut and holes filled."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc(THIN))
    pieces, _ = ndimage.label(opened.astype(bool) | nucleus)
    return filled(np.isin(pieces, pieces[nucleus]))
