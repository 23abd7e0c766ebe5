"""Which of Keras' precisions trains faster here: measured once per machine and network, and kept in the cache.

A profile may say ``precision = "auto"``. It is resolved before a run's settings are made, so that these, the run's key
and its record name a precision.
"""

import json
import os
import platform
import sys
from typing import get_args

from leuknet._io import cache_dir, hash_of, write_json
from leuknet.models.settings import Precision, TrainSettings

IMAGES = 8  # of a step, at most
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
