"""Load a user's folder as a cohort: ``DIR/<data set>/<positive|negative>/<image>`` or a provider's native layout."""

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
    """Load a folder of images as a cohort, cached on disk by its content, layout and `size`.

    A data set may also use the provider's native layout (``DIR/<data set>/<native layout>``, see
    `leuknet.data.formats`). The layout is recognised by its content and determines data set, classes and patients.

    The source of a data set listed in Table 1 (ignoring case, spaces and punctuation) is taken from the registry; any
    other data set is a separate source. ``DIR/groups.csv`` may assign sources and groups to images
    (`groups.read_groups`). Without it, each image is a separate group, except that files in one class folder whose
    names differ only in case or suffix (``a.jpg``, ``a.png``, ``A.jpg``) share a group, as they may show the same
    cells.

    Hidden files, ``Thumbs.db`` and similar files are ignored. Links are followed. All other unusable files (other
    suffixes, broken links, images that are not part of a provider's layout, blank or damaged images: see
    `decode.decode`) are listed in `rejected`. ``DIR/masks`` may contain masks of the images (`masks.read_masks`) and
    ``DIR/cells.csv`` labels of single cells (`cells_csv.read_cells`). A split in ``DIR/splits.csv``, as written by
    ``leuknet data splits``, is checked against the images.

    Parameters
    ----------
    folder : path
    size : int
        Edge length of the images in pixels.
    limit : int, optional
        Maximum number of images per data set and class, selected from the groups in turn (`cohort.limited`).
    label_by : {"patient", "cell"}
        Which label to use for images of single cells if a provider gives both: that of the patient (DeepAPL: all
        positive), or that of the cell (blasts against mature white cells; other cells are excluded).

    Returns
    -------
    Cohort
        Sorted by ``image_id``; `images` is a read-only memory map. The table also has ``cell_type`` (str, the
        provider's name, empty if unknown), ``label_of`` ("image", "patient" or "cell") and ``cell_label`` (of single
        cells, independent of `label_by`: 1 blast, 0 mature white cell, -1 unknown or neither).

    Raises
    ------
    LeuknetError
        If the layout or ``groups.csv`` is invalid, a class folder contains no usable image, the cohort has a single
        class, or ``splits.csv`` was modified or does not match the images.
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
        read_cells(folder.absolute() / CELLS, placed)  # report errors now, not on page 12
    return dataclasses.replace(cohort, name=folder.resolve().name, table=placed, masks=masks)


def folder_table(folder: str | Path, label_by: LabelBy = "patient") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of `folder` with sizes and absolute paths, and the rejected files; one class is sufficient."""
    folder = Path(folder).expanduser().absolute()
    table, rejected = scan(folder, label_by=label_by)
    _, table, rejected = _decoded(folder, table, rejected, 8)
    return table.assign(path=[str(folder / path) for path in table["path"]]), rejected


def check_folder(folder: str | Path) -> Path:
    """Check the layout of `folder` without reading images, and return it as an absolute path.

    Raises
    ------
    LeuknetError
        If the folder contains no image in a valid layout; the messages are those of `folder_cohort`.
    """
    folder = Path(folder).expanduser().resolve()
    list(_rows(folder, "patient", []))
    return folder


def scan(folder: Path, limit: int | None = None, label_by: LabelBy = "patient") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of `folder` without sizes (with relative paths), and the files rejected so far."""
    rejected: Rejected = []
    table = pd.DataFrame(_rows(folder, label_by, rejected), columns=list(Row._fields))
    table = table.sort_values("image_id", ignore_index=True)
    again = table["image_id"].duplicated()
    rejected += [(path, "same name as another file, in another Unicode form") for path in table.loc[again, "path"]]
    table = table[~again].reset_index(drop=True)
    stems = table["image_id"].map(lambda name: name.rpartition(".")[0].casefold())
    alike = table.groupby(stems)["image_id"].transform("first")  # names that differ only in case or suffix
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
    """Return the decodable images, their rows with width and height, and all rejected files."""
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
