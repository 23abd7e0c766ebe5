"""Random textures at physical scales: the grain of chromatin, cytoplasm, granules and background."""

from functools import lru_cache

import cv2
import numpy as np

from leuknet.seeds import rng

SIDE = 512
BANDS = {"fine": 0.13, "mid": 0.28, "coarse": 0.55, "broad": 1.5, "cloud": 7.0}
BEADS = {"eosinophilic": (0.85, 0.37), "basophilic": (0.80, 0.34), "dust": (0.60, 0.17)}


@lru_cache(maxsize=32)
def tiles(name, scale):
    """Return textures of `SIDE` x `SIDE` px drawn at `scale` px/µm.

    Parameters
    ----------
    name : str
        Seeds the noise (a data set's name).
    scale : float
        Pixels per micrometre.

    Returns
    -------
    dict of str to numpy.ndarray, float32
        Periodic Gaussian noise of unit variance per band of `BANDS` (standard deviation of the blur in µm), ``lace``
        (a network of ridges), and fields of round granules in 0..1 per entry of `BEADS` (spacing and radius in µm).
    """
    generator = rng("texture", name, scale)
    made = {band: _noise(generator, max(sigma * scale, 0.5)) for band, sigma in BANDS.items()}
    ridges = -np.abs(made["coarse"])
    made["lace"] = (ridges - ridges.mean()) / ridges.std()
    return made | {kind: _beads(generator, *(scale * np.array(sizes))) for kind, sizes in BEADS.items()}


def _noise(generator, sigma):
    spectrum = np.fft.rfft2(generator.standard_normal((SIDE, SIDE)))
    fy, fx = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None]
    field = np.fft.irfft2(spectrum * np.exp(-2 * (np.pi * sigma) ** 2 * (fx**2 + fy**2)), s=(SIDE, SIDE))
    return ((field - field.mean()) / field.std()).astype(np.float32)


def _beads(generator, spacing, radius):
    """Discs on a jittered hexagonal grid, drawn with anti-aliasing."""
    field = np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = int(SIDE / (0.87 * spacing)) + 2, int(SIDE / spacing) + 2
    y, x = np.mgrid[:rows, :columns].astype(float)
    x = (x + 0.5 * (y % 2) + generator.normal(0, 0.2, x.shape)) * spacing
    y = (0.87 * y + generator.normal(0, 0.2, y.shape)) * spacing
    radii = radius * generator.uniform(0.7, 1.2, x.shape)
    depths = generator.integers(150, 256, x.shape)
    for column, row, r, depth in zip(x.ravel(), y.ravel(), radii.ravel(), depths.ravel(), strict=True):
        centre = int(column * 16), int(row * 16)
        cv2.circle(field, centre, max(int(r * 16), 8), int(depth), -1, cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(field.astype(np.float32) / 255, (0, 0), max(0.25 * radius, 0.4))


def sample(generator, tile, shape):
    """Cut a random window of `shape` from a tile, flipped at random; larger windows repeat the tile."""
    height, width = shape
    repeats = -(-height // SIDE), -(-width // SIDE)
    if repeats != (1, 1):
        tile = np.tile(tile, repeats)
    top = generator.integers(tile.shape[0] - height + 1)
    left = generator.integers(tile.shape[1] - width + 1)
    flip_y, flip_x = generator.integers(2, size=2) * 2 - 1
    return tile[top : top + height, left : left + width][::flip_y, ::flip_x]
