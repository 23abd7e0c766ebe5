"""Random textures of chromatin, cytoplasm, granules and background at physical scales."""

from functools import lru_cache

import numpy as np
from scipy import fft

from leuknet._random import rng

SIDE = 448
BANDS = {"fine": 0.13, "mid": 0.28, "coarse": 0.55, "broad": 1.5, "cloud": 7.0}
BEADS = {"eosinophilic": (0.85, 0.37), "basophilic": (0.80, 0.34), "dust": (0.60, 0.17)}


def tiles(scale: float) -> dict[str, np.ndarray]:
    """Return textures of `SIDE` x `SIDE` px for images drawn at `scale` px/µm (rounded).

    Returns
    -------
    dict of str to numpy.ndarray, float32
        Periodic Gaussian noise of unit variance for each band of `BANDS` (s.d. of the blur in µm), ``lace`` (a network
        of ridges), and fields of round granules in 0..1 for each entry of `BEADS` (spacing and radius in µm).
    """
    return _tiles(round(scale))


@lru_cache(maxsize=32)
def _tiles(scale: int) -> dict[str, np.ndarray]:
    generator = rng("texture", scale)
    made = {band: _noise(generator, max(sigma * scale, 0.5)) for band, sigma in BANDS.items()}
    ridges = -np.abs(made["coarse"])
    made["lace"] = (ridges - ridges.mean()) / ridges.std()
    beads = {kind: _beads(generator, *(scale * np.array(sizes))) for kind, sizes in BEADS.items()}
    return made | beads


def _noise(generator: np.random.Generator, sigma: float) -> np.ndarray:
    white = generator.standard_normal((SIDE, SIDE), np.float32)
    fy, fx = fft.fftfreq(SIDE)[:, None], fft.rfftfreq(SIDE)[None]
    field = _filtered(white, np.exp(-2 * (np.pi * sigma) ** 2 * (fx**2 + fy**2)))
    return (field - field.mean()) / field.std()


def _filtered(field: np.ndarray, transfer: np.ndarray) -> np.ndarray:
    return fft.irfft2(fft.rfft2(field) * transfer.astype(np.complex64), s=field.shape)


def _beads(generator: np.random.Generator, spacing: float, radius: float) -> np.ndarray:
    """Return soft discs of three sizes on a jittered hexagonal grid; where they overlap, the larger depth counts."""
    rows, columns = int(SIDE / (0.87 * spacing)) + 1, int(SIDE / spacing) + 1
    y, x = np.mgrid[:rows, :columns].astype(float)
    x = ((x + 0.5 * (y % 2) + generator.normal(0, 0.2, x.shape)) * spacing).astype(int) % SIDE
    y = ((0.87 * y + generator.normal(0, 0.2, y.shape)) * spacing).astype(int) % SIDE
    size, depth = generator.integers(3, size=x.shape), generator.uniform(0.6, 1, x.shape)
    distance = np.hypot(*np.meshgrid(*2 * [(np.arange(SIDE) + SIDE // 2) % SIDE - SIDE // 2]))
    field = np.zeros((SIDE, SIDE), np.float32)
    for k, factor in enumerate((0.75, 0.95, 1.15)):
        centres = np.zeros((SIDE, SIDE), np.float32)
        centres[y[size == k], x[size == k]] = depth[size == k]
        disc = np.clip(0.5 - (distance - factor * radius) / max(0.5 * radius, 1), 0, 1).astype(np.float32)
        field = np.maximum(field, _filtered(centres, fft.rfft2(disc)))
    return np.clip(field, 0, 1)


def sample(generator: np.random.Generator, tile: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a random window of `shape` from a tile, randomly flipped; larger windows repeat the tile."""
    height, width = shape
    repeats = -(-height // SIDE), -(-width // SIDE)
    if repeats != (1, 1):
        tile = np.tile(tile, repeats)
    top = generator.integers(tile.shape[0] - height + 1)
    left = generator.integers(tile.shape[1] - width + 1)
    flip_y, flip_x = generator.integers(2, size=2) * 2 - 1
    return tile[top : top + height, left : left + width][::flip_y, ::flip_x]
