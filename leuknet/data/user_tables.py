"""Read CSV files written by users (groups, labels and cells), and look up the images they refer to."""

import csv
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

import pandas as pd

from leuknet._io import read_limited
from leuknet.data.walk import shown
from leuknet.exceptions import LeuknetError

LINE = "line"
MAX_BYTES = 64 << 20  # about a million rows; each takes several times its size in memory
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DELIMITERS = ",;\t"


def read_table(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV file that a user wrote.

    Accepted are UTF-8 with or without a byte order mark, UTF-16 and Windows-1252; commas, semicolons (Excel in much of
    Europe) or tabs as separators; any line endings; a first line ``sep=;``; and column names in any case. Text is
    normalised to Unicode form NFC and stripped; blank lines are ignored.

    Parameters
    ----------
    path : path
    required, optional : sequence of str
        Column names, in lower case.

    Returns
    -------
    pandas.DataFrame
        The columns of the file, in order, as str (an empty cell is ``""``), and ``line`` (int, line number).

    Raises
    ------
    LeuknetError
        If the file cannot be read, is a workbook or not text, has a missing, unknown or repeated column, or a row whose
        number of cells differs from the header. The one-line message names the file and, if applicable, the line.
    """
    lines = text_of(path).splitlines(keepends=True)
    separator, first = _separator(lines, required)
    reader = csv.reader(lines[first:], delimiter=separator, strict=True)
    try:
        rows = [(first + reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise LeuknetError(f"{shown(path)}, line {first + reader.line_num}: {error}: correct the quotes") from error
    rows = [(line, cells) for line, cells in rows if any(cells)]
    header = [name.lower() for name in rows[0][1]] if rows else []
    _check_header(path, first + 1, header, required, optional)
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise LeuknetError(
                f"{shown(path)}, line {line}: {len(cells)} cells where the header has {len(header)}: add or remove "
                "separators (quote text that holds one)"
            )
    frame = pd.DataFrame([cells for _, cells in rows[1:]], columns=header, dtype=str)
    return frame.assign(**{LINE: [line for line, _ in rows[1:]]})


class ImageNames:
    """Look up images of a cohort's table by ``image_id``, path relative to `folder`, or file name.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns ``image_id`` and ``path``.
    folder : path, optional
        Folder that absolute paths are made relative to; None if they are already relative.
    """

    def __init__(self, table: pd.DataFrame, folder: Path | None = None) -> None:
        self._places: dict[str, set[int]] = defaultdict(set)
        for i, (image_id, path) in enumerate(zip(table["image_id"], table["path"], strict=True)):
            below = os.path.relpath(path, folder).replace(os.sep, "/") if path and folder else path
            for name in (image_id, below, below.rpartition("/")[2]):
                self._places[normalize("NFC", name)].add(i)

    def find(self, image: str, place: str) -> int:
        """Return the position of an image given by one of its names; raise LeuknetError unless exactly one matches."""
        places = self._places.get(normalize("NFC", image.replace("\\", "/")).removeprefix("./"), ())
        if len(places) == 1:
            return next(iter(places))
        called = f"{len(places)} images are called" if places else "no image"
        below = "" if places else "its path below the folder, "
        raise LeuknetError(f"{place}: {called} {image!r}: give {below}<data set>/<class>/<file>")


def text_of(path: Path) -> str:
    """Return the text of a file in NFC, decoded by its byte order mark, as UTF-8, or else as Windows-1252.

    Raises
    ------
    LeuknetError
        If the file cannot be read or is not text.
    """
    try:
        data = read_limited(path, MAX_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LeuknetError(f"cannot read {shown(path)}: {reason}") from error
    if data.startswith((b"PK\3\4", b"\xd0\xcf\x11\xe0")):
        raise LeuknetError(f"{shown(path)} is a workbook, not text: save it as CSV UTF-8")
    for codec in [name for mark, name in _MARKS if data.startswith(mark)] or _unmarked(data):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return normalize("NFC", text)
    raise LeuknetError(f"{shown(path)} is no text in UTF-8, UTF-16 or Windows-1252: save it as CSV UTF-8")


def _unmarked(data: bytes) -> list[str]:
    """Return the codecs to try for a file without a byte order mark; in UTF-16, every other byte of Latin text is 0."""
    if data[1:2] == b"\0" or data[:1] == b"\0":
        return ["utf-16-le" if data[1:2] == b"\0" else "utf-16-be"]
    return ["utf-8", "cp1252"]


def _separator(lines: list[str], required: Sequence[str]) -> tuple[str, int]:
    """Return the separator and the number of lines before the header."""
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) <= 5:
        return lines[0].rstrip("\r\n")[4:] or "\t", 1
    columns = {mark: _names(lines[0], mark) if lines else set() for mark in _DELIMITERS}
    return max(_DELIMITERS, key=lambda mark: (len(columns[mark] & set(required)), len(columns[mark]))), 0


def _names(line: str, separator: str) -> set[str]:
    return {name.strip(' \t\r\n"').lower() for name in line.split(separator)}


def _check_header(path: Path, line: int, header: list, required: Sequence[str], optional: Sequence[str]) -> None:
    known = {*required, *optional}
    if not set(required) <= set(header) or set(header) - known or len(set(header)) != len(header):
        more = f" (and may have {', '.join(optional)})" if optional else ""
        raise LeuknetError(
            f"{shown(path)}, line {line}: the columns are {', '.join(map(repr, header)) or 'missing'}; "
            f"use {', '.join(required)}{more}, separated by commas, semicolons or tabs"
        )
