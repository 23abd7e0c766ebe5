"""Stained cells drawn for tests: smears of red cells, one leukocyte, and densities of nuclei."""

import cv2
import numpy as np

from leuknet._random import rng


def smear(diameter, edge=8, light=(245, 225, 205)):
    """Return an image of `edge` red cells' width with red discs of `diameter` px on a plain background."""
    size = round(edge * diameter)
    image = np.full((size, size, 3), light, np.float32)
    grid = np.stack(np.meshgrid(*2 * [np.arange(1, edge, 1.5)]), -1).reshape(-1, 2)
    for x, y in diameter * (grid + rng("smear").uniform(-0.2, 0.2, grid.shape)):
        stain = np.zeros((size, size), np.uint8)
        cv2.circle(stain, (round(x), round(y)), round(diameter / 2), 1, -1)
        image *= np.where(stain[..., None] > 0, np.array([0.88, 0.78, 0.86], np.float32), 1)
    return np.clip(image + rng("grain").normal(0, 1.5, image.shape), 0, 255).astype(np.uint8)


def single_cell(nucleus=36):
    """Return an image of one leukocyte of 48 px radius, its nucleus of `nucleus` px, on red cells of 60 px."""
    image = smear(60, 4)
    for radius, colour in ((48, (190, 180, 225)), (nucleus, (95, 45, 130))):
        cv2.circle(image, (120, 120), radius, colour, -1)
    return image


def density_of(mask, strength=1.0):
    """Return densities of a purple nucleus where `mask` is 2 and of pale cytoplasm where it is 1."""
    density = np.zeros((*mask.shape, 3), np.float32)
    for value, stain in ((1, (0.2, 0.3, 0.1)), (2, (0.9, 1.4, 0.4))):
        density[mask == value] = stain
    return cv2.GaussianBlur(density, (0, 0), 1) * strength


def disc(mask, x, y, radius, value):
    """Draw a disc into `mask` (lengths in px at the working scale)."""
    cv2.circle(mask, (x, y), radius, value, -1)
    return mask
