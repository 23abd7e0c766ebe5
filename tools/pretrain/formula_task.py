"""The source task: 84 classes of fractals, textures, contours and line drawings, each defined by one formula.

An image is a height map in [0, 1] drawn by the class's formula at a random position, scale and angle, and coloured
between two random colour fields, so that neither colour nor position reveals the class.

Fractals are iterated function systems drawn by the chaos game as in FractalDB (Kataoka et al., 2022), with maps sampled
by their singular values (C. Anderson, R. Farrell, "Improving Fractal Pre-training", WACV 2022). Contours are J. Gielis'
superformula (Am. J. Bot. 90, 2003); cellular textures are S. Worley's (SIGGRAPH 1996).
"""

import functools
from collections.abc import Callable

import cv2
import numpy as np
from scipy.spatial import cKDTree

from leuknet._random import rng

FRACTALS, CHAINS, STEPS, BURN = 28, 64, 60, 12
SUPERFORMULAS = [  # m, n1, n2, n3
    (3, 4.5, 10, 10), (4, 12, 15, 15), (7, 10, 6, 6), (5, 4, 4, 4), (6, 1, 1, 6), (3, 0.5, 0.5, 0.5),
    (5, 2, 7, 7), (8, 0.9, 1.2, 1.2), (2, 1, 1, 1), (4, 0.5, 0.5, 4), (12, 8, 5, 5), (16, 1.5, 0.6, 9),
    (2, 0.7, 0.3, 0.7), (6, 0.3, 0.4, 10), (3, 2, 8, 3), (9, 30, 12, 12), (1, 0.6, 0.4, 0.5), (4, 100, 60, 60),
]  # fmt: skip
CURVES = [("lissajous", a, b) for a, b in ((1, 2), (2, 3), (3, 4), (3, 5), (1, 4))] + [
    (kind, k, 1) for kind, k in (("rose", 2), ("rose", 5), ("rose", 7), ("trochoid", 4), ("trochoid", 9), ("spiral", 3))
]
NOISES = [(0.02, 0.06), (0.06, 0.12), (0.12, 0.2), (0.2, 0.35)]
SHARPNESSES = ["cloud", "spots", "ridges"]
CELLS = [("first", 12), ("first", 60), ("walls", 12), ("walls", 60), ("mosaic", 14), ("mosaic", 70)]
LATTICES = ["stripes", "grating", "plaid", "checks", "dots", "rings", "hexagons", "zigzag", "fan"]


def classes() -> list[tuple]:
    """Return the classes in their fixed order as tuples (family, parameters)."""
    noises = [("noise", (*band, kind)) for band in NOISES for kind in SHARPNESSES]
    return (
        [("fractal", k) for k in range(FRACTALS)]
        + [("contour", p) for p in SUPERFORMULAS]
        + [("curve", p) for p in CURVES]
        + noises
        + [("cells", p) for p in CELLS]
        + [("lattice", p) for p in LATTICES]
    )


def images(labels: np.ndarray, seed: int, size: int) -> np.ndarray:
    """Draw one image per label.

    Parameters
    ----------
    labels : int array, shape (n,)
        Positions in `classes`.
    seed : int
    size : int
        Edge, px.

    Returns
    -------
    numpy.ndarray, uint8, shape (n, size, size, 3)
    """
    known = classes()
    drawn = np.empty((len(labels), size, size, 3), np.uint8)
    for i, label in enumerate(labels):
        generator = rng("formula", seed, i, int(label))
        family, parameters = known[label]
        drawn[i] = coloured(FAMILIES[family](parameters, size, generator), generator)
    return drawn


def coloured(height: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Colour a height map between two random colour fields, with light, blur and noise; uint8 RGB."""
    size = len(height)
    low, high = generator.uniform(0, 1, (2, 3))
    while np.abs(low - high).sum() < 0.6:
        low, high = generator.uniform(0, 1, (2, 3))
    fields = [
        colour + generator.uniform(0, 0.12) * band_noise(size, 0.0, generator.uniform(0.04, 0.3), generator)[..., None]
        for colour in (low, high)
    ]
    picture = fields[0] + height[..., None] * (fields[1] - fields[0])
    light = generator.uniform(-0.2, 0.2, 2) @ (np.indices((size, size)) / size - 0.5).reshape(2, -1)
    picture = picture * (1 + light.reshape(size, size, 1))
    if generator.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), generator.uniform(0.3, 1.2))
    picture += generator.normal(0, generator.uniform(0, 0.05), picture.shape)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def band_noise(size: int, low: float, high: float, generator: np.random.Generator) -> np.ndarray:
    """Return Gaussian noise of spatial frequencies `low` to `high` (cycles per px), mean 0 and deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    kept = np.fft.rfft2(generator.normal(size=(size, size))) * ((frequency > low) & (frequency <= max(high, 2 / size)))
    noise = np.fft.irfft2(kept, (size, size))
    return noise / (noise.std() + 1e-9)


def fractal(k: int, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw iterated function system number `k` with one of its maps slightly perturbed."""
    matrices, shifts, odds = system(k)
    bent = generator.integers(len(odds))
    matrices, shifts = matrices.copy(), shifts.copy()
    matrices[bent] *= generator.uniform(0.85, 1.1, (2, 2))
    shifts[bent] += generator.uniform(-0.1, 0.1, 2)
    points = chaos_game(matrices, shifts, odds, generator)
    return dense(pose(points, size, generator), size)


@functools.cache
def system(k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the maps of fractal class `k`: matrices (m, 2, 2), shifts (m, 2), probabilities (m,)."""
    for trial in range(1000):
        generator = rng("ifs", k, trial)
        count = generator.integers(2, 6)
        a, b = generator.uniform(-np.pi, np.pi, (2, count))
        stretch = generator.uniform(0.25, 0.9, (count, 2)) * generator.choice([-1, 1], (count, 2))
        matrices = turns(a) @ (stretch[:, :, None] * turns(b))
        shifts = generator.uniform(-1, 1, (count, 2))
        odds = np.abs(np.linalg.det(matrices)) + 0.02
        odds /= odds.sum()
        points = chaos_game(matrices, shifts, odds, generator)
        filled = (dense(pose(points, 32, None), 32) > 0).mean()
        if 0.18 < filled < 0.5:
            return matrices, shifts, odds
    raise AssertionError(f"no iterated function system found for class {k}")


def chaos_game(
    matrices: np.ndarray, shifts: np.ndarray, odds: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Run many chains of randomly chosen maps in parallel; return their points, shape (n, 2), scaled to [-1, 1]."""
    choice = generator.choice(len(odds), (STEPS, CHAINS), p=odds)
    at, visited = np.zeros((CHAINS, 2)), []
    for step in choice:
        at = np.einsum("nij,nj->ni", matrices[step], at) + shifts[step]
        visited.append(at)
    points = np.concatenate(visited[BURN:])
    low, high = np.percentile(points, (1, 99), axis=0)
    return (2 * points - low - high) / max((high - low).max(), 1e-6)


def turns(angles: np.ndarray) -> np.ndarray:
    """Return rotation matrices, shape (n, 2, 2)."""
    c, s = np.cos(angles), np.sin(angles)
    return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)


def pose(points: np.ndarray, size: int, generator: np.random.Generator | None) -> np.ndarray:
    """Turn, scale and shift points from [-1, 1] to pixels; without a generator only scale."""
    if generator is None:
        return (points * 0.48 + 0.5) * size
    scale = generator.uniform(0.25, 0.48)
    middle = 0.5 + generator.uniform(-1, 1, 2) * (0.5 - scale)
    return (points @ turns(generator.uniform(-np.pi, np.pi, 1))[0].T * scale + middle) * size


def dense(points: np.ndarray, size: int) -> np.ndarray:
    """Return the height map of a cloud of points, which is 1 where the points are dense."""
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=size, range=[[0, size]] * 2)
    return np.minimum(np.log1p(counts) / 1.4, 1)


def contour(p: tuple, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw one to four filled superformula contours at random, possibly overlapping, positions."""
    height = np.zeros((size, size))
    count = generator.choice([1, 2, 4], p=[0.5, 0.25, 0.25])
    turn = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    m, n1, n2, n3 = p
    radius = (np.abs(np.cos(m * turn / 4)) ** n2 + np.abs(np.sin(m * turn / 4)) ** n3) ** (-1 / n1)
    outline = np.stack([np.cos(turn), np.sin(turn)], -1) * (radius / radius.max())[:, None]
    for _ in range(count):
        points = pose(outline * generator.uniform(0.8, 1.0, 2) / np.sqrt(count) * 1.2, size, generator)
        mask = np.zeros((size, size), np.uint8)
        cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
        if generator.random() < 0.3:
            mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), np.uint8)
        height = np.maximum(height, mask / 255 * generator.uniform(0.6, 1))
    return height


def curve(p: tuple, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw a Lissajous figure, a rose, a trochoid or a spiral as a line."""
    kind, a, b = p
    t = np.linspace(0, 2 * np.pi, 400)
    phase = generator.uniform(0.3, 1.3)
    x, y = {
        "lissajous": lambda: (np.sin(a * t + phase), np.sin(b * t)),
        "rose": lambda: (np.cos(a * t) * np.cos(t), np.cos(a * t) * np.sin(t)),
        "trochoid": lambda: (np.cos(t) + 0.5 * np.cos(a * t), np.sin(t) - 0.5 * np.sin(a * t)),
        "spiral": lambda: (t * np.cos(a * t) / 6.3, t * np.sin(a * t) / 6.3),
    }[kind]()
    points = pose(np.stack([x, y], -1) / 1.2, size, generator)
    canvas = np.zeros((size, size), np.uint8)
    thick = int(generator.integers(1, 4))
    cv2.polylines(canvas, [np.round(points * 16).astype(np.int32)], False, 255, thick, cv2.LINE_AA, shift=4)
    return canvas / 255


def noise(p: tuple, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw band-limited noise: unchanged, as spots (thresholded, as from reaction-diffusion), or its ridges."""
    low, high, kind = p
    field = band_noise(size, low, high, generator)
    if kind == "cloud":
        return 1 / (1 + np.exp(-1.5 * field))
    if kind == "spots":
        return 1 / (1 + np.exp(-12 * (field - generator.uniform(-0.2, 0.5))))
    return np.exp(-np.abs(field) * generator.uniform(3, 6))


def cells(p: tuple, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw a Worley texture: distance to the nearest seed, the walls between seeds, or a mosaic."""
    kind, count = p
    seeds = generator.uniform(-0.1, 1.1, (int(count * generator.uniform(0.8, 1.3)), 2)) * size
    grid = np.indices((size, size)).reshape(2, -1).T
    distance, nearest = cKDTree(seeds).query(grid, k=2)
    distance /= size / np.sqrt(count)
    height = {
        "first": lambda: distance[:, 0],
        "walls": lambda: np.exp(-8 * (distance[:, 1] - distance[:, 0])),
        "mosaic": lambda: generator.random(len(seeds))[nearest[:, 0]],
    }[kind]()
    return np.clip(height, 0, 1).reshape(size, size)


def lattice(kind: str, size: int, generator: np.random.Generator) -> np.ndarray:
    """Draw a periodic pattern, gently warped."""
    grid = np.indices((size, size)).reshape(2, -1).T / size - generator.uniform(0.3, 0.7, 2)
    x, y = (grid @ turns(generator.uniform(-np.pi, np.pi, 1))[0]).T * 2 * np.pi * generator.uniform(3, 8)
    x = x + generator.uniform(0, 0.6) * np.sin(y * generator.uniform(0.2, 0.5))
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    height = {
        "stripes": lambda: np.tanh(4 * np.sin(x)),
        "grating": lambda: np.sin(x),
        "plaid": lambda: (np.sin(x) + np.sin(y)) / 2,
        "checks": lambda: np.tanh(6 * np.sin(x) * np.sin(y)),
        "dots": lambda: np.tanh(8 * (np.cos(x) + np.cos(y) - 1)),
        "rings": lambda: np.sin(radius),
        "hexagons": lambda: (np.cos(x) + np.cos(x / 2 + y * 0.866) + np.cos(x / 2 - y * 0.866)) / 1.5 - 1,
        "zigzag": lambda: np.sin(x + 2 * np.abs((y / np.pi) % 2 - 1)),
        "fan": lambda: np.sin(angle * int(5 + radius.max() / 3)),
    }[kind]()
    return np.clip(height / 2 + 0.5, 0, 1).reshape(size, size)


FAMILIES: dict[str, Callable[..., np.ndarray]] = {
    "fractal": fractal,
    "contour": contour,
    "curve": curve,
    "noise": noise,
    "cells": cells,
    "lattice": lattice,
}
