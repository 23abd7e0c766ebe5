"""A cohort's images at their native size, and the red-cell diameter that is known or estimated of each."""

from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from leuknet.cells.extract import Cells, extract
from leuknet.cells.scale import SAMPLE, estimated_diameter, nominal_diameter
from leuknet.data import decode
from leuknet.data.cohort import Cohort, CohortKey
from leuknet.data.synthetic.native import redrawn
from leuknet.exceptions import LeuknetError

NO_RULER = 40.0  # px: assumed where nothing is known and no red cell is seen


def native(cohort: Cohort, i: int) -> np.ndarray:
    """Return image `i` at its native size, uint8 RGB: from its file, drawn again, or from the cohort's own pixels."""
    row = cohort.table.iloc[i]
    if row["path"]:
        return decode.pixels(Path(row["path"]), row["sha256"])
    if "drawing" in cohort.table:
        return redrawn(row["drawing"], row["image_id"]).image
    return cv2.resize(np.asarray(cohort.images[i]), (int(row["width"]), int(row["height"])))


def diameters(cohort: Cohort, where: np.ndarray, given: float | None = None) -> np.ndarray:
    """Return the nominal red-cell diameter of one data set's images at `where`, px, float.

    In this order: what the user gives, what the drawing states, what the registry knows, what the data set's own
    unlabelled images show; `NO_RULER` where they show no red cells.
    """
    rows = cohort.table.iloc[where]
    if given is None and "red_cell" in rows:
        return rows["red_cell"].to_numpy(float)
    name = rows["data_set"].iloc[0]
    return np.full(len(where), given or nominal_diameter(name) or _estimated(cohort, where, name))


def _estimated(cohort, where, name):
    try:
        return estimated_diameter([native(cohort, i) for i in where[:: -(-len(where) // SAMPLE)]], name)
    except LeuknetError:
        return NO_RULER


def cells_of(cohort: Cohort, given: dict[str, float] | None = None) -> Cells:
    """Return the `Cells` of a cohort's images; each data set's are kept on disk by its content.

    Parameters
    ----------
    cohort : Cohort
    given : dict of str to float, optional
        Red-cell diameters that the user knows, px, by data set.
    """
    return _held(CohortKey(cohort), tuple(sorted((given or {}).items())))


@lru_cache(maxsize=8)
def _held(held, given):
    cohort, known = held.cohort, dict(given)
    names = cohort.table.groupby("data_set", sort=False).indices
    parts = [(where, _of_data_set(cohort, where, known.get(name))) for name, where in names.items()]
    table = pd.concat([part.table.assign(image=where[part.owner]) for where, part in parts], ignore_index=True)
    order = np.argsort(table["image"], kind="stable")
    seconds = float(np.average([part.seconds for _, part in parts], weights=[part.images for _, part in parts]))
    crops = np.concatenate([part.crops for _, part in parts])[order]
    return Cells(table.iloc[order].reset_index(drop=True), crops, len(cohort), seconds)


def _of_data_set(cohort, where, given):
    content = ["image_id", "width", "height", "sha256"]
    key = [decode.VERSION, given, cohort.table[content].iloc[where].astype(str).to_numpy().tolist()]
    if not cohort.table["path"].iloc[where[0]]:
        key.append(cohort.key)  # drawn images, or pixels of the cohort's own size
    readers = [partial(native, cohort, i) for i in where]
    return extract(readers, lambda: diameters(cohort, where, given), key)
