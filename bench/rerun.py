"""Change of a run's predictions when it is repeated elsewhere, the basis for the tolerance of ``leuknet runs rerun``.

Run: ``python bench/rerun.py [--seeds 3] [--profile demo]``. Trains the same runs (VGG-16, mDFT, LODOCV on both test
sets) in separate processes: TensorFlow with one thread, TensorFlow with two, JAX. For the absolute difference of
P(leukaemia) over the test images, prints the mean of the runs' means, the smallest and largest of these means, the
maximum over single images, and the number of images classified differently. The last row compares runs of different
seeds on TensorFlow, i.e. independent repetitions of the same training. A difference well below it shows that the
training is the same; since JAX draws other augmentations and dropout masks, a rerun there is equivalent to an
independent repetition.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from leuknet.evaluation.splits import lodocv
from leuknet.runs.executors.local import execute_here
from leuknet.runs.provenance import THREADS
from leuknet.runs.query import agreement
from leuknet.runs.store import Store
from leuknet.study.study import open_study

PLACES = {"tensorflow, 1 thread": ("tensorflow", 1), "tensorflow, 2 threads": ("tensorflow", 2), "jax": ("jax", 1)}


def planned(options):
    """Return the study and its runs."""
    study = open_study("train", options.profile, out=options.folder)
    return study, study.plan(lodocv(study.cohort.table), study.test_sets, study.seeds_of(options.seeds))


def summary(name, pairs):
    """Return one row of the table from pairs of predictions."""
    found = pd.DataFrame([agreement(a, b) for a, b in pairs])
    return {
        "compared": name,
        "runs": len(found),
        "images": found["images"].sum(),
        "equal": found["equal"].sum(),
        "mean": found["mean"].mean(),
        "smallest mean": found["mean"].min(),
        "largest mean": found["mean"].max(),
        "largest": found["largest"].max(),
        "called otherwise": found["calls"].sum(),
    }


def main():
    """Train on every backend, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--profile", default="demo")
    parser.add_argument("--folder", help="keep the runs here")
    parser.add_argument("--place", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.place:
        study, specs = planned(options)
        print(execute_here(specs, Store(Path(options.folder) / options.place), study.cohort), flush=True)
        return
    with tempfile.TemporaryDirectory() as scratch:
        options.folder = options.folder or scratch
        for name, (backend, threads) in PLACES.items():
            environment = os.environ | {"KERAS_BACKEND": backend, **dict.fromkeys(THREADS, str(threads))}
            asked = ["--place", name, "--folder", options.folder, "--profile", options.profile]
            command = [sys.executable, __file__, *asked, "--seeds", str(options.seeds)]
            subprocess.run(command, env=environment, check=True)
        print(table(options).to_string(index=False, float_format="{:.4f}".format))


def table(options):
    """Return the comparison of all backends with the first, and of seeds within the first."""
    _, specs = planned(options)
    first, *others = PLACES
    stores = {name: Store(Path(options.folder) / name) for name in PLACES}
    made = {name: {s.key: store.read(s).predictions() for s in specs} for name, store in stores.items()}
    rows = [summary(f"{first} | {name}", [(made[first][s.key], made[name][s.key]) for s in specs]) for name in others]
    pairs = [(a, b) for a, b in itertools.combinations(specs, 2) if a.fold == b.fold]
    rows.append(summary("one seed | another", [(made[first][a.key], made[first][b.key]) for a, b in pairs]))
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
