"""Which cell is a blast: from ``cells.csv``, single-cell images in class folders, or the drawing.

A label of the image is not a label of its cells: a field of a patient with leukaemia shows normal cells too.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leuknet.cells.extract import Cells
from leuknet.data.cohort import Cohort
from leuknet.data.synthetic.looks import BLASTS
from leuknet.data.user_tables import read_table
from leuknet.exceptions import LeuknetError

NAME = "cells.csv"
WORDS = {"positive": 1, "negative": 0, "1": 1, "0": 0, "blast": 1, "normal": 0}
NEAR = 0.75  # red-cell diameters: a found cell farther from a marked one is another cell
UNKNOWN = -1


@dataclass(frozen=True)
class CellLabels:
    """What is known of the cells found in a cohort.

    Attributes
    ----------
    y : int, shape (cells,)
        1 blast, 0 normal cell, -1 unknown.
    group, source : str, shape (cells,)
        Patient or slide, and source; those of the image unless ``cells.csv`` names the group.
    weak : bool, shape (cells,)
        The label is that of a positive field: some of its cells are normal.
    """

    y: np.ndarray
    group: np.ndarray
    source: np.ndarray
    weak: np.ndarray

    def two_class_sources(self, rows: np.ndarray) -> list[str]:
        """Return the sources that hold cells of both classes, not weakly labelled, among `rows`."""
        sure = rows[(self.y[rows] != UNKNOWN) & ~self.weak[rows]]
        classes = pd.Series(self.y[sure]).groupby(self.source[sure]).nunique()
        return sorted(classes.index[classes == 2])


def cell_labels(cohort: Cohort, cells: Cells) -> CellLabels:
    """Return what is known of each found cell.

    The drawing knows every cell of the synthetic cohort, and ``cells.csv`` (`read_cells`) those it marks. Else the most
    central cell of a single-cell image has the image's label and its other cells none, all cells of a negative image
    are normal, and those of a positive field are blasts weakly (`CellLabels.weak`).
    """
    image = cohort.table["label"].to_numpy(int)[cells.owner]
    single, first = cells.table["single"].to_numpy(bool), ~cells.table["image"].duplicated().to_numpy()
    y = np.where(single & ~first, UNKNOWN, image)
    weak = ~single & (image == 1)
    group = cohort.table["group"].to_numpy(object)[cells.owner].astype(str)
    source = cohort.table["source"].to_numpy(object)[cells.owner].astype(str)
    for i, marks in _marked(cohort).items():
        rows = np.flatnonzero(cells.owner == i)
        place = _nearest(cells.table.iloc[rows], marks)
        hit = place >= 0
        y[rows], weak[rows] = UNKNOWN, False
        y[rows[hit]] = marks["label"].to_numpy(int)[place[hit]]
        named = marks["group"].to_numpy(object)[place[hit]]
        group[rows[hit]] = np.where(named == "", group[rows[hit]], named)
    return CellLabels(y, group, source, weak)


def _nearest(found, marks):
    """Return for each found cell the place of the nearest mark within `NEAR`, or -1."""
    if found.empty or marks.empty:
        return np.full(len(found), -1)
    away = np.hypot(*(found[[axis]].to_numpy() - marks[axis].to_numpy(float)[None] for axis in ("x", "y")))
    place = away.argmin(axis=1)
    limit = NEAR * found["diameter"].to_numpy()
    return np.where(away[np.arange(len(found)), place] <= limit, place, -1)


def _marked(cohort):
    """Return, for images whose cells are known one by one, position to marks (``x``, ``y``, ``label``, ``group``)."""
    if "leukocytes" in cohort.table:
        return {i: drawn_cells(text) for i, text in enumerate(cohort.table["leukocytes"])}
    file = cells_file(cohort)
    return read_cells(file, cohort) if file else {}


def drawn_cells(leukocytes: str) -> pd.DataFrame:
    """Return the cells of one synthetic image: ``x``, ``y`` (native px), ``label``, ``type``, ``group`` (empty)."""
    rows = [(x, y, int(kind in BLASTS), kind, "") for kind, x, y, _ in json.loads(leukocytes)]
    return pd.DataFrame(rows, columns=["x", "y", "label", "type", "group"])


def cells_file(cohort: Cohort) -> Path | None:
    """Return the ``cells.csv`` of a user's folder, the nearest one above its images, or None."""
    paths = [path for path in cohort.table["path"] if path]
    if not paths:
        return None
    top = Path(os.path.commonpath(paths))
    return next((folder / NAME for folder in (top, *list(top.parents)[:3]) if (folder / NAME).is_file()), None)


def read_cells(file: Path, cohort: Cohort) -> dict[int, pd.DataFrame]:
    """Read ``cells.csv``: ``image,x,y,label[,type,group]``, one row a marked cell.

    ``image`` is an ``image_id`` or a path below the file's folder; ``x`` and ``y`` are px from the image's left and
    upper edge at its native size; ``label`` is positive or negative (or blast, normal, 1, 0). An image that is named
    has no other known cells; one that is not keeps what its class folder says.

    Returns
    -------
    dict of int to pandas.DataFrame
        Position in the cohort to ``x``, ``y``, ``label``, ``type``, ``group``.

    Raises
    ------
    LeuknetError
        Naming the line: an unknown image or label, or a place that is no number or outside the image.
    """
    table = read_table(file, ["image", "x", "y", "label"], ["type", "group"])
    table = table.assign(**{name: "" for name in ("type", "group") if name not in table})
    names = {image_id: i for i, image_id in enumerate(cohort.table["image_id"])}
    paths = [(path, i) for i, path in enumerate(cohort.table["path"]) if path]
    names |= {os.path.relpath(path, file.parent).replace(os.sep, "/"): i for path, i in paths}
    where = [_checked(row, names, cohort, f"{file.name}, line {row.line}") for row in table.itertuples()]
    marks = table.assign(
        x=table["x"].astype(float), y=table["y"].astype(float), label=table["label"].str.lower().map(WORDS)
    )
    return {i: part.reset_index(drop=True) for i, part in marks.groupby(np.array(where, int))}


def _checked(row, names, cohort, place):
    """Return the position of a row's image, or raise LeuknetError."""
    if row.image not in names:
        raise LeuknetError(f"{place}: no image {row.image!r}: give its path below the folder")
    if row.label.lower() not in WORDS:
        raise LeuknetError(f"{place}: label {row.label!r} is not positive or negative")
    image = cohort.table.iloc[names[row.image]]
    for value, edge in ((row.x, image["width"]), (row.y, image["height"])):
        try:
            inside = 0 <= float(value) <= edge
        except ValueError:
            raise LeuknetError(f"{place}: {value!r} is not a number of pixels") from None
        if not inside:
            raise LeuknetError(f"{place}: {value} lies outside the image of {image['width']} x {image['height']} px")
    return names[row.image]


def written(cohort: Cohort) -> pd.DataFrame:
    """Return the synthetic cohort's cells as ``cells.csv`` holds them: image, x, y, label, type, group.

    Only cells whose middle lies in the image: crops of a field know its other cells too.
    """
    parts = [
        drawn_cells(row.leukocytes).assign(image=row.image_id, group=row.group, width=row.width, height=row.height)
        for row in cohort.table.itertuples()
    ]
    table = pd.concat(parts, ignore_index=True).query("0 <= x <= width and 0 <= y <= height")
    table["label"] = np.where(table["label"] == 1, "positive", "negative")
    return table[["image", "x", "y", "label", "type", "group"]].reset_index(drop=True)
