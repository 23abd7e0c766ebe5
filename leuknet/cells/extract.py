"""Extraction of cells from the images of a cohort, with descriptors and a grey crop per cell, cached on disk."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from skimage.measure import regionprops

from leuknet._cache import cached
from leuknet._io import hash_of, hash_of_files
from leuknet.cells import descriptors, embedding, scale, segmentation
from leuknet.data import decode
from leuknet.data.cohort import Cohort
from leuknet.data.synthetic.native import redrawn
from leuknet.exceptions import LeuknetError

MOST = 12  # maximum cells per image: the largest nuclei of a field, the most central ones of a single-cell image
NO_RULER = 40.0  # px: red-cell diameter assumed if it is unknown and no red cells are visible
COLOUR = [f"{part}_{channel}" for part in ("nucleus", "cell") for channel in ("red", "green", "blue")]
COLUMNS = ["image", "x", "y", "diameter", "measured", "single", *descriptors.DESCRIPTORS, *COLOUR]
Reader = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Cells:
    """The cells extracted from a list of images.

    Attributes
    ----------
    table : pandas.DataFrame, one row per cell
        ``image`` (int, index in the list), ``data_set`` (of the image; empty if unknown), ``x``, ``y`` (centre of the
        nucleus in the image, px), ``diameter`` (of the image's red cells, px), ``measured`` (bool), ``single`` (bool),
        the values of `leuknet.cells.descriptors.DESCRIPTORS` and, only as a control, the mean densities `COLOUR`. The
        cells of an image are in order of rank.
    crops : numpy.ndarray, uint8, shape (cells, 112, 112)
    images : int
        Number of images, including those without cells.
    seconds : float
        Mean CPU time per image, s.
    """

    table: pd.DataFrame
    crops: np.ndarray
    images: int
    seconds: float

    @property
    def values(self) -> np.ndarray:
        """Descriptors of each cell, float32 (cells, 16)."""
        return self.table[list(descriptors.DESCRIPTORS)].to_numpy(np.float32)

    @property
    def owner(self) -> np.ndarray:
        """Index of the image of each cell, int (cells,)."""
        return self.table["image"].to_numpy()

    def of(self, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the cells in the images `where`, and for each row the index of its image in `where`."""
        rows = np.flatnonzero(np.isin(self.owner, where))
        order = np.argsort(where)
        return rows, order[np.searchsorted(where, self.owner[rows], sorter=order)]


@dataclass(frozen=True)
class Outlined:
    """The cells of one image with the outlines of their nuclei.

    Attributes
    ----------
    cells : Cells
    outlines : list of numpy.ndarray, int32, shape (points, 2)
        (x, y) in pixels of the image; for a nucleus with several components, the longest outline.
    scale : leuknet.cells.scale.Scale
    """

    cells: Cells
    outlines: list[np.ndarray]
    scale: scale.Scale


def outlined(image: np.ndarray, nominal: float) -> Outlined:
    """Return the cells of one image (uint8, RGB) with their outlines; `nominal` is the red-cell diameter, px."""
    rows, pictures, outlines, size = _searched(lambda: image, nominal)
    return Outlined(Cells(**_gathered([((rows, pictures), 0.0)])), outlines, size)


def _searched(read: Reader, nominal: float) -> tuple[list[tuple], list[np.ndarray], list[np.ndarray], scale.Scale]:
    """Return the values, crop and outline of each cell of an image, and the scale of the image.

    At most `MOST` nuclei are used: those nearest to the centre of a single-cell image, or the largest of a field.
    """
    image = read()
    size = scale.red_cell_diameter(image, nominal)
    density, labels = segmentation.find(image, size.diameter)
    whole, single = segmentation.bodies(density, labels), segmentation.is_single(image.shape, size.diameter)
    margin, factor, middle = round(0.7 * scale.WORKING), size.diameter / scale.WORKING, np.array(labels.shape) / 2

    def place(region: Any) -> np.ndarray:
        return (np.array(region.bbox[:2]) + region.bbox[2:]) / 2

    def rank(region: Any) -> float:
        return np.hypot(*(middle - place(region))) if single else -region.area

    rows, pictures, outlines = [], [], []
    for region in sorted(regionprops(labels), key=rank)[:MOST]:
        around = tuple(slice(max(part.start - margin, 0), part.stop + margin) for part in region.slice)
        nucleus, body = labels[around] == region.label, whole[around] == region.label
        part = descriptors.Part(nucleus, body, np.ascontiguousarray(density[around][..., 1]))
        y, x = place(region) * factor
        colour = [*density[around][nucleus].mean(axis=0), *density[around][body].mean(axis=0)]
        rows.append((x, y, size.diameter, size.measured, single, *descriptors.describe(part), *colour))
        pictures.append(embedding.crop(density[around], nucleus, body))
        line = max(segmentation.contours(nucleus), key=len)[:, 0] + (around[1].start, around[0].start)
        outlines.append(np.round(line * factor).astype(np.int32))
    return rows, pictures, outlines, size


def timed(function: Callable, *arguments: Any) -> tuple[Any, float]:
    """Return the result of a function call and its CPU time, s; OpenCV uses one thread, because workers share cores."""
    cv2.setNumThreads(1)
    began = time.thread_time()
    result = function(*arguments)
    return result, time.thread_time() - began


def extract(readers: Sequence[Reader], nominal: Callable[[], Iterable[float]], key: object = None) -> Cells:
    """Return the `Cells` of a list of images.

    Parameters
    ----------
    readers : list of callable
        Each returns one image, uint8 RGB (height, width, 3), at its native size.
    nominal : callable
        Returns the expected red-cell diameter in each image, px; called only if the result is not cached.
    key : JSON-serialisable object, optional
        Identifies the content of the images; if given, the result is cached on disk.
    """

    def found() -> dict[str, Any]:
        pairs = zip(readers, nominal(), strict=True)
        return _gathered(Parallel(cpu_count(), prefer="threads")(delayed(timed)(_searched, *pair) for pair in pairs))

    return Cells(**(found() if key is None else cached("cells", hash_of([version(), key], 32), found)))


def _gathered(results: list[tuple[tuple, float]]) -> dict[str, Any]:
    """Return the fields of `Cells` from the result of `_searched` and the CPU time of each image."""
    rows = [(image, *row) for image, ((found, *_), _) in enumerate(results) for row in found]
    types = dict.fromkeys(COLUMNS, float) | {"image": int, "measured": bool, "single": bool}
    table = pd.DataFrame(rows, columns=COLUMNS).astype(types).assign(data_set="")
    pictures = np.array([picture for (_, found, *_), _ in results for picture in found], np.uint8)
    seconds = float(np.mean([taken for _, taken in results])) if results else 0.0
    crops = pictures.reshape(-1, embedding.EDGE, embedding.EDGE)
    return {"table": table, "crops": crops, "images": len(results), "seconds": seconds}


def version() -> str:
    """Return a hash of the source files on which the extracted cells depend."""
    files = [Path(__file__).with_name(f"{name}.py") for name in ("scale", "segmentation", "descriptors", "embedding")]
    return hash_of([hash_of_files(files), MOST])


def native(cohort: Cohort, i: int) -> np.ndarray:
    """Return image `i` at its native size, uint8 RGB: from its file, redrawn, or resized from the cohort's pixels."""
    row = cohort.table.iloc[i]
    if row["path"]:
        return decode.pixels(Path(row["path"]), row["sha256"])
    if "drawing" in cohort.table:
        return redrawn(row["drawing"], row["image_id"]).image
    return cv2.resize(np.asarray(cohort.images[i]), (int(row["width"]), int(row["height"])))


def diameters(cohort: Cohort, where: np.ndarray) -> np.ndarray:
    """Return the nominal red-cell diameter of the images `where` of one data set, px, float.

    Sources in order of precedence: the drawing, the registry, an estimate from the images of the data set without
    labels, and `NO_RULER` if they show no red cells.
    """
    rows = cohort.table.iloc[where]
    if "red_cell" in rows:
        return rows["red_cell"].to_numpy(float)
    name = rows["data_set"].iloc[0]
    return np.full(len(where), scale.nominal_diameter(name) or _estimated(cohort, where, name))


def _estimated(cohort: Cohort, where: np.ndarray, name: str) -> float:
    try:
        return scale.estimated_diameter([native(cohort, i) for i in where[:: -(-len(where) // scale.SAMPLE)]], name)
    except LeuknetError:
        return NO_RULER


@lru_cache(maxsize=8)
def cells_of(cohort: Cohort) -> Cells:
    """Return the `Cells` of the images of a cohort, cached on disk per data set."""
    names = cohort.table.groupby("data_set", sort=False).indices
    parts = {name: _of_data_set(cohort, where) for name, where in names.items()}
    table = pd.concat([part.table.assign(image=names[name][part.owner], data_set=name) for name, part in parts.items()])
    order = np.argsort(table["image"], kind="stable")
    seconds = float(np.average([part.seconds for part in parts.values()], weights=[p.images for p in parts.values()]))
    crops = np.concatenate([part.crops for part in parts.values()])[order]
    return Cells(table.iloc[order].reset_index(drop=True), crops, len(cohort), seconds)


def _of_data_set(cohort: Cohort, where: np.ndarray) -> Cells:
    content = ["image_id", "width", "height", "sha256"]
    key = [decode.VERSION, cohort.table[content].iloc[where].astype(str).to_numpy().tolist()]
    if not cohort.table["path"].iloc[where[0]] and "drawing" not in cohort.table:
        key.append(cohort.key)  # images at the size of the cohort
    return extract([partial(native, cohort, i) for i in where], lambda: diameters(cohort, where), key)
