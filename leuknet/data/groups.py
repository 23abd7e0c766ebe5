"""``groups.csv``: sources and groups (patients or slides) of a user's images."""

from pathlib import Path

import pandas as pd

from leuknet.data.user_tables import LINE, ImageNames, read_table
from leuknet.exceptions import LeuknetError

NAME = "groups.csv"
_MEANT = {"group", "groups"}
_TABLES = {"", ".csv", ".tsv", ".txt", ".xls", ".xlsx", ".ods"}


def misnamed(path: Path) -> str:
    """Return why a file that resembles ``groups.csv`` is not read; empty for other files."""
    stem = path.name.casefold().partition(".")[0]
    if stem.strip() not in _MEANT or path.suffix.lower() not in _TABLES:
        return ""
    return f"not read: patients are read from DIR/{NAME} only; rename or move it, and save a workbook as CSV UTF-8"


def read_groups(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with the sources and groups given in the file `path`, or unchanged if the file does not exist.

    The file has the column ``image`` and at least one of ``source`` and ``group`` (accepted formats: see
    `user_tables.read_table`). ``image`` is a path relative to the folder, an ``image_id``, or a file name that occurs
    once. Images that are not listed, and empty cells, are left unchanged. A group is a patient or slide of one source:
    the same name under two sources denotes two groups, written ``<source>/<group>`` in the table.

    Parameters
    ----------
    path : pathlib.Path
    table : pandas.DataFrame
        With the columns ``image_id``, ``path``, ``source`` and ``group``.

    Raises
    ------
    LeuknetError
        If the file is not text, columns are unknown or missing, or images are unknown, ambiguous or repeated. The
        message names the file and line.
    """
    if not path.exists():
        return table
    names = ImageNames(table)
    source, group = list(table["source"]), list(table["group"])
    seen: dict[int, int] = {}
    rows = read_table(path, ["image"], ["source", "group"])
    if not {"source", "group"} & set(rows):
        raise LeuknetError(f"{path}, line 1: the column is 'image' only; add source, group or both")
    for row in rows.to_dict("records"):
        place = f"{path}, line {row[LINE]}"
        i = names.find(row["image"], place)
        if i in seen:
            raise LeuknetError(f"{place}: {row['image']!r} was named in line {seen[i]}: keep one of them")
        seen[i] = row[LINE]
        source[i] = row.get("source") or source[i]
        if row.get("group"):
            group[i] = f"{source[i]}/{row['group']}"
    return table.assign(source=source, group=group)
