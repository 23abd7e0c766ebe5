"""``splits.csv`` beside a cohort's images: read, checked by its hash, and matched with the images by SHA-256."""

import io
from pathlib import Path

import pandas as pd

from leuknet._io import hash_of
from leuknet.exceptions import LeuknetError

NAME = "splits.csv"
ROW = ["fold", "image_id", "role"]
COLUMNS = ["sha256", "image_id", "fold", "role", "protocol", "group", "source", "label"]
HEAD = "# leuknet split"


def split_hash(protocol, by, rows):
    """Return the hash (16 hexadecimal digits) of protocol, unit and rows (columns `ROW`); row order does not count."""
    return hash_of([protocol, by, sorted(rows[ROW].to_numpy().tolist())])


def read_rows(path, table):
    """Read a ``splits.csv`` and check it against a cohort's images.

    Parameters
    ----------
    path : path
    table : pandas.DataFrame
        A cohort's table; images are matched by SHA-256, then by ``image_id`` among identical files.

    Returns
    -------
    told : dict of str
        Of its head: ``protocol``, ``by``, ``hash``, ``audit``.
    rows : pandas.DataFrame
        Its rows (`COLUMNS`), with this cohort's image_ids.

    Raises
    ------
    LeuknetError
        If the file is malformed, its rows do not have its hash, or an image is missing or another one.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise LeuknetError(f"cannot read {path}: {error}") from error
    head = [line.removeprefix(HEAD).strip().partition(": ") for line in lines if line.startswith(HEAD)]
    told = {name: value for name, _, value in head}
    body = io.StringIO("".join(line for line in lines if not line.startswith(HEAD)))
    rows = pd.read_csv(body, dtype=str, keep_default_na=False) if body.getvalue().strip() else pd.DataFrame()
    if {"protocol", "by", "hash", "audit"} - set(told) or set(COLUMNS) - set(rows.columns):
        raise LeuknetError(f"{path} is not a split as `leuknet data splits` writes it: write it anew, or remove it")
    found = split_hash(told["protocol"], told["by"], rows)
    if found != told["hash"]:
        raise LeuknetError(f"{path} was changed: its rows have the hash {found}, its head says {told['hash']}")
    return told, rows.assign(image_id=_here(path, rows, table))


def _here(path, rows, table):
    """Return this cohort's image_id for each row."""
    known = table.groupby("sha256")["image_id"].agg(list)
    lost = ~rows["sha256"].isin(known.index)
    if lost.any():
        first = rows[lost].iloc[0]
        raise LeuknetError(
            f"{path} names {rows.loc[lost, 'image_id'].nunique()} images that this cohort lacks or holds changed, "
            f"first {first['image_id']} (sha256 {first['sha256'][:12]}…): load the images that the split was made "
            "from, or write the split anew"
        )
    names = []
    for sha256, image_id in rows[["sha256", "image_id"]].itertuples(index=False, name=None):
        found = known[sha256]
        if image_id not in found and len(found) > 1:
            raise LeuknetError(f"{path}: {len(found)} images of this cohort have the content of {image_id}: name it so")
        names.append(image_id if image_id in found else found[0])
    return names
