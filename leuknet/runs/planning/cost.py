"""Cost of runs: their number, the number of training images, and hours estimated from measurements on this machine.

Rates are medians over finished runs of the same structure, or from a trial (`leuknet.runs.planning.throughput`), and
only for the same backend and machine. They are never extrapolated from one network to another.
"""

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leuknet._io import cache_dir, hash_of, object_or_empty
from leuknet.baselines.settings import BaselineSettings
from leuknet.models.settings import FROZEN_APPROACHES, TrainSettings
from leuknet.runs.failures import FINAL
from leuknet.runs.provenance import environment
from leuknet.runs.record import read_all
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store

NAMES = ("backbone", "approach", "dense", "frozen_until", "precision", "batch")
PLACE = ("backend", "machine", "processors", "gpus")


def place() -> dict[str, Any]:
    """Return the environment for which a rate is valid: backend, kind of machine, processors, GPUs."""
    return {name: environment()[name] for name in PLACE}


def structure(values: dict[str, Any], size: int) -> dict[str, Any]:
    """Return what determines the training rate: network, batch, precision, image size, use of cached features.

    Parameters
    ----------
    values : dict
        `as_dict` of `TrainSettings` or `BaselineSettings`.
    size : int
        Edge of the images, px.
    """
    if "system" in values:
        return {**values, "size": size}
    pooled = values["approach"] in FROZEN_APPROACHES and (values["copies"] > 0 or values["augmentation"] is None)
    return {**{name: values[name] for name in NAMES}, "size": size, "pooled": pooled}


def keys_of(settings: TrainSettings | BaselineSettings, size: int) -> tuple[str, str]:
    """Return the hashes for two rates: of training, and of computing the features of a frozen backbone."""
    decides = structure(settings.as_dict(), size)
    return hash_of(decides), hash_of([decides, "features"])


def structure_key(spec: RunSpec) -> str:
    """Return the hash of everything that defines a run's compiled step; workers prefer runs with the same hash."""
    return hash_of([str(spec.settings.step_key), spec.cohort_key])


def images_of(spec: RunSpec) -> int:
    """Return the number of images that a run trains on over all epochs; for baselines, each counts once."""
    split, settings = spec.split, spec.settings
    if split.hash not in _counts:
        _counts[split.hash] = Counter(split.table.loc[split.table["role"] == "train", "fold"])
    images = _counts[split.hash][spec.fold]
    if isinstance(settings, BaselineSettings):
        return images
    return int(images * (1 - settings.held_out)) * max(settings.variants, 1) * settings.epochs


_counts: dict[str, Counter[str]] = {}  # split's hash -> number of training images by fold


def measured(store: Store) -> dict[str, float]:
    """Return images per second by the hash of `structure`: the median over finished runs on this machine.

    Structures without finished runs have the rate of a trial, if available.
    """
    here, rates = place(), defaultdict(list)
    for record in read_all(store.root)[0]:
        run, made, done = record.run, record.environment, record.done
        size = (run.get("recipe") or {}).get("size")
        if size and all(made.get(name) == here[name] for name in PLACE):
            epochs = 1 if "system" in run["settings"] else run["settings"]["epochs"]
            rate = done["images_trained"] * epochs / done["seconds"]
            rates[hash_of(structure(run["settings"], size))].append(rate)
    return object_or_empty(trials_file()) | {name: float(np.median(speeds)) for name, speeds in rates.items()}


def trials_file() -> Path:
    """Return the path of the file with the rates of this machine's trials."""
    return cache_dir() / "throughput" / f"{hash_of(place())}.json"


def runs(plans: dict[str, list[RunSpec]], store: Store, size: int) -> pd.DataFrame:
    """Return one row per run, by key: ``done``, ``refused``, ``images`` (to train), ``seconds``, ``unknown`` (rate).

    The time to compute the features of a frozen backbone is added to the first unfinished run that uses them.
    """
    rates = measured(store)
    rows = {spec.key: _row(spec, store, rates, size) for plan in plans.values() for spec in plan}
    frame = pd.DataFrame(rows.values(), index=list(rows))
    waiting = frame[(frame["images"] > 0) & ~frame["pool"].isin(["", *frame.loc[frame["done"], "pool"]])]
    first = waiting.drop_duplicates("pool")
    frame.loc[first.index, "seconds"] += first["features"]
    return frame


def work(waiting: dict[str, RunSpec], store: Store) -> dict[str, float]:
    """Return the relative cost of each run: seconds if all rates were measured on this machine, otherwise images."""
    if not waiting:
        return {}
    frame = runs({"waiting": list(waiting.values())}, store, 0)
    return frame["images" if frame["unknown"].any() else "seconds"].astype(float).to_dict()


def _row(spec: RunSpec, store: Store, rates: dict[str, float], size: int) -> dict[str, Any]:
    done, settings = store.done(spec), spec.settings
    refused = not done and object_or_empty(store.folder(spec) / "failed.json").get("outcome") in FINAL
    images = 0 if done or refused else images_of(spec)
    network, frozen = keys_of(settings, (spec.recipe or {}).get("size", size))
    row: dict[str, Any] = {"done": done, "refused": refused, "images": images}
    row["unknown"] = bool(images and network not in rates)
    row |= {"seconds": images / rates.get(network, np.inf), "pool": "", "features": 0.0}
    if frozen in rates and isinstance(settings, TrainSettings):
        row["pool"] = hash_of([frozen, spec.cohort_key])
        row["features"] = spec.split.table["image_id"].nunique() * (1 + settings.variants) / rates[frozen]
    return row


def costs(plans: dict[str, list[RunSpec]], store: Store, size: int) -> pd.DataFrame:
    """Return the cost of experiments or pages on this machine, one row for each and one for all runs together.

    Parameters
    ----------
    plans : dict of str to list of RunSpec
        From `leuknet.study.experiments.runs_of`.
    store : Store
    size : int
        Edge of the images, px.

    Returns
    -------
    pandas.DataFrame
        ``experiment``, ``runs``, ``done``, ``refused`` (not retried), ``to do``, ``images`` (to train), ``hours`` (for
        the runs to do whose structure was measured, in a single process), ``not measured`` (number of runs).
    """
    frame = runs(plans, store, size)
    groups = {name: list({spec.key for spec in plan}) for name, plan in plans.items()}
    if len(groups) > 1:
        groups["together"] = list(frame.index)
    rows = []
    for name, keys in groups.items():
        part = frame.loc[keys]
        counts = {"runs": len(part), "done": part["done"].sum(), "refused": part["refused"].sum()}
        counts |= {"to do": (part["images"] > 0).sum(), "images": part["images"].sum()}
        hours = part["seconds"].sum() / 3600
        rows.append({"experiment": name, **counts, "hours": hours, "not measured": part["unknown"].sum()})
    return pd.DataFrame(rows)


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `costs` formatted for display, with a dash for the hours of experiments without measured rates."""
    blind = (frame["to do"] > 0) & (frame["to do"] == frame["not measured"])
    hours = frame["hours"].map("{:.2f}".format).mask(blind, "–")
    return frame.assign(images=frame["images"].map("{:,}".format), hours=hours)


def unmeasured(plans: dict[str, list[RunSpec]], store: Store, size: int) -> list[TrainSettings]:
    """Return one `TrainSettings` for each structure among the runs to do that has no measured rate here."""
    rates, waiting = measured(store), {}
    for spec in (spec for plan in plans.values() for spec in plan if not store.done(spec)):
        name = keys_of(spec.settings, (spec.recipe or {}).get("size", size))[0]
        if name not in rates and isinstance(spec.settings, TrainSettings):
            waiting[name] = spec.settings
    return list(waiting.values())
