"""The whole cell around each nucleus: nucleus and cytoplasm, at 40 px a red cell."""

import cv2
import numpy as np
from scipy import ndimage

from leuknet.cells.scale import WORKING, red_cells

REACH = 1.0  # cytoplasm lies within this share of the nucleus' radius (of a disc of equal area) around it
LEAST_REACH, MOST_REACH = 0.25, 0.6  # d
THIN = 0.2  # d: an opening this wide cuts the bridges to red cells next to the cell
PAPER = 0.2  # OD of green: what stains less is background
PALE = 0.25  # of the nucleus' median OD of green: and in a pale stain what stains less than that
COMMON = 0.12  # share of the image that red cells cover where their colour can be trusted
BETWEEN = 0.8  # how far from the nuclei's to the red cells' OD_B / OD_G the border to red cells lies


def bodies(density, labels):
    """Return the labels of whole cells, int32, the same numbers as their nuclei's.

    Parameters
    ----------
    density : float32, shape (height, width, 3)
        See `leuknet.cells.scale.optical_density`.
    labels : int32, shape (height, width)
        Nuclei, see `leuknet.cells.nuclei.segment`.

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


def red(density, soft, core):
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


def _body(nucleus, green, labels):
    distance = cv2.distanceTransform((~nucleus).astype(np.uint8), cv2.DIST_L2, 5)
    others = (labels > 0) & ~nucleus
    if others.any():
        nearer = cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, 5) < distance
    else:
        nearer = np.zeros_like(nucleus)
    radius = np.sqrt(nucleus.sum() / np.pi)
    reach = np.clip(REACH * radius, LEAST_REACH * WORKING, MOST_REACH * WORKING)
    dark = (green > min(PALE * np.median(green[nucleus]), PAPER)) & (distance < reach) & ~nearer
    return joined(dark | nucleus, nucleus)


def joined(mask, nucleus):
    """Return the piece of `mask` that holds the nucleus, bridges cut and holes filled."""
    width = 2 * round(THIN * WORKING / 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc)
    pieces, count = ndimage.label(opened.astype(bool) | nucleus)
    wanted = np.zeros(count + 1, bool)
    wanted[pieces[nucleus]] = True
    return ndimage.binary_fill_holes(wanted[pieces])
