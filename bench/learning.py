"""Which epochs, batch and learning rates let every network of the profile demo learn its training images?

Run: ``python bench/learning.py``. Trains each backbone and approach of Tables 3 to 7, and VGG-16 *, for each learning
rate, and prints after each number of epochs the accuracy on the images trained on (mean over the last epoch, augmented
and with dropout) and on validation images: a quarter of the *training* images of the left-out data sets' folds, of
synthetic cohorts of *other* seeds than a study's 0. No test image is predicted. The rate is constant during training,
so shorter trainings are prefixes of longer ones. ``--out`` appends the rows to a CSV.
"""

import argparse
import os
import time
from itertools import product

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pandas as pd

from leuknet.data.synthetic import synthetic_cohort
from leuknet.evaluation.splits import lodocv
from leuknet.models.training import train
from leuknet.study.ablation import TABLES, approaches
from leuknet.study.profiles import profile

NETWORKS = [f"{name}:{approach}" for name in TABLES.values() for approach in approaches(name)] + ["VGG16:scratch"]


def curves(chosen, network, changes, seed, tested):
    """Train one network; return its history, one row per epoch, with the network's settings."""
    backbone, approach = network.split(":")
    cohort = synthetic_cohort(chosen.size, chosen.fraction, chosen.floor, seed)
    settings = chosen.settings(backbone, approach, validation=0.25, precision="float32", **changes)
    fold = np.asarray(lodocv(cohort.table).indices(cohort.table, tested)["train"])
    began = time.process_time()
    history = train(cohort, {"train": fold}, settings, seed).history
    shown = {
        "network": network,
        "batch": settings.batch,
        "rate": settings.learning_rate,
        "dropout": settings.dropout[0],
    }
    seconds = time.process_time() - began
    return history.assign(**shown, seed=seed, fold=tested, images=len(fold), cpu_seconds=seconds)


def main():
    """Parse the options, train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="demo")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="BACKBONE:APPROACH")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.01, 0.03])
    parser.add_argument("--epochs", type=int, nargs="+", default=[4, 8, 12, 16])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--cohorts", type=int, nargs="+", default=[101], help="seeds; 0 is the study's")
    parser.add_argument("--folds", nargs="+", default=["UFG"], help="data sets left out, and never looked at")
    parser.add_argument("--weights", help="the profile's if not given")
    parser.add_argument("--out")
    options = parser.parse_args()
    chosen, frames = profile(options.profile), []
    for network, rate, seed, fold in product(options.networks, options.rates, options.cohorts, options.folds):
        changes = {"learning_rate": rate, "epochs": max(options.epochs), "batch": options.batch}
        changes["dropout"] = (options.dropout,) * 2
        changes |= {"weights": options.weights} if options.weights else {}
        frames.append(curves(chosen, network, changes, seed, fold))
        last = frames[-1].iloc[-1]
        print(f"{network} rate {rate} cohort {seed} without {fold}: {last['accuracy']:.2f} / "
              f"{last['validation_accuracy']:.2f}, {last['cpu_seconds']:.0f} CPU s", flush=True)  # fmt: skip
    frame = pd.concat(frames)
    if options.out:
        frame.to_csv(options.out, mode="a", header=not os.path.exists(options.out), index=False)
    frame = frame[frame["epoch"].isin(options.epochs)]
    keys = ["network", "batch", "rate", "dropout", "epoch"]
    means = frame.groupby(keys, sort=False)[["accuracy", "validation_accuracy"]].mean()
    print((100 * means).round(0).astype(int).unstack("epoch").to_string())


if __name__ == "__main__":
    main()
