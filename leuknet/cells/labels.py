"""Which cell is a blast: from ``cells.csv``, single-cell images in class folders, or the drawing.

A label of the image is not a label of its cells: a field of a patient with leukaemia shows normal cells too.
"""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leuknet.cells.extract import Cells
from leuknet.data.cells_csv import cells_file, read_cells
from leuknet.data.cohort import Cohort
from leuknet.data.synthetic.looks import BLASTS

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

    The drawing knows every cell of the synthetic cohort, and ``cells.csv`` (`leuknet.data.cells_csv`) those it marks.
    Else the most central cell of a single-cell image has the label that the provider gives it (so that DeepAPL read by
    patient has normal cells too), or the image's, and its other cells none; all cells of a negative image are normal,
    and those of a positive field are blasts weakly (`CellLabels.weak`).
    """
    image = _image_labels(cohort.table)[cells.owner]
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


def _image_labels(table: pd.DataFrame) -> np.ndarray:
    """Return what an image says of the cell it shows: the provider's label of the cell, or that of the image."""
    label = table["label"].to_numpy(int)
    if "cell_label" not in table:
        return label
    return np.where(table["label_of"] == "image", label, table["cell_label"]).astype(int)


def _nearest(found: pd.DataFrame, marks: pd.DataFrame) -> np.ndarray:
    """Return for each found cell the place of the nearest mark within `NEAR`, or -1."""
    if found.empty or marks.empty:
        return np.full(len(found), -1)
    away = np.hypot(*(found[[axis]].to_numpy() - marks[axis].to_numpy(float)[None] for axis in ("x", "y")))
    place = away.argmin(axis=1)
    limit = NEAR * found["diameter"].to_numpy()
    return np.where(away[np.arange(len(found)), place] <= limit, place, -1)


def _marked(cohort: Cohort) -> dict[int, pd.DataFrame]:
    """Return, for images whose cells are known one by one, position to marks (``x``, ``y``, ``label``, ``group``)."""
    if "leukocytes" in cohort.table:
        return {i: drawn_cells(text) for i, text in enumerate(cohort.table["leukocytes"])}
    file = cells_file(cohort.table)
    return read_cells(file, cohort.table) if file else {}


def drawn_cells(leukocytes: str) -> pd.DataFrame:
    """Return the cells of one synthetic image: ``x``, ``y`` (native px), ``label``, ``type``, ``group`` (empty)."""
    rows = [(x, y, int(kind in BLASTS), kind, "") for kind, x, y, _ in json.loads(leukocytes)]
    return pd.DataFrame(rows, columns=["x", "y", "label", "type", "group"])
