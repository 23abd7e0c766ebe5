"""Segmentation of the nuclei of leukocytes and of whole cells without learning, at 40 px per red cell.

Except for `find` and `masks`, functions take optical densities, float32 (height, width, 3), of an image scaled to
`scale.WORKING` px per red cell. Areas are in red-cell areas, lengths in red-cell diameters (d).
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
CENTRE = 1.5  # d: half the edge of the central window for Otsu's threshold in a single-cell image
AROUND = 0.8  # d: radius of the neighbourhood for Otsu's threshold around a seed in a field
WEIGHTS = (1.0, 0.4, 0.0)  # of OD_R, all tried: with some stains, red cells have high OD_R
SOLID = 0.85  # minimum of area over convex area for a nucleus or a lobe
OPENING = 0.12  # d
LEAST_PART = 0.6  # red-cell areas: minimum area of the parts into which a component is divided
LOBES_APART = 0.375  # d: maximum distance between the outlines of lobes of one nucleus
LEAST = 0.3  # red-cell areas: minimum area of a nucleus
SPECK = 0.05  # red-cell areas: minimum area of a lobe
MOST_LOBE = 0.9  # red-cell areas: larger components are separate nuclei, not lobes
MOST_NUCLEUS = 2.4  # red-cell areas: two components with a larger total area are two nuclei
SINGLE = 6.0  # d: maximum longer edge of a single-cell image
RED_AREA = np.pi * (WORKING / 2) ** 2  # px

# Whole cells
REACH = 1.0  # maximum distance of cytoplasm from the nucleus, as a share of the nucleus' equivalent radius
LEAST_REACH, MOST_REACH = 0.25, 0.6  # d
THIN = 0.2  # d: diameter of the opening that removes bridges to adjacent red cells
PAPER = 0.2  # OD of green: lower values are background
PALE = 0.25  # share of the nucleus' median OD of green that replaces `PAPER` in pale stains, if it is lower
COMMON = 0.12  # minimum share of the image covered by red cells for their colour to be used
BETWEEN = 0.8  # threshold for red cells, as a share of the way from the OD_B / OD_G of nuclei to that of red cells


def is_single(shape: tuple[int, ...], diameter: float) -> bool:
    """Return whether an image (height, width) shows a single cell, i.e. is at most `SINGLE` red cells wide."""
    return max(shape[:2]) <= SINGLE * diameter


def chromatin(density: np.ndarray, weight: float = 1.0) -> np.ndarray:
    """Return ``weight * OD_R + OD_G - OD_B``, float32, smoothed: high in purple chromatin, low in red cells."""
    values = weight * density[..., 0] + density[..., 1] - density[..., 2]
    return cv2.GaussianBlur(values, (0, 0), BLUR * WORKING)


def disc(diameter: float) -> np.ndarray:
    """Return a disc of `diameter` d as a structuring element of odd width, uint8."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(diameter * WORKING / 2) + 1,) * 2)


def tidy(mask: np.ndarray) -> np.ndarray:
    """Return the mask after opening with a disc of `OPENING` d, filling of holes and removal of specks."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc(OPENING))
    return remove_small_objects(filled(opened > 0), max_size=int(SPECK * RED_AREA), connectivity=2)


def single_mask(density: np.ndarray) -> np.ndarray:
    """Return the mask of the nuclei of a single-cell image, by Otsu's threshold of the central window.

    The weight of `WEIGHTS` with the best separation (between-class variance over total variance) is used.
    """
    _, mask = max((_central(chromatin(density, weight)) for weight in WEIGHTS), key=lambda pair: pair[0])
    return tidy(mask)


def _central(values: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the separability of the central window by Otsu's threshold, 0 to 1, and the mask of pixels above it."""
    reach = round(CENTRE * WORKING)
    row, column = (edge // 2 for edge in values.shape)
    window = values[max(row - reach, 0) : row + reach, max(column - reach, 0) : column + reach]
    above = window > otsu(window)
    if not above.any():
        return 0.0, np.zeros(values.shape, bool)
    share, apart = above.mean(), window[above].mean() - window[~above].mean()
    return share * (1 - share) * apart**2 / window.var(), values > otsu(window)


def field_mask(density: np.ndarray) -> np.ndarray:
    """Return the mask of the nuclei of a field, for the first of `WEIGHTS` that gives the most solid components."""
    masks = [_seeded(chromatin(density, weight)) for weight in WEIGHTS]
    return max(masks, key=solid_pieces)


def solid_pieces(mask: np.ndarray) -> int:
    """Return the number of solid components at least as large as a small nucleus."""
    regions = regionprops(label(mask))
    return sum(LEAST * RED_AREA <= region.area <= 8 * RED_AREA and region.solidity >= SOLID for region in regions)


def _seeded(values: np.ndarray) -> np.ndarray:
    """Return the mask of pixels within `AROUND` d of a coarse seed and above the seed's own Otsu threshold."""
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
    """Separate touching nuclei by a watershed of the distance to the border; return labels, int32, 0 outside.

    Components are divided only if each part has at least `LEAST_PART` red-cell areas, so that lobes are not separated.
    """
    pieces = label(mask).astype(np.int32)
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    depth = cv2.GaussianBlur(inside, (0, 0), 0.05 * WORKING)
    result, fresh = np.zeros_like(pieces), 1
    for region in regionprops(pieces):
        own = np.where(region.image, depth[region.slice], 0)
        parts = _cut(own, region.image) if region.area >= 2 * LEAST_PART * RED_AREA else region.image.astype(np.int32)
        result[region.slice][region.image] = parts[region.image] + fresh - 1
        fresh += int(parts.max())
    return result


def _cut(depth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the labels of the parts of a component, or of the whole if its neck is wide or a part is too small."""
    seeds, _ = ndimage.label(depth > 0.75 * depth.max())
    parts = watershed(-depth, seeds, mask=mask)
    areas = np.bincount(parts.ravel())[1:]
    return parts if areas.min() >= LEAST_PART * RED_AREA else mask.astype(np.int32)


def contours(mask: np.ndarray) -> Sequence[np.ndarray]:
    """Return the outer outlines of the components of a mask as (x, y), each int32 (n, 1, 2)."""
    return cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]  # type: ignore[return-value]


def merged(labels: np.ndarray) -> np.ndarray:
    """Assign one label to the lobes of a nucleus: small components within `LOBES_APART` d of each other."""
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
    """Return the minimum distance between two outlines, px; infinite if their bounding boxes are too far apart."""
    away = np.maximum(one.min(0) - other.max(0), other.min(0) - one.max(0)).max()
    if away > LOBES_APART * WORKING:
        return np.inf
    return float(np.sqrt(((one[:, None].astype(np.float32) - other[None]) ** 2).sum(-1).min()))


def whole(labels: np.ndarray) -> np.ndarray:
    """Remove nuclei that touch the border or are smaller than `LEAST`; return labels 1, 2, …"""
    inner = clear_border(labels)
    small = np.bincount(inner.ravel()) < LEAST * RED_AREA
    return relabel_sequential(np.where(small[inner], 0, inner))[0].astype(np.int32)


def segment(density: np.ndarray, single: bool) -> np.ndarray:
    """Return the labels of the nuclei, int32, 0 outside, from an image's densities; lobes share the nucleus' label."""
    mask = single_mask(density) if single else field_mask(density)
    return whole(merged(parted(mask)))


def find(image: np.ndarray, diameter: float) -> tuple[np.ndarray, np.ndarray]:
    """Segment the nuclei of an image.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
    diameter : float
        Diameter of its red cells, px (`scale.red_cell_diameter`).

    Returns
    -------
    density : float32, shape (h, w, 3)
        Optical density at `scale.WORKING` px per red cell.
    labels : int32, shape (h, w)
    """
    density = optical_density(resized(image, WORKING / diameter))
    return density, segment(density, is_single(image.shape, diameter))


def masks(image: np.ndarray, diameter: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of leukocytes and of their nuclei at the size of the image, bool (height, width) each.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
    diameter : float
        Diameter of its red cells, px.
    """
    density, labels = find(image, diameter)
    parts = ((part > 0).astype(np.float32) for part in (bodies(density, labels), labels))
    whole, core = (cv2.resize(part, image.shape[1::-1]) >= 0.5 for part in parts)
    return whole, core


def bodies(density: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the labels of whole cells, int32, equal to those of their nuclei.

    Parameters
    ----------
    density : float32, shape (height, width, 3)
        See `scale.optical_density`.
    labels : int32, shape (height, width)
        Labels of the nuclei, see `segment`.

    Notes
    -----
    A pixel belongs to the nearest nucleus if it is within the reach of the nucleus, its density exceeds `PAPER` or
    `PALE` times that of the nucleus, whichever is less, and it does not have the colour of red cells.
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
    """Return the mask of pixels with the colour of red cells, bool (height, width); empty if there are few red cells.

    Haemoglobin absorbs blue nearly as strongly as green, cytoplasm and chromatin much less. A pixel is red if its
    OD_B / OD_G is beyond `BETWEEN` of the way from the median of the nuclei to that of the red cells.
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
    """Return the component of `mask` that contains the nucleus, after removal of bridges and filling of holes."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc(THIN))
    pieces, _ = ndimage.label(opened.astype(bool) | nucleus)
    return filled(np.isin(pieces, pieces[nucleus]))
