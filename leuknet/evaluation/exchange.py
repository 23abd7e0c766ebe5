"""``splits.csv``: a portable split that can be checked against the images it was made for."""

from pathlib import Path

import pandas as pd

from leuknet._io import write_text
from leuknet.data.splits_csv import COLUMNS, HEAD, read_rows
from leuknet.evaluation.split_table import Split


def write_splits(path: str | Path, split: Split, table: pd.DataFrame, verdict: str) -> str:
    """Write `split` as CSV: comment lines (protocol, unit, hash, verdict), then one row per image and fold.

    If the file is saved as ``splits.csv`` in the image folder, it is checked whenever the folder is loaded as a cohort.

    Parameters
    ----------
    path : path
    split : Split
    table : pandas.DataFrame
        The cohort's table that the split was made from.
    verdict : str
        One-line result of the leakage audit; "not audited" if no audit was run.

    Returns
    -------
    str
        The hash of the split, as written to the file.
    """
    rows = split.table.merge(table[["image_id", "sha256", "group", "source", "label"]], on="image_id")
    rows = rows.assign(protocol=split.protocol)[COLUMNS].sort_values(["fold", "role", "sha256", "image_id"])
    head = {"protocol": split.protocol, "by": split.by, "hash": split.hash, "audit": " ".join(verdict.split())}
    lines = "".join(f"{HEAD} {name}: {value}\n" for name, value in head.items())
    write_text(path, lines + rows.to_csv(index=False, lineterminator="\n"))
    return split.hash


def read_splits(path: str | Path, table: pd.DataFrame) -> tuple[Split, str]:
    """Read a split from `path`, with the image_ids of this cohort, and the audit verdict (str).

    Parameters
    ----------
    path : path
    table : pandas.DataFrame
        A cohort's table.

    Raises
    ------
    LeuknetError
        If the file or the images have changed (`leuknet.data.splits_csv.read_rows`).
    """
    head, rows = read_rows(Path(path), table)
    return Split(head["protocol"], rows, head["by"]), head["audit"]
