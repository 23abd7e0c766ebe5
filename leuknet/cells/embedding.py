"""Grey crops of cells, normalised by the density of their nuclei, and their features from a frozen ImageNet network."""

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from leuknet._random import rng
from leuknet.cells.scale import WORKING

if TYPE_CHECKING:
    from leuknet.models.features import FeatureExtractor

EDGE = 112  # px, edge of a crop
WIDE = 3.0  # red-cell diameters (d), edge of a crop on the slide
DARKEST = 2.0  # multiple of the nucleus' mean density that is black; higher densities are clipped
SOFT = 0.03  # d: blur of the mask's edge
BACKBONE, LAYER = "DenseNet169", "pool4_relu"
FALLBACK, FALLBACK_LAYER = "VGG16-nano", None  # its formula-driven weights are part of the package
ZOOM = (0.7, 1.4)
COPIES = 2  # zoomed copies of each training cell, in addition to the original


def crop(density: np.ndarray, nucleus: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Return a grey crop of one cell: white outside the cell, black at twice the mean density of its nucleus ("self").

    Parameters
    ----------
    density : float32, shape (height, width, 3)
        Optical density at `leuknet.cells.scale.WORKING` px per red cell.
    nucleus, body : bool, shape (height, width)

    Returns
    -------
    numpy.ndarray, uint8, shape (112, 112)
        A square of `WIDE` red-cell diameters around the centre of the nucleus' bounding box.
    """
    green = density[..., 1] / max(float(density[..., 1][nucleus].mean()), 1e-6)
    soft = cv2.GaussianBlur(body.astype(np.float32), (0, 0), SOFT * WORKING)
    rows, columns = np.nonzero(nucleus)
    centre = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
    factor = EDGE / (WIDE * WORKING)
    move = np.array([[factor, 0, EDGE / 2 - factor * centre[0]], [0, factor, EDGE / 2 - factor * centre[1]]])
    seen = cv2.warpAffine(np.clip(green, 0, DARKEST) * soft, move, (EDGE, EDGE), flags=cv2.INTER_AREA)
    return np.round(255 * (1 - seen / DARKEST)).astype(np.uint8)


def zoomed(picture: np.ndarray, factor: float) -> np.ndarray:
    """Return a crop scaled by `factor` around its centre and padded with white."""
    move = cv2.getRotationMatrix2D((EDGE / 2 - 0.5, EDGE / 2 - 0.5), 0, float(factor))
    return cv2.warpAffine(picture, move, (EDGE, EDGE), flags=cv2.INTER_LINEAR, borderValue=255)


def features(
    pictures: np.ndarray,
    blocks: np.ndarray,
    rows: np.ndarray,
    weights: str = "imagenet",
    copies: int = 0,
    seed: int = 0,
) -> tuple[np.ndarray, str]:
    """Return the features of selected cells of a cohort, and a caption with the network and its weights.

    A frozen network does not use labels, so its output is computed once per block, independently of the cells on which
    a fold trains, and cached.

    Parameters
    ----------
    pictures : uint8, shape (n, 112, 112)
        Crops of all cells.
    blocks : str, shape (n,)
        Data set of each cell; the cells of a data set are processed and cached together.
    rows : int array
        Indices of the selected cells.
    weights : {"imagenet", "formula", "random"}
        Unless "imagenet", a narrow VGG-16 with the weights of the package is used instead, as stated in the caption.
    copies : int
        Number of zoomed copies of each cell, which follow the original crops, copy by copy. The zoom factor is
        exp U(ln 0.7, ln 1.4), so that a classifier does not depend on an exact scale.
    seed : int
        Seed of the zoom factors.

    Returns
    -------
    numpy.ndarray, float32, shape ((1 + copies) * len(rows), d)
    str
    """
    parts, order = [], []
    for name in np.unique(blocks[rows]):
        where, wanted = np.flatnonzero(blocks == name), np.flatnonzero(blocks[rows] == name)
        block, places = pictures[where], np.searchsorted(where, rows[wanted])
        parts.append([_computed(block, weights, copy, seed)[places] for copy in range(1 + copies)])
        order.append(wanted)
    values = np.concatenate(parts, axis=1)[:, np.argsort(np.concatenate(order))]
    caption = f"{BACKBONE} ImageNet, {LAYER}" if weights == "imagenet" else f"{FALLBACK} formula-driven (stands in)"
    return values.reshape(-1, values.shape[-1]), caption


def _computed(pictures: np.ndarray, weights: str, copy: int, seed: int) -> np.ndarray:
    """Return the features of the crops of a block, original (copy 0) or zoomed; cached."""
    from keras.config import dtype_policy

    if copy:
        low, high = np.log(ZOOM)
        factors = np.exp(rng("zoom", seed, copy).uniform(low, high, len(pictures)))
        pictures = np.array([zoomed(picture, factor) for picture, factor in zip(pictures, factors, strict=True)])
    return _extractor(weights, dtype_policy().name)(np.repeat(pictures[..., None], 3, axis=-1))


@lru_cache(maxsize=1)  # build and trace once for all data sets, folds and copies
def _extractor(weights: str, policy: str) -> "FeatureExtractor":
    """Return the network of `features` for Keras' current dtype `policy`."""
    from leuknet.models.features import FeatureExtractor

    if weights == "imagenet":
        return FeatureExtractor(BACKBONE, weights, EDGE, LAYER)
    return FeatureExtractor(FALLBACK, "formula", EDGE, FALLBACK_LAYER)
