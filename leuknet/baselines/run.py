"""Run one baseline on one fold; used by `leuknet.runs.store` in the same way as `leuknet.models.training.train`."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leuknet.baselines.registry import make
from leuknet.baselines.settings import BaselineSettings
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError


@dataclass
class Fitted:
    """Results of a run, with the fields of `leuknet.models.training.Trained`; the network is not saved."""

    history: pd.DataFrame
    probabilities: dict[str, tuple[np.ndarray, np.ndarray]]
    weights: dict[str, Any]
    timing: dict[str, float]
    model: None = None


def run(cohort: Cohort, roles: dict[str, np.ndarray], settings: BaselineSettings, seed: int) -> Fitted:
    """Fit the baseline of `settings` to the images with the role "train" and predict all others.

    Parameters
    ----------
    cohort : Cohort
    roles : dict of str to int array
        Positions in the cohort: "train", and optionally "test" and "external".
    settings : BaselineSettings
    seed : int

    Returns
    -------
    Fitted
        ``history`` has one row per epoch and is empty without a network. ``weights`` has the caption of the initial
        weights, and in ``bytes`` the size of the fitted baseline. ``timing`` has ``fit_seconds`` and
        ``predict_seconds`` (wall time without feature computation), ``describe_seconds`` (CPU time for the features of
        one image) and ``images_trained``.

    Raises
    ------
    LeuknetError
        If the training images are of one class only, or the baseline's weights are not available.
    """
    train = roles["train"]
    if len(set(cohort.labels[train])) < 2:
        raise LeuknetError("the training images hold one class only: choose another split or add images")
    baseline = make(settings)
    began = time.perf_counter()
    baseline.fit(cohort, train, seed)
    fitted = time.perf_counter()
    probabilities = {role: (where, baseline.predict(cohort, where)) for role, where in roles.items() if role != "train"}
    timing = {
        "fit_seconds": fitted - began,
        "predict_seconds": time.perf_counter() - fitted,
        "describe_seconds": baseline.seconds_per_image,
        "images_trained": len(train),
    }
    record = {"weights": baseline.weights, "bytes": int(baseline.size())}
    return Fitted(baseline.history, probabilities, record, timing)
