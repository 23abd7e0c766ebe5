"""Evaluation of the segmentation of leukocytes and nuclei against reference masks."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from leuknet.baselines.handcrafted import imaging, patel, putzu
from leuknet.cells.scale import nominal_diameter
from leuknet.cells.segmentation import masks as at_scale
from leuknet.exceptions import LeuknetError

Method = Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]]  # (image, red cell in px) -> leukocytes, nuclei
METHODS: dict[str, Method] = {
    "red cell as ruler (page 12)": at_scale,
    "log B/G and Otsu": lambda image, diameter: (imaging.leukocytes(image), imaging.nuclei(image)),
    "Putzu et al. [6]": lambda image, diameter: putzu.segment(image),
    "Patel e Mishra [8]": lambda image, diameter: patel.segment(image),
}
MASK_SETS = {"JTSC": "Dataset 1", "CellaVision 2": "Dataset 2"}
NUCLEUS, CELL = 2, 1


def overlap(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return Dice's coefficient and the Jaccard index (IoU) of two masks; both 1 if both are empty."""
    common, total = int((found & truth).sum()), int(found.sum()) + int(truth.sum())
    return (2 * common / total, common / (total - common)) if total else (1.0, 1.0)


def scored(
    images: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    ids: Sequence[str],
    diameters: Sequence[float],
    methods: dict[str, Method] | None = None,
) -> pd.DataFrame:
    """Score segmentation methods against reference masks.

    Parameters
    ----------
    images : sequence of uint8 (height, width, 3)
    masks : sequence of uint8 (height, width)
        0 background, 1 cytoplasm, 2 nucleus. Images without a nucleus are excluded.
    ids : sequence of str
    diameters : sequence of float
        Diameter of the red cells in each image, px.
    methods : dict of str to callable, optional
        Map (image, diameter) to (mask of leukocytes, mask of nuclei). Default: `METHODS`.

    Returns
    -------
    pandas.DataFrame
        ``method``, ``image_id``, ``part`` ("nucleus" or "cell"), ``dice``, ``iou``.
    """
    rows = []
    for image, mask, name, diameter in zip(images, masks, ids, diameters, strict=True):
        if not (mask == NUCLEUS).any():
            continue
        for method, segment in (methods or METHODS).items():
            body, core = segment(np.asarray(image), diameter)
            for part, found, truth in (("nucleus", core, mask == NUCLEUS), ("cell", body, mask >= CELL)):
                rows.append((method, name, part, *overlap(found, truth)))
    return pd.DataFrame(rows, columns=["method", "image_id", "part", "dice", "iou"])


def mask_set(folder: str | Path, name: str) -> tuple[list, list, list[str], list[float]]:
    """Read one of the data sets of Zheng et al. (reference [33]) with its masks, at its native size.

    Parameters
    ----------
    folder : path
        The repository ``segmentation_WBC`` with "Dataset 1" (JTSC) and "Dataset 2" (CellaVision 2): images ``NNN.bmp``
        with masks ``NNN.png`` (nucleus white, cytoplasm grey, background black).
    name : {"JTSC", "CellaVision 2"}

    Returns
    -------
    images, masks, ids, diameters : lists
        RGB uint8; uint8 with 0, 1, 2; str; the typical red-cell diameter of the set, px.

    Raises
    ------
    LeuknetError
        If the data set is missing or incomplete.
    """
    if name not in MASK_SETS:
        raise LeuknetError(f"mask set {name!r} is unknown: choose {', '.join(MASK_SETS)}")
    paths = sorted((Path(folder) / MASK_SETS[name]).glob("*.bmp"))
    if not paths:
        raise LeuknetError(f"{Path(folder) / MASK_SETS[name]} contains no *.bmp: name the folder segmentation_WBC")
    images, masks = [], []
    for path in paths:
        image, grey = cv2.imread(str(path)), cv2.imread(str(path.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
        if image is None or grey is None or image.shape[:2] != grey.shape:
            raise LeuknetError(f"{path} or its mask {path.stem}.png is missing or damaged: download the set again")
        images.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        masks.append((grey > 64).astype(np.uint8) + (grey > 192))
    return images, masks, [f"{name}/{path.stem}" for path in paths], [nominal_diameter(name) or 0.0] * len(paths)


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Return mean, median and 10th percentile of Dice, mean IoU and number of images below 0.7 per method and part."""
    columns: dict[str, Any] = {"images": ("dice", "size"), "mean Dice": ("dice", "mean")}
    columns |= {"median Dice": ("dice", "median"), "10th percentile": ("dice", lambda values: values.quantile(0.1))}
    columns |= {"mean IoU": ("iou", "mean"), "images below 0.7": ("dice", lambda values: int((values < 0.7).sum()))}
    return scores.groupby(["method", "part"], sort=False).agg(**columns).reset_index()
