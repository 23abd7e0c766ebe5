"""The synthetic cohort: planned, drawn on all cores, cached."""

import json
from functools import cache
from hashlib import sha256
from importlib.resources import files

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from leuknet._io import hash_of
from leuknet.data.cohort import COLUMNS, Cohort, cached_cohort
from leuknet.data.registry import DATA_SETS
from leuknet.data.synthetic.draw import draw, resized
from leuknet.data.synthetic.native import spelled
from leuknet.data.synthetic.plan import counts, plan
from leuknet.exceptions import LeuknetError

FEW = 1000  # images
EXTRA_COLUMNS = ["kind", "cells", "parent", "box", "red_cell", "leukocytes", "drawing"]


def synthetic_cohort(size=224, fraction=1.0, floor=0, seed=0):
    """Return the synthetic cohort: 18 data sets that mirror the counts of Table 1.

    It is drawn from a model whose ranges were fitted to real smears (``looks.toml``); it is no substitute for them, and
    what is computed from it must be called synthetic. ALL-IDB 1 (Crop) and ALL-IDB 2 are cut from ALL-IDB 1's fields.

    Parameters
    ----------
    size : int
        Edge of the images in pixels; each is resized from its native size, as in section 3.1.
    fraction : float
        Share of Table 1's counts, above 0 and at most 1.
    floor : int
        Fewest images per data set and class (of those that Table 1 has, and never more than it has).
    seed : int

    Returns
    -------
    Cohort
        With masks, kept on disk and memory-mapped. The table also has ``kind`` (of the central leukocyte, or
        ``"field"``), ``cells`` (leukocytes drawn), ``parent`` (image_id of the field it was cut from, or empty) and
        ``box`` (left,top,width,height in the parent's native pixels), ``red_cell`` (their diameter, native px),
        ``leukocytes`` (JSON: kind, x, y, diameter of each, native px) and ``drawing`` (for `native.redrawn`). ``group``
        is the slide, of a few images each. ``sha256`` is of the native pixels.

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


def draw_cohort(size=224, fraction=1.0, floor=0, seed=0, workers=None):
    """Draw the cohort anew, by `workers` threads or processes (default: one a core): the result is always the same."""
    tasks = plan(fraction, floor, seed)
    small = sum(counts(fraction, floor).values()) < FEW  # processes draw faster, but take seconds to start
    kind = {"prefer": "threads"} if small else {"prefer": "processes", "batch_size": 4}
    parts = Parallel(workers or cpu_count(), **kind)(delayed(_made)(task, seed, size, not small) for task in tasks)
    rows, images, masks = (sum(part, []) for part in zip(*parts, strict=True))
    table = pd.DataFrame(rows)
    rank = {name: k for k, name in enumerate(DATA_SETS)}
    order = table.assign(rank=table["data_set"].map(rank)).sort_values(["rank", "label", "image_id"]).index
    table = table.loc[order, COLUMNS + EXTRA_COLUMNS].reset_index(drop=True)
    return Cohort("synthetic", np.stack(images)[order], table, masks=np.stack(masks)[order])


def _made(task, seed, size, own_process):
    if own_process:
        cv2.setNumThreads(1)  # the processes share the cores
    drawn = draw(task, seed)
    images, masks = zip(*(resized(one, size) for one in drawn), strict=True)
    drawing = spelled(task, seed)
    return [_row(one) | {"drawing": drawing} for one in drawn], list(images), list(masks)


def _row(drawn):
    cells = [(kind, round(float(x), 1), round(float(y), 1), round(float(d), 1)) for kind, x, y, d in drawn.cells]
    return drawn.row | {"red_cell": round(drawn.red_cell, 2), "leukocytes": json.dumps(cells)}


@cache
def version():
    """Return a hash of this package's files and of Table 1: what a drawing depends on besides its arguments."""
    digest = sha256(repr(list(DATA_SETS.values())).encode())
    for path in sorted(files(__package__).iterdir(), key=lambda path: path.name):
        if path.name.endswith((".py", ".toml")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
