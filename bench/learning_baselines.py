"""Which batch size, learning rate and number of epochs do the trained baselines of the profile demo need?

Run: ``python bench/learning_baselines.py``. Trains each network of Table 11 on three quarters of the training groups of
a left-out data set's fold, from a synthetic cohort with *another* seed than a study's 0, and prints the accuracy in the
last epoch on the training images and on the remaining quarter, and the CPU seconds including tracing. No test image is
predicted.
"""

import argparse
import os
import time
from itertools import product

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pandas as pd

from leuknet._random import rng
from leuknet.baselines.registry import BASELINES
from leuknet.baselines.run import run
from leuknet.data.synthetic import synthetic_cohort
from leuknet.evaluation.splits import lodocv
from leuknet.study.profiles import profile

TRIED = [(16, 0.002, 12), (32, 0.002, 12), (32, 0.004, 12), (32, 0.004, 8)]
NETWORKS = ["loey", "rehman", "thanh", "pansombut", "ahmed", "shafique"]


def main():
    """Parse the options, train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baselines", nargs="+", default=NETWORKS, choices=list(BASELINES))
    parser.add_argument("--seed", type=int, default=101, help="of the cohort; 0 is the study's")
    parser.add_argument("--fold", default="UFG", help="data set left out, and never looked at")
    options = parser.parse_args()
    chosen = profile("demo")
    cohort = synthetic_cohort(chosen.size, chosen.fraction, chosen.floor, options.seed)
    train = np.asarray(lodocv(cohort.table).indices(cohort.table, options.fold)["train"])
    groups = cohort.table["group"].to_numpy()[train]
    order = rng("bench-baselines", options.seed).permutation(np.unique(groups))
    held = np.isin(groups, order[: len(order) // 4])
    roles = {"train": train[~held], "test": train[held]}
    rows = []
    for key, (batch, rate, epochs) in product(options.baselines, TRIED):
        began = time.process_time()
        fitted = run(cohort, roles, chosen.baseline(key, batch=batch, learning_rate=rate, epochs=epochs), seed=1)
        where, p = fitted.probabilities["test"]
        right = np.mean((p > 0.5) == cohort.labels[where])
        row = {"baseline": key, "batch": batch, "rate": rate, "epochs": epochs}
        row |= {"trained": fitted.history["accuracy"].iloc[-1], "validation": right}
        rows.append(row | {"cpu_seconds": time.process_time() - began})
        print(rows[-1], flush=True)
    print(pd.DataFrame(rows).groupby(["batch", "rate", "epochs"])[["trained", "validation", "cpu_seconds"]].mean())


if __name__ == "__main__":
    main()
