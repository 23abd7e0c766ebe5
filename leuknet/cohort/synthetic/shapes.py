"""Outlines of cells and nuclei as signed distances in micrometres (negative inside), on a coarse grid."""

import numpy as np

STEP = 0.3  # µm between grid points: outlines are smooth, so they are enlarged later
_ANGLES = np.linspace(-np.pi, np.pi, 181)


def grid(reach):
    """Return x and y in µm, each float32 (n, n), from -reach to reach."""
    n = 2 * round(reach / STEP) + 1
    axis = np.linspace(-reach, reach, n, dtype=np.float32)
    return np.meshgrid(axis, axis)


def outline(generator, roughness, oval=0.06):
    """Return a radius of mean 1 by angle, (181,): an oval with random bulges that fade with frequency."""
    orders = np.arange(2, 9)
    size = roughness * generator.normal(0, 1, orders.size) / (orders / 2) ** 0.9
    size[0] += oval * generator.normal(0, 1)
    phases = generator.uniform(0, 2 * np.pi, orders.size)
    waves = size[:, None] * np.cos(orders[:, None] * _ANGLES + phases[:, None])
    return 1 + np.clip(waves.sum(0), -0.45, 0.45)


def blob(x, y, radius, edge):
    """Signed distance (nearly) to the closed curve of `outline` around the origin."""
    return np.hypot(x, y) - radius * np.interp(np.arctan2(y, x), _ANGLES, edge).astype(np.float32)


def chain(x, y, points, radii):
    """Signed distance to a union of discs: `points` (n, 2) and `radii` (n,) in µm."""
    points, radii = np.asarray(points, np.float32), np.asarray(radii, np.float32)
    away = np.hypot(x[None] - points[:, 0, None, None], y[None] - points[:, 1, None, None])
    return (away - radii[:, None, None]).min(0)


def indent(generator, distance, x, y, radius, depth):
    """Cut a rounded notch of `depth` µm into the outline `distance` at a random side."""
    angle = generator.uniform(-np.pi, np.pi)
    width = generator.uniform(0.35, 0.6) * radius
    away = radius + width - depth
    notch = np.hypot(x - away * np.cos(angle), y - away * np.sin(angle)) - width
    return np.maximum(distance, -notch)


def _on_arc(angles, radius):
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], -1)


def lobes(generator, cell_radius, count, size, spread):
    """Discs of `count` lobes along an arc, with thin links between neighbours.

    `size` and `spread` are the lobes' radius and their distance from the centre as shares of the cell's radius.
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


def bend(generator, cell_radius, span, thickness, spread):
    """Discs of a bent sausage: `span` radians of arc, `thickness` and `spread` as shares of the cell's radius."""
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
