"""Drawing of one leukocyte (outline, nucleus, texture) as stain concentrations and a mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from leuknet.data.synthetic import shapes
from leuknet.data.synthetic.looks import KINDS
from leuknet.data.synthetic.texture import sample

AZURE, BLUE, EOSIN, RED = range(4)  # purple of chromatin, basophilic cytoplasm, eosin, haemoglobin
Grain = dict[str, np.ndarray]  # textures by name, see `texture.tiles`
Spec = dict[str, Any]  # a value of `KINDS`
SOFT = 0.35  # µm, width of an edge


@dataclass(frozen=True)
class Cell:
    """A drawn leukocyte.

    Attributes
    ----------
    kind : str
        A key of ``[kinds]`` in ``looks.toml``.
    planes : numpy.ndarray, float32, shape (n, n, 3)
        Concentrations of `AZURE`, `BLUE` and `EOSIN`, in units of the look's absorbances.
    cover : numpy.ndarray, float32, shape (n, n)
        Opacity of the cell, 0 to 1.
    mask : numpy.ndarray, uint8, shape (n, n)
        0 background, 1 cytoplasm, 2 nucleus.
    diameter : float
        In pixels.
    """

    kind: str
    planes: np.ndarray
    cover: np.ndarray
    mask: np.ndarray
    diameter: float


def within(generator: np.random.Generator, spec: Sequence[float], low: float, high: float) -> float:
    """Draw from the normal distribution ``spec = [mean, s.d.]``, clipped to `low` and `high`."""
    return float(np.clip(generator.normal(spec[0], spec[1]), low, high))


def draw_cell(generator: np.random.Generator, kind: str, scale: float, tiles: Grain) -> Cell:
    """Draw one leukocyte of `kind` at `scale` px/µm with the textures `tiles`."""
    spec = KINDS[kind]
    radius = within(generator, spec["diameter"], *spec["diameter_limits"]) / 2
    x, y = shapes.grid((1 + shapes.BULGE) * radius + 0.8)
    body = shapes.blob(x, y, radius, shapes.outline(generator, spec["outline"]))
    nucleus = _nucleus(generator, spec, radius, x, y, body)
    n = round(2 * float(x.max()) * scale)
    used = {"coarse", "broad", "mid", *spec["texture"], *(name for name, _, _ in spec["granules"])}
    grain = {name: sample(generator, tile, (n, n)) for name, tile in tiles.items() if name in used}
    body = _enlarge(body, n) + 0.1 * spec["ragged"] * grain["broad"]
    nucleus = np.maximum(_enlarge(nucleus, n) + 0.07 * grain["coarse"], body + 0.12)
    planes = _stain(generator, spec, body, nucleus, grain, scale)
    mask = (body < 0).astype(np.uint8) + (nucleus < 0)
    return Cell(kind, planes, _inside(body), mask, 2 * np.sqrt((mask > 0).sum() / np.pi))


def _enlarge(distance: np.ndarray, n: int) -> np.ndarray:
    return cv2.resize(distance.astype(np.float32), (n, n), interpolation=cv2.INTER_CUBIC)


def _inside(distance: np.ndarray) -> np.ndarray:
    return np.clip(0.5 - distance / SOFT, 0, 1)


def _nucleus(
    generator: np.random.Generator, spec: Spec, radius: float, x: np.ndarray, y: np.ndarray, body: np.ndarray
) -> np.ndarray:
    """Return the signed distance to the nucleus, shifted so that it covers the drawn share of the cell's area."""
    share = within(generator, spec["nucleus_share"], *spec["nucleus_limits"])
    own = radius * np.sqrt(share)
    offset = generator.normal(0, 0.35, 2) * (radius - own)
    x, y = x - offset[0], y - offset[1]
    style = spec["nucleus"]
    if style == "lobes":
        count = generator.choice(len(spec["lobes"]), p=spec["lobes"]) + 1
        size = spec["size"] / count**0.5
        distance = shapes.chain(x, y, *shapes.lobes(generator, radius, count, size, spec["spread"]))
    elif style == "bend":
        span = generator.uniform(*spec["span"])
        distance = shapes.chain(x, y, *shapes.bend(generator, radius, span, spec["size"], spec["spread"]))
    else:
        distance = shapes.blob(x, y, own, shapes.outline(generator, spec["contour"], spec["oval"]))
    if generator.random() < spec["indented"]:
        distance = shapes.indent(generator, distance, x, y, own, generator.uniform(0.12, 0.4) * own)
    distance = shapes.overlap(distance, body + 0.25)
    shift = np.quantile(distance[body < 0], share)
    return distance - np.clip(shift, -0.16 * radius, 0.16 * radius)


def _stain(
    generator: np.random.Generator, spec: Spec, body: np.ndarray, nucleus: np.ndarray, grain: Grain, scale: float
) -> np.ndarray:
    planes = np.empty((*body.shape, 3), np.float32)
    cell, core = _inside(body), _inside(nucleus)
    plasma = cell * (1 - 0.75 * core) * (1 - np.exp(np.minimum(body, 0) / 0.8) * 0.5)
    rim = np.exp(np.minimum(body, 0) / 0.9)
    halo = 1 - spec["halo"] * np.exp(-np.maximum(nucleus, 0) / 0.9)
    mottle = 1 + spec["mottle"] * (0.6 * grain["coarse"] + 0.5 * grain["broad"])
    holes = _vacuoles(generator, spec, body, nucleus, scale)
    planes[..., BLUE] = plasma * halo * holes * mottle * (spec["blue"] + spec["rim"] * rim)
    planes[..., EOSIN] = plasma * holes * spec["eosin"] * (1 + 0.15 * grain["mid"])
    planes[..., AZURE] = core * _chromatin(spec, nucleus, grain)
    if spec["nucleoli"][1]:
        _nucleoli(generator, spec, planes, core, nucleus, scale)
    _granules(generator, spec, planes, cell, core, body, grain)
    if generator.random() < spec["rods"]:
        _auer_rod(generator, planes, body, nucleus, scale)
    return np.maximum(planes, 0)


def _chromatin(spec: Spec, nucleus: np.ndarray, grain: Grain) -> np.ndarray:
    texture = sum(weight * grain[name] for name, weight in spec["texture"].items())
    membrane = spec["membrane"] * np.exp(-((nucleus + 0.3) ** 2) / 0.08)
    depth = 1 - 0.25 * np.exp(np.minimum(nucleus, 0) / 0.7)
    return spec["chromatin"] * (depth * (1 + np.clip(texture, -0.6, 0.6)) + membrane)


def _spots(
    generator: np.random.Generator, allowed: np.ndarray, count: int, sizes: tuple[float, float], scale: float
) -> np.ndarray:
    """Return soft discs of radius `sizes` (µm, low and high) at random positions in `allowed`, float32 in 0..1."""
    spots = np.zeros(allowed.shape, np.float32)
    places = np.flatnonzero(allowed)
    if not len(places):
        return spots
    for place in generator.choice(places, count):
        centre = int(place % allowed.shape[1]) * 16, int(place // allowed.shape[1]) * 16
        radius = int(generator.uniform(*sizes) * scale * 16)
        axes = radius, int(radius * generator.uniform(0.7, 1))
        cv2.ellipse(spots, centre, axes, generator.uniform(0, 180), 0, 360, 1.0, -1, cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(spots, (0, 0), max(0.12 * scale, 0.4))


def _nucleoli(
    generator: np.random.Generator, spec: Spec, planes: np.ndarray, core: np.ndarray, nucleus: np.ndarray, scale: float
) -> None:
    """Add pale bluish discs with a fine dark margin, one to five per nucleus, as in blasts."""
    count = generator.integers(spec["nucleoli"][0], spec["nucleoli"][1] + 1)
    spots = _spots(generator, nucleus < -1.0, count, (0.6, 1.2), scale) * core
    margin = np.clip(cv2.dilate(spots, np.ones((3, 3))) - spots, 0, 1)
    planes[..., AZURE] *= 1 - 0.5 * spots + 0.25 * margin
    planes[..., BLUE] += 0.5 * spots


def _vacuoles(
    generator: np.random.Generator, spec: Spec, body: np.ndarray, nucleus: np.ndarray, scale: float
) -> np.ndarray | np.float32:
    low, high = spec["vacuoles"]
    count = generator.integers(low, high + 1)
    if not count:
        return np.float32(1)
    return 1 - 0.8 * _spots(generator, (body < -0.7) & (nucleus > 0.2), count, (0.25, 0.7), scale)


def _granules(
    generator: np.random.Generator,
    spec: Spec,
    planes: np.ndarray,
    cell: np.ndarray,
    core: np.ndarray,
    body: np.ndarray,
    grain: Grain,
) -> None:
    """Add eosinophilic, basophilic or fine neutrophilic granules to the cytoplasm and, sparsely, to the nucleus."""
    where = cell * _inside(body + 0.4) * (1 - spec["over_nucleus"] * core)
    for name, plane, depth in spec["granules"]:
        patches = np.clip(0.75 + 0.45 * grain["broad"], 0, 1)
        index = {"azure": AZURE, "blue": BLUE, "eosin": EOSIN}[plane]
        planes[..., index] += where * patches * depth * grain[name] * generator.uniform(0.75, 1.2)


def _auer_rod(
    generator: np.random.Generator, planes: np.ndarray, body: np.ndarray, nucleus: np.ndarray, scale: float
) -> None:
    """Add one thin reddish rod to the cytoplasm of a myeloblast."""
    places = np.flatnonzero((body < -0.5) & (nucleus > 0.1))
    if not len(places):
        return
    place, lean = generator.choice(places), generator.uniform(0, np.pi)
    column, row = place % body.shape[1], place // body.shape[1]
    reach = generator.uniform(1.0, 2.0) * scale
    ends = [(int(column + sign * reach * np.cos(lean)), int(row + sign * reach * np.sin(lean))) for sign in (-1, 1)]
    rod = np.zeros(body.shape, np.float32)
    cv2.line(rod, ends[0], ends[1], 1.0, max(1, round(0.3 * scale)), cv2.LINE_AA)
    rod *= _inside(body)
    planes[..., EOSIN] += 0.8 * rod
    planes[..., AZURE] += 0.45 * rod
