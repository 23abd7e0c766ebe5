"""Run one baseline on one fold; `leuknet.runs.store` calls it as it calls `leuknet.models.training.train`."""

import time
from dataclasses import dataclass

import pandas as pd

from leuknet.baselines.registry import make
from leuknet.exceptions import LeuknetError


@dataclass
class Outcome:
    """What a run leaves; the fields of `leuknet.models.training.Trained`, with an empty history and no kept network."""

    history: pd.DataFrame
    probabilities: dict
    weights: dict
    timing: dict
    model: None = None


def run(cohort, roles, settings, seed):
    """Fit the system of `settings` on the images in the role "train" and predict all others.

    Parameters
    ----------
    cohort : Cohort
    roles : dict of str to int array
        Positions in the cohort: "train", and any of "test", "external".
    settings : BaselineSettings
    seed : int

    Returns
    -------
    Outcome
        ``weights`` says what the networks began from, ``bytes`` what the fitted system takes to keep; ``timing`` has
        ``fit_seconds``, ``predict_seconds`` (wall time, descriptions not counted), ``describe_seconds`` (CPU time of
        describing one image) and ``images_trained``.

    Raises
    ------
    LeuknetError
        If the system is unknown, the training images hold one class only, or the system cannot be had here.
    """
    train = roles["train"]
    if len(set(cohort.labels[train])) < 2:
        raise LeuknetError("the training images hold one class only: choose another split or add images")
    system = make(settings)
    began = time.perf_counter()
    system.fit(cohort, train, seed)
    fitted = time.perf_counter()
    probabilities = {role: (where, system.predict(cohort, where)) for role, where in roles.items() if role != "train"}
    timing = {
        "fit_seconds": fitted - began,
        "predict_seconds": time.perf_counter() - fitted,
        "describe_seconds": system.seconds_per_image,
        "images_trained": len(train),
    }
    record = {"weights": system.weights, "bytes": int(system.size())}
    return Outcome(pd.DataFrame(columns=["epoch"]), probabilities, record, timing)
