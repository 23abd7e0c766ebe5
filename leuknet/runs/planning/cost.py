"""What runs cost: how many there are, how many images they train on, and hours from what was measured on this machine.

Rates are medians over finished runs of the same structure, or of a trial (`leuknet.runs.planning.throughput`), both
of this backend and machine only. Nothing is scaled from one network to another.
"""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leuknet._io import cache_dir, hash_of
from leuknet.baselines.settings import BaselineSettings
from leuknet.evaluation.splits import Split
from leuknet.models.settings import FROZEN_APPROACHES, TrainSettings
from leuknet.runs.failures import FINAL
from leuknet.runs.provenance import environment
from leuknet.runs.record import read_all
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store

NAMES = ("backbone", "approach", "dense", "frozen_until", "precision", "batch")
PLACE = ("backend", "machine", "processors", "gpus")


def place() -> dict:
    """Return what a rate holds for: backend, kind of machine, processors, GPUs."""
    return {name: environment()[name] for name in PLACE}


def structure(settings: TrainSettings | BaselineSettings | dict, size: int) -> dict:
    """Return what decides how many images a second train: network, batch, precision, size, features cached or not."""
    values = settings if isinstance(settings, dict) else settings.as_dict()
    if "system" in values:
        return {**values, "size": size}
    frozen = values["approach"] in FROZEN_APPROACHES
    pooled = frozen and (values["copies"] > 0 or values["augmentation"] is None)
    return {**{name: values[name] for name in NAMES}, "size": size, "pooled": pooled}


def structure_key(spec: RunSpec) -> str:
    """Return the hash of what decides the compiled step of a run; workers go on with runs of the same."""
    settings = spec.settings
    step = settings.as_dict() if isinstance(settings, BaselineSettings) else settings.step_key
    return hash_of([str(step), spec.cohort_key])


def is_narrow(settings: TrainSettings | BaselineSettings) -> bool:
    """Whether the networks of a run are narrow, so that a core trains one and many fit into memory."""
    return settings.nano if isinstance(settings, BaselineSettings) else settings.backbone.endswith("-nano")


def size_of(spec: RunSpec, size: int) -> int:
    """Return the edge of a run's images, px: its cohort config's, else `size`."""
    return (spec.recipe or {}).get("size", size)


def images_of(spec: RunSpec) -> int:
    """Return how many images a run trains on in all its epochs; those of a baseline count once."""
    images = _training_images(spec.split)[spec.fold]
    if isinstance(spec.settings, BaselineSettings):
        return images
    share = 1 - spec.settings.held_out
    return int(images * share) * max(spec.settings.variants, 1) * spec.settings.epochs


def _training_images(split: Split) -> Counter[str]:
    """Return how many images train by fold; counted once for a split."""
    if split.hash not in _counts:
        _counts[split.hash] = Counter(split.table.loc[split.table["role"] == "train", "fold"])
    return _counts[split.hash]


_counts: dict[str, Counter[str]] = {}


def measured(store: Store) -> dict[str, float]:
    """Return images a second by the hash of `structure`: the median over the finished runs made on this machine.

    Structures without one have the rate of a trial, if there was one here.
    """
    here, rates = place(), defaultdict(list)
    for record in read_all(store.root)[0]:
        run, made, done = record.run, record.environment, record.done
        size = (run.get("recipe") or {}).get("size")
        if size and all(made.get(name) == here[name] for name in PLACE):
            trained = done["images_trained"] * run["settings"].get("epochs", 1)
            rates[hash_of(structure(run["settings"], size))].append(trained / done["seconds"])
    return trials() | {name: float(np.median(speeds)) for name, speeds in rates.items()}


def trials_file() -> Path:
    """Return where the rates of this machine's trials are kept."""
    return cache_dir() / "throughput" / f"{hash_of(place())}.json"


def trials() -> dict[str, float]:
    """Return the rates of this machine's trials by the hash of `structure`."""
    path = trials_file()
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def costs(plans: dict[str, list[RunSpec]], store: Store, size: int) -> pd.DataFrame:
    """Return what experiments cost on this machine, one row an experiment and one for all runs together.

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
        ``experiment``, ``runs``, ``done``, ``refused`` (not tried again), ``to do``, ``images`` (to be trained),
        ``hours`` (of the runs to do whose structure was measured; one process at a time), ``not measured`` (runs).
    """
    frame = lines(plans, store, size)
    groups = {name: list({spec.key for spec in plan}) for name, plan in plans.items()}
    if len(groups) > 1:
        groups["together"] = list(frame.index)
    return pd.DataFrame([_sum(name, frame.loc[keys]) for name, keys in groups.items()])


def lines(plans: dict[str, list[RunSpec]], store: Store, size: int) -> pd.DataFrame:
    """Return one row a run, by key: ``done``, ``refused``, ``images`` (to be trained), ``seconds``, ``unknown`` (rate).

    The features of a frozen backbone are counted with the first run to do that reads them.
    """
    rates = measured(store)
    rows = {spec.key: _line(spec, store, rates, size) for plan in plans.values() for spec in plan}
    frame = pd.DataFrame(rows.values(), index=list(rows))
    waiting = frame[(frame["images"] > 0) & ~frame["pool"].isin(["", *frame.loc[frame["done"], "pool"]])]
    first = waiting.drop_duplicates("pool")
    frame.loc[first.index, "seconds"] += first["features"]
    return frame


def features_key(settings: TrainSettings | BaselineSettings, size: int) -> str:
    """Return the hash under which the rate of computing a frozen backbone's features is kept."""
    return hash_of([structure(settings, size), "features"])


def _line(spec: RunSpec, store: Store, rates: dict[str, float], size: int) -> dict[str, Any]:
    done, failed = store.done(spec), store.folder(spec) / "failed.json"
    refused = not done and failed.is_file() and json.loads(failed.read_text("utf-8")).get("outcome") in FINAL
    images = 0 if done or refused else images_of(spec)
    network, features = structure(spec.settings, size_of(spec, size)), rates.get(features_key(spec.settings, size))
    rate = rates.get(hash_of(network))
    row: dict[str, Any] = {
        "done": done,
        "refused": refused,
        "images": images,
        "seconds": images / rate if rate else 0.0,
    }
    row |= {"unknown": bool(images and not rate), "pool": "", "features": 0.0}
    if network.get("pooled") and features and isinstance(spec.settings, TrainSettings):
        row["pool"] = hash_of([network, spec.cohort_key])
        row["features"] = spec.split.table["image_id"].nunique() * (1 + spec.settings.variants) / features
    return row


def _sum(name: str, part: pd.DataFrame) -> dict:
    row = {"experiment": name, "runs": len(part), "done": part["done"].sum(), "refused": part["refused"].sum()}
    row |= {"to do": (part["images"] > 0).sum(), "images": part["images"].sum()}
    return row | {"hours": part["seconds"].sum() / 3600, "not measured": part["unknown"].sum()}


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Return `costs` as people read it: a dash for the hours of an experiment of which nothing was measured."""
    blind = (frame["to do"] > 0) & (frame["to do"] == frame["not measured"])
    hours = frame["hours"].map("{:.2f}".format).mask(blind, "–")
    return frame.assign(images=frame["images"].map("{:,}".format), hours=hours)


def unmeasured(plans: dict[str, list[RunSpec]], store: Store, size: int) -> list[TrainSettings]:
    """Return one `TrainSettings` for each structure among the runs to do that nothing has measured here."""
    rates, waiting = measured(store), {}
    for spec in (spec for plan in plans.values() for spec in plan if not store.done(spec)):
        name = hash_of(structure(spec.settings, size_of(spec, size)))
        if name not in rates and not isinstance(spec.settings, BaselineSettings):
            waiting[name] = spec.settings
    return list(waiting.values())
