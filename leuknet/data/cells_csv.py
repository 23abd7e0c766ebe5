"""``cells.csv``: labels (blast or normal) of single cells in a user's images."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leuknet.data.user_tables import LINE, ImageNames, read_table
from leuknet.exceptions import LeuknetError

NAME = "cells.csv"
WORDS = {"positive": 1, "negative": 0, "1": 1, "0": 0, "blast": 1, "normal": 0}


def cells_file(table: pd.DataFrame) -> Path | None:
    """Return the ``cells.csv`` of a user's folder (the nearest one above its images), or None."""
    paths = [path for path in table["path"] if path]
    if not paths:
        return None
    top = Path(os.path.commonpath(paths))
    return next((folder / NAME for folder in (top, *list(top.parents)[:3]) if (folder / NAME).is_file()), None)


def read_cells(file: Path, table: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """Read ``cells.csv`` with the columns ``image,x,y,label[,type,group]`` and one row per marked cell.

    ``image`` is an ``image_id``, a path relative to the file's folder, or a file name that occurs once. ``x`` and ``y``
    are px from the left and top edges of the image at its native size. ``label`` is positive or negative (or blast,
    normal, 1, 0). An image listed in the file has no other known cells; an image that is not listed is labelled by its
    class folder. Rows of existing files that are not in `table` (damaged, or excluded by a limit) are ignored.

    Parameters
    ----------
    file : path
    table : pandas.DataFrame
        A cohort's table with absolute paths.

    Returns
    -------
    dict of int to pandas.DataFrame
        Position in the cohort to a table with ``x``, ``y``, ``label``, ``type``, ``group``.

    Raises
    ------
    LeuknetError
        If an image or label is unknown, or a coordinate is not a number or is outside the image. The message names
        the line.
    """
    rows = read_table(file, ["image", "x", "y", "label"], ["type", "group"])
    rows = rows.assign(**{name: "" for name in ("type", "group") if name not in rows})
    names, known = ImageNames(table, file.parent), set(table["path"])
    here = [str(path) in known or not path.is_file() for path in map(file.parent.joinpath, rows["image"])]
    where = [_checked(row, names, table, file.name) for row in rows[here].to_dict("records")]
    marks = rows[here].astype({"x": float, "y": float}).assign(label=rows["label"].str.lower().map(WORDS))
    return {int(i): part.reset_index(drop=True) for i, part in marks.groupby(np.array(where, int))}


def _checked(row: dict[str, Any], names: ImageNames, table: pd.DataFrame, file: str) -> int:
    """Validate a row and return the position of its image."""
    place = f"{file}, line {row[LINE]}"
    at = names.find(row["image"], place)
    if row["label"].lower() not in WORDS:
        raise LeuknetError(f"{place}: label {row['label']!r} is not positive or negative")
    width, height = table[["width", "height"]].iloc[at]
    for value, edge in ((row["x"], width), (row["y"], height)):
        try:
            inside = 0 <= float(value) <= edge
        except ValueError:
            raise LeuknetError(f"{place}: {value!r} is not a number of pixels") from None
        if not inside:
            raise LeuknetError(f"{place}: {value} lies outside the image of {width} x {height} px")
    return at


def label_meaning(table: pd.DataFrame) -> str:
    """Return a description of the labels: what they apply to (image, patient or cell) and the source of cell labels."""
    if "label_of" not in table:
        return "Labels describe the image; the drawing knows each cell's kind."
    counts, file = Counter(table["label_of"]), cells_file(table)
    words = "; ".join(f"the {kind} ({count} images)" for kind, count in counts.most_common())
    given = read_cells(file, table) if file else {}
    labels = [label for part in given.values() for label in part["label"]] if file else list(table["cell_label"])
    if max(labels, default=-1) < 0:
        return f"Labels describe {words}."
    who = f"{NAME} marks" if file else "The provider names"
    return f"Labels describe {words}. {who} {labels.count(1)} blasts and {labels.count(0)} normal cells."
