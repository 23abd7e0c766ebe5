"""The images of a cohort at full size, read one at a time."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from leuknet.data import decode
from leuknet.data.cohort import Cohort
from leuknet.data.synthetic.native import drawn_from
from leuknet.data.walk import read_bytes
from leuknet.exceptions import LeuknetError


@dataclass(frozen=True)
class Pictures:
    """Images at full size.

    Attributes
    ----------
    table : pandas.DataFrame
        Table of a cohort, one row per image.
    images : tuple of numpy.ndarray or None
        uint8 RGB, in the order of the table; None if the images are read from the files ``table["path"]``.
    """

    table: pd.DataFrame
    images: tuple[np.ndarray, ...] | None = None

    def __len__(self) -> int:
        return len(self.table)

    def read(self, position: int) -> np.ndarray:
        """Return image `position` as uint8 RGB, shape (height, width, 3).

        Raises
        ------
        LeuknetError
            If the file is missing, has changed or is damaged.
        """
        if self.images is not None:
            return self.images[position]
        row = self.table.iloc[position]
        return decode.pixels(Path(row["path"]), row["sha256"])

    def data(self, position: int) -> bytes | None:
        """Return the bytes of the image's file, or None where there is no file."""
        if self.images is not None:
            return None
        try:
            return read_bytes(Path(self.table["path"].iloc[position]))
        except OSError as error:
            raise LeuknetError(f"cannot read {error.filename}: {error.strerror}") from error


def pictures_of(cohort: Cohort) -> Pictures:
    """Return the images of a cohort at full size, in the order of its table; synthetic images are redrawn.

    Raises
    ------
    LeuknetError
        If the cohort has neither files nor drawings.
    """
    table = cohort.table
    if (table["path"] != "").all():
        return Pictures(table)
    if "drawing" not in table:
        raise LeuknetError(f"cohort {cohort.name} has no files: pass its images (see leuknet.data.leakage.pictures)")
    images = _drawn(tuple(table["drawing"].unique()))
    return Pictures(table, tuple(images[name] for name in table["image_id"]))


@lru_cache(maxsize=1)
def _drawn(drawings: tuple[str, ...]) -> dict[str, np.ndarray]:
    parts = Parallel(cpu_count(), prefer="threads")(delayed(drawn_from)(drawing) for drawing in drawings)
    return {one.row["image_id"]: np.ascontiguousarray(one.image) for part in parts for one in part}
