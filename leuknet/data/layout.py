"""Layout of a user's folder: data sets in class folders or a provider's native layout, with one row per image."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePath, PurePosixPath
from typing import NamedTuple
from unicodedata import normalize

from leuknet.data.cells_csv import NAME as CELLS
from leuknet.data.formats import LAYOUTS, Image, LabelBy, Layout, recognise
from leuknet.data.groups import NAME as GROUPS
from leuknet.data.groups import misnamed
from leuknet.data.masks import FOLDER as MASKS
from leuknet.data.registry import lookup, plain, source_of
from leuknet.data.splits_csv import NAME as SPLITS
from leuknet.data.walk import SUFFIXES, children, is_text, shown, unusable, walk
from leuknet.exceptions import LeuknetError

LABELS = {"negative": 0, "positive": 1}
LAYOUT = "DIR/<data set>/<positive|negative>/<image>"
READ = (GROUPS, SPLITS, CELLS)  # tables in DIR itself
Rejected = list[tuple[str, str]]
_nfc = partial(normalize, "NFC")


def _relative(path: Path, folder: Path) -> str:
    return shown(PurePosixPath(path.relative_to(folder).as_posix()))


def _unnamed(path: Path) -> str:
    """Return why a path cannot be stored in a table; empty if it can."""
    return "" if is_text(path) else "its name is not UTF-8: rename it"


class Row(NamedTuple):
    """One image, with fields as in `leuknet.data.cohort.Cohort.table`; ``patient`` is empty if unknown."""

    image_id: str
    data_set: str
    source: str
    label: int
    path: str
    patient: str = ""
    cell_type: str = ""
    label_of: str = "image"
    cell_label: int = -1  # of a single cell: 1 blast, 0 mature white cell, -1 other, unknown or several cells


def data_sets(folder: Path, rejected: Rejected) -> list[Path]:
    """Return the data set folders in `folder`; append (path, reason) of other files to `rejected`.

    Raises
    ------
    LeuknetError
        If there are no data sets, two have the same name, or images or class folders are in place of data sets.
    """
    if not folder.is_dir():
        raise LeuknetError(f"no folder {folder}: give a folder laid out as {LAYOUT}")
    folders: dict[str, Path] = {}
    for path in children(folder):
        if not path.is_dir():
            _in_root(path, folder, rejected)
        elif _unnamed(path):
            rejected.append((_relative(path, folder), _unnamed(path)))
        elif path.name.lower() in LABELS:
            raise LeuknetError(f"{path} lies where a data set's folder should: lay {folder} out as {LAYOUT}")
        elif path.name != MASKS:
            known = lookup(path.name)
            other = folders.setdefault(known.name if known else _nfc(path.name).casefold(), path)
            if other != path:
                raise LeuknetError(f"{folder} names one data set twice, {other.name!r} and {path.name!r}: rename one")
    if not folders:
        raise LeuknetError(f"{folder} holds no data set: lay it out as {LAYOUT}")
    return list(folders.values())


def _in_root(path: Path, folder: Path, rejected: Rejected) -> None:
    if path.suffix.lower() in SUFFIXES:
        raise LeuknetError(f"{path} lies directly in {folder}: move images to {LAYOUT}")
    if path.name not in READ:
        rejected.append((_relative(path, folder), misnamed(path) or "not in a data set's folder"))


def rows_of(folder: Path, data_set: Path, label_by: LabelBy, rejected: Rejected) -> Iterator[Row]:
    """Yield the images in the folder of a data set; append (path, reason) of excluded files to `rejected`.

    Raises
    ------
    LeuknetError
        If the folder has neither class folders nor a native layout, or a class folder contains no image.
    """
    classes = any(path.is_dir() and path.name.lower() in LABELS for path in children(data_set))
    layouts, files = ([], []) if classes else _shipped(data_set, folder, rejected)
    if layouts:
        yield from _shipped_rows(folder, data_set, layouts, files, label_by, rejected)
        return
    name = _nfc(data_set.name)
    for label, class_folder in _class_folders(folder, data_set, rejected).items():
        for path in _images_of_class(class_folder, folder, rejected):
            image_id = f"{name}/{label}/{_nfc(path.name)}"
            yield Row(image_id, name, source_of(name), LABELS[label], _relative(path, folder))


def _class_folders(folder: Path, data_set: Path, rejected: Rejected) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for path in children(data_set):
        name = path.name.lower()
        if not path.is_dir():
            rejected.append((_relative(path, folder), misnamed(path) or "not in a folder positive or negative"))
        elif name not in LABELS:
            raise LeuknetError(
                f"{shown(path)} is not called positive or negative: rename it, or move it out of {folder}"
            )
        elif name in folders:
            raise LeuknetError(f"{path} and {folders[name]} are the same class: put them together")
        else:
            folders[name] = path
    if not folders:
        raise LeuknetError(f"{data_set} holds no folder positive or negative: sort its images into these")
    return folders


def _images_of_class(class_folder: Path, folder: Path, rejected: Rejected) -> list[Path]:
    inside = children(class_folder)
    if folders := [shown(path) for path in inside if path.is_dir()]:
        raise LeuknetError(f"{folders[0]} is a folder: put its images in {class_folder}, and name patients in {GROUPS}")
    reasons = {path: misnamed(path) or unusable(path) or _unnamed(path) for path in inside}
    rejected += [(_relative(path, folder), reason) for path, reason in reasons.items() if reason]
    images = [path for path, reason in reasons.items() if not reason]
    if not images:
        raise LeuknetError(f"{class_folder} holds no image ({', '.join(SUFFIXES)}): fill or remove it")
    return images


def _shipped(data_set: Path, folder: Path, rejected: Rejected) -> tuple[list[Layout], list[PurePath]]:
    """Return the native layouts recognised in a folder, and its images (relative paths)."""
    reasons = {entry.path: entry.reason or _unnamed(entry.path) for entry in walk(data_set)}
    files: list[PurePath] = [path.relative_to(data_set) for path, reason in reasons.items() if not reason]
    unread = {path: reason for path, reason in reasons.items() if reason and path.suffix.lower() in SUFFIXES}
    unread |= {path: misnamed(path) for path in reasons if misnamed(path)}
    named = [layout for layout in LAYOUTS.values() if plain(layout.name) == plain(_nfc(data_set.name))]
    layouts = [layout for layout in named if layout.images(data_set, files)] or recognise(data_set, files)
    if layouts:
        rejected += [(_relative(path, folder), reason) for path, reason in unread.items()]
    return layouts, files


def _shipped_rows(
    folder: Path, data_set: Path, layouts: list[Layout], files: list[PurePath], label_by: LabelBy, rejected: Rejected
) -> Iterator[Row]:
    left = set(files)
    for layout in layouts:
        images = layout.images(data_set, files)
        left -= {image.path for image in images} | {path for path in files if layout.companion(path)}
        for image in images:
            row = _shipped_row(folder, data_set, layout, image, label_by)
            if row:
                yield row
            else:
                reason = f"its cell ({image.cell_type or 'no type given'}) is neither a blast nor a mature white cell"
                rejected.append((_relative(data_set / image.path, folder), reason))
    reason = f"not as {' or '.join(f'{layout.name} ({layout.looks_like})' for layout in layouts)} has its images"
    rejected += [(_relative(data_set / path, folder), reason) for path in sorted(left)]


def _shipped_row(folder: Path, data_set: Path, layout: Layout, image: Image, label_by: LabelBy) -> Row | None:
    label = image.cell_label if label_by == "cell" and layout.cells else image.label
    if label is None:
        return None
    image_id = f"{layout.name}/{'positive' if label else 'negative'}/{_nfc(' '.join(image.path.parts))}"
    label_of = "image" if not layout.cells else "patient" if label_by == "patient" and image.group else "cell"
    cell = image.cell_type, label_of, -1 if image.cell_label is None else image.cell_label
    path = _relative(data_set / image.path, folder)
    return Row(image_id, layout.name, source_of(layout.name), label, path, image.group, *cell)
