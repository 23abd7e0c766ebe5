"""``groups.csv``: which images of a folder share a source, a patient or a slide."""

import csv
from collections import defaultdict
from unicodedata import normalize

from leuknet.exceptions import LeuknetError

_COLUMNS = ("image", "source", "group")


def read_groups(path, table):
    """Return `table` with the sources and groups that the file `path` names, or as it is if there is no such file.

    The file is comma-separated UTF-8 with a header: ``image`` and at least one of ``source`` and ``group``. ``image``
    is a path relative to the folder, an ``image_id``, or a bare file name that occurs once. Images that are not named,
    and empty cells, keep what they have. A group is a patient or slide of one source: the same name under two sources
    means two groups, and the table writes it ``<source>/<group>``.

    Parameters
    ----------
    path : pathlib.Path
    table : pandas.DataFrame
        With ``image_id``, ``path``, ``source`` and ``group``.

    Raises
    ------
    LeuknetError
        Naming file and line: not UTF-8, unknown or missing columns, unknown, ambiguous or repeated images.
    """
    if not path.exists():
        return table
    names = _names(table)
    source, group = list(table["source"]), list(table["group"])
    seen = {}
    for line, row in _rows(path):
        i = _position(row["image"], names, f"{path}, line {line}")
        if i in seen:
            raise LeuknetError(f"{path}, line {line}: {row['image']!r} was named in line {seen[i]}: keep one of them")
        seen[i] = line
        source[i] = row.get("source") or source[i]
        if row.get("group"):
            group[i] = f"{source[i]}/{row['group']}"
    return table.assign(source=source, group=group)


def _rows(path):
    """Yield (line number, {column: text}) of each row, blank lines passed over."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            _check_header(path, header)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise LeuknetError(
                        f"{path}, line {reader.line_num}: {len(cells)} cells where the header has {len(header)}"
                        ": add or remove commas (quote names that hold one)"
                    )
                yield reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except UnicodeDecodeError:
        raise LeuknetError(f"{path} is not UTF-8 text: save it as CSV UTF-8") from None
    except csv.Error as error:
        raise LeuknetError(f"{path}, line {reader.line_num}: {error}: mend the quotes") from error
    except OSError as error:
        raise LeuknetError(f"cannot read {path}: {error.strerror or error}") from error


def _check_header(path, header):
    wrong = [name for name in header if name not in _COLUMNS]
    if wrong or len(set(header)) != len(header) or "image" not in header or len(header) < 2:
        raise LeuknetError(
            f"{path}, line 1: the columns are {', '.join(map(repr, header)) or 'missing'}; "
            "use image, source, group, separated by commas (source or group may be left out)"
        )


def _names(table):
    """Return {name: positions} for every way to name an image."""
    names = defaultdict(set)
    for i, (image_id, path) in enumerate(zip(table["image_id"], table["path"], strict=True)):
        for name in (image_id, path, path.rpartition("/")[2]):
            names[normalize("NFC", name)].add(i)
    return names


def _position(image, names, place):
    found = names.get(normalize("NFC", image.replace("\\", "/")).removeprefix("./"), ())
    if not found:
        raise LeuknetError(f"{place}: no image {image!r}: give its path below the folder, <data set>/<class>/<file>")
    if len(found) > 1:
        raise LeuknetError(f"{place}: {len(found)} images are called {image!r}: give <data set>/<class>/<file>")
    return next(iter(found))
