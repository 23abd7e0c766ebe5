"""Shape, colour and texture features of a cell, each returned as a float vector of fixed length."""

import cv2
import numpy as np
from scipy.spatial.distance import pdist
from skimage.color import rgb2hsv, rgb2lab
from skimage.feature import graycomatrix, graycoprops, local_binary_pattern
from skimage.measure import regionprops

from leuknet.baselines.handcrafted import imaging

LEVELS = 16
REACH = 4  # px, maximum distance at which the fractal dimension compares grey levels
ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
HARALICK = ("contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation")


def shape(mask: np.ndarray) -> np.ndarray:
    """Return 11 shape features of a mask, with lengths and areas relative to the image's edge.

    They are area, perimeter, major and minor axis, eccentricity, solidity, extent, elongation, circularity (4 pi area /
    perimeter squared), convexity (convex perimeter over perimeter) and compactness (diameter of a disc of equal area
    over the maximum distance between two pixels).
    """
    regions = regionprops(mask.astype(np.uint8))
    if not regions:
        return np.zeros(11)
    region, edge = regions[0], max(mask.shape)
    corners = imaging.hull(region.image)
    area, around = region.area, max(region.perimeter, 1.0)
    major, minor = max(region.axis_major_length, 1.0), region.axis_minor_length
    sizes = area / edge**2, around / edge, major / edge, minor / edge
    fill = region.eccentricity, imaging.solidity(region.image, corners), region.extent, minor / major
    circular, convex = 4 * np.pi * area / around**2, cv2.arcLength(corners, True) / around
    return np.array(
        [*sizes, *fill, circular, convex, region.equivalent_diameter_area / (pdist(corners).max(initial=0) + 1)]
    )


def colour(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the mean, s.d., skewness and kurtosis of R, G, B, H, S, V, L, a and b inside the mask (36 values)."""
    if mask.sum() < 2:
        return np.zeros(36)
    pixels = image[mask][None]
    values = np.concatenate([pixels[0] / 255, rgb2hsv(pixels)[0], rgb2lab(pixels)[0] / 100], axis=1)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    scaled = (values - mean) / np.where(spread > 1e-6, spread, np.inf)  # zero skewness if a channel is constant
    cubes = scaled**3
    return np.concatenate([mean, spread, cubes.mean(axis=0), (cubes * scaled).mean(axis=0) - 3])


def cooccurrence(grey: np.ndarray, mask: np.ndarray, distances: tuple[int, ...] = (1,)) -> np.ndarray:
    """Return the grey-level co-occurrence features of Haralick (1973) inside the mask: 6 properties and the entropy.

    Grey levels are quantised to `LEVELS` equal steps between the region's minimum and maximum. Pairs with a pixel
    outside the mask are excluded. Features are averaged over four angles, giving 7 values per distance.
    """
    if mask.sum() < 2:
        return np.zeros(7 * len(distances))
    low, high = grey[mask].min(), grey[mask].max()
    steps = np.clip((grey - low) / max(high - low, 1e-9) * LEVELS, 0, LEVELS - 1).astype(np.uint8)
    counts = graycomatrix(np.where(mask, steps + 1, 0).astype(np.uint8), distances, ANGLES, LEVELS + 1, symmetric=True)
    inside = counts[1:, 1:].astype(np.float64)
    inside /= np.maximum(inside.sum(axis=(0, 1), keepdims=True), 1)
    found = [graycoprops(inside, name).mean(axis=1) for name in HARALICK]
    entropy = -(inside * np.log2(inside, where=inside > 0, out=np.zeros_like(inside))).sum(axis=(0, 1)).mean(axis=1)
    return np.nan_to_num(np.concatenate([*found, entropy]))


def binary_patterns(grey: np.ndarray, mask: np.ndarray, points: int = 8, radius: int = 1) -> np.ndarray:
    """Return the normalised histogram (points + 2) of uniform, rotation-invariant local binary patterns in the mask."""
    if not mask.any():
        return np.zeros(points + 2)
    wider = np.pad(np.asarray(grey, np.uint8), radius, mode="edge")
    inner = slice(radius, -radius)
    codes = local_binary_pattern(wider, points, radius, method="uniform")[inner, inner][mask]
    return np.bincount(codes.astype(int), minlength=points + 2) / len(codes)


def fractal_dimension(grey: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Return Pentland's fractal dimension of a grey-level surface (1984, reference [10]).

    The surface is modelled as fractional Brownian motion: the mean absolute difference of grey levels at distance d
    grows as d to the power H, and the dimension is 3 - H. H is the slope of the least-squares line through the
    logarithms for d = 1 to `REACH` px along rows and columns; a flat surface has dimension 2.

    Parameters
    ----------
    grey : numpy.ndarray, shape (height, width)
    mask : numpy.ndarray, bool, optional
        Only pairs with both pixels inside the mask are used.
    """
    grey = np.asarray(grey, np.float64)
    mask = np.ones(grey.shape, bool) if mask is None else mask
    logs = []
    for d in range(1, REACH + 1):
        pairs = [(grey[d:] - grey[:-d])[mask[d:] & mask[:-d]], (grey[:, d:] - grey[:, :-d])[mask[:, d:] & mask[:, :-d]]]
        differences = np.abs(np.concatenate(pairs))
        if len(differences) and differences.mean() > 0:
            logs.append((np.log(d), np.log(differences.mean())))
    if len(logs) < 2:
        return 2.0
    steps, sizes = np.array(logs).T
    return float(3 - np.polyfit(steps, sizes, 1)[0])
