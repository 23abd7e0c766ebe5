"""Patel & Mishra 2015 [8]: k-means, Zack's threshold, statistical, colour, geometric and texture features, an SVM.

The paper says (sections 2.1 and 4.4): handcrafted statistical features, an SVM, training and test by hold-out on 27
images, 93.75 %. How it segments is not in the paper, and the article itself was not at hand.

Left open, and the reading taken: k-means with four clusters (nucleus, cytoplasm, red cells, background) on a* and b* of
CIE Lab after a median filter; the cluster with the most purple is the nucleus. Zack's triangle on the green channel
then takes the leukocyte's whole body around it. k-means begins from four shares of the image by purple, so it draws no
random number, and finds its centres from each seventh pixel. The SVM is linear with scikit-learn's defaults after
standardising.

Departures: as in `leuknet.baselines.handcrafted.putzu`.
"""

import warnings

import cv2
import numpy as np
from scipy.cluster.vq import kmeans2, vq
from skimage.color import rgb2lab

from leuknet.baselines.base import CellBaseline
from leuknet.baselines.handcrafted import imaging, measures

SHARES = (0.4, 0.7, 0.9)  # of the pixels by purple, where the four clusters begin
EACH = 7  # th pixel: from these k-means finds its centres


def segment(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of the leukocytes and of their nuclei."""
    filtered = cv2.medianBlur(image, 3)
    values = rgb2lab(filtered)[..., 1:].reshape(-1, 2)
    purple = imaging.purple(image).ravel()
    begin = np.digitize(purple, np.quantile(purple, SHARES))
    centres = [values[begin == k].mean(axis=0) if (begin == k).any() else values.mean(axis=0) for k in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # an image of few colours leaves a cluster empty
        centres, _ = kmeans2(values[::EACH], np.array(centres), iter=15, minit="matrix")
    cluster = vq(values, centres)[0]
    most = max(range(4), key=lambda k: purple[cluster == k].mean() if (cluster == k).any() else -np.inf)
    core = imaging.opened((cluster == most).reshape(image.shape[:2]))
    return imaging.leukocytes(filtered, core), core


def numbers(cell: imaging.Cell) -> list:
    """Return statistics, share of the nucleus, shapes, colour and texture of a leukocyte, 73 numbers in all."""
    levels = cell.grey[cell.whole] / 255
    statistics = [levels.mean(), levels.std(), np.median(levels), *np.quantile(levels, [0.1, 0.25, 0.75, 0.9])]
    stain = measures.colour(cell.image, cell.nucleus), measures.cooccurrence(cell.grey, cell.nucleus)
    return [statistics, [cell.share], *map(measures.shape, cell.masks), *stain]


def describe(image: np.ndarray) -> np.ndarray:
    """Return one row a leukocyte, float (cells, 73)."""
    body, core = segment(image)
    return imaging.each_cell(image, imaging.cleaned(imaging.separated(body)), core, numbers, 73)


class Patel(CellBaseline):
    """See the module's text."""

    describe = staticmethod(describe)
    kernel = "linear"
