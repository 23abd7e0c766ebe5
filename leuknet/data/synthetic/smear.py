"""Drawing of a field of a blood smear: red cells, platelets and leukocytes on one canvas."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from leuknet.data.synthetic import shapes
from leuknet.data.synthetic.cells import AZURE, BLUE, EOSIN, RED, Cell, draw_cell
from leuknet.data.synthetic.looks import Shot
from leuknet.data.synthetic.texture import sample, tiles

Box = tuple[slice, slice]
RED_CELL = 7.2  # µm, diameter


@dataclass(frozen=True)
class Smear:
    """A field of a slide before it is photographed.

    Attributes
    ----------
    planes : numpy.ndarray, float32, shape (height, width, 4)
        Concentrations of azure, blue, eosin and red.
    mask : numpy.ndarray, uint8, shape (height, width)
        0 background (including red cells and platelets), 1 cytoplasm, 2 nucleus of leukocytes.
    cells : list of (kind, x, y, diameter)
        Leukocytes: str and three floats in pixels.
    """

    planes: np.ndarray
    mask: np.ndarray
    cells: list[tuple[str, float, float, float]]


def draw_smear(
    generator: np.random.Generator,
    shot: Shot,
    shape: tuple[int, int],
    scale: float,
    leukocytes: Sequence[tuple[str, float, float]],
) -> Smear:
    """Draw one field.

    Parameters
    ----------
    generator : numpy.random.Generator
    shot : Shot
        Its `red_cover`, `pallor`, `ring`, `platelets`, `debris` and `magnify` are used.
    shape : (int, int)
        Height and width in pixels.
    scale : float
        px/µm before magnification.
    leukocytes : list of (kind, x, y)
        Centres in pixels.

    Returns
    -------
    Smear
    """
    textures = tiles(scale)
    scale = scale * shot.magnify
    planes = np.zeros((*shape, 4), np.float32)
    mask = np.zeros(shape, np.uint8)
    drawn = [(draw_cell(generator, kind, scale, textures), x, y) for kind, x, y in leukocytes]
    _red_cells(generator, planes, shot, scale, [(x, y, cell.diameter / 2) for cell, x, y in drawn])
    planes[..., RED] *= 1 + 0.03 * sample(generator, textures["broad"], shape)
    _platelets(generator, planes, shot, scale, textures)
    for cell, x, y in drawn:
        _lay(planes, mask, cell, x, y, shot.values["ring"])
    planes[..., EOSIN] += 0.012 * np.abs(sample(generator, textures["cloud"], shape))
    return Smear(planes, mask, [(cell.kind, x, y, cell.diameter) for cell, x, y in drawn])


def _overlap(shape: tuple[int, ...], size: int, x: float, y: float) -> tuple[Box, Box] | None:
    """Return slices of the canvas and of a patch of `size` px centred at x, y; None if they do not overlap."""
    left, top = round(x - size / 2), round(y - size / 2)
    rows = slice(max(top, 0), min(top + size, shape[0]))
    columns = slice(max(left, 0), min(left + size, shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    inner = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    return (rows, columns), inner


def _lay(planes: np.ndarray, mask: np.ndarray, cell: Cell, x: float, y: float, ring: float) -> None:
    places = _overlap(mask.shape, len(cell.cover), x, y)
    if places is None:
        return
    outer, inner = places
    cover = cell.cover[inner]
    planes[outer] *= (1 - 0.95 * cover)[..., None]
    planes[outer][..., :3] += cell.planes[inner]
    if ring > 0.3:
        planes[outer][..., AZURE] += 0.25 * ring * cover * (1 - cover) * 4
    part = cell.mask[inner]
    mask[outer] = np.where(part > 0, part, mask[outer])


def _sprites(generator: np.random.Generator, shot: Shot, scale: float, count: int) -> np.ndarray:
    """Return thickness maps of red cells, float32 (count, n, n): discs with central pallor and a rim."""
    n = 2 * round(0.72 * RED_CELL * scale) + 1
    x, y = np.meshgrid(*2 * [(np.arange(n, dtype=np.float32) - n // 2) / scale])
    rho, turn = np.hypot(x, y), ((np.arctan2(y, x) / np.pi + 1) * 90).astype(int)  # 181 angles, as in an outline
    edges = shapes.outline(generator, 0.015, generator.uniform(0.02, 0.1), count)
    radius = RED_CELL / 2 * generator.normal(1, 0.07, (count, 1)).clip(0.75, 1.25)
    edge = (radius * edges).astype(np.float32)[:, turn]
    share2 = (rho / edge) ** 2
    pallor = generator.normal(shot.values["pallor"], 0.12, count).clip(0, 0.95)
    narrow = generator.uniform(0.42, 0.58, count) ** -3
    hollow = _each(pallor) * cv2.exp((-_each(narrow) * share2**1.5).reshape(count * n, n)).reshape(share2.shape)
    sprites = np.clip(0.5 - (rho - edge) / 0.3, 0, 1) * np.sqrt(np.clip(1.15 - share2, 0.05, None)) * (1.12 - hollow)
    if shot.values["ring"] > 0.02:
        sprites += shot.values["ring"] * np.exp(-(((rho - 0.95 * edge) / 0.3) ** 2))
    return sprites.astype(np.float32)


def _each(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)[:, None, None]


def _red_cells(
    generator: np.random.Generator,
    planes: np.ndarray,
    shot: Shot,
    scale: float,
    leukocytes: Sequence[tuple[float, float, float]],
) -> None:
    """Add randomly placed red cells, mostly side by side, some overlapping, few of them under a leukocyte."""
    shape, diameter = planes.shape[:2], RED_CELL * scale
    wanted = int(shot.values["red_cover"] * (shape[0] + diameter) * (shape[1] + diameter) / (0.785 * diameter**2))
    tries = generator.uniform(-0.5 * diameter, np.array(shape)[::-1] + 0.5 * diameter, (4 * wanted, 2))
    white = np.array(leukocytes, float).reshape(-1, 3)
    away = np.hypot(tries[:, :1] - white[:, 0], tries[:, 1:] - white[:, 1])
    tries = tries[(away > white[:, 2] + 0.42 * diameter).all(1)]
    apart = diameter * generator.choice([0.98, 0.85, 0.5], len(tries), p=[0.72, 0.2, 0.08])
    placed = np.empty((wanted, 2))
    count = 0
    for place, distance in zip(tries, apart, strict=True):
        if count == wanted:
            break
        if (((placed[:count] - place) ** 2).sum(1) > distance**2).all():
            placed[count] = place
            count += 1
    sprites = _sprites(generator, shot, scale, int(np.clip(count // 2, 6, 20)))
    red = planes[..., RED]
    for (x, y), which in zip(placed[:count], generator.integers(len(sprites), size=count), strict=True):
        places = _overlap(shape, sprites.shape[1], x, y)
        if places:
            red[places[0]] += sprites[which][places[1]]


def _platelets(
    generator: np.random.Generator, planes: np.ndarray, shot: Shot, scale: float, textures: dict[str, np.ndarray]
) -> None:
    """Add small granular platelets with a pale rim, and specks of precipitated stain."""
    shape = planes.shape[:2]
    area = shape[0] * shape[1] / scale**2 / 1000
    x, y = shapes.grid(2.6)
    for _ in range(generator.poisson(shot.values["platelets"] * area)):
        radius = generator.uniform(0.8, 1.6)
        n = round(5.2 * scale)
        body = cv2.resize(shapes.blob(x, y, radius, shapes.outline(generator, 0.1, 0.12)), (n, n))
        places = _overlap(shape, n, *generator.uniform(0, shape[::-1]))
        if places is None:
            continue
        outer, inner = places
        grain = np.clip(0.5 + 0.35 * sample(generator, textures["mid"], (n, n)), 0, 1.2)
        inside = np.clip(0.5 - body / 0.35, 0, 1)
        planes[outer][..., AZURE] += (0.55 * inside * grain * np.clip(-body / radius * 2, 0, 1))[inner]
        planes[outer][..., BLUE] += (0.3 * inside)[inner]
    specks = np.zeros(shape, np.float32)
    for _ in range(generator.poisson(shot.values["debris"] * area)):
        column, row = (int(v * 16) for v in generator.uniform(0, shape[::-1]))
        radius = int(generator.uniform(0.15, 0.45) * scale * 16)
        cv2.circle(specks, (column, row), radius, 0.8, -1, cv2.LINE_AA, shift=4)
    planes[..., AZURE] += specks
