"""Read ``splits.csv`` from a user's folder, verify its hash, and match its rows to the images by SHA-256."""

import io
import re
from pathlib import Path

import pandas as pd

from leuknet._io import hash_of, read_limited
from leuknet.exceptions import LeuknetError

NAME = "splits.csv"
MAX_BYTES = 1 << 28
ROW = ["fold", "image_id", "role"]
COLUMNS = ["sha256", "image_id", "fold", "role", "protocol", "group", "source", "label"]
HEAD = "# leuknet split"


def split_hash(protocol: str, by: str, rows: pd.DataFrame) -> str:
    """Return the hash (16 hexadecimal digits) of protocol, unit and rows (columns `ROW`), independent of row order."""
    return hash_of([protocol, by, sorted(rows[ROW].to_numpy().tolist())])


def read_rows(path: Path, table: pd.DataFrame) -> tuple[dict[str, str], pd.DataFrame]:
    """Read a ``splits.csv`` and check it against a cohort's images.

    Parameters
    ----------
    path : path
    table : pandas.DataFrame
        A cohort's table; images are matched by SHA-256, then by ``image_id`` among identical files.

    Returns
    -------
    header : dict of str
        Comment lines at the top of the file: ``protocol``, ``by``, ``hash``, ``audit``.
    rows : pandas.DataFrame
        The rows (`COLUMNS`), with the image_ids of this cohort.

    Raises
    ------
    LeuknetError
        If the file is malformed, its hash does not match its rows, or an image is missing or has changed.
    """
    try:
        text = read_limited(path, MAX_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise LeuknetError(f"cannot read {path}: {error}") from error
    header = dict(re.findall(rf"^{HEAD} *(\w+): (.*?)\s*$", text, re.MULTILINE))
    body = io.StringIO(re.sub(rf"^{HEAD}.*\n?", "", text, flags=re.MULTILINE))
    try:
        rows = pd.read_csv(body, dtype=str, keep_default_na=False, usecols=COLUMNS)
    except ValueError:  # no table, other columns, or rows of other numbers of cells
        rows = pd.DataFrame()
    if {"protocol", "by", "hash", "audit"} - set(header) or set(COLUMNS) - set(rows.columns):
        raise LeuknetError(f"{path} is not a split as `leuknet data splits` writes it: write it again, or remove it")
    actual = split_hash(header["protocol"], header["by"], rows)
    if actual != header["hash"]:
        raise LeuknetError(f"{path} was changed: its rows have the hash {actual}, its header says {header['hash']}")
    return header, rows.assign(image_id=_matched(path, rows, table))


def _matched(path: Path, rows: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Return the image_id in this cohort for each row."""
    known = table.groupby("sha256")["image_id"].agg(list)
    lost = ~rows["sha256"].isin(known.index)
    if lost.any():
        first = rows[lost].iloc[0]
        raise LeuknetError(
            f"{path} names {rows.loc[lost, 'image_id'].nunique()} images that are missing or changed in this cohort, "
            f"first {first['image_id']} (sha256 {first['sha256'][:12]}…): load the images that the split was made "
            "from, or write the split again"
        )
    names = []
    for sha256, image_id in rows[["sha256", "image_id"]].itertuples(index=False, name=None):
        matching = known[sha256]
        if image_id not in matching and len(matching) > 1:
            raise LeuknetError(f"{path}: {len(matching)} images of this cohort hold {image_id}: name it so")
        names.append(image_id if image_id in matching else matching[0])
    return names
