"""Features saved with a network: those of the images that it was trained and tested on."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leuknet._io import atomic, read_arrays
from leuknet.data.cohort import Cohort
from leuknet.evaluation.splits import Split
from leuknet.exceptions import LeuknetError
from leuknet.runs.record import Record, readable

FILE = "training_features.npz"
NEIGHBOURS = 5
THRESHOLD = 0.5  # the paper's, used for all scores of a run
COLUMNS = ["image_id", "data_set", "source", "group", "label"]
ROLES = ("train", "test", "external")


@dataclass(frozen=True)
class TrainingFeatures:
    """A run's images in the feature space of its network (the layer before the output, section 4.3).

    Attributes
    ----------
    features : numpy.ndarray, float32, shape (n, d)
    table : pandas.DataFrame, n rows
        ``image_id``, ``data_set``, ``source``, ``group``, ``label``, ``role`` ("train", "test" or "external").
    about : dict
        ``cohort`` (name), ``leakage`` (a sentence on what training and test images share), ``threshold`` (an image is
        positive at this probability or above).
    """

    features: np.ndarray
    table: pd.DataFrame
    about: dict

    @property
    def threshold(self) -> float:
        """The classification threshold of the run."""
        return self.about["threshold"]

    @property
    def known(self) -> np.ndarray:
        """Positions of the training images."""
        return np.flatnonzero(self.table["role"] == "train")

    @property
    def unseen_distances(self) -> np.ndarray:
        """Distances from the images not used for training to the training images (see `nearest`), sorted."""
        unseen = self.features[self.table["role"] != "train"]
        return np.sort(self.nearest(unseen)[0])

    def nearest(self, x: np.ndarray, k: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean Euclidean distance to the `k` nearest training images, and the rows of these in `table`.

        Parameters
        ----------
        x : numpy.ndarray, shape (m, d)

        Returns
        -------
        distance : numpy.ndarray, float64, shape (m,)
        rows : numpy.ndarray, int, shape (m, k)
            Nearest first.
        """
        from sklearn.neighbors import NearestNeighbors

        known = self.known
        neighbours = NearestNeighbors(n_neighbors=min(k, len(known))).fit(self.features[known])
        if not len(x):
            return np.zeros(0), np.zeros((0, min(k, len(known))), int)
        distance, rows = neighbours.kneighbors(x)
        return distance.mean(axis=1), known[rows]


def write_training_features(folder: Path, model: Any, cohort: Cohort, split: Split, fold: str) -> None:
    """Write ``training_features.npz`` for a run that saves its network (see `TrainingFeatures`)."""
    from leuknet.models.interpretation.activations import activations

    roles = split.indices(cohort.table, fold)
    where = np.concatenate(list(roles.values()))
    role = np.repeat(list(roles), [len(part) for part in roles.values()])
    table = cohort.table.iloc[where][COLUMNS].assign(role=role)
    one = dataclasses.replace(split, table=split.table[split.table["fold"] == fold])
    about = {"cohort": cohort.name, "leakage": one.leakage(cohort.table), "threshold": THRESHOLD}
    columns: dict[str, Any] = {str(name): table[name].to_numpy(int if name == "label" else str) for name in table}
    with atomic(folder / FILE) as temporary:
        features = activations(model, cohort.images[where])
        np.savez(temporary, features=features, about=json.dumps(about), **columns)


def read_training_features(record: Record) -> TrainingFeatures:
    """Return the `TrainingFeatures` of a finished run.

    Parameters
    ----------
    record : leuknet.runs.record.Record

    Raises
    ------
    LeuknetError
        If the run has no saved network, or the file is invalid.
    """
    if FILE not in record.done["files"]:
        raise LeuknetError(f"{record.folder} keeps no network: only runs of plans with keep=True (pages 05, 07, 08) do")
    with readable(record.folder, f"{FILE} holds no features"):
        arrays = read_arrays(record.path(FILE))
        table = pd.DataFrame({name: arrays[name] for name in [*COLUMNS, "role"]})
        features = TrainingFeatures(arrays["features"], table, json.loads(str(arrays["about"])))
        _check(features)
    return features


def _check(stored: TrainingFeatures) -> None:
    """Raise ValueError unless the parts of `TrainingFeatures` are consistent."""
    features, table, about = stored.features, stored.table, stored.about
    if features.ndim != 2 or features.dtype.kind != "f" or not np.isfinite(features).all():
        raise ValueError("the features are no table of finite numbers")
    if len(features) != len(table) or set(table["role"]) - set(ROLES) or not (table["role"] == "train").any():
        raise ValueError("features, images and roles do not fit each other")
    if not isinstance(about, dict) or not all(isinstance(about.get(name), str) for name in ("cohort", "leakage")):
        raise ValueError("nothing says which cohort the images are from")
    threshold = about.get("threshold")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold < 1:
        raise ValueError(f"the threshold {threshold!r} is not between 0 and 1")
