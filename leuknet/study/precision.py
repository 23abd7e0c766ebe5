"""Which of Keras' precisions trains faster here: measured once per machine and network, and kept in the cache.

A profile may say ``precision = "auto"``. It is resolved before a run's settings are made, so that these, the run's key
and its record name a precision.
"""

import json
import os
import platform
import subprocess
import sys
import time
from typing import get_args

import numpy as np

from leuknet._io import cache_dir, hash_of, write_json
from leuknet.exceptions import SetUpError
from leuknet.models.settings import Precision, TrainSettings

IMAGES, STEPS = 8, 3  # of a step, at most; timed after one to warm up
PAYS = 1.2  # how many times faster mixed bfloat16 must be: below it the exact one is taken


def fastest_precision(settings: TrainSettings, size: int) -> Precision:
    """Return the precision in which the network of `settings` trains faster on this machine.

    ``$LEUKNET_PRECISION`` goes before what is measured.

    Parameters
    ----------
    settings : TrainSettings
    size : int
        Edge of the images, px.

    Raises
    ------
    SetUpError
        If the network cannot be trained here.
    """
    if fixed := os.environ.get("LEUKNET_PRECISION"):
        return settings.but(precision=fixed).precision
    measured = [settings.but(precision="float32").step_key, size, os.environ.get("KERAS_BACKEND", ""), platform.node()]
    path = cache_dir() / "precision" / f"{hash_of([*map(repr, measured), os.cpu_count()])}.json"
    if not path.is_file():
        print(f"trying which precision trains {settings.backbone} faster here, once …", file=sys.stderr, flush=True)
        write_json(path, _timings(settings, size))
    seconds = json.loads(path.read_text("utf-8"))
    return "mixed_bfloat16" if seconds["float32"] > PAYS * seconds["mixed_bfloat16"] else "float32"


def _timings(settings: TrainSettings, size: int) -> dict[str, float]:
    """Return the seconds of a step by precision, measured in another process: this one may load no backend."""
    order = json.dumps([settings.as_dict(), size])
    command = [sys.executable, "-m", "leuknet.study.precision", order]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SetUpError(f"precision cannot be measured here: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def step_seconds(settings: TrainSettings, size: int) -> float:
    """Return the seconds of one training step of a few images, the fastest of `STEPS`; sets Keras' dtype policy."""
    import keras

    from leuknet.models import networks
    from leuknet.models.fitting import compile_model, optimiser
    from leuknet.models.training import network_spec

    keras.config.set_dtype_policy(settings.precision)
    model, count = networks.build(network_spec(settings, size)), min(settings.batch, IMAGES)
    compile_model(model, optimiser(settings))
    images, labels, taken = np.zeros((count, size, size, 3), np.float32), np.zeros((count, 1), np.float32), []
    for _ in range(1 + STEPS):
        began = time.perf_counter()
        model.train_on_batch(images, labels)
        taken.append(time.perf_counter() - began)
    return min(taken[1:])


def main(order: str) -> None:
    """Print the seconds of a step by precision, JSON, for ``[settings, size]``, JSON."""
    values, size = json.loads(order)
    settings = TrainSettings.from_dict(values)
    print(json.dumps({name: step_seconds(settings.but(precision=name), size) for name in get_args(Precision)}))


if __name__ == "__main__":
    main(sys.argv[1])
