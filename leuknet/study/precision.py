"""Selection of the faster Keras precision, measured once per machine and network and then cached.

A profile may set ``precision = "auto"``. It is resolved before a run's settings are created, so the settings, the run's
key and its record contain an explicit precision.
"""

import json
import os
import platform
import sys
from typing import get_args

from leuknet._io import cache_dir, hash_of, write_json
from leuknet.models.settings import Precision, TrainSettings

IMAGES = 8  # maximum per step
PAYS = 1.2  # minimum speed-up of mixed bfloat16; otherwise float32 is used


def fastest_precision(settings: TrainSettings, size: int) -> Precision:
    """Return the precision that trains the network of `settings` faster on this machine.

    ``$LEUKNET_PRECISION`` takes precedence over the measurement.

    Parameters
    ----------
    settings : TrainSettings
    size : int
        Edge of the images, px.

    Raises
    ------
    SetUpError
        If the network cannot be trained on this machine.
    """
    from leuknet.runs.planning.throughput import rate

    if fixed := os.environ.get("LEUKNET_PRECISION"):
        return settings.but(precision=fixed).precision
    few = settings.but(batch=min(settings.batch, IMAGES), precision="float32")
    measured = ["images/s", few.step_key, size, os.environ.get("KERAS_BACKEND", ""), platform.node(), os.cpu_count()]
    path = cache_dir() / "precision" / f"{hash_of([*map(repr, measured)])}.json"
    if not path.is_file():
        print(f"trying which precision trains {settings.backbone} faster here, once …", file=sys.stderr, flush=True)
        write_json(path, {name: rate(few.but(precision=name), size, batches=1) for name in get_args(Precision)})
    rates = json.loads(path.read_text("utf-8"))
    return "mixed_bfloat16" if rates["mixed_bfloat16"] > PAYS * rates["float32"] else "float32"
