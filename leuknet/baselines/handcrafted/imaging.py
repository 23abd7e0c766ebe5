"""Image processing shared by the handcrafted baselines: segmentation of nuclei and leukocytes, and the loop over cells.

Images are RGB, uint8, shape (height, width, 3); masks are bool, shape (height, width); lengths are in pixels.
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

SMALLEST = 12  # px, minimum area of a nucleus
REACH = 0.8  # maximum distance of cytoplasm from the nucleus, as a share of the nucleus' equivalent radius
SOLID = 0.75  # minimum of area over convex area; below it is debris or an unseparated clump
MOST_CELLS = 40


def smooth(channel: np.ndarray) -> np.ndarray:
    """Return the channel, float32, after a Gaussian filter of 1 px."""
    return cv2.GaussianBlur(np.asarray(channel, np.float32), (0, 0), 1.0)


def purple(image: np.ndarray) -> np.ndarray:
    """Return log(B / G), float32, smoothed: the excess absorption of green over blue.

    Romanowsky stains colour chromatin purple, which absorbs mainly green; red cells absorb green and blue equally, and
    the colour of the light source only shifts the entire image.
    """
    light = np.asarray(image, np.float32) + 1
    return smooth(np.log(light[..., 2] / light[..., 1]))


def yellow(image: np.ndarray) -> np.ndarray:
    """Return the CMYK yellow channel, float32 in [0, 1], smoothed: (1 - B - K) / (1 - K) with K = 1 - max(R, G, B)."""
    rgb = np.asarray(image, np.float32) / 255
    brightest = rgb.max(axis=-1)
    return smooth((brightest - rgb[..., 2]) / np.maximum(brightest, 1e-6))


def opened(mask: np.ndarray, size: int = 3) -> np.ndarray:
    """Return the mask after a morphological opening with a disc of `size` px, without components below `SMALLEST`."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    rest = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    return remove_small_objects(rest, max_size=SMALLEST - 1, connectivity=2)


def nuclei(image: np.ndarray) -> np.ndarray:
    """Return the mask of all nuclei: `purple` above Otsu's threshold, opened."""
    values = purple(image)
    return opened(values > otsu(values))


def leukocytes(image: np.ndarray, core: np.ndarray | None = None) -> np.ndarray:
    """Return the mask of all leukocytes: the nuclei and adjacent pixels that are darker in green than the background.

    The background is separated by Zack's threshold (the triangle method); `near` excludes red cells.
    """
    core = nuclei(image) if core is None else core
    if not core.any():
        return core
    green = smooth(image[..., 1])
    return joined(((green < threshold_triangle(green)) & near(core)) | core, core)


def near(core: np.ndarray) -> np.ndarray:
    """Return the mask of pixels within `REACH` radii of a nucleus; each component has its own radius."""
    distance, (row, column) = ndimage.distance_transform_edt(~core, return_indices=True)
    pieces = label(core)
    radius = np.sqrt(np.bincount(pieces.ravel()) / np.pi)
    return distance < REACH * radius[pieces[row, column]]


def joined(body: np.ndarray, core: np.ndarray) -> np.ndarray:
    """Return the connected components of `body` that contain a pixel of `core`."""
    pieces = label(body)
    return np.isin(pieces, pieces[core & body])


def separated(mask: np.ndarray) -> np.ndarray:
    """Separate touching cells by a watershed of the distance to the border; return labels, int, 0 outside.

    Seeds are the pixels deeper than 0.6 of the greatest depth of their component, so that no component is lost.
    """
    pieces = label(mask)
    depth = smooth(ndimage.distance_transform_edt(mask))
    deepest = ndimage.maximum(depth, pieces, np.arange(pieces.max() + 1))
    seeds = label(mask & (depth > 0.6 * np.asarray(deepest)[pieces]))
    return watershed(-depth, seeds, mask=mask)


def hull(mask: np.ndarray) -> np.ndarray:
    """Return the corners of the convex hull of a mask's pixels as (x, y), int32, shape (corners, 2)."""
    return cv2.convexHull(np.argwhere(mask)[:, ::-1].astype(np.int32))[:, 0]


def solidity(mask: np.ndarray, corners: np.ndarray | None = None) -> float:
    """Return the pixel count of a mask over that of its convex hull, computed from the hull by Pick's theorem."""
    corners = hull(mask) if corners is None else corners
    on_border = np.gcd(*np.abs(np.roll(corners, 1, axis=0) - corners).T).sum()
    return float(np.sum(mask) / (cv2.contourArea(corners) + on_border / 2 + 1))


def cleaned(labels: np.ndarray) -> np.ndarray:
    """Remove cells that touch the image border, are debris or are not solid; keep all cells if none would remain."""
    regions = regionprops(clear_border(labels))
    if not regions:
        return labels
    usual = np.median([region.area for region in regions])
    good = [region.label for region in regions if region.area >= usual / 4 and solidity(region.image) >= SOLID]
    return np.where(np.isin(labels, good), labels, 0) if good else labels


@dataclass(frozen=True)
class Cell:
    """One cell, cropped to its bounding box.

    Attributes
    ----------
    rank : int
        Rank by area within the image; 0 is the largest cell.
    image : uint8, shape (h, w, 3)
    grey : uint8, shape (h, w)
    whole, nucleus : bool, shape (h, w)
        Masks of the whole cell and of its nucleus.
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
        """Ratio of the nucleus' area to the cell's area."""
        return self.nucleus.sum() / self.whole.sum()


def each_cell(
    image: np.ndarray, labels: np.ndarray, core: np.ndarray, measure: Callable[[Cell], Sequence], columns: int
) -> np.ndarray:
    """Return one row of features per cell, float (cells, columns), for at most `MOST_CELLS` cells, largest first.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
    labels : int, shape (height, width)
        Labels of the cells, 0 outside.
    core : bool, shape (height, width)
        Mask of the nuclei.
    measure : callable
        Function that maps a `Cell` to a list of vectors, with `columns` values in total.
    columns : int
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    regions = sorted(regionprops(labels), key=lambda region: (-region.area, region.label))
    rows = []
    for rank, region in enumerate(region for region in regions[:MOST_CELLS] if region.area >= SMALLEST):
        box, whole = region.slice, labels[region.slice] == region.label
        rows.append(np.concatenate(measure(Cell(rank, image[box], grey[box], whole, core[box] & whole))))
    return np.array(rows).reshape(len(rows), columns)
