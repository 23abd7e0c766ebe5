"""Plan of the images of the cohort: counts, slides and crops per field."""

from dataclasses import dataclass

import numpy as np

from leuknet._random import rng
from leuknet.data.registry import DATA_SETS
from leuknet.data.synthetic.looks import LOOKS

FIELDS, BLAST_CROPS, CELL_CROPS = "ALL-IDB 1", "ALL-IDB 1 (Crop)", "ALL-IDB 2"
FAMILY = (FIELDS, BLAST_CROPS, CELL_CROPS)
BLASTS_A_FIELD = 510 / 49  # Table 1: ALL-IDB 1 (Crop) over the positives of ALL-IDB 1
Counts = dict[tuple[str, int], int]  # number of images per data set and label
FEWEST_SLIDES = 5  # per class, if it has as many images, so that grouped splits are possible


@dataclass(frozen=True)
class Slide:
    """Images of one slide of an independent data set: ordinals `images` of class `label`."""

    data_set: str
    label: int
    number: int
    images: range


@dataclass(frozen=True)
class Field:
    """One field of ALL-IDB 1 and the ordinals of its crops.

    `blasts` and `normals` are numbers of leukocytes; `blast_crops`, `blast_cells` and `normal_cells` are the ordinals
    of ALL-IDB 1 (Crop) and of the positives and negatives of ALL-IDB 2.
    """

    label: int
    number: int
    slide: int
    blasts: int
    normals: int
    blast_crops: range
    blast_cells: range
    normal_cells: range


def counts(fraction: float, floor: int) -> Counts:
    """Return {(data set, label): images}: counts of Table 1 times `fraction`, at least `floor` or all images."""
    return {
        (name, label): max(round(published * fraction), min(floor, published), 1)
        for name, data_set in DATA_SETS.items()
        for label, published in ((0, data_set.negatives), (1, data_set.positives))
        if published
    }


def plan(fraction: float, floor: int, seed: int) -> list[Slide | Field]:
    """Return all `Slide` and `Field` objects to draw, in the order of Table 1."""
    wanted = counts(fraction, floor)
    alone = [
        Slide(name, label, number, images)
        for (name, label), n in wanted.items()
        if name not in FAMILY
        for number, images in enumerate(_slides(n, LOOKS[name]["slides"]))
    ]
    return [*_fields(wanted, seed), *alone]


def _slides(n: int, per_slide: int) -> list[range]:
    """Split the ordinals 0..n-1 into slides of about `per_slide` images."""
    number = max(-(-n // per_slide), min(n, FEWEST_SLIDES))
    edges = np.linspace(0, n, number + 1).round().astype(int)
    return [range(*pair) for pair in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]


def _fields(wanted: Counts, seed: int) -> list[Field]:
    generator = rng("synthetic", seed, "family")
    n = {label: wanted[FIELDS, label] for label in (0, 1)}
    per_slide = LOOKS[FIELDS]["slides"]
    slide = {label: [k for k, of in enumerate(_slides(n[label], per_slide)) for _ in of] for label in n}
    blasts = 2 + generator.negative_binomial(2.2, 2.2 / (BLASTS_A_FIELD + 1.2 - 2 + 2.2), n[1]).clip(max=24)
    blasts = _enough(blasts, max(wanted[BLAST_CROPS, 1], wanted[CELL_CROPS, 1]))
    low, high = LOOKS[FIELDS]["leukocytes"]
    normals = np.concatenate([generator.integers(low, high + 1, n[0]), generator.integers(0, 3, n[1])])
    normals = _enough(normals, wanted[CELL_CROPS, 0])
    crops = _deal(wanted[BLAST_CROPS, 1], blasts)
    cells = _deal(wanted[CELL_CROPS, 1], blasts)
    healthy = _deal(wanted[CELL_CROPS, 0], normals)
    none = range(0)
    negative = [Field(0, k, slide[0][k], 0, int(normals[k]), none, none, healthy[k]) for k in range(n[0])]
    positive = [
        Field(1, k, slide[1][k], int(blasts[k]), int(normals[n[0] + k]), crops[k], cells[k], healthy[n[0] + k])
        for k in range(n[1])
    ]
    return negative + positive


def _enough(numbers: np.ndarray, total: int) -> np.ndarray:
    """Increment the smallest of `numbers` until they sum to `total`."""
    numbers = numbers.copy()
    while numbers.sum() < total:
        numbers[numbers.argmin()] += 1
    return numbers


def _deal(total: int, capacity: np.ndarray) -> list[range]:
    """Distribute the ordinals 0..total-1 evenly over bins of size `capacity` and return one range per bin."""
    dealt = np.zeros(len(capacity), int)
    while dealt.sum() < total:
        open_ = np.flatnonzero(dealt < capacity)[: total - dealt.sum()]
        dealt[open_] += 1
    ends = dealt.cumsum().tolist()
    return [range(end - share, end) for end, share in zip(ends, dealt.tolist(), strict=True)]
