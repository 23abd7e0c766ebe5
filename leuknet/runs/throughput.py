"""Measure a network's speed in a process of its own, so that the memory it took, a GPU's too, is free again.

``python -m leuknet.runs.throughput`` reads ``{"settings", "size", "batches"}`` as JSON and prints images a second.
"""

import json
import os
import subprocess
import sys

from leuknet._io import cache_dir
from leuknet.models.settings import TrainSettings
from leuknet.runs import cost
from leuknet.runs.failures import code_of, explained, signal_name, signal_of


def measured(settings, size, batches=2, gpu=None):
    """Measure how many images a second train here, keep that and tell it; see `leuknet.runs.cost.probe`.

    Parameters
    ----------
    settings, size, batches
        As there.
    gpu : str, optional
        Id of the GPU to measure on.

    Returns
    -------
    str
        One line; where it could not be measured, with the reason.
    """
    order = json.dumps({"settings": settings.as_dict(), "size": size, "batches": batches})
    done = subprocess.run(
        [sys.executable, "-m", "leuknet.runs.throughput"],
        input=order,
        env=os.environ | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {}),
        capture_output=True,
        text=True,
    )
    return f"{_named(settings)}: {_told(done)}"


def _named(settings):
    parts = (settings.backbone, settings.approach, settings.dense, settings.precision)
    return " ".join(str(part) for part in parts if part)


def _told(done):
    if done.returncode == 0:
        return f"{float(done.stdout.split()[-1]):.3g} images/s"
    if number := signal_of(done.returncode):
        return f"not measured: its process was killed by {signal_name(number)}, by someone or for want of memory"
    lines = done.stderr.strip().splitlines() or ["no word of why"]
    return f"not measured: {lines[-1].removeprefix('error: ')}"


def main():
    """Obey the order; return the exit code."""
    order = json.load(sys.stdin)
    settings = TrainSettings.from_dict(order["settings"])
    try:
        rate = cost.probe(settings, order["size"], order["batches"])
    except Exception as error:
        told = explained(error, _named(settings), cache_dir())
        print("error:", " ".join(str(told).split())[:400], file=sys.stderr)
        return code_of(told)
    print(rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
