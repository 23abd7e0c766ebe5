"""What a kept network carries with it: its features of the images it was trained and tested on."""

import dataclasses
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leuknet.exceptions import LeuknetError
from leuknet._io import atomic

FILE = "reference.npz"
NEIGHBOURS = 5
THRESHOLD = 0.5  # the paper's; all scores of a run are taken there
COLUMNS = ["image_id", "data_set", "source", "group", "label"]


@dataclass(frozen=True)
class Reference:
    """A run's images in the feature space of its network (the layer before the output, section 4.3).

    Attributes
    ----------
    features : numpy.ndarray, float32, shape (n, d)
    table : pandas.DataFrame, n rows
        ``image_id``, ``data_set``, ``source``, ``group``, ``label``, ``role`` ("train", "test" or "external").
    about : dict
        ``cohort`` (name), ``leakage`` (a sentence: what training and test share), ``threshold`` (an image is called
        positive at this probability or above).
    """

    features: np.ndarray
    table: pd.DataFrame
    about: dict

    @property
    def threshold(self):
        """The run's threshold; 0.5 where the run was kept before thresholds were."""
        return self.about.get("threshold", THRESHOLD)

    @property
    def known(self):
        """Positions of the training images."""
        return np.flatnonzero(self.table["role"] == "train")

    @property
    def unseen_distances(self):
        """Distance to the training images (`nearest`) of each image that the run did not train on, sorted."""
        unseen = self.features[self.table["role"] != "train"]
        return np.sort(self.nearest(unseen)[0])

    def nearest(self, x, k=NEIGHBOURS):
        """Return the mean Euclidean distance to the `k` nearest training images, and their rows in `table`.

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
        found = NearestNeighbors(n_neighbors=min(k, len(known))).fit(self.features[known])
        if not len(x):
            return np.zeros(0), np.zeros((0, min(k, len(known))), int)
        distance, rows = found.kneighbors(x)
        return distance.mean(axis=1), known[rows]


def write_reference(folder, model, cohort, split, fold):
    """Write ``reference.npz`` of a run that keeps its network (see `Reference`)."""
    from leuknet.models.interpretation.activations import activations

    roles = split.indices(cohort.table, fold)
    where = np.concatenate(list(roles.values()))
    role = np.repeat(list(roles), [len(part) for part in roles.values()])
    table = cohort.table.iloc[where][COLUMNS].assign(role=role)
    one = dataclasses.replace(split, table=split.table[split.table["fold"] == fold])
    about = {"cohort": cohort.name, "leakage": one.leakage(cohort.table), "threshold": THRESHOLD}
    columns = {name: table[name].to_numpy(int if name == "label" else str) for name in table}
    with atomic(folder / FILE) as temporary:
        features = activations(model, cohort.images[where])
        np.savez(temporary, features=features, about=json.dumps(about), **columns)


def read_reference(folder):
    """Return a run's `Reference`; raises LeuknetError where the run has none."""
    path = folder / FILE
    if not path.is_file():
        raise LeuknetError(f"{folder} keeps no network: only runs of plans with keep=True (pages 05, 07, 08) do")
    with np.load(path, allow_pickle=False) as kept:
        table = pd.DataFrame({name: kept[name] for name in [*COLUMNS, "role"]})
        return Reference(kept["features"], table, json.loads(str(kept["about"])))
