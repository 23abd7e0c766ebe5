"""A user's folder of slides as a cohort: ``DIR/<data set>/<positive|negative>/<image>``, or as a provider ships it."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from leuknet._io import hash_of
from leuknet.data import decode
from leuknet.data.cells_csv import NAME as CELLS
from leuknet.data.cells_csv import read_cells
from leuknet.data.cohort import COLUMNS, Cohort, cached_cohort, limited
from leuknet.data.formats import LabelBy
from leuknet.data.groups import NAME as GROUPS
from leuknet.data.groups import read_groups
from leuknet.data.layout import LABELS, Rejected, Row, data_sets, rows_of
from leuknet.data.masks import read_masks
from leuknet.data.splits_csv import NAME as SPLITS
from leuknet.data.splits_csv import read_rows
from leuknet.exceptions import LeuknetError

EXTRA = ["cell_type", "label_of", "cell_label"]


def folder_cohort(folder: str | Path, size: int, limit: int | None = None, label_by: LabelBy = "patient") -> Cohort:
    """Read a folder of images as a cohort; cached on disk under a key of its content, layout and `size`.

    A data set may also lie there as its provider ships it (``DIR/<data set>/<native layout>``, see
    `leuknet.data.formats`): the layout, recognised by its content, then gives data set, classes and patients.

    A data set called as in Table 1 (case, spaces and punctuation ignored) takes its source from the registry, any
    other is its own source. ``DIR/groups.csv`` may name the source and the group of images (`groups.read_groups`).
    Without it an image is its own group, but files of one class folder whose names differ only in case or suffix
    (``a.jpg``, ``a.png``, ``A.jpg``) share one, because they may show the same cells.

    Hidden files, ``Thumbs.db`` and the like are passed over. Links are followed. Whatever else cannot be used (other
    suffixes, broken links, pictures that a provider's layout does not have, blank or damaged images: see
    `decode.decode`) is listed in `rejected`. A folder ``DIR/masks`` may hold masks of the images
    (`masks.read_masks`), ``DIR/cells.csv`` marks of single cells (`cells_csv.read_cells`). A split
    ``DIR/splits.csv``, as ``leuknet data splits`` writes it, is checked against the images.

    Parameters
    ----------
    folder : path
    size : int
        Edge of the images in pixels.
    limit : int, optional
        Images per data set and class at most, drawn from the groups in turn (`cohort.limited`).
    label_by : {"patient", "cell"}
        What the label of single cells describes where a provider gives both: the patient (DeepAPL: all positive), or
        the cell (blasts against mature white cells; others are left out).

    Returns
    -------
    Cohort
        Sorted by ``image_id``; `images` is a read-only memory map. Its table also has ``cell_type`` (str, as the
        provider calls it, empty if unknown), ``label_of`` ("image", "patient" or "cell") and ``cell_label`` (of single
        cells, whichever `label_by`: 1 blast, 0 mature white cell, -1 unknown or neither).

    Raises
    ------
    LeuknetError
        If the layout is wrong, a class folder yields no image, one class is missing in the whole cohort, or
        ``groups.csv`` is wrong; or if ``splits.csv`` was changed, or names images that are not here as they were.
    """
    folder = Path(folder).expanduser()
    if size < 1:
        raise LeuknetError(f"image size {size} is not a positive number of pixels")
    table, rejected = scan(folder, limit, label_by)
    key = hash_of([decode.VERSION, size, table.astype(str).to_numpy().tolist(), rejected.to_numpy().tolist()], 32)
    cohort = cached_cohort(f"folder-{key}", lambda: _cohort(folder, table, rejected, size))
    if (folder / SPLITS).exists() and limit is None:
        read_rows(folder / SPLITS, cohort.table)
    masks = read_masks(folder, list(cohort.table["path"]), size)
    placed = cohort.table.assign(path=[str(folder.absolute() / path) for path in cohort.table["path"]])
    if (folder / CELLS).exists():
        read_cells(folder.absolute() / CELLS, placed)  # an error in it is reported now, not on page 12
    return dataclasses.replace(cohort, name=folder.resolve().name, table=placed, masks=masks)


def folder_table(folder: str | Path, label_by: LabelBy = "patient") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of `folder` with sizes and absolute paths, and what was left out; one class is enough."""
    folder = Path(folder).expanduser().absolute()
    table, rejected = scan(folder, label_by=label_by)
    _, table, rejected = _decoded(folder, table, rejected, 8)
    return table.assign(path=[str(folder / path) for path in table["path"]]), rejected


def check_folder(folder: str | Path) -> Path:
    """Return `folder` as an absolute path if some picture in it is laid out as a cohort's.

    Raises
    ------
    LeuknetError
        Otherwise; the same reasons as `folder_cohort` gives, without reading a picture.
    """
    folder = Path(folder).expanduser().resolve()
    list(_rows(folder, "patient", []))
    return folder


def scan(folder: Path, limit: int | None = None, label_by: LabelBy = "patient") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of `folder` without sizes (paths relative to it), and what was left out so far."""
    rejected: Rejected = []
    table = pd.DataFrame(_rows(folder, label_by, rejected), columns=list(Row._fields))
    table = table.sort_values("image_id", ignore_index=True)
    again = table["image_id"].duplicated()
    rejected += [(path, "same name as another file, in another Unicode form") for path in table.loc[again, "path"]]
    table = table[~again].reset_index(drop=True)
    stems = table["image_id"].map(lambda name: name.rpartition(".")[0].casefold())
    alike = table.groupby(stems)["image_id"].transform("first")  # names that differ in case or suffix only
    patients = table.pop("patient")
    table = table.assign(group=(table["source"] + "/" + patients).where(patients != "", alike))
    table = limited(read_groups(folder / GROUPS, table), limit)
    digests = decode.digests([folder / path for path in table["path"]])
    readable = np.array([isinstance(digest, str) for digest in digests], bool)
    lost = [(path, one) for path, one in zip(table["path"], digests, strict=True) if isinstance(one, OSError)]
    rejected += [(path, f"cannot be read: {error.strerror or error}") for path, error in lost]
    return table.assign(sha256=list(map(str, digests)))[readable].reset_index(drop=True), _listed(rejected)


def _rows(folder: Path, label_by: LabelBy, rejected: Rejected) -> Iterator[Row]:
    for data_set in data_sets(folder, rejected):
        yield from rows_of(folder, data_set, label_by, rejected)


def _cohort(folder: Path, table: pd.DataFrame, rejected: pd.DataFrame, size: int) -> Cohort:
    images, table, rejected = _decoded(folder, table, rejected, size)
    _demand_classes(folder, table, rejected)
    return Cohort("folder", images, table, rejected)


def _decoded(
    folder: Path, table: pd.DataFrame, rejected: pd.DataFrame, size: int
) -> tuple[np.ndarray, pd.DataFrame, pd.DataFrame]:
    """Return the images that can be decoded, their rows with width and height, and all that was left out."""
    images, sizes, reasons = decode.decode_files([folder / p for p in table["path"]], list(table["sha256"]), size)
    good = np.array([reason is None for reason in reasons], bool)
    left_out = [(path, reason) for path, reason in zip(table["path"], reasons, strict=True) if reason]
    table = table.assign(width=sizes[:, 0], height=sizes[:, 1]).loc[good, [*COLUMNS, *EXTRA]].reset_index(drop=True)
    rejected = _listed([*rejected.itertuples(index=False, name=None), *left_out])
    return images if good.all() else images[good], table, rejected


def _demand_classes(folder: Path, table: pd.DataFrame, rejected: pd.DataFrame) -> None:
    wanted = {path.parent for path in map(Path, rejected["path"]) if path.parent.name.lower() in LABELS}
    for lost in sorted(wanted - {Path(path).parent for path in table["path"]}):
        path, reason = next(row for row in rejected.itertuples(index=False, name=None) if Path(row[0]).parent == lost)
        raise LeuknetError(f"{folder / lost} yields no image ({Path(path).name}: {reason}): replace or remove it")
    labels = set(table["label"])
    for name, label in LABELS.items():
        if label not in labels:
            raise LeuknetError(f"{folder} holds no {name} image in any data set: add a data set with a folder {name}")


def _listed(rejected: Rejected) -> pd.DataFrame:
    return pd.DataFrame(sorted(rejected), columns=["path", "reason"], dtype=str)
