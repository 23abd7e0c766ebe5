"""What runs cost: images to train, and hours, from how fast this machine was measured to be.

Rates come from finished runs and from `probe`, which trains on a few random images; both only from this backend and
machine. Nothing is scaled from one network to another.
"""

import json

import numpy as np
import pandas as pd

from leuknet.data.cohort import Cohort
from leuknet.baselines.settings import BaselineSettings
from leuknet._io import cache_dir, hash_of, write_json
from leuknet.models.settings import FROZEN_APPROACHES
from leuknet._random import rng
from leuknet.runs.provenance import environment
from leuknet.runs.failures import FINAL
from leuknet.runs.record import read_all

NAMES = ("backbone", "approach", "dense", "frozen_until", "precision", "batch")
PLACE = ("backend", "machine", "processors", "gpus")


def place():
    """Return what a rate holds for: backend, kind of machine, processors, GPUs."""
    return {name: environment()[name] for name in PLACE}


def structure(settings, size):
    """Return what decides how many images a second train: network, batch, precision, size, features cached or not."""
    values = settings if isinstance(settings, dict) else settings.as_dict()
    if "system" in values:
        return {**values, "size": size}
    frozen = values["approach"] in FROZEN_APPROACHES
    pooled = frozen and (values["copies"] > 0 or values["augmentation"] is None)
    return {**{name: values[name] for name in NAMES}, "size": size, "pooled": pooled}


def size_of(spec, size):
    """Return the edge of a run's images, px: its recipe's, else `size` (handmade features see larger images)."""
    return (spec.recipe or {}).get("size", size)


def images_of(spec):
    """Return how many images a run trains on in all its epochs; those of a comparison system count once."""
    rows = spec.split.table
    images = ((rows["fold"] == spec.fold) & (rows["role"] == "train")).sum()
    if isinstance(spec.settings, BaselineSettings):
        return int(images)
    share = 1 - spec.settings.held_out
    return int(images * share) * max(spec.settings.variants, 1) * spec.settings.epochs


def measured(store):
    """Return rates by the hash of `structure`: images a second in training, and a run's other seconds.

    Returns
    -------
    dict of str to tuple
        (rate, overhead): the median over the store's finished runs made on this machine; for networks without one,
        what `probe` has measured here, with no overhead.
    """
    found = {name: (rate, 0.0) for name, rate in _probed().items()}
    here, parts = place(), {}
    for record in read_all(store.root)[0]:
        run, made, done = record.run, record.environment, record.done
        size = (run.get("recipe") or {}).get("size")
        if size and all(made.get(name) == here[name] for name in PLACE):
            name = hash_of(structure(run["settings"], size))
            parts.setdefault(name, []).append(_rate(record, run["settings"], done))
    return found | {name: tuple(np.median(pairs, axis=0)) for name, pairs in parts.items()}


def _rate(record, settings, done):
    """Return a finished run's (images a second, other seconds)."""
    if "system" in settings:
        return done["images_trained"] / done["seconds"], 0.0
    seconds = record.history()["seconds"]
    return done["images_trained"] / seconds.median(), max(done["seconds"] - seconds.median() * len(seconds), 0)


def probe(settings, size, batches=2):
    """Measure how many images a second train here, on `batches` batches of random images, and keep the rate.

    Parameters
    ----------
    settings : TrainSettings
    size : int
        Edge of the images, px.
    batches : int

    Returns
    -------
    float
        Images a second of the full training loop.
    """
    from leuknet.models.training import train

    cohort = random_cohort(settings.batch * batches, size)
    short = settings.but(epochs=3, weights="random", validation=0.0)
    history = train(cohort, {"train": np.arange(len(cohort))}, short, seed=0).history
    rate = len(cohort) * max(settings.variants, 1) / history["seconds"].iloc[1:].min()
    kept = _probed() | {hash_of(structure(settings, size)): float(rate)}
    write_json(_probe_file(), kept)
    return float(rate)


def random_cohort(count, size):
    """Return a cohort of `count` random images of both classes, for measuring only."""
    images = rng("random cohort", count, size).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    names = [f"random/{('negative', 'positive')[i % 2]}/{i}" for i in range(count)]
    columns = {"image_id": names, "data_set": "random", "source": "random", "group": names}
    digests = [f"{count}-{size}-{i}" for i in range(count)]
    return Cohort("random", images, pd.DataFrame(columns | {"label": np.arange(count) % 2, "sha256": digests}))


def _probe_file():
    return cache_dir() / "throughput" / f"{hash_of(place())}.json"


def _probed():
    path = _probe_file()
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def costs(plans, store, size):
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
        ``hours`` (of the runs to do whose network was measured; one process at a time), ``not measured`` (runs).
    """
    rates = measured(store)
    lines = {spec.key: _line(spec, store, rates, size) for plan in plans.values() for spec in plan}
    frame = pd.DataFrame(lines.values(), index=list(lines))
    groups = {name: list({spec.key for spec in plan}) for name, plan in plans.items()}
    if len(groups) > 1:
        groups["together"] = list(frame.index)
    return pd.DataFrame([_sum(name, frame.loc[keys]) for name, keys in groups.items()])


def _line(spec, store, rates, size):
    done, failed = store.done(spec), store.folder(spec) / "failed.json"
    refused = not done and failed.is_file() and json.loads(failed.read_text("utf-8")).get("outcome") in FINAL
    images = 0 if done or refused else images_of(spec)
    rate = rates.get(hash_of(structure(spec.settings, size_of(spec, size))))
    seconds = images / rate[0] + rate[1] if rate and images else 0.0
    return {
        "done": done,
        "refused": refused,
        "images": images,
        "seconds": seconds,
        "unknown": bool(images and not rate),
    }


def _sum(name, part):
    told = {"experiment": name, "runs": len(part), "done": part["done"].sum(), "refused": part["refused"].sum()}
    told |= {"to do": (part["images"] > 0).sum(), "images": part["images"].sum()}
    return told | {"hours": part["seconds"].sum() / 3600, "not measured": part["unknown"].sum()}


def shown(frame):
    """Return `costs` as people read it: a dash for the hours of an experiment of which nothing was measured."""
    blind = (frame["to do"] > 0) & (frame["to do"] == frame["not measured"])
    hours = frame["hours"].map("{:.2f}".format).mask(blind, "–")
    return frame.assign(images=frame["images"].map("{:,}".format), hours=hours)


def unmeasured(plans, store, size):
    """Return one `TrainSettings` for each network among the runs to do that nothing has measured here."""
    rates, found = measured(store), {}
    for spec in (spec for plan in plans.values() for spec in plan if not store.done(spec)):
        name = hash_of(structure(spec.settings, size_of(spec, size)))
        if name not in rates and not isinstance(spec.settings, BaselineSettings):
            found[name] = spec.settings
    return list(found.values())
