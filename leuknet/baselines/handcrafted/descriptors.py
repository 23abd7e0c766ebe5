"""Parallel computation of features for all images of a cohort, cached on disk."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from joblib import Parallel, cpu_count, delayed

from leuknet._cache import cached
from leuknet._io import hash_of, hash_of_files
from leuknet.baselines.handcrafted import imaging, measures
from leuknet.cells.extract import timed
from leuknet.data.cohort import Cohort

Describe = Callable[[np.ndarray], np.ndarray]  # image uint8 (s, s, 3) -> rows, float (rows, d)
FEW = 400  # images; below this number threads are used, because processes take seconds to start


@dataclass(frozen=True)
class Descriptions:
    """The features that a function returns for each image.

    Attributes
    ----------
    values : numpy.ndarray, float32, shape (m, d)
        The rows of all images, concatenated.
    counts : numpy.ndarray, int, shape (n,)
        Number of rows per image.
    seconds : numpy.ndarray, float, shape (n,)
        CPU time of each image, s.
    """

    values: np.ndarray
    counts: np.ndarray
    seconds: np.ndarray

    def of(self, i: int) -> np.ndarray:
        """Return the rows of image `i`, float32, shape (counts[i], d)."""
        end = int(self.counts[: i + 1].sum())
        return self.values[end - int(self.counts[i]) : end]


@lru_cache(maxsize=16)
def descriptions(cohort: Cohort, describe: Describe) -> Descriptions:
    """Return `Descriptions` of the whole cohort.

    No labels are used, so processing test and training images together causes no leakage. The cache key consists of the
    cohort's content, the function's name and the source files on which image processing depends.
    """
    files = [imaging.__file__, measures.__file__, inspect.getfile(describe)]
    key = hash_of([cohort.key, describe.__module__, describe.__qualname__, hash_of_files(files)])
    values = cached("described", key, lambda: vars(describe_all(cohort.images, describe)))
    return Descriptions(**values)


def describe_all(images: np.ndarray, describe: Describe, workers: int | None = None) -> Descriptions:
    """Compute `Descriptions` of `images`, uncached, with `workers` threads or processes (default: one per core)."""
    kind = {"prefer": "threads"} if len(images) < FEW else {"prefer": "processes", "batch_size": 8}
    rows = Parallel(workers or cpu_count(), **kind)(delayed(timed)(describe, np.asarray(image)) for image in images)
    parts, seconds = zip(*rows, strict=True)
    values = np.nan_to_num(np.concatenate(parts).astype(np.float32))
    return Descriptions(values, np.array([len(part) for part in parts]), np.array(seconds))
