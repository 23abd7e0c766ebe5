"""What Vogado et al. (Sensors 2021, 21, 2989) printed: every table cell, setting, claim and quoted number, as data."""

import hashlib
import io
import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import pandas as pd

from leuknet.exceptions import LeuknetError

TABLES = range(1, 14)
DATA = files("leuknet.paper") / "data"


def read(name: str, folder: Traversable = DATA) -> pd.DataFrame:
    """Return one data file as text columns, after its SHA-256 has been checked.

    Parameters
    ----------
    name : str
        A file of ``leuknet/paper/data``, e.g. ``"table03.csv"``.
    folder : path, optional
        Another folder that holds the file and its ``checksums.json``.

    Returns
    -------
    DataFrame
        Every column as text; empty cells are empty strings.

    Raises
    ------
    LeuknetError
        If the file is missing, unlisted or changed.
    """
    try:
        listed, data = json.loads((folder / "checksums.json").read_bytes()), (folder / name).read_bytes()
    except OSError as error:
        raise LeuknetError(f"{error.filename}: missing; install leuknet again") from None
    if hashlib.sha256(data).hexdigest() != listed.get(name):
        raise LeuknetError(f"{folder / name}: changed since it was checked against the paper; install leuknet again")
    return pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)


@cache
def _table(number: int) -> pd.DataFrame:
    frame = read(f"table{number:02d}.csv")
    for column in ("value", "spread"):
        frame[column] = pd.to_numeric(frame[column])
    frame["table"] = frame["table"].astype(int)
    frame["n_runs"] = pd.to_numeric(frame["n_runs"]).astype("Int64")
    frame["bold"] = frame["bold"] == "True"
    return frame


def table(number: int) -> pd.DataFrame:
    """Return one printed table, a row for each cell.

    Parameters
    ----------
    number : int
        1 to 13.

    Returns
    -------
    DataFrame
        ``table``; ``block`` (sub-heading, else ""); ``row``; ``column`` (short name: A, P, R, S, MCC, ...); ``header``
        (as printed); ``value`` and ``spread`` (float, NaN if none); ``unit`` (as printed); ``text`` (cell as printed);
        ``bold``; ``n_runs`` (Int64, missing if not stated); ``place``; ``note``.

    Raises
    ------
    LeuknetError
        If there is no such table, or its file has been changed.
    """
    if number not in TABLES:
        raise LeuknetError(f"table {number!r}: the paper has Tables 1 to 13")
    return _table(int(number)).copy()


def tables() -> pd.DataFrame:
    """Return all thirteen tables, one below the other (columns as in `table`)."""
    return pd.concat([_table(number) for number in TABLES], ignore_index=True)


def settings() -> pd.DataFrame:
    """Return every setting stated in sections 3 and 4: ``name, value, unit, section, sentence`` (verbatim), as text."""
    return read("settings.csv")


def training_settings() -> pd.DataFrame:
    """Return what the paper states of each training setting, and which reading is taken and why.

    Returns
    -------
    DataFrame
        ``setting`` (a field of `TrainSettings`, or ``augmentation.`` and one of `Policy`); ``stated`` and ``section``,
        empty where the paper states nothing; ``reading``; ``why`` ("stated" where nothing is left open). All text.
    """
    return read("training_settings.csv")


def claims() -> pd.DataFrame:
    """Return the claims of the abstract, results, discussion and conclusions: ``id, section, gist, sentence``."""
    return read("claims.csv")


def quotes() -> pd.DataFrame:
    """Return numbers and pointers of the running text: ``id, value, unit, section, sentence``, as text."""
    return read("quotes.csv")


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def cell(number: int, row: str, column: str, block: str = "") -> pd.Series:
    """Return one printed cell as a Series (fields as in `table`).

    Names match ignoring case, blanks and punctuation; `block` may be left out where row and column are enough.

    Raises
    ------
    LeuknetError
        If no cell, or more than one, has these names.
    """
    frame = table(number)
    wanted = {"row": row, "column": column} | ({"block": block} if block else {})
    keep = pd.Series(True, index=frame.index)
    for field, name in wanted.items():
        keep &= frame[field].map(_plain) == _plain(name)
    if keep.sum() != 1:
        near = ", ".join(sorted(set(frame["block"] if keep.sum() else frame["row"]) - {""}))
        raise LeuknetError(f"Table {number} has {keep.sum()} cells named {wanted}; name one of: {near}")
    return frame[keep].iloc[0]


def published(number: int, row: str, column: str, block: str = "") -> float:
    """Return the value of one printed cell (float, NaN if none is printed), e.g. ``published(13, "LeukNet", "A")``."""
    return float(cell(number, row, column, block)["value"])
