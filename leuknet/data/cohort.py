"""The cohort: every image of every data set at one size, and the tidy table beside it."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from leuknet._io import hash_of

COLUMNS = ["image_id", "data_set", "source", "group", "label", "width", "height", "path", "sha256"]


@dataclass(frozen=True)
class Cohort:
    """Data sets loaded together.

    Attributes
    ----------
    name : str
        ``"synthetic"``, or the name that captions give a user's folder.
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
        RGB, usually a read-only memory map.
    table : pandas.DataFrame, n rows in the order of `images`
        ``image_id`` (unique str, ``<data set>/<negative|positive>/<file>``), ``data_set``, ``source``,
        ``group`` (patient, slide or the image itself), ``label`` (int: 1 = leukaemia, 0 = not), ``width`` and
        ``height`` (px, as found), ``path`` (str, empty for synthetic), ``sha256`` (of the file, or of the pixels).
    rejected : pandas.DataFrame
        What was left out: ``path``, ``reason``.
    masks : numpy.ndarray or None, uint8, shape (n, size, size)
        0 background, 1 cytoplasm, 2 nucleus; 255 throughout an image whose mask is not known.
    """

    name: str
    images: np.ndarray
    table: pd.DataFrame
    rejected: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"path": [], "reason": []}, dtype=str))
    masks: np.ndarray | None = None

    @property
    def size(self):
        """Edge of the square images, in pixels."""
        return self.images.shape[1]

    @property
    def labels(self):
        """Labels as float32, shape (n,)."""
        return self.table["label"].to_numpy(np.float32)

    @cached_property
    def key(self):
        """Hash of content (never of paths): ids, labels, groups, image digests and size."""
        rows = self.table[["image_id", "data_set", "source", "group", "label", "sha256"]]
        return hash_of([self.size, rows.astype(str).to_numpy().tolist()])

    def __len__(self):
        return len(self.table)
