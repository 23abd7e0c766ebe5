"""Patel & Mishra 2015 [8]: k-means, Zack's threshold, statistical, colour, geometric and texture features, an SVM.

The paper states (sections 2.1 and 4.4): handcrafted statistical features, an SVM, training and test by hold-out on 27
images, 93.75 %. It does not describe the segmentation, and the article itself was not available.

Assumptions: k-means with four clusters (nucleus, cytoplasm, red cells, background) on a* and b* of CIE Lab after a
median filter; the most purple cluster is the nucleus. Zack's triangle threshold on the green channel then segments the
whole leukocyte around it. k-means is initialised from four quantile groups of purple, so it is deterministic, and
estimates its centres from every seventh pixel. The SVM is linear, with scikit-learn's defaults, after standardisation.

Departures: as in `leuknet.baselines.handcrafted.putzu`.
"""

import warnings

import cv2
import numpy as np
from scipy.cluster.vq import kmeans2, vq
from skimage.color import rgb2lab

from leuknet.baselines.base import CellBaseline
from leuknet.baselines.handcrafted import imaging, measures

SHARES = (0.4, 0.7, 0.9)  # quantiles of purple that separate the four initial clusters
EACH = 7  # k-means estimates its centres from every seventh pixel


def segment(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of the leukocytes and of their nuclei."""
    filtered = cv2.medianBlur(image, 3)
    values = rgb2lab(filtered)[..., 1:].reshape(-1, 2)
    purple = imaging.purple(image).ravel()
    begin = np.digitize(purple, np.quantile(purple, SHARES))
    centres = [values[begin == k].mean(axis=0) if (begin == k).any() else values.mean(axis=0) for k in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a cluster may be empty in an image with few colours
        centres, _ = kmeans2(values[::EACH], np.array(centres), iter=15, minit="matrix")
    cluster = vq(values, centres)[0]
    most = max(range(4), key=lambda k: purple[cluster == k].mean() if (cluster == k).any() else -np.inf)
    core = imaging.opened((cluster == most).reshape(image.shape[:2]))
    return imaging.leukocytes(filtered, core), core


def numbers(cell: imaging.Cell) -> list:
    """Return the statistics, nucleus share, shapes, colour and texture of a leukocyte, 73 values in total."""
    levels = cell.grey[cell.whole] / 255
    statistics = [levels.mean(), levels.std(), np.median(levels), *np.quantile(levels, [0.1, 0.25, 0.75, 0.9])]
    stain = measures.colour(cell.image, cell.nucleus), measures.cooccurrence(cell.grey, cell.nucleus)
    return [statistics, [cell.share], *map(measures.shape, cell.masks), *stain]


def describe(image: np.ndarray) -> np.ndarray:
    """Return one row per leukocyte, float (cells, 73)."""
    body, core = segment(image)
    return imaging.each_cell(image, imaging.cleaned(imaging.separated(body)), core, numbers, 73)


class Patel(CellBaseline):
    """See the module docstring."""

    describe = staticmethod(describe)
    kernel = "linear"
