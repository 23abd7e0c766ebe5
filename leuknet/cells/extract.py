"""From images to cells: scale, nuclei, bodies, sixteen numbers and a grey picture each; kept on disk by content."""

import ast
import time
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from scipy import ndimage

from leuknet._io import atomic, cache_dir, hash_of
from leuknet.cells import bodies, crops, descriptors, nuclei, scale

MOST = 12  # cells an image: the largest nuclei of a field, the most central ones of a single-cell image
COLUMNS = ["image", "x", "y", "diameter", "measured", "single", *descriptors.DESCRIPTORS]
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef)


@dataclass(frozen=True)
class Cells:
    """The cells found in a list of images.

    Attributes
    ----------
    table : pandas.DataFrame, one row a cell
        ``image`` (int, its place in the list), ``x``, ``y`` (px in the image, middle of the nucleus), ``diameter`` (of
        the image's red cells, px), ``measured`` (bool), ``single`` (bool) and the values of
        `leuknet.cells.descriptors.DESCRIPTORS`. Cells of one image lie in their order of rank.
    crops : numpy.ndarray, uint8, shape (cells, 112, 112)
    images : int
        How many images were searched; some may have no cell.
    seconds : float
        Mean CPU time an image, s.
    """

    table: pd.DataFrame
    crops: np.ndarray
    images: int
    seconds: float

    @property
    def values(self):
        """The sixteen numbers of each cell, float32 (cells, 16)."""
        return self.table[list(descriptors.DESCRIPTORS)].to_numpy(np.float32)

    @property
    def owner(self):
        """Each cell's image, int (cells,)."""
        return self.table["image"].to_numpy()

    def of(self, where):
        """Return the cells of the images at `where`, numbered by their place in it."""
        place = pd.Series(np.arange(len(where)), index=np.asarray(where))
        rows = np.flatnonzero(np.isin(self.owner, where))
        rows = rows[np.argsort(place[self.owner[rows]].to_numpy(), kind="stable")]
        table = self.table.iloc[rows].assign(image=place[self.owner[rows]].to_numpy()).reset_index(drop=True)
        return Cells(table, self.crops[rows], len(where), self.seconds)


@dataclass(frozen=True)
class Outlined:
    """One image's cells with their outlines.

    Attributes
    ----------
    cells : Cells
    nuclei, bodies : list of numpy.ndarray, int32, shape (points, 2)
        Outlines in the image's pixels, x before y; the nucleus' largest piece.
    scale : leuknet.cells.scale.Scale
    """

    cells: Cells
    nuclei: list
    bodies: list
    scale: scale.Scale


def outlined(image, nominal):
    """Return the cells of one image (uint8, RGB) with their outlines; `nominal` is the red cell's diameter, px."""
    size, density, labels, whole, chosen = _searched(image, nominal)
    rows, pictures = _described(image.shape, size, density, labels, whole, chosen)
    factor = size.diameter / scale.WORKING
    lines = [[_outline(mask == number, factor) for number, *_ in chosen] for mask in (labels, whole)]
    table = _table([(0, *row) for row in rows])
    return Outlined(Cells(table, np.array(pictures).reshape(-1, crops.EDGE, crops.EDGE), 1, 0.0), *lines, size)


def _searched(image, nominal):
    size = scale.red_cell_diameter(image, nominal)
    density, labels = nuclei.find(image, size.diameter)
    return size, density, labels, bodies.bodies(density, labels), _ranked(image.shape, size, labels)


def _ranked(shape, size, labels):
    """Return (label, box, area) of at most `MOST` nuclei: central ones first in a single-cell image, else large."""
    areas = np.bincount(labels.ravel())
    found = [(k, box, int(areas[k])) for k, box in enumerate(ndimage.find_objects(labels), 1) if box]
    if nuclei.is_single(shape, size.diameter):
        middle = np.array(labels.shape) / 2
        order = [np.hypot(*(middle - [(p.start + p.stop) / 2 for p in box])) for _, box, _ in found]
    else:
        order = [-area for *_, area in found]
    return [found[i] for i in np.argsort(order, kind="stable")[:MOST]]


def _described(shape, size, density, labels, whole, chosen):
    rows, pictures = [], []
    margin, factor = round(0.7 * scale.WORKING), size.diameter / scale.WORKING
    single = nuclei.is_single(shape, size.diameter)
    for number, box, _ in chosen:
        around = tuple(slice(max(part.start - margin, 0), part.stop + margin) for part in box)
        nucleus, body = labels[around] == number, whole[around] == number
        part = descriptors.Part(nucleus, body, np.ascontiguousarray(density[around][..., 1]))
        y, x = ((part.start + part.stop) / 2 * factor for part in box)
        rows.append((x, y, size.diameter, size.measured, single, *descriptors.describe(part)))
        pictures.append(crops.crop(density[around], nucleus, body))
    return rows, pictures


def _outline(mask, factor):
    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.round(max(lines, key=len)[:, 0] * factor).astype(np.int32)


def _one(read, nominal):
    cv2.setNumThreads(1)  # the workers share the cores
    began = time.thread_time()
    image = read()
    rows, pictures = _described(image.shape, *_searched(image, nominal))
    return rows, pictures, time.thread_time() - began


def extract(readers, nominal, key=None, workers=None):
    """Return the `Cells` of a list of images.

    Parameters
    ----------
    readers : list of callable
        Each returns one image, uint8 RGB (height, width, 3), at its native size.
    nominal : callable
        Returns the red cell's diameter expected in each image, px; called only where nothing is kept.
    key : object that JSON can write, optional
        The images' content: with it, what was found is kept on disk and read again.
    workers : int, optional
        Threads; one a core if not given.
    """
    path = None
    if key is not None:
        path = cache_dir() / "cells" / f"{hash_of([version(), key], 32)}.npz"
        if path.is_file():
            return _read(path)
    pairs = zip(readers, nominal(), strict=True)
    results = Parallel(workers or cpu_count(), prefer="threads")(delayed(_one)(*pair) for pair in pairs)
    rows = [(image, *row) for image, (found, *_) in enumerate(results) for row in found]
    pictures = np.array([picture for _, found, _ in results for picture in found], np.uint8)
    seconds = float(np.mean([taken for *_, taken in results])) if results else 0.0
    cells = Cells(_table(rows), pictures.reshape(-1, crops.EDGE, crops.EDGE), len(results), seconds)
    if path is not None:
        _write(path, cells)
    return cells


def _write(path, cells):
    table = cells.table.to_numpy(np.float64)
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, table=table, crops=cells.crops, images=cells.images, seconds=cells.seconds)


def _read(path):
    with np.load(path, allow_pickle=False) as kept:
        return Cells(_table(kept["table"]), kept["crops"], int(kept["images"]), float(kept["seconds"]))


def _table(rows):
    table = pd.DataFrame(rows, columns=COLUMNS)
    types = dict.fromkeys(COLUMNS, float) | {"image": int, "measured": bool, "single": bool}
    return table.astype(types)


def version():
    """Return a hash of the code that decides what is found, without its comments and docstrings."""
    modules = (scale, nuclei, bodies, descriptors, crops)
    texts = [_code(Path(module.__file__)) for module in modules]
    return sha256("".join([*texts, str(MOST)]).encode()).hexdigest()


@cache
def _code(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if ast.get_docstring(node) if isinstance(node, _DOCUMENTED) else False:
            del node.body[0]
    return ast.dump(tree)
