"""The images of a cohort as their files hold them, at full size and one at a time: what the audit looks at."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from leuknet.data import decode
from leuknet.data.synthetic.draw import draw
from leuknet.data.synthetic.plan import plan
from leuknet.exceptions import LeuknetError


@dataclass(frozen=True)
class Pictures:
    """Images at full size.

    Attributes
    ----------
    table : pandas.DataFrame
        A cohort's table, one row an image.
    images : tuple of numpy.ndarray or None
        uint8 RGB, in the table's order; None where ``table["path"]`` names the files.
    """

    table: pd.DataFrame
    images: tuple | None = None

    def __len__(self):
        return len(self.table)

    def read(self, position):
        """Return image `position` as uint8 RGB, shape (height, width, 3).

        Raises
        ------
        LeuknetError
            If its file is gone, has changed or is damaged.
        """
        if self.images is not None:
            return self.images[position]
        row = self.table.iloc[position]
        return decode.pixels(Path(row["path"]), row["sha256"])

    def data(self, position):
        """Return the bytes of the image's file, or None where there is no file."""
        if self.images is not None:
            return None
        try:
            return Path(self.table["path"].iloc[position]).read_bytes()
        except OSError as error:
            raise LeuknetError(f"cannot read {error.filename}: {error.strerror}") from error

    def ordered(self, table):
        """Return these images in the order of `table`, with it.

        Raises
        ------
        LeuknetError
            If an image is missing or has another SHA-256.
        """
        at = pd.Index(self.table["image_id"]).get_indexer(table["image_id"])
        if (at < 0).any() or (self.table["sha256"].to_numpy()[at] != table["sha256"].to_numpy()).any():
            raise LeuknetError("these images are not the cohort's: draw it with the same fraction, floor and seed")
        return Pictures(table, tuple(self.images[place] for place in at))


def of_cohort(cohort):
    """Return the `Pictures` of a folder cohort; its files are read when needed."""
    if (cohort.table["path"] == "").any():
        raise LeuknetError(f"cohort {cohort.name} has no files: give its images (see leuknet.data.leakage.pictures)")
    return Pictures(cohort.table)


@lru_cache(maxsize=1)
def of_synthetic(fraction=1.0, floor=0, seed=0):
    """Draw the synthetic cohort (see `synthetic_cohort`) at full size, sorted by ``image_id``.

    The table has ``parent`` and ``box``: which image each crop was cut from, and where.
    """
    parts = Parallel(cpu_count(), prefer="threads")(delayed(draw)(task, seed) for task in plan(fraction, floor, seed))
    drawn = sorted((one for part in parts for one in part), key=lambda one: one.row["image_id"])
    return Pictures(pd.DataFrame([one.row for one in drawn]), tuple(np.ascontiguousarray(one.image) for one in drawn))
