"""Labels of cells: from ``cells.csv``, single-cell images in class folders, or the synthetic drawing.

The label of an image is not the label of its cells: a field of a patient with leukaemia also contains normal cells.
"""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leuknet.cells.extract import Cells
from leuknet.data.cells_csv import cells_file, read_cells
from leuknet.data.cohort import Cohort
from leuknet.data.synthetic.looks import BLASTS

NEAR = 0.75  # red-cell diameters: largest distance between a detected cell and its mark
UNKNOWN = -1


@dataclass(frozen=True)
class CellLabels:
    """Labels of the cells detected in a cohort.

    Attributes
    ----------
    y : int, shape (cells,)
        1 blast, 0 normal cell, -1 unknown.
    group, source : str, shape (cells,)
        Patient or slide, and source; those of the image unless ``cells.csv`` gives the group.
    weak : bool, shape (cells,)
        Whether the label is that of a positive field, some of whose cells are normal.
    """

    y: np.ndarray
    group: np.ndarray
    source: np.ndarray
    weak: np.ndarray

    def two_class_sources(self, rows: np.ndarray) -> list[str]:
        """Return the sources that have cells of both classes among `rows`, ignoring weak labels."""
        sure = rows[(self.y[rows] != UNKNOWN) & ~self.weak[rows]]
        classes = pd.Series(self.y[sure]).groupby(self.source[sure]).nunique()
        return sorted(classes.index[classes == 2])


def cell_labels(cohort: Cohort, cells: Cells) -> CellLabels:
    """Return the labels of all detected cells.

    In the synthetic cohort every cell is labelled by the drawing, and ``cells.csv`` (`leuknet.data.cells_csv`) labels
    the cells that it marks. Otherwise, the most central cell of a single-cell image has the provider's label of the
    cell (so that DeepAPL, if read by patient, has normal cells too) or that of the image, and its other cells have
    none. All cells of a negative image are normal, and those of a positive field are weakly labelled as blasts
    (`CellLabels.weak`).
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
    """Return the label of each image's cell: the one that the provider gives the cell, or that of the image."""
    label = table["label"].to_numpy(int)
    if "cell_label" not in table:
        return label
    return np.where(table["label_of"] == "image", label, table["cell_label"]).astype(int)


def _nearest(found: pd.DataFrame, marks: pd.DataFrame) -> np.ndarray:
    """Return the index of the nearest mark within `NEAR` of each detected cell, or -1."""
    if found.empty or marks.empty:
        return np.full(len(found), -1)
    away = np.hypot(*(found[[axis]].to_numpy() - marks[axis].to_numpy(float)[None] for axis in ("x", "y")))
    place = away.argmin(axis=1)
    limit = NEAR * found["diameter"].to_numpy()
    return np.where(away[np.arange(len(found)), place] <= limit, place, -1)


def _marked(cohort: Cohort) -> dict[int, pd.DataFrame]:
    """Map the positions of images with individually labelled cells to their ``x``, ``y``, ``label``, ``group``."""
    if "leukocytes" in cohort.table:
        return {i: drawn_cells(text) for i, text in enumerate(cohort.table["leukocytes"])}
    file = cells_file(cohort.table)
    return read_cells(file, cohort.table) if file else {}


def drawn_cells(leukocytes: str) -> pd.DataFrame:
    """Return the cells of one synthetic image: ``x``, ``y`` (native px), ``label``, ``type``, ``group`` (empty)."""
    rows = [(x, y, int(kind in BLASTS), kind, "") for kind, x, y, _ in json.loads(leukocytes)]
    return pd.DataFrame(rows, columns=["x", "y", "label", "type", "group"])
