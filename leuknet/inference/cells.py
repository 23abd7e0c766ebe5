"""Scores for each cell of a user's slides by a cell classifier trained on a cohort (page 12)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from leuknet.cells.classifier import ImageClassifier
from leuknet.cells.extract import Outlined, outlined
from leuknet.cells.generalisation import prepared
from leuknet.cells.scale import estimated_diameter
from leuknet.data.decode import read_picture
from leuknet.data.load import load_cohort
from leuknet.data.walk import read_bytes

SIZE = 48  # px, edge of the cohort's images, which the cells do not use


def learned(folder: Path) -> ImageClassifier:
    """Return the cell classifier of a cohort (`leuknet.data.folder.folder_cohort`), trained on sixteen features."""
    material = prepared(load_cohort(folder, SIZE))
    return material.classifier().fit(material.cells, material.labels, np.arange(len(material.cohort)))


def scored(
    model: ImageClassifier, files: Sequence[str], red_cell: float | None = None
) -> list[tuple[np.ndarray, Outlined, np.ndarray]]:
    """Return each image at its native size, its cells with outlines, and the P(blast) of each cell.

    Parameters
    ----------
    model : ImageClassifier
    files : sequence of path
    red_cell : float, optional
        Diameter of a red cell, px; estimated from the images if not given.

    Raises
    ------
    LeuknetError
        If the diameter is not given and no image contains red cells.
    """
    images = [read_picture(read_bytes(Path(file)))[0] for file in files]
    nominal = red_cell or (estimated_diameter(images) if images else 0.0)
    outlines = [outlined(image, nominal) for image in images]
    return [(image, one, model.cell.predict(one.cells)) for image, one in zip(images, outlines, strict=True)]


def with_cells(rows: list[dict], scores: Sequence[tuple[np.ndarray, Outlined, np.ndarray]]) -> list[dict]:
    """Return predictions with ``cells``: position (px, centre of the nucleus) and P(blast), ``blast``, of each cell."""
    cells = []
    for _, image_cells, p in scores:
        places = image_cells.cells.table[["x", "y"]].round(1).assign(blast=p.astype(float).round(4))
        cells.append(places.to_dict("records"))
    return [row | {"cells": own} for row, own in zip(rows, cells, strict=True)]
