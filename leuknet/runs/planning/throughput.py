"""Measurement of a structure's training speed, in a separate process so that its (GPU) memory is released.

``python -m leuknet.runs.planning.throughput SETTINGS SIZE BATCHES``, with settings as JSON, prints images per second.
"""

import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pandas as pd

from leuknet._io import cache_dir, module_command, object_or_empty, scratch, write_json
from leuknet._random import rng
from leuknet.data.cohort import Cohort
from leuknet.exceptions import SetUpError
from leuknet.models.settings import TrainSettings
from leuknet.runs.failures import explained, signal_name, signal_of
from leuknet.runs.planning import cost


def measured(settings: TrainSettings, size: int, batches: int = 2, gpu: str | None = None) -> str:
    """Measure the training speed by `rate`; return one line with images per second, or the reason for a failure."""
    named = (settings.backbone, settings.approach, settings.dense, settings.precision)
    try:
        result = f"{rate(settings, size, batches, gpu):.3g} images/s"
    except SetUpError as error:
        result = f"not measured: {error}"
    return f"{' '.join(str(part) for part in named if part)}: {result}"


def rate(settings: TrainSettings, size: int, batches: int = 2, gpu: str | None = None) -> float:
    """Return the training speed on this machine, in images per second, from a `trial` in a separate process.

    Parameters
    ----------
    settings : TrainSettings
    size : int
        Edge of the images, px.
    batches : int
        Number of batches in an epoch of the trial.
    gpu : str, optional
        Id of the GPU to train on.

    Raises
    ------
    SetUpError
        If the trial fails, with the reason in one line.
    """
    order = (json.dumps(settings.as_dict()), str(size), str(batches))
    command = module_command("leuknet.runs.planning.throughput", *order)
    env = os.environ | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode == 0:
        return float(done.stdout.split()[-1])
    if number := signal_of(done.returncode):
        raise SetUpError(f"its process was killed by {signal_name(number)}, perhaps because memory ran out")
    lines = done.stderr.strip().splitlines() or ["its process ended without a reason"]
    raise SetUpError(lines[-1].removeprefix("error: "))


def trial(settings: TrainSettings, size: int, batches: int = 2) -> float:
    """Train on `batches` batches of random images of `size` px; store and return the rate, images per second."""
    from leuknet.models.training import train, trainer_for

    cohort = random_cohort(settings.batch * batches, size)
    short = settings.but(epochs=3, weights="random", validation=0.0)
    history = train(cohort, {"train": np.arange(len(cohort))}, short, seed=0).history
    network, frozen = cost.keys_of(settings, size)
    rates = {network: float(len(cohort) * max(settings.variants, 1) / history["seconds"].iloc[1:].min())}
    trainer = trainer_for(cohort, short)
    if trainer.variants is not None:
        rates[frozen] = _features_rate(trainer, short)
    write_json(cost.trials_file(), object_or_empty(cost.trials_file()) | rates)
    return rates[network]


def _features_rate(trainer: Any, settings: TrainSettings) -> float:
    """Return the speed of the compiled frozen part, images per second."""
    from leuknet.models.frozen import BATCH, compute

    with scratch() as folder:
        began, count = time.perf_counter(), len(trainer.cohort)
        compute(folder / "features.npy", count, settings, trainer.variants, trainer.source, BATCH)
    return count * (1 + settings.variants) / (time.perf_counter() - began)


def random_cohort(count: int, size: int) -> Cohort:
    """Return a cohort of `count` random images of both classes, for speed measurements."""
    images = rng("random cohort", count, size).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    names = [f"random/{('negative', 'positive')[i % 2]}/{i}" for i in range(count)]
    columns = {"image_id": names, "data_set": "random", "source": "random", "group": names}
    digests = [f"{count}-{size}-{i}" for i in range(count)]
    return Cohort("random", images, pd.DataFrame(columns | {"label": np.arange(count) % 2, "sha256": digests}))


def main(settings: str, size: str, batches: str) -> None:
    """Print the rate for `settings` (JSON), or exit with the reason for a failure in one line."""
    try:
        print(trial(TrainSettings.from_dict(json.loads(settings)), int(size), int(batches)))
    except Exception as error:
        sys.exit("error: " + " ".join(str(explained(error, "the trial", cache_dir())).split())[:400])


if __name__ == "__main__":
    main(*sys.argv[1:])
