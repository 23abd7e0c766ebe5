"""Outlines of cells and nuclei as signed distances in micrometres (negative inside), on a coarse grid."""

import numpy as np

STEP = 0.3  # µm between grid points; outlines are smooth and enlarged later
BULGE = 0.25  # maximum deviation of an outline, as a share of the radius
_ANGLES = np.linspace(-np.pi, np.pi, 181)


def grid(reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y in µm, each float32 of shape (n, n), from -reach to reach."""
    n = 2 * round(reach / STEP) + 1
    axis = np.linspace(-reach, reach, n, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    return x, y


_ORDERS = np.arange(2, 9)
_WAVES = np.concatenate([np.cos(_ORDERS[:, None] * _ANGLES), np.sin(_ORDERS[:, None] * _ANGLES)])


def outline(
    generator: np.random.Generator, roughness: float, oval: float = 0.06, count: int | None = None
) -> np.ndarray:
    """Return radii of mean 1 by angle, (181,) or (count, 181): ovals with random bulges that decay with frequency."""
    size = roughness / (_ORDERS / 2) ** 0.9
    size[0] = np.hypot(size[0], oval)
    waves = (generator.normal(size=(count or 1, _WAVES.shape[0])) * np.tile(size / np.sqrt(2), 2)) @ _WAVES
    edges = 1 + BULGE * np.tanh(waves / BULGE)
    return edges if count else edges[0]


def overlap(one: np.ndarray, other: np.ndarray, blend: float = 0.5) -> np.ndarray:
    """Return the signed distance to the intersection of two outlines, with corners rounded over about `blend` µm."""
    return 0.5 * (one + other + np.sqrt((one - other) ** 2 + blend**2)) - 0.15 * blend


def blob(x: np.ndarray, y: np.ndarray, radius: float, edge: np.ndarray) -> np.ndarray:
    """Return the approximate signed distance to the closed curve of `outline` around the origin."""
    return np.sqrt(x**2 + y**2) - radius * np.interp(np.arctan2(y, x), _ANGLES, edge).astype(np.float32)


def chain(x: np.ndarray, y: np.ndarray, points: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Return the signed distance to a union of discs with `points` (n, 2) and `radii` (n,) in µm."""
    points, radii = np.asarray(points, np.float32), np.asarray(radii, np.float32)
    away = np.full(x.shape, np.inf, np.float32)
    for (x0, y0), radius in zip(points, radii, strict=True):
        np.minimum(away, np.sqrt((x - x0) ** 2 + (y - y0) ** 2) - radius, out=away)
    return away


def indent(
    generator: np.random.Generator, distance: np.ndarray, x: np.ndarray, y: np.ndarray, radius: float, depth: float
) -> np.ndarray:
    """Add a rounded indentation of `depth` µm to the outline `distance` on a random side."""
    angle = generator.uniform(-np.pi, np.pi)
    width = generator.uniform(0.45, 0.9) * radius
    away = radius + width - depth
    notch = np.hypot(x - away * np.cos(angle), y - away * np.sin(angle)) - width
    return overlap(distance, -notch, 1.0)


def _on_arc(angles: np.ndarray, radius: float | np.ndarray) -> np.ndarray:
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], -1)


def lobes(
    generator: np.random.Generator, cell_radius: float, count: int, size: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the discs of `count` lobes along an arc, with thin links between neighbours.

    `size` and `spread` are the radius of the lobes and their distance from the centre, as shares of the cell's radius.
    """
    turn = 2 * np.pi / (count + 0.6) * generator.uniform(0.85, 1.1)
    angles = generator.uniform(0, 2 * np.pi) + turn * np.arange(count) + generator.normal(0, 0.15, count)
    centres = _on_arc(angles, cell_radius * spread * generator.uniform(0.75, 1.15, count))
    points, radii = [], []
    for centre in centres:
        radius = size * cell_radius * generator.uniform(0.8, 1.15)
        lean = generator.uniform(0, np.pi)
        reach = generator.uniform(0.2, 0.7) * radius
        steps = np.linspace(-1, 1, 4)[:, None] * reach * np.array([np.cos(lean), np.sin(lean)])
        points.append(centre + steps)
        radii.append(np.full(4, radius * 0.9))
    for one, other in zip(centres[:-1], centres[1:], strict=True):
        points.append(one + np.linspace(0, 1, 9)[:, None] * (other - one))
        radii.append(np.full(9, generator.uniform(0.05, 0.12) * cell_radius))
    return np.concatenate(points), np.concatenate(radii)


def bend(
    generator: np.random.Generator, cell_radius: float, span: float, thickness: float, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the discs of a bent rod: an arc of `span` radians, `thickness` and `spread` as shares of cell radius."""
    along = np.linspace(-0.5, 0.5, 25)
    turns = np.sign(along) if generator.random() < 0.2 else np.ones(25)
    angles = np.pi / 2 + span * along
    points = _on_arc(angles, spread * cell_radius)
    points[:, 1] = np.where(turns < 0, 2 * points[12, 1] - points[:, 1], points[:, 1])
    points -= points.mean(0)
    wave = 1 + 0.18 * np.cos(2 * np.pi * (along * generator.uniform(1, 2.2) + generator.random()))
    lean = generator.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    return points @ rotation.T, thickness * cell_radius * wave
