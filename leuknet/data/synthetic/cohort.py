"""The synthetic cohort, drawn on all cores and cached."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from leuknet._io import hash_of, hash_of_files
from leuknet.data.cohort import COLUMNS, Cohort, cached_cohort
from leuknet.data.registry import DATA_SETS
from leuknet.data.synthetic.draw import Drawn, draw, resized
from leuknet.data.synthetic.native import spelled
from leuknet.data.synthetic.plan import Field, Slide, counts, plan
from leuknet.exceptions import LeuknetError

FEW = 1000  # images
EXTRA_COLUMNS = ["kind", "cells", "parent", "box", "red_cell", "leukocytes", "drawing"]


def synthetic_cohort(size: int = 224, fraction: float = 1.0, floor: int = 0, seed: int = 0) -> Cohort:
    """Return the synthetic cohort: 18 data sets that mirror the counts of Table 1.

    The images are drawn from a model whose ranges were fitted to real smears (``looks.toml``). They do not replace real
    images, and results computed from them must be labelled as synthetic. The images of ALL-IDB 1 (Crop) and ALL-IDB 2
    are crops of the fields of ALL-IDB 1.

    Parameters
    ----------
    size : int
        Edge of the images in pixels; each image is resized from its native size, as in section 3.1.
    fraction : float
        Share of the counts of Table 1, above 0 and at most 1.
    floor : int
        Minimum number of images per data set and class, limited to the count in Table 1.
    seed : int

    Returns
    -------
    Cohort
        Cohort with masks, stored on disk and memory-mapped. Additional columns of the table: ``kind`` (of the central
        leukocyte, or ``"field"``), ``cells`` (number of leukocytes), ``parent`` (image_id of the field from which it
        was cropped, or empty), ``box`` (left,top,width,height in native pixels of the parent), ``red_cell`` (diameter
        of red cells, native px), ``leukocytes`` (JSON: kind, x, y, diameter of each, native px) and ``drawing`` (for
        `native.redrawn`). ``group`` is the slide. ``sha256`` is the hash of the native pixels.

    Raises
    ------
    LeuknetError
        If an argument is out of range.
    """
    if not 0 < fraction <= 1:
        raise LeuknetError(f"fraction {fraction} of the synthetic cohort must be above 0 and at most 1")
    if size < 16 or floor < 0:
        raise LeuknetError(f"the synthetic cohort needs size >= 16 and floor >= 0, not size {size} and floor {floor}")
    key = hash_of([int(size), float(fraction), int(floor), int(seed), version()])
    return cached_cohort(f"synthetic-{key}", lambda: draw_cohort(size, fraction, floor, seed))


def draw_cohort(
    size: int = 224, fraction: float = 1.0, floor: int = 0, seed: int = 0, workers: int | None = None
) -> Cohort:
    """Draw the cohort with `workers` threads or processes (default: one per core), which do not affect the result."""
    tasks = plan(fraction, floor, seed)
    small = sum(counts(fraction, floor).values()) < FEW  # processes are faster but take seconds to start
    kind = {"prefer": "threads"} if small else {"prefer": "processes", "batch_size": 4}
    parts = Parallel(workers or cpu_count(), **kind)(delayed(_made)(task, seed, size, not small) for task in tasks)
    rows, images, masks = zip(*(made for part in parts for made in part), strict=True)
    table = pd.DataFrame(rows)
    rank = table["data_set"].map(list(DATA_SETS).index)
    order = table.assign(rank=rank).sort_values(["rank", "label", "image_id"]).index
    table = table.loc[order, COLUMNS + EXTRA_COLUMNS].reset_index(drop=True)
    return Cohort("synthetic", np.stack(images)[order], table, masks=np.stack(masks)[order])


def _made(
    task: Slide | Field, seed: int, size: int, own_process: bool
) -> list[tuple[dict[str, Any], np.ndarray, np.ndarray]]:
    """Return the table row, image and mask of each image of one slide or field."""
    if own_process:
        cv2.setNumThreads(1)  # the processes share the cores
    drawing = spelled(task, seed)
    return [(_row(one) | {"drawing": drawing}, *resized(one, size)) for one in draw(task, seed)]


def _row(drawn: Drawn) -> dict[str, Any]:
    cells = [(kind, round(float(x), 1), round(float(y), 1), round(float(d), 1)) for kind, x, y, d in drawn.cells]
    return drawn.row | {"red_cell": round(drawn.red_cell, 2), "leukocytes": json.dumps(cells)}


@cache
def version() -> str:
    """Return a hash of this package's files and of Table 1, on which images depend in addition to the arguments."""
    code = hash_of_files([*sorted(Path(__file__).parent.glob("*.py")), Path(__file__).with_name("looks.toml")])
    return hash_of([code, repr(list(DATA_SETS.values()))])
