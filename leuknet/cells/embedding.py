"""A cell as a small grey picture that its own nucleus normalises, and a frozen ImageNet network's features of it."""

from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from leuknet._random import rng
from leuknet.cells.scale import WORKING

if TYPE_CHECKING:
    from leuknet.models.features import FeatureExtractor

EDGE = 112  # px of the picture
WIDE = 3.0  # d: its edge on the slide
DARKEST = 2.0  # densities above twice the nucleus' mean are drawn black
SOFT = 0.03  # d: blur of the mask's edge
BACKBONE, LAYER = "DenseNet169", "pool4_relu"
FALLBACK, FALLBACK_LAYER = "VGG16-nano", None  # whose formula-driven weights the package ships
ZOOM = (0.7, 1.4)
COPIES = 2  # zoomed pictures of each training cell, next to the one as it is


def crop(density: np.ndarray, nucleus: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Return one cell as uint8 (112, 112): white where it is not, black at twice the nucleus' mean density ("self").

    Parameters
    ----------
    density : float32, shape (height, width, 3)
        At `leuknet.cells.scale.WORKING` px a red cell.
    nucleus, body : bool, shape (height, width)

    Returns
    -------
    numpy.ndarray, uint8, shape (112, 112)
        A square of `WIDE` red-cell diameters around the middle of the nucleus' box; all but the cell is masked.
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
    """Return a crop enlarged by `factor` around its middle, white where nothing was cut."""
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
    """Return features of some of a cohort's cells, and what the network began from, as captions print it.

    A frozen network uses no label, so it sees each block of pictures once, whatever cells a fold trains on; its output
    is kept by content.

    Parameters
    ----------
    pictures : uint8, shape (n, 112, 112)
        Of all cells.
    blocks : str, shape (n,)
        Data sets: what is kept together.
    rows : int array
        The cells that are needed.
    weights : {"imagenet", "formula", "random"}
        Without "imagenet" a narrow VGG-16 with the package's own weights stands in, and the caption names it.
    copies : int
        Zoomed pictures of each cell that follow the plain ones, copy after copy. The factor is exp U(ln 0.7, ln 1.4): a
        classifier must not rest on the last few per cent of the scale.
    seed : int
        Of the factors.

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
    """Return the features of a block's pictures, as they are (copy 0) or zoomed; from the cache once known."""
    from keras.config import dtype_policy

    if copy:
        low, high = np.log(ZOOM)
        factors = np.exp(rng("zoom", seed, copy).uniform(low, high, len(pictures)))
        pictures = np.array([zoomed(picture, factor) for picture, factor in zip(pictures, factors, strict=True)])
    return _extractor(weights, dtype_policy().name)(np.repeat(pictures[..., None], 3, axis=-1))


@lru_cache(maxsize=1)  # built and traced once for all data sets, folds and copies
def _extractor(weights: str, policy: str) -> "FeatureExtractor":
    """Return the network of `features` under Keras' current dtype `policy`."""
    from leuknet.models.features import FeatureExtractor

    if weights == "imagenet":
        return FeatureExtractor(BACKBONE, weights, EDGE, LAYER)
    return FeatureExtractor(FALLBACK, "formula", EDGE, FALLBACK_LAYER)
