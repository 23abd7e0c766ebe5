"""Image processing that the handcrafted baselines share: finding nuclei and leukocytes, and the loop over cells.

All take RGB, uint8, shape (height, width, 3), and lengths in pixels; masks are bool, shape (height, width).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage
from skimage.filters import threshold_triangle
from skimage.measure import label, regionprops
from skimage.morphology import remove_small_objects
from skimage.segmentation import clear_border, watershed

from leuknet.cells.scale import otsu

SMALLEST = 12  # px: fewer are no nucleus
REACH = 0.8  # cytoplasm lies within this share of the nucleus' radius around it (radius of a disc of equal area)
SOLID = 0.75  # area over convex area: less is debris or a clump that no cut has parted
MOST_CELLS = 40


def smooth(channel: np.ndarray) -> np.ndarray:
    """Return the channel, float32, after a Gaussian filter of 1 px."""
    return cv2.GaussianBlur(np.asarray(channel, np.float32), (0, 0), 1.0)


def purple(image: np.ndarray) -> np.ndarray:
    """Return log(B / G), float32, smoothed: how much more green than blue is absorbed.

    Chromatin takes the purple of Romanowsky stains, which absorbs green most; red cells absorb green and blue alike,
    and the lamp's colour only shifts the whole image.
    """
    light = np.asarray(image, np.float32) + 1
    return smooth(np.log(light[..., 2] / light[..., 1]))


def yellow(image: np.ndarray) -> np.ndarray:
    """Return the yellow of CMYK, float32 in [0, 1], smoothed: (1 - B - K) / (1 - K) with K = 1 - max(R, G, B)."""
    rgb = np.asarray(image, np.float32) / 255
    brightest = rgb.max(axis=-1)
    return smooth((brightest - rgb[..., 2]) / np.maximum(brightest, 1e-6))


def opened(mask: np.ndarray, size: int = 3) -> np.ndarray:
    """Return the mask after a morphological opening with a disc of `size` px, without pieces below `SMALLEST`."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    rest = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    return remove_small_objects(rest, max_size=SMALLEST - 1, connectivity=2)


def nuclei(image: np.ndarray) -> np.ndarray:
    """Return the mask of all nuclei: `purple` above Otsu's threshold, opened."""
    values = purple(image)
    return opened(values > otsu(values))


def leukocytes(image: np.ndarray, core: np.ndarray | None = None) -> np.ndarray:
    """Return the mask of all leukocytes: the nuclei and what is darker in green than the background around them.

    The background's end is Zack's threshold (the triangle method); red cells are kept away by `near`.
    """
    core = nuclei(image) if core is None else core
    if not core.any():
        return core
    green = smooth(image[..., 1])
    return joined(((green < threshold_triangle(green)) & near(core)) | core, core)


def near(core: np.ndarray) -> np.ndarray:
    """Return what lies within `REACH` radii of a nucleus, each piece having its own radius."""
    distance, (row, column) = ndimage.distance_transform_edt(~core, return_indices=True)
    pieces = label(core)
    radius = np.sqrt(np.bincount(pieces.ravel()) / np.pi)
    return distance < REACH * radius[pieces[row, column]]


def joined(body: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Return the pieces of `body` that hold a pixel of `core`."""
    pieces = label(body)
    return np.isin(pieces, pieces[core & body])


def separated(mask: np.ndarray) -> np.ndarray:
    """Part cells that touch, by a watershed of the distance to the border; returns labels, int, 0 outside.

    A seed is what lies deeper than 0.6 of its own piece's greatest depth, so that no piece is lost.
    """
    pieces = label(mask)
    depth = smooth(ndimage.distance_transform_edt(mask))
    deepest = ndimage.maximum(depth, pieces, np.arange(pieces.max() + 1))
    seeds = label(mask & (depth > 0.6 * np.asarray(deepest)[pieces]))
    return watershed(-depth, seeds, mask=mask)


def hull(mask: np.ndarray) -> np.ndarray:
    """Return the corners of the convex hull of a mask's pixels, int32 (corners, 2), x before y."""
    return cv2.convexHull(np.argwhere(mask)[:, ::-1].astype(np.int32))[:, 0]


def solidity(mask: np.ndarray, corners: np.ndarray | None = None) -> float:
    """Return a mask's pixels over those within its convex hull, which Pick's theorem counts from the hull's corners."""
    corners = hull(mask) if corners is None else corners
    on_border = np.gcd(*np.abs(np.roll(corners, 1, axis=0) - corners).T).sum()
    return float(np.sum(mask) / (cv2.contourArea(corners) + on_border / 2 + 1))


def cleaned(labels: np.ndarray) -> np.ndarray:
    """Leave out cells that touch the image's border, are debris or no solid body; keep all if none would be left."""
    regions = regionprops(clear_border(labels))
    if not regions:
        return labels
    usual = np.median([region.area for region in regions])
    good = [region.label for region in regions if region.area >= usual / 4 and solidity(region.image) >= SOLID]
    return np.where(np.isin(labels, good), labels, 0) if good else labels


@dataclass(frozen=True)
class Cell:
    """One cell within its box.

    Attributes
    ----------
    rank : int
        0 is the largest cell of its image.
    image : uint8, shape (h, w, 3)
    grey : uint8, shape (h, w)
    whole, nucleus : bool, shape (h, w)
        Masks; the nucleus lies within the whole.
    """

    rank: int
    image: np.ndarray
    grey: np.ndarray
    whole: np.ndarray
    nucleus: np.ndarray

    @property
    def masks(self) -> tuple[np.ndarray, np.ndarray]:
        """Both masks."""
        return self.whole, self.nucleus

    @property
    def share(self) -> float:
        """The nucleus' share of the cell's area."""
        return self.nucleus.sum() / self.whole.sum()


def each_cell(
    image: np.ndarray, labels: np.ndarray, core: np.ndarray, measure: Callable[[Cell], Sequence], columns: int
) -> np.ndarray:
    """Return a row of numbers for each cell, float (cells, columns), largest first, of at most `MOST_CELLS`.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
    labels : int, shape (height, width)
        Cells, 0 outside.
    core : bool, shape (height, width)
        Nuclei.
    measure : callable
        `Cell` to list of vectors, `columns` numbers in all.
    columns : int
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    regions = sorted(regionprops(labels), key=lambda region: (-region.area, region.label))
    rows = []
    for rank, region in enumerate(region for region in regions[:MOST_CELLS] if region.area >= SMALLEST):
        box, whole = region.slice, labels[region.slice] == region.label
        rows.append(np.concatenate(measure(Cell(rank, image[box], grey[box], whole, core[box] & whole))))
    return np.array(rows).reshape(len(rows), columns)
