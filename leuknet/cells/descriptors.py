"""Sixteen descriptors of the size, shape and texture of a cell. Colour is excluded because it identifies the source.

Each function takes a `Part`, one nucleus with its cell at 40 px per red cell, and returns a float in the unit stated in
its docstring. Areas are in red-cell areas and lengths in red-cell diameters (d). Textures are relative to the mean
density of the nucleus, so they do not depend on the strength of the stain.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy import ndimage
from skimage.measure import perimeter_crofton

from leuknet.cells.scale import WORKING
from leuknet.cells.segmentation import RED_AREA, SPECK, contours, disc

BANDS = {"fine": (0.04, 0.08), "medium": (0.08, 0.16), "coarse": (0.16, 0.32)}  # s.d. of both blurs, d
NECK = 0.2  # d: diameter of the opening that separates lobes
RIM = 0.05  # d: half the width of the ring in which the rim gradient is measured


@dataclass(frozen=True)
class Part:
    """One cell, cropped with a margin.

    Attributes
    ----------
    nucleus, body : bool, shape (h, w)
        Masks of the nucleus and of the whole cell, including the nucleus.
    green : float32, shape (h, w)
        Optical density of the green channel.
    """

    nucleus: np.ndarray
    body: np.ndarray
    green: np.ndarray

    @cached_property
    def values(self) -> np.ndarray:
        """Densities of the nucleus divided by their mean, float32 (pixels,)."""
        own = self.green[self.nucleus]
        return own / max(float(own.mean()), 1e-6)

    @cached_property
    def hull(self) -> np.ndarray:
        """Corners of the convex hull of all components, int32 (n, 1, 2)."""
        return cv2.convexHull(np.concatenate(contours(self.nucleus)))

    @cached_property
    def lobe_areas(self) -> np.ndarray:
        """Areas of the lobes of the nucleus, px, largest first; at least one."""
        pieces, _ = ndimage.label(cv2.morphologyEx(self.nucleus.astype(np.uint8), cv2.MORPH_OPEN, disc(NECK)))
        areas = np.sort(np.bincount(pieces.ravel())[1:])[::-1]
        kept = areas[areas >= SPECK * RED_AREA]
        return kept if len(kept) else np.array([self.nucleus.sum()])

    @cached_property
    def depth(self) -> np.ndarray:
        """Distance of each pixel of the nucleus from its border, px, float32 (h, w)."""
        return cv2.distanceTransform(np.pad(self.nucleus.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]


def nucleus_area(part: Part) -> float:
    """Return the area of the nucleus in red-cell areas."""
    return part.nucleus.sum() / RED_AREA


def cell_area(part: Part) -> float:
    """Return the area of the whole cell in red-cell areas."""
    return part.body.sum() / RED_AREA


def nucleus_share(part: Part) -> float:
    """Return the nucleus-to-cell area ratio, 0 to 1."""
    return part.nucleus.sum() / part.body.sum()


def solidity(part: Part) -> float:
    """Return the ratio of the nucleus' area to that of its convex hull, 0 to 1."""
    return min(part.nucleus.sum() / max(cv2.contourArea(part.hull) + cv2.arcLength(part.hull, True) / 2 + 1, 1.0), 1.0)


def circularity(part: Part) -> float:
    """Return 4 pi area over squared Crofton perimeter, about 1 for a disc, lower for lobed or ragged nuclei."""
    return 4 * np.pi * part.nucleus.sum() / max(perimeter_crofton(np.pad(part.nucleus, 1)), 1.0) ** 2


def eccentricity(part: Part) -> float:
    """Return the eccentricity of the ellipse with the second moments of the nucleus, 0 (disc) to 1 (line)."""
    spread = np.linalg.eigvalsh(np.cov(np.argwhere(part.nucleus).T))
    return float(np.sqrt(max(1 - spread[0] / max(spread[1], 1e-9), 0)))


def lobes(part: Part) -> float:
    """Return the number of lobes: components after an opening with a disc of `NECK` d."""
    return float(len(part.lobe_areas))


def largest_lobe_share(part: Part) -> float:
    """Return the area of the largest lobe as a share of the area of all lobes, 0 to 1."""
    return part.lobe_areas[0] / part.lobe_areas.sum()


def concavity(part: Part) -> float:
    """Return the maximum depth of the concavities between the nucleus and its convex hull in d."""
    filled = cv2.fillConvexPoly(np.zeros(part.nucleus.shape, np.uint8), part.hull, 1)
    inside = filled.astype(bool) & ~part.nucleus
    outside = cv2.distanceTransform(np.pad(filled, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    return float(outside[inside].max(initial=0)) / WORKING


def thickness(part: Part) -> float:
    """Return the ratio of the radius of the largest inscribed disc to that of a disc of equal area, 0 to 1."""
    return float(part.depth.max()) / np.sqrt(part.nucleus.sum() / np.pi)


def _texture(part: Part, band: str) -> float:
    """Return the s.d. of the difference of two blurs of the density, divided by the mean density, inside the nucleus.

    Both blurs are restricted to the nucleus (normalised convolution), so that its rim does not contribute to texture.
    """
    inside = part.nucleus.astype(np.float32)
    low, high = (_inner_blur(part.green, inside, sigma * WORKING) for sigma in BANDS[band])
    return float((low - high)[part.nucleus].std() / max(float(part.green[part.nucleus].mean()), 1e-6))


def _inner_blur(values: np.ndarray, inside: np.ndarray, sigma: float) -> np.ndarray:
    weight = cv2.GaussianBlur(inside, (0, 0), sigma)
    return cv2.GaussianBlur(values * inside, (0, 0), sigma) / np.maximum(weight, 1e-6)


def texture_fine(part: Part) -> float:
    """Return the texture between blurs of 0.04 and 0.08 d (0.29 to 0.58 µm), as a share of the mean density."""
    return _texture(part, "fine")


def texture_medium(part: Part) -> float:
    """Return the texture between blurs of 0.08 and 0.16 d (0.58 to 1.2 µm), as a share of the mean density."""
    return _texture(part, "medium")


def texture_coarse(part: Part) -> float:
    """Return the texture between blurs of 0.16 and 0.32 d (1.2 to 2.3 µm), as a share of the mean density."""
    return _texture(part, "coarse")


def variation(part: Part) -> float:
    """Return the coefficient of variation of the density of the nucleus."""
    return float(part.values.std())


def skewness(part: Part) -> float:
    """Return the skewness of the density of the nucleus; positive for a few dark clumps in pale chromatin."""
    spread = part.values.std()
    return float(((part.values - 1) ** 3).mean() / spread**3) if spread > 1e-6 else 0.0


def rim_gradient(part: Part) -> float:
    """Return the mean gradient of the density across the rim of the nucleus, in mean densities per d."""
    dx, dy = (cv2.Sobel(part.green, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    ring = cv2.morphologyEx(part.nucleus.astype(np.uint8), cv2.MORPH_GRADIENT, disc(2 * RIM)).astype(bool)
    return float(np.hypot(dx, dy)[ring].mean() * WORKING / max(float(part.green[part.nucleus].mean()), 1e-6))


NAMES = """nucleus_area cell_area nucleus_share solidity circularity eccentricity lobes largest_lobe_share
concavity thickness texture_fine texture_medium texture_coarse variation skewness rim_gradient"""
DESCRIPTORS: dict[str, Callable[[Part], float]] = {name: globals()[name] for name in NAMES.split()}


def describe(part: Part) -> np.ndarray:
    """Return the values of `DESCRIPTORS` for one cell, float32 (16,)."""
    return np.array([function(part) for function in DESCRIPTORS.values()], np.float32)
