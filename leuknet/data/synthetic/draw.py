"""Drawing of the planned images, one slide or one field of the ALL-IDB family at a time."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from leuknet._random import rng
from leuknet.data.registry import DATA_SETS
from leuknet.data.synthetic.camera import photograph
from leuknet.data.synthetic.looks import LOOKS, Shot, image_shot, slide_shot
from leuknet.data.synthetic.plan import BLAST_CROPS, CELL_CROPS, FIELDS, Field, Slide
from leuknet.data.synthetic.smear import RED_CELL, Smear, draw_smear

CELL_WINDOW = 141  # px, edge of the crops of ALL-IDB 2: there 257 of 2592 px, slightly wider here
Placed = tuple[str, float, float]  # kind, x, y
CLASSES = ("negative", "positive")


@dataclass(frozen=True)
class Drawn:
    """One image of the cohort at native size.

    Attributes
    ----------
    row : dict
        Row of the cohort's table.
    image : numpy.ndarray, uint8, shape (height, width, 3)
    mask : numpy.ndarray, uint8, shape (height, width)
    cells : list of (kind, x, y, diameter)
        Leukocytes drawn, in pixels of this image; some may be at or beyond its border.
    red_cell : float
        Nominal diameter of red cells in pixels, from the look's px/µm.
    """

    row: dict[str, Any]
    image: np.ndarray
    mask: np.ndarray
    cells: list[tuple[str, float, float, float]]
    red_cell: float


def draw(task: Slide | Field, seed: int) -> list[Drawn]:
    """Return the images of one slide of an independent data set, or one field of ALL-IDB 1 and its crops."""
    if isinstance(task, Field):
        return _draw_field(task, seed)
    shot = slide_shot(task.data_set, seed, task.label, task.number)
    return [_draw_one(task, shot, ordinal, seed) for ordinal in task.images]


def _draw_one(slide: Slide, slide_look: Shot, ordinal: int, seed: int) -> Drawn:
    look, generator = LOOKS[slide.data_set], rng("image", slide.data_set, seed, slide.label, ordinal)
    shot = image_shot(slide_look, generator)
    field = look["scene"] == "field" or (look["scene"] == "both" and generator.random() < 0.5)
    prefix = "field_" if field else ""
    shape, scale = (look[prefix + "height"], look[prefix + "width"]), look[prefix + "scale"]
    leukocytes = (_many if field else _one)(generator, look, slide.label, shape, scale)
    smear, image = _photographed(generator, shot, shape, scale, leukocytes)
    kind = "field" if field else leukocytes[0][0]
    row = _row(slide.data_set, slide.label, ordinal, slide.number, image, kind=kind, cells=len(leukocytes))
    return Drawn(row, image, smear.mask, smear.cells, RED_CELL * scale)


def _photographed(
    generator: np.random.Generator, shot: Shot, shape: tuple[int, int], scale: float, leukocytes: Sequence[Placed]
) -> tuple[Smear, np.ndarray]:
    smear = draw_smear(generator, shot, shape, scale, leukocytes)
    return smear, photograph(generator, smear.planes, shot)


def _kind(generator: np.random.Generator, weights: dict[str, float]) -> str:
    return str(generator.choice(list(weights), p=np.array(list(weights.values())) / sum(weights.values())))


def _one(
    generator: np.random.Generator, look: dict[str, Any], label: int, shape: tuple[int, int], scale: float
) -> list[Placed]:
    """Return one leukocyte near the centre and, sometimes, a second one at the border."""
    weights = look["blasts"] if label else look["normal"]
    y, x = np.array(shape) / 2 + generator.normal(0, look["off_centre"], 2) * shape
    cells = [(_kind(generator, weights), x, y)]
    if generator.random() < 0.08:
        angle, away = generator.uniform(0, 2 * np.pi), generator.uniform(17, 20) * scale
        cells.append((_kind(generator, look["normal"]), x + away * np.cos(angle), y + away * np.sin(angle)))
    return cells


def _many(
    generator: np.random.Generator, look: dict[str, Any], label: int, shape: tuple[int, int], scale: float
) -> list[Placed]:
    """Return the leukocytes of a field: mostly blasts if positive; few and normal if negative."""
    low, high = look["leukocytes"]
    if label:
        n = generator.integers(low, high + 1)
        blasts = max(1, round(n * generator.uniform(0.6, 1)))
        kinds = [_kind(generator, look["blasts"]) for _ in range(blasts)]
        kinds += [_kind(generator, look["normal"]) for _ in range(n - blasts)]
    else:
        kinds = [_kind(generator, look["normal"]) for _ in range(generator.integers(1, 2 + high // 2))]
    places = _apart(generator, len(kinds), shape, 0.3 * 14 * scale, 16 * scale)
    return [(kind, x, y) for kind, (x, y) in zip(kinds, places, strict=True)]


def _apart(
    generator: np.random.Generator, n: int, shape: tuple[int, int], margin: float, distance: float
) -> np.ndarray:
    """Return n positions (x, y) inside `margin`, `distance` apart if there is room, otherwise as far as possible."""
    places = np.empty((n, 2))
    for k in range(n):
        tries = generator.uniform(margin, np.array(shape)[::-1] - margin, (60, 2))
        nearest = np.hypot(*(tries[:, None] - places[None, :k]).T).min(0) if k else np.full(60, np.inf)
        free = np.flatnonzero(nearest >= distance)
        places[k] = tries[free[0] if len(free) else nearest.argmax()]
    return places


def _draw_field(field: Field, seed: int) -> list[Drawn]:
    """Draw one field of ALL-IDB 1 and its crops for ALL-IDB 1 (Crop) and ALL-IDB 2."""
    look = LOOKS[FIELDS]
    generator = rng("field", seed, field.label, field.number)
    shot = image_shot(slide_shot(FIELDS, seed, field.label, field.slide), generator)
    shape, scale = (look["field_height"], look["field_width"]), look["field_scale"]
    kinds = [_kind(generator, look["blasts"]) for _ in range(field.blasts)]
    kinds += [_kind(generator, look["normal"]) for _ in range(field.normals)]
    places = _apart(generator, len(kinds), shape, CELL_WINDOW // 2 + 1, 17 * scale)
    leukocytes = [(kind, x, y) for kind, (x, y) in zip(kinds, places, strict=True)]
    smear, image = _photographed(generator, shot, shape, scale, leukocytes)
    row = _row(FIELDS, field.label, field.number, field.slide, image, field.label, kind="field", cells=len(kinds))
    parent = Drawn(row, image, smear.mask, smear.cells, RED_CELL * scale)
    return [parent, *_crops(generator, field, smear, parent)]


def _crops(generator: np.random.Generator, field: Field, smear: Smear, parent: Drawn) -> Iterator[Drawn]:
    blasts, normals = smear.cells[: field.blasts], smear.cells[field.blasts :]
    wanted = [
        (BLAST_CROPS, 1, field.blast_crops, blasts),
        (CELL_CROPS, 1, field.blast_cells, blasts),
        (CELL_CROPS, 0, field.normal_cells, normals),
    ]
    for data_set, label, ordinals, cells in wanted:
        for ordinal, (kind, x, y, diameter) in zip(ordinals, cells, strict=False):
            window = round(diameter * generator.uniform(1.15, 1.5)) if data_set == BLAST_CROPS else CELL_WINDOW
            yield _crop(parent, field, data_set, label, ordinal, kind, (x, y), window)


def _crop(
    parent: Drawn,
    field: Field,
    data_set: str,
    label: int,
    ordinal: int,
    kind: str,
    centre: tuple[float, float],
    window: int,
) -> Drawn:
    height, width = parent.mask.shape
    left = int(np.clip(round(centre[0] - window / 2), 0, width - window))
    top = int(np.clip(round(centre[1] - window / 2), 0, height - window))
    part = slice(top, top + window), slice(left, left + window)
    origin = {"parent": parent.row["image_id"], "box": f"{left},{top},{window},{window}"}
    row = _row(data_set, label, ordinal, field.slide, parent.image[part], field.label, kind=kind, cells=1, **origin)
    cells = [(of, x - left, y - top, diameter) for of, x, y, diameter in parent.cells]
    return Drawn(row, parent.image[part], parent.mask[part], cells, parent.red_cell)


def _row(
    data_set: str,
    label: int,
    ordinal: int,
    slide: int,
    image: np.ndarray,
    slide_label: int | None = None,
    parent: str = "",
    box: str = "",
    **more: Any,
) -> dict[str, Any]:
    """Return one row of the table; `slide_label` is the class of the slide if it may differ from the image's class."""
    source = DATA_SETS[data_set].source
    owner = CLASSES[label if slide_label is None else slide_label]
    return {
        "image_id": f"{data_set}/{CLASSES[label]}/{ordinal:03d}",
        "data_set": data_set,
        "source": source,
        "group": f"{source}/{owner} slide {slide:03d}",
        "label": label,
        "width": image.shape[1],
        "height": image.shape[0],
        "path": "",
        "sha256": hashlib.sha256(image.tobytes()).hexdigest(),
        "parent": parent,
        "box": box,
        **more,
    }


def resized(drawn: Drawn, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the image and mask at size x size px; nearest-neighbour interpolation keeps the mask's values 0, 1, 2."""
    shrinks = max(drawn.mask.shape) > size
    image = cv2.resize(drawn.image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return image, cv2.resize(drawn.mask, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
