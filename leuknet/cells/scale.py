"""Optical density, and estimation of the physical scale of an image from the diameter of its red cells.

Red cells of healthy donors have a diameter of 7.2 µm, so their diameter in px brings images of all microscopes to a
common scale. Lengths are in pixels unless stated otherwise; images are RGB, uint8, shape (height, width, 3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.signal import find_peaks
from skimage.filters import threshold_otsu

import leuknet.data
from leuknet._random import rng
from leuknet.data.registry import plain
from leuknet.exceptions import LeuknetError

RED_CELL = 7.2  # µm
WORKING = 40.0  # px per red cell: the scale at which cells are segmented and described
STEPS = np.geomspace(0.72, 1.4, 24)  # candidate diameters, as shares of the nominal diameter
PRIOR = 0.25  # s.d. of the log-Gaussian prior around the nominal diameter
BLUE_OF_CHROMATIN = 0.4  # OD_B / OD_G: lower in nuclei (0.2 to 0.3 in five sources), higher in red cells (0.5 to 0.7)
CELL_OF_VOTES = 0.1  # edge of a bin of the accumulator, as a share of the diameter
FEWEST_EDGES = 120  # minimum px of red-cell outline at `WORKING`: about one whole cell
SEARCHED = np.geomspace(10, 140, 7)  # candidate nominal diameters for an unknown data set, px
AROUND = np.geomspace(0.8, 1.25, 9)  # factors tried around each candidate
COARSE = 20.0  # px per red cell, maximum scale for testing the candidates
SAMPLE = 8  # number of images used per data set
RESOURCE = Path(leuknet.data.__file__).parent / "resources" / "red_cells.csv"


@dataclass(frozen=True)
class Scale:
    """The measured or assumed diameter of an image's red cells.

    Attributes
    ----------
    diameter : float
        In pixels of the image.
    measured : bool
        False if the image shows no measurable red cells; `diameter` is then the nominal diameter.
    """

    diameter: float
    measured: bool


def white_point(image: np.ndarray) -> np.ndarray:
    """Return the light through the empty slide in grey levels, float32 (3,): the brightest mode of the green channel.

    A mode is a peak of the smoothed histogram with at least a tenth of the height of the highest peak. The result is
    the median of each channel over the pixels of this mode.
    """
    green = image[..., 1]
    counts = ndimage.gaussian_filter1d(np.bincount(green.ravel(), minlength=256).astype(float), 3, mode="constant")
    peaks, _ = find_peaks(np.pad(counts, 1), height=0.1 * counts.max())
    mode = int(peaks[-1]) - 1
    return np.median(image[np.abs(green.astype(int) - mode) <= 4], axis=0).astype(np.float32)


def optical_density(image: np.ndarray) -> np.ndarray:
    """Return -ln((I + 1) / (W + 1)) per channel, float32, clipped at 0, where W is the `white_point` of the image."""
    levels = np.arange(256, dtype=np.float32)[:, None]
    table = np.maximum(np.log(white_point(image) + 1) - np.log(levels + 1), 0)
    return cv2.LUT(np.ascontiguousarray(image), table[None])


def resized(image: np.ndarray, factor: float) -> np.ndarray:
    """Return the image scaled by `factor`, with area interpolation for shrinking and linear for enlarging."""
    if factor == 1:
        return image
    size = tuple(max(1, round(edge * factor)) for edge in image.shape[1::-1])
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)


def red_cells(density: np.ndarray, nominal: float) -> np.ndarray:
    """Return the filled mask of stained structures other than nuclei: red cells and outer cytoplasm.

    Chromatin exceeds Otsu's threshold on OD_R + OD_G - OD_B and absorbs little blue. In the region away from nuclei,
    Otsu's threshold on OD_G then separates stained structures from the background.
    """
    soft = cv2.GaussianBlur(density, (0, 0), 0.04 * nominal)
    green, purple = soft[..., 1], soft[..., 0] + soft[..., 1] - soft[..., 2]
    dark = (purple > otsu(purple)) & (soft[..., 2] < BLUE_OF_CHROMATIN * green)
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(0.35 * nominal) + 1,) * 2)
    near = cv2.dilate(dark.astype(np.uint8), reach).astype(bool)
    rest = ~near
    if rest.sum() < nominal**2:
        return np.zeros_like(dark)
    mask = (green > otsu(green[rest])) & rest
    return filled(mask) & rest


def filled(mask: np.ndarray) -> np.ndarray:
    """Return a mask, bool (height, width), with its holes filled (background not 4-connected to the border).

    The result equals that of ``scipy.ndimage.binary_fill_holes``, which dilates iteratively and is much slower.
    """
    _, pieces = cv2.connectedComponents((~mask).astype(np.uint8), connectivity=4)
    outside = np.zeros(pieces.max() + 1, bool)
    outside[np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])] = True
    return mask | ~outside[pieces]


def otsu(values: np.ndarray) -> float:
    """Return Otsu's threshold, or the maximum if all values are equal (so that no value exceeds it)."""
    low, high = float(values.min()), float(values.max())
    return threshold_otsu(values) if high > low else high


def _edges(density: np.ndarray, nominal: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions (n, 2) and inward unit normals (n, 2) of the outlines of red cells, as (x, y)."""
    mask = red_cells(density, nominal)
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.05 * nominal)
    dx, dy = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
    rows, columns = np.nonzero(outline)
    normal = np.stack([dx[rows, columns], dy[rows, columns]], 1)
    length = np.linalg.norm(normal, axis=1)
    sharp = length > 0.2 * np.median(length) if len(length) else np.zeros(0, bool)
    return np.stack([columns, rows], 1)[sharp].astype(np.float32), normal[sharp] / length[sharp, None]


def _concentration(places: np.ndarray, normals: np.ndarray, diameter: float) -> float:
    """Return the share of a full outline whose votes fall into the bin of a typical vote, for this diameter."""
    cell = CELL_OF_VOTES * diameter
    x, y = np.floor((places + diameter / 2 * normals) / cell).astype(int).T
    _, counts = np.unique(x.astype(np.int64) * 1_000_003 + y, return_counts=True)
    return float((counts**2).sum() / counts.sum() / (np.pi * diameter))


def red_cell_diameter(image: np.ndarray, nominal: float) -> Scale:
    """Measure the diameter of the red cells of an image.

    Each pixel of the outline of a red cell votes for a centre half a diameter away along its inward normal; for the
    correct diameter, the votes of an outline coincide.

    Parameters
    ----------
    image : uint8, shape (height, width, 3)
    nominal : float
        Expected diameter, px; diameters of 0.72 to 1.4 times this value are tested.

    Returns
    -------
    Scale
        The nominal diameter with ``measured=False`` if the image has no outlines of red cells.
    """
    factor = WORKING / nominal
    places, normals = _edges(optical_density(resized(image, factor)), factor * nominal)
    if len(places) < FEWEST_EDGES * factor * nominal / WORKING:
        return Scale(float(nominal), False)
    votes = [_concentration(places, normals, factor * nominal * step) for step in STEPS]
    best = np.argmax(votes * np.exp(-0.5 * (np.log(STEPS) / PRIOR) ** 2))
    return Scale(float(nominal * STEPS[best]), True)


@cache
def nominal_diameter(data_set: str) -> float | None:
    """Return the known red-cell diameter of a data set, px, or None (case and punctuation of the name are ignored)."""
    table = pd.read_csv(RESOURCE).set_index("name")["diameter"].rename(plain)
    return float(table[plain(data_set)]) if plain(data_set) in table else None


def estimated_diameter(images: Sequence[np.ndarray], name: str = "these images") -> float:
    """Estimate the nominal diameter of an unknown data set from its images, without labels.

    The votes around each diameter of `SEARCHED` are summed over images; the result is the mode of the sum.

    Parameters
    ----------
    images : sequence of uint8 images
        At most `SAMPLE` of them, evenly spaced, are used.
    name : str
        Name of the data set in the error message.

    Raises
    ------
    LeuknetError
        If no image shows red cells; the user must then specify the nominal diameter.
    """
    chosen = np.unique(np.linspace(0, len(images) - 1, min(SAMPLE, len(images))).astype(int))
    total = np.sum([[_searched(images[i], nominal) for nominal in SEARCHED] for i in chosen], axis=0)
    if not (total > 0).any():
        raise LeuknetError(f"no red cells in {name}: give the red cell's diameter in px")
    return float(np.outer(SEARCHED, AROUND).ravel()[total.argmax()])


def _searched(image: np.ndarray, nominal: float) -> np.ndarray:
    """Return the votes around one nominal diameter, less those of randomly permuted normals, which agree by chance.

    All are 0 if the image is narrower than two such cells or has no outlines.
    """
    none = np.zeros(len(AROUND))
    if min(image.shape[:2]) < 2 * nominal:
        return none
    factor = min(1.0, COARSE / nominal)
    places, normals = _edges(optical_density(resized(image, factor)), factor * nominal)
    if len(places) < FEWEST_EDGES * factor * nominal / WORKING:
        return none
    dealt = rng("red cells", len(places)).permutation(normals)
    sizes = factor * nominal * AROUND
    return np.array([_concentration(places, normals, d) - _concentration(places, dealt, d) for d in sizes])
