"""The cohort: all images of all data sets at one size, with a tidy table."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd

from leuknet._cache import cached
from leuknet._io import hash_of
from leuknet._random import rng
from leuknet.exceptions import LeuknetError

COLUMNS = ["image_id", "data_set", "source", "group", "label", "width", "height", "path", "sha256"]


@dataclass(frozen=True, eq=False)
class Cohort:
    """Data sets loaded together. Cohorts with the same `key` are equal, which allows caching by cohort.

    Attributes
    ----------
    name : str
        ``"synthetic"``, or the name of a user's folder as used in captions.
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
        RGB, usually a read-only memory map.
    table : pandas.DataFrame, n rows in the order of `images`
        ``image_id`` (unique str, ``<data set>/<negative|positive>/<file>``), ``data_set``, ``source``,
        ``group`` (patient, slide or the image itself), ``label`` (int: 1 = leukaemia, 0 = not), ``width`` and
        ``height`` (px, native), ``path`` (str, empty for synthetic), ``sha256`` (of the file, or of the pixels).
    rejected : pandas.DataFrame
        Files that were excluded: ``path``, ``reason``.
    masks : numpy.ndarray or None, uint8, shape (n, size, size)
        0 background, 1 cytoplasm, 2 nucleus; 255 in every pixel of an image without a mask.
    """

    name: str
    images: np.ndarray
    table: pd.DataFrame
    rejected: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"path": [], "reason": []}, dtype=str))
    masks: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Edge length of the square images, in pixels."""
        return self.images.shape[1]

    @property
    def labels(self) -> np.ndarray:
        """Labels as float32, shape (n,)."""
        return self.table["label"].to_numpy(np.float32)

    @cached_property
    def key(self) -> str:
        """Hash of the content (ids, labels, groups, image digests and size), independent of paths."""
        rows = self.table[["image_id", "data_set", "source", "group", "label", "sha256"]]
        return hash_of([self.size, rows.astype(str).to_numpy().tolist()])

    def __len__(self) -> int:
        return len(self.table)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cohort) and self.key == other.key


def cached_cohort(key: str, make: Callable[[], Cohort]) -> Cohort:
    """Return the cohort cached under `key`, or call `make` and cache its result (`leuknet._cache.cached`)."""

    def values() -> dict[str, Any]:
        cohort = make()
        return {one.name: value for one in fields(cohort) if (value := getattr(cohort, one.name)) is not None}

    return Cohort(**cached("cohorts", key, values))


def limited(table: pd.DataFrame, limit: int | None) -> pd.DataFrame:
    """Return at most `limit` images of each data set and class.

    Images are selected from the groups in turn, so that as many groups as possible are represented and none dominates.
    The selection depends only on the names of groups and images, not on their order or a seed, and the selection for a
    smaller limit is a subset of that for a larger one.

    Parameters
    ----------
    table : pandas.DataFrame
        With the columns ``image_id``, ``data_set``, ``group`` and ``label``.
    limit : int or None
        Maximum number of images per data set and class; None for no limit.

    Returns
    -------
    pandas.DataFrame
        The selected rows, in the order of the table.

    Raises
    ------
    LeuknetError
        If `limit` is below 1.
    """
    if limit is None:
        return table
    if limit < 1:
        raise LeuknetError(f"limit = {limit}: give a number of images per data set and class, 1 or more")
    order = ["group_order", "image_order", "image_id"]
    drawn = table.assign(image_order=table["image_id"].map(_place), group_order=table["group"].map(_place))
    drawn = drawn.sort_values(order)
    drawn["turn"] = drawn.groupby(["data_set", "label", "group"]).cumcount()
    chosen = drawn.sort_values(["turn", *order]).groupby(["data_set", "label"]).head(limit).index
    return table[table.index.isin(chosen)].reset_index(drop=True)


@cache
def _place(name: str) -> float:
    """Return a pseudo-random number in [0, 1) that depends only on `name`."""
    return rng("limit", name).random()
