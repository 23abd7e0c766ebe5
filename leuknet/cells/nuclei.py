"""Nuclei of leukocytes: found without learning, at 40 px a red cell.

All functions but `find` work on optical densities, float32 (height, width, 3), of an image brought to `scale.WORKING`
px a red cell; areas are in red-cell areas, lengths in red-cell diameters (d).
"""

import cv2
import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from skimage.filters import threshold_multiotsu, threshold_otsu
from skimage.measure import label, regionprops
from skimage.segmentation import watershed

from leuknet.cells.scale import WORKING, optical_density, resized

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


def is_single(shape, diameter):
    """Return whether an image (height, width) shows one cell by its size: at most `SINGLE` red cells wide."""
    return max(shape[:2]) <= SINGLE * diameter


def chromatin(density, weight=1.0):
    """Return ``weight * OD_R + OD_G - OD_B``, float32, smoothed: chromatin's purple, in which red cells are weak."""
    values = weight * density[..., 0] + density[..., 1] - density[..., 2]
    return cv2.GaussianBlur(values, (0, 0), BLUR * WORKING)


def _otsu(values):
    low, high = float(values.min()), float(values.max())
    return threshold_otsu(values) if high > low else high


def _disc(diameter):
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(diameter * WORKING / 2) + 1,) * 2)


def tidy(mask):
    """Return the mask opened by a disc of `OPENING` d, holes filled, without specks."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _disc(OPENING))
    pieces = label(ndimage.binary_fill_holes(opened))
    large = np.bincount(pieces.ravel()) >= SPECK * RED_AREA
    large[0] = False
    return large[pieces]


def single_mask(density):
    """Return the mask of nuclei of a single-cell image: Otsu's threshold of the central window.

    Of `WEIGHTS` it takes the one whose threshold parts the window best (variance between the two sides over all of it).
    """
    _, mask = max((_central(chromatin(density, weight)) for weight in WEIGHTS), key=lambda pair: pair[0])
    return tidy(mask)


def _central(values):
    """Return how well Otsu's threshold parts the central window, 0 to 1, and all pixels above it."""
    reach = round(CENTRE * WORKING)
    row, column = (edge // 2 for edge in values.shape)
    window = values[max(row - reach, 0) : row + reach, max(column - reach, 0) : column + reach]
    above = window > _otsu(window)
    if not above.any():
        return 0.0, np.zeros(values.shape, bool)
    share, apart = above.mean(), window[above].mean() - window[~above].mean()
    return share * (1 - share) * apart**2 / window.var(), values > _otsu(window)


def field_mask(density):
    """Return the mask of nuclei of a field: of `WEIGHTS`, the one that gives most solid pieces (or the first)."""
    masks = [_seeded(chromatin(density, weight)) for weight in WEIGHTS]
    return max(masks, key=solid_pieces)


def solid_pieces(mask):
    """Return how many pieces are at least as large as a small nucleus and solid."""
    regions = regionprops(label(mask))
    return sum(LEAST * RED_AREA <= region.area <= 8 * RED_AREA and region.solidity >= SOLID for region in regions)


def _seeded(values):
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
        near = cv2.dilate((seeds[box] == place).astype(np.uint8), _disc(2 * AROUND)).astype(bool)
        mask[box] |= near & (values[box] > _otsu(values[box][near]))
    return tidy(mask)


def parted(mask):
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


def _cut(depth, mask):
    """Return one piece's parts, or the piece as 1 where a part would be too small or the neck is not narrow."""
    seeds, _ = ndimage.label(depth > 0.75 * depth.max())
    parts = watershed(-depth, seeds, mask=mask)
    areas = np.bincount(parts.ravel())[1:]
    return parts if areas.min() >= LEAST_PART * RED_AREA else mask.astype(np.int32)


def merged(labels):
    """Give pieces of one nucleus one label: small ones (lobes) within `LOBES_APART` d of each other."""
    regions = regionprops(labels)
    if len(regions) < 2:
        return labels
    outline = [cv2.findContours(r.image.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0] for r in regions]
    points = [np.concatenate(c)[:, 0] + (r.bbox[1], r.bbox[0]) for c, r in zip(outline, regions, strict=True)]
    pairs = [
        (a, b)
        for a in range(len(regions))
        for b in range(a)
        if min(regions[a].area, regions[b].area) < MOST_LOBE * RED_AREA
        and regions[a].area + regions[b].area < MOST_NUCLEUS * RED_AREA
        and _gap(points[a], points[b]) < LOBES_APART * WORKING
    ]
    if not pairs:
        return labels
    rows, columns = np.array(pairs).T
    graph = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(len(regions),) * 2)
    _, group = connected_components(graph, directed=False)
    lookup = np.zeros(labels.max() + 1, np.int32)
    lookup[[region.label for region in regions]] = group + 1
    return lookup[labels]


def _gap(one, other):
    """Return the least distance of two outlines, px; infinite where their boxes alone are too far apart."""
    away = np.maximum(one.min(0) - other.max(0), other.min(0) - one.max(0)).max()
    if away > LOBES_APART * WORKING:
        return np.inf
    return float(np.sqrt(((one[:, None].astype(np.float32) - other[None]) ** 2).sum(-1).min()))


def whole(labels):
    """Leave out nuclei that touch the border or are smaller than `LEAST`; returns labels 1, 2, …"""
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    areas = np.bincount(labels.ravel())
    good = areas >= LEAST * RED_AREA
    good[border] = good[0] = False
    return (np.cumsum(good) * good)[labels].astype(np.int32)


def segment(density, single):
    """Return the labels of the nuclei of one image's densities, int32, 0 outside, lobes of a nucleus alike."""
    mask = single_mask(density) if single else field_mask(density)
    return whole(merged(parted(mask)))


def find(image, diameter, single=None, white=None):
    """Find the nuclei of an image.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
    diameter : float
        Of its red cells, px (`scale.red_cell_diameter`).
    single : bool, optional
        Whether it shows one cell; by its size if not given (`is_single`).
    white : array_like, optional
        See `scale.optical_density`.

    Returns
    -------
    density : float32, shape (h, w, 3)
        At `scale.WORKING` px a red cell.
    labels : int32, shape (h, w)
    """
    density = optical_density(resized(image, WORKING / diameter), white)
    return density, segment(density, is_single(image.shape, diameter) if single is None else single)
