"""A trial of a structure's speed, in a process of its own, so that the memory it took, a GPU's too, is free again.

``python -m leuknet.runs.planning.throughput`` reads ``{"settings", "size", "batches"}`` as JSON and prints
images a second.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leuknet._io import cache_dir, hash_of, write_json
from leuknet._random import rng
from leuknet.data.cohort import Cohort
from leuknet.exceptions import SetUpError
from leuknet.models.settings import TrainSettings
from leuknet.runs.failures import explained, signal_name, signal_of
from leuknet.runs.planning import cost


def measured(settings: TrainSettings, size: int, batches: int = 2, gpu: str | None = None) -> str:
    """Measure by `rate` how many images a second train here; return one line that says it, or why it cannot be."""
    try:
        return f"{_named(settings)}: {rate(settings, size, batches, gpu):.3g} images/s"
    except SetUpError as error:
        return f"{_named(settings)}: not measured: {error}"


def rate(settings: TrainSettings, size: int, batches: int = 2, gpu: str | None = None) -> float:
    """Return how many images a second train here, by `trial` in a process of its own.

    Parameters
    ----------
    settings : TrainSettings
    size : int
        Edge of the images, px.
    batches : int
        Of an epoch of the trial.
    gpu : str, optional
        Id of the GPU to train on.

    Raises
    ------
    SetUpError
        If the trial ends without a rate: why, in one line.
    """
    order = json.dumps({"settings": settings.as_dict(), "size": size, "batches": batches})
    command = [sys.executable, "-m", "leuknet.runs.planning.throughput"]
    env = os.environ | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
    done = subprocess.run(command, input=order, env=env, capture_output=True, text=True)
    if done.returncode == 0:
        return float(done.stdout.split()[-1])
    if number := signal_of(done.returncode):
        raise SetUpError(f"its process was killed by {signal_name(number)}, perhaps because memory ran out")
    lines = done.stderr.strip().splitlines() or ["its process ended without a reason"]
    raise SetUpError(lines[-1].removeprefix("error: "))


def trial(settings: TrainSettings, size: int, batches: int = 2) -> float:
    """Train on `batches` batches of random images of `size` px; keep and return the rate, images a second."""
    from leuknet.models.training import train, trainer_for

    cohort = random_cohort(settings.batch * batches, size)
    short = settings.but(epochs=3, weights="random", validation=0.0)
    history = train(cohort, {"train": np.arange(len(cohort))}, short, seed=0).history
    rate = len(cohort) * max(settings.variants, 1) / history["seconds"].iloc[1:].min()
    rates = {hash_of(cost.structure(settings, size)): float(rate)}
    trainer = trainer_for(cohort, short)
    if trainer.variants is not None:
        rates[cost.features_key(settings, size)] = _features_rate(trainer, short)
    write_json(cost.trials_file(), cost.trials() | rates)
    return float(rate)


def _features_rate(trainer: Any, settings: TrainSettings) -> float:
    """Return how many images a second pass through the frozen part, once it is compiled."""
    from leuknet.models.frozen import BATCH, compute

    with tempfile.TemporaryDirectory() as folder:
        began, count = time.perf_counter(), len(trainer.cohort)
        compute(Path(folder) / "features.npy", count, settings, trainer.variants, trainer.source, BATCH)
    return count * (1 + settings.variants) / (time.perf_counter() - began)


def random_cohort(count: int, size: int) -> Cohort:
    """Return a cohort of `count` random images of both classes, for measuring only."""
    images = rng("random cohort", count, size).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    names = [f"random/{('negative', 'positive')[i % 2]}/{i}" for i in range(count)]
    columns = {"image_id": names, "data_set": "random", "source": "random", "group": names}
    digests = [f"{count}-{size}-{i}" for i in range(count)]
    return Cohort("random", images, pd.DataFrame(columns | {"label": np.arange(count) % 2, "sha256": digests}))


def _named(settings: TrainSettings) -> str:
    parts = (settings.backbone, settings.approach, settings.dense, settings.precision)
    return " ".join(str(part) for part in parts if part)


def main() -> int:
    """Measure what standard input describes; return the exit code."""
    order = json.load(sys.stdin)
    settings = TrainSettings.from_dict(order["settings"])
    try:
        rate = trial(settings, order["size"], order["batches"])
    except Exception as error:
        failure = explained(error, _named(settings), cache_dir())
        print("error:", " ".join(str(failure).split())[:400], file=sys.stderr)
        return 1
    print(rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
