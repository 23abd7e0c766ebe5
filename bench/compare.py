"""CPU seconds per 1000 images for each baseline: feature extraction, training and prediction.

python bench/compare.py [PROFILE [IMAGES]]   (default: demo 200)

Images are taken from the synthetic cohort, with an empty cache; half of them train, the other half is predicted.
"""

import os
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["LEUKNET_CACHE"] = tempfile.mkdtemp(prefix="leuknet-bench-")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from leuknet._random import rng  # noqa: E402
from leuknet.baselines.registry import BASELINES, make  # noqa: E402
from leuknet.data.cohort import Cohort  # noqa: E402
from leuknet.study import open_study  # noqa: E402


def some(cohort, images):
    """Return a cohort of `images` random images of `cohort`."""
    chosen = np.sort(rng("bench compare").permutation(len(cohort))[:images])
    return Cohort("bench", np.asarray(cohort.images[chosen]), cohort.table.iloc[chosen].reset_index(drop=True))


def measured(system, cohort):
    """Return seconds per 1000 images (wall and CPU of the first fit, CPU of prediction) and the model size in bytes."""
    train, test = np.arange(0, len(cohort), 2), np.arange(1, len(cohort), 2)
    wall, cpu = time.perf_counter(), time.process_time()
    system.fit(cohort, train, 0)
    fit = time.perf_counter() - wall, time.process_time() - cpu
    system.predict(cohort, test)
    cpu = time.process_time()
    system.predict(cohort, test)
    predict = (time.process_time() - cpu) / len(test)
    return {
        "describe": 1000 * system.seconds_per_image,
        "fit, wall": 1000 * fit[0] / len(train),
        "fit, CPU": 1000 * fit[1] / len(train),
        "classify": 1000 * predict,
        "MB": system.size() / 1e6,
        "weights": system.weights,
    }


def main(profile="demo", images=200):
    """Print one row per baseline."""
    study = open_study("bench", profile)
    cohorts = {"profile": some(study.cohort, int(images)), "gallery": some(study.gallery, int(images))}
    rows = []
    for key, entry in BASELINES.items():
        rows.append({"system": key, **measured(make(study.profile.baseline(key)), cohorts[entry.size])})
        print(f"{key} done", file=sys.stderr)
    sizes = ", ".join(f"{name} {cohort.size} px" for name, cohort in cohorts.items())
    print(f"seconds a 1000 images; {profile}, {len(cohorts['profile'])} images ({sizes}), {os.cpu_count()} cores")
    print(pd.DataFrame(rows).round(2).to_string(index=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
