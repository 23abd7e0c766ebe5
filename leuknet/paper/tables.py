"""Table cells, settings, claims and quoted numbers printed by Vogado et al. (Sensors 2021, 21, 2989), as data."""

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
    """Read one data file after verifying its SHA-256.

    Parameters
    ----------
    name : str
        A file in ``leuknet/paper/data``, e.g. ``"table03.csv"``.
    folder : path, optional
        Another folder with the file and its ``checksums.json``.

    Returns
    -------
    DataFrame
        All columns as text; empty cells are empty strings.

    Raises
    ------
    LeuknetError
        If the file is missing, not listed in ``checksums.json`` or modified.
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
    """Return one printed table, with one row per cell.

    Parameters
    ----------
    number : int
        1 to 13.

    Returns
    -------
    DataFrame
        ``table``; ``block`` (sub-heading or ""); ``row``; ``column`` (short name: A, P, R, S, MCC, ...); ``header``
        (as printed); ``value`` and ``spread`` (float, NaN if none); ``unit`` (as printed); ``text`` (cell as printed);
        ``bold``; ``n_runs`` (Int64, missing if not stated); ``place``; ``note``.

    Raises
    ------
    LeuknetError
        If the table does not exist or its file was modified.
    """
    if number not in TABLES:
        raise LeuknetError(f"table {number!r}: the paper has Tables 1 to 13")
    return _table(int(number)).copy()


def tables() -> pd.DataFrame:
    """Return all thirteen tables, concatenated (columns as in `table`)."""
    return pd.concat([_table(number) for number in TABLES], ignore_index=True)


def settings() -> pd.DataFrame:
    """Return all settings stated in sections 3 and 4: ``name, value, unit, section, sentence`` (verbatim), as text."""
    return read("settings.csv")


def training_settings() -> pd.DataFrame:
    """Return the paper's statement on each training setting, its interpretation here, and the reason.

    Returns
    -------
    DataFrame
        ``setting`` (a field of `TrainSettings`, or ``augmentation.`` and a field of `Policy`); ``stated`` and
        ``section``, empty if the paper does not state the setting; ``reading``, the interpretation; ``why``, the
        reason ("stated" if the paper is unambiguous). All columns are text.
    """
    return read("training_settings.csv")


def claims() -> pd.DataFrame:
    """Return the claims of the abstract, results, discussion and conclusions: ``id, section, gist, sentence``."""
    return read("claims.csv")


def quotes() -> pd.DataFrame:
    """Return the numbers and references in the running text: ``id, value, unit, section, sentence``, as text."""
    return read("quotes.csv")


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def cell(number: int, row: str, column: str, block: str = "") -> pd.Series:
    """Return one printed cell as a Series (fields as in `table`).

    Names are matched ignoring case, spaces and punctuation; `block` is optional if row and column identify the cell.

    Raises
    ------
    LeuknetError
        If no cell or more than one cell matches.
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
