"""``splits.csv``: a split that a reviewer can take away, and check against the images it was made for."""

import io
from pathlib import Path

import pandas as pd

from leuknet.errors import LeuknetError
from leuknet.files import write_text
from leuknet.protocol.split_table import Split

COLUMNS = ["sha256", "image_id", "fold", "role", "protocol", "group", "source", "label"]
HEAD = "# leuknet split"


def write_splits(path, split, table, verdict):
    """Write `split` as CSV: a head of comment lines (protocol, unit, hash, verdict), then one row an image and fold.

    Parameters
    ----------
    path : path
    split : Split
    table : pandas.DataFrame
        The cohort's table that the split was made from.
    verdict : str
        What the leakage audit says, in one line; "not audited" where there was none.

    Returns
    -------
    str
        The split's hash, as written.
    """
    rows = split.table.merge(table[["image_id", "sha256", "group", "source", "label"]], on="image_id")
    rows = rows.assign(protocol=split.protocol)[COLUMNS].sort_values(["fold", "role", "sha256", "image_id"])
    told = {"protocol": split.protocol, "by": split.by, "hash": split.hash, "audit": " ".join(verdict.split())}
    head = "".join(f"{HEAD} {name}: {value}\n" for name, value in told.items())
    write_text(path, head + rows.to_csv(index=False, lineterminator="\n"))
    return split.hash


def read_splits(path, table):
    """Return the split in `path` after checking it against the cohort's images.

    Parameters
    ----------
    path : path
    table : pandas.DataFrame
        A cohort's table; images are matched by SHA-256, then by ``image_id`` among identical files.

    Returns
    -------
    split : Split
        With this cohort's image_ids.
    verdict : str

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
        raise LeuknetError(f"{path} is not a split as `leuknet data splits` writes it: write it anew")
    split = Split(told["protocol"], rows, told["by"])
    if split.hash != told["hash"]:
        raise LeuknetError(f"{path} was changed: its rows have the hash {split.hash}, its head says {told['hash']}")
    return Split(told["protocol"], rows.assign(image_id=_here(path, rows, table)), told["by"]), told["audit"]


def _here(path, rows, table):
    """Return this cohort's image_id for each row."""
    known = table.groupby("sha256")["image_id"].agg(list)
    lost = ~rows["sha256"].isin(known.index)
    if lost.any():
        first = rows[lost].iloc[0]
        raise LeuknetError(
            f"{path} names {lost.sum()} images that this cohort lacks or holds changed, first {first['image_id']} "
            f"(sha256 {first['sha256'][:12]}…): load the images that the split was made from"
        )
    names = []
    for sha256, image_id in rows[["sha256", "image_id"]].itertuples(index=False, name=None):
        found = known[sha256]
        if image_id not in found and len(found) > 1:
            raise LeuknetError(f"{path}: {len(found)} images of this cohort have the content of {image_id}: name it so")
        names.append(image_id if image_id in found else found[0])
    return names
