"""``groups.csv``: which images of a folder share a source, a patient or a slide."""

from pathlib import Path

import pandas as pd

from leuknet.data.user_tables import LINE, ImageNames, read_table
from leuknet.exceptions import LeuknetError

NAME = "groups.csv"
_MEANT = {"group", "groups"}
_TABLES = {"", ".csv", ".tsv", ".txt", ".xls", ".xlsx", ".ods"}


def misnamed(path: Path) -> str:
    """Return why a file is not read that looks as if it were meant to be ``groups.csv``; empty for other files."""
    stem = path.name.casefold().partition(".")[0]
    if stem.strip() not in _MEANT or path.suffix.lower() not in _TABLES:
        return ""
    return f"not read: patients are read from DIR/{NAME} only; rename or move it, and save a workbook as CSV UTF-8"


def read_groups(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with the sources and groups that the file `path` names, or as it is if there is no such file.

    The file has the columns ``image`` and at least one of ``source`` and ``group`` (see `user_tables.read_table` for
    what it may look like). ``image`` is a path relative to the folder, an ``image_id``, or a bare file name that
    occurs once. Images that are not named, and empty cells, keep what they have. A group is a patient or slide of one
    source: the same name under two sources means two groups, and the table writes it ``<source>/<group>``.

    Parameters
    ----------
    path : pathlib.Path
    table : pandas.DataFrame
        With ``image_id``, ``path``, ``source`` and ``group``.

    Raises
    ------
    LeuknetError
        Naming file and line: no text, unknown or missing columns, unknown, ambiguous or repeated images.
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
        i = names.find(row["image"], f"{path}, line {row[LINE]}")
        if i in seen:
            raise LeuknetError(
                f"{path}, line {row[LINE]}: {row['image']!r} was named in line {seen[i]}: keep one of them"
            )
        seen[i] = row[LINE]
        source[i] = row.get("source") or source[i]
        if row.get("group"):
            group[i] = f"{source[i]}/{row['group']}"
    return table.assign(source=source, group=group)
