"""A user's folder of slides as a cohort: ``DIR/<data set>/<positive|negative>/<image>``."""

import dataclasses
from pathlib import Path
from unicodedata import normalize

import pandas as pd

from leuknet._io import hash_of
from leuknet.data import decode
from leuknet.data.cache import cached
from leuknet.data.cohort import COLUMNS, Cohort
from leuknet.data.formats import LAYOUTS, recognise
from leuknet.data.groups import read_groups
from leuknet.data.masks import FOLDER, read_masks
from leuknet.data.registry import lookup, plain
from leuknet.data.splits_csv import NAME as SPLITS
from leuknet.data.splits_csv import read_rows
from leuknet.exceptions import LeuknetError

LABELS = {"negative": 0, "positive": 1}
LAYOUT = "DIR/<data set>/<positive|negative>/<image>"
_JUNK = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"}


def folder_cohort(folder, size):
    """Read a folder of images as a cohort; cached on disk under a key of its content, layout and `size`.

    A data set may also lie there as its provider ships it (``DIR/<data set>/<native layout>``, see
    `leuknet.data.formats`): the layout, told by its content, then names data set, classes and patients.

    A data set called as in Table 1 (case, spaces and punctuation ignored) takes its source from the registry, any
    other is its own source. ``DIR/groups.csv`` may name the source and the group of images (`groups.read_groups`).
    Without it an image is its own group, but files of one class folder whose names differ only in case or suffix
    (``a.jpg``, ``a.png``, ``A.jpg``) share one, because they may show the same cells.

    Hidden files, ``Thumbs.db`` and the like are passed over. Links are followed. Whatever else cannot be used (other
    suffixes, broken links, images above their class folder, damaged images: see `decode.decode`) is listed in
    `rejected`. A folder ``DIR/masks`` may hold masks of the images (`masks.read_masks`). A split ``DIR/splits.csv``, as
    ``leuknet data splits`` writes it, is checked against the images.

    Parameters
    ----------
    folder : str or pathlib.Path
    size : int
        Edge of the images in pixels.

    Returns
    -------
    Cohort
        Sorted by ``image_id``; `images` is a read-only memory map.

    Raises
    ------
    LeuknetError
        If the layout is wrong, a class folder yields no image, one class is missing in the whole cohort, or
        ``groups.csv`` is wrong; or if ``splits.csv`` was changed, or names images that are not here as they were.
    """
    folder = Path(folder).expanduser()
    if size < 1:
        raise LeuknetError(f"image size {size} is not a positive number of pixels")
    table, rejected = scan(folder)
    key = hash_of([decode.VERSION, size, table.astype(str).to_numpy().tolist(), rejected.to_numpy().tolist()], 32)
    cohort = cached(f"folder-{key}", lambda: _decoded(folder, table, rejected, size))
    if (folder / SPLITS).exists():
        read_rows(folder / SPLITS, cohort.table)
    masks = read_masks(folder, list(cohort.table["path"]), size)
    paths = [str(folder.absolute() / path) for path in cohort.table["path"]]
    return dataclasses.replace(cohort, name=folder.resolve().name, table=cohort.table.assign(path=paths), masks=masks)


def folder_table(folder):
    """Return the table of `folder` with sizes and absolute paths, and what was left out; one class is enough."""
    folder = Path(folder).expanduser().absolute()
    table, rejected = scan(folder)
    _, sizes, reasons = decode.decode_files([folder / path for path in table["path"]], list(table["sha256"]), 8)
    good = [reason is None for reason in reasons]
    left_out = [(path, reason) for path, reason in zip(table["path"], reasons, strict=True) if reason]
    paths = [str(folder / path) for path in table["path"]]
    table = table.assign(width=sizes[:, 0], height=sizes[:, 1], path=paths)[good]
    rejected = _listed([*rejected.itertuples(index=False, name=None), *left_out])
    return table[COLUMNS].reset_index(drop=True), rejected


def scan(folder):
    """Return the table of `folder` without sizes (paths relative to it), and what was left out so far."""
    rejected = []
    rows = [row for data_set in _data_sets(folder, rejected) for row in _rows(folder, data_set, rejected)]
    table = pd.DataFrame(rows).sort_values("image_id", ignore_index=True)
    table = _without_namesakes(table, rejected)
    patients = table.pop("patient")
    known = table["source"] + "/" + patients
    table = table.assign(group=known.where(patients != "", _groups_by_name(table)))
    table = read_groups(folder / "groups.csv", table)
    found = decode.digests([folder / path for path in table["path"]])
    unreadable = [isinstance(digest, OSError) for digest in found]
    for path, error in zip(table["path"][unreadable], [e for e in found if isinstance(e, OSError)], strict=True):
        rejected.append((path, f"cannot be read: {error.strerror or error}"))
    table = table.assign(sha256=[str(digest) for digest in found])[[not bad for bad in unreadable]]
    return table.reset_index(drop=True), _listed(rejected)


def _decoded(folder, table, rejected, size):
    images, sizes, reasons = decode.decode_files([folder / p for p in table["path"]], list(table["sha256"]), size)
    table = table.assign(width=sizes[:, 0], height=sizes[:, 1])
    good = pd.Series([reason is None for reason in reasons], index=table.index)
    left_out = [(path, reason) for path, reason in zip(table["path"], reasons, strict=True) if reason]
    rejected = _listed([*rejected.itertuples(index=False, name=None), *left_out])
    _demand_classes(folder, table[good], rejected)
    images = images if good.all() else images[good.to_numpy()]
    return Cohort("folder", images, table.loc[good, COLUMNS].reset_index(drop=True), rejected)


def _demand_classes(folder, table, rejected):
    wanted = {path.parent for path in map(Path, rejected["path"]) if path.parent.name.lower() in LABELS}
    for lost in sorted(wanted - {Path(path).parent for path in table["path"]}):
        path, reason = next(row for row in rejected.itertuples(index=False, name=None) if Path(row[0]).parent == lost)
        raise LeuknetError(f"{folder / lost} yields no image ({Path(path).name}: {reason}): mend or remove it")
    labels = set(table["label"])
    for name, label in LABELS.items():
        if label not in labels:
            raise LeuknetError(f"{folder} holds no {name} image in any data set: add a data set with a folder {name}")


def _data_sets(folder, rejected):
    if not folder.is_dir():
        raise LeuknetError(f"no folder {folder}: give a folder laid out as {LAYOUT}")
    folders = []
    seen = {}
    for path in _visible(folder):
        if path.is_dir():
            if path.name == FOLDER:
                continue
            if path.name.lower() in LABELS:
                raise LeuknetError(f"{path} lies where a data set's folder should: lay {folder} out as {LAYOUT}")
            known = lookup(path.name)
            key = known.name if known else _nfc(path.name).casefold()
            if key in seen:
                raise LeuknetError(f"{folder} names one data set twice, {seen[key]!r} and {path.name!r}: rename one")
            seen[key] = path.name
            folders.append(path)
        elif path.suffix.lower() in decode.SUFFIXES:
            raise LeuknetError(f"{path} lies directly in {folder}: move images to {LAYOUT}")
        elif path.name not in ("groups.csv", SPLITS):
            rejected.append((path.name, "not in a data set's folder"))
    if not folders:
        raise LeuknetError(f"{folder} holds no data set: lay it out as {LAYOUT}")
    return folders


def _class_folders(folder, data_set, rejected):
    folders = {}
    for path in _visible(data_set):
        name = path.name.lower()
        if not path.is_dir():
            rejected.append((_relative(path, folder), "not in a folder positive or negative"))
        elif name not in LABELS:
            raise LeuknetError(f"{path} is not called positive or negative: rename it, or move it out of {folder}")
        elif name in folders:
            raise LeuknetError(f"{path} and {folders[name]} are the same class: put them together")
        else:
            folders[name] = path
    if not folders:
        raise LeuknetError(f"{data_set} holds no folder positive or negative: sort its images into these")
    return folders


def _rows(folder, data_set, rejected):
    name = _nfc(data_set.name)
    known = lookup(name)
    if shipped := _native(data_set, name):
        for layout in shipped:
            yield from _shipped_rows(folder, data_set, layout)
        return
    for label, class_folder in _class_folders(folder, data_set, rejected).items():
        files = [path for path in _visible(class_folder) if _is_image(path, folder, rejected)]
        if not files:
            raise LeuknetError(f"{class_folder} holds no image ({', '.join(decode.SUFFIXES)}): fill or remove it")
        for path in files:
            yield {
                "image_id": f"{name}/{label}/{_nfc(path.name)}",
                "data_set": name,
                "source": known.source if known else name,
                "label": LABELS[label],
                "path": _relative(path, folder),
                "patient": "",
            }


def _native(data_set, name):
    """Return the layouts in which a provider ships what lies in a data set's folder; none where it lies by class."""
    if any(path.is_dir() and path.name.lower() in LABELS for path in _visible(data_set)):
        return []
    named = [layout for layout in LAYOUTS.values() if plain(layout.name) == plain(name) and layout.images(data_set)]
    return named or recognise(data_set)


def _shipped_rows(folder, data_set, layout):
    known = lookup(layout.name)
    for image in layout.images(data_set):
        label = "positive" if image.label else "negative"
        yield {
            "image_id": f"{layout.name}/{label}/{_nfc(' '.join(image.path.parts))}",
            "data_set": layout.name,
            "source": known.source if known else layout.name,
            "label": image.label,
            "path": _relative(data_set / image.path, folder),
            "patient": image.group,
        }


def _is_image(path, folder, rejected):
    if path.is_dir():
        raise LeuknetError(f"{path} is a folder: put its images in {path.parent}, and name patients in groups.csv")
    reason = None
    if path.suffix.lower() not in decode.SUFFIXES:
        reason = f"not an image by its name (known: {', '.join(decode.SUFFIXES)})"
    elif not path.is_file():
        reason = "a broken link" if path.is_symlink() else "not a regular file"
    if reason:
        rejected.append((_relative(path, folder), reason))
    return reason is None


def _without_namesakes(table, rejected):
    """Leave out files whose names are the same text in another Unicode form."""
    again = table["image_id"].duplicated()
    rejected += [(path, "same name as another file, in another Unicode form") for path in table.loc[again, "path"]]
    return table[~again].reset_index(drop=True)


def _groups_by_name(table):
    first = {}
    stems = [image_id.rpartition(".")[0].casefold() for image_id in table["image_id"]]
    return [first.setdefault(stem, image_id) for stem, image_id in zip(stems, table["image_id"], strict=True)]


def _visible(folder):
    try:
        paths = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.name.lower() not in _JUNK)
    except OSError as error:
        raise LeuknetError(f"cannot read the folder {folder}: {error.strerror or error}") from error
    for path in paths:
        if any("\ud800" <= character <= "\udfff" for character in path.name):
            raise LeuknetError(f"the name {path.name!r} in {folder} is not UTF-8: rename it")
    return paths


def _listed(rejected):
    return pd.DataFrame(sorted(rejected), columns=["path", "reason"], dtype=str)


def _relative(path, folder):
    return path.relative_to(folder).as_posix()


def _nfc(name):
    return normalize("NFC", name)
