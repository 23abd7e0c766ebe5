"""Seconds an epoch of a frozen backbone: from cached features beside the plain way, in one run.

Run: ``python bench/frozen.py``. Both train the same head of the same network on the same variants of the same images;
the plain way passes every image through warp and backbone in every epoch. The pool is computed once for all runs, and
that time is printed too, with the number of epochs after which it has paid for itself.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from leuknet.cohort.synthetic import synthetic_cohort
from leuknet.learn import train as training
from leuknet.learn.settings import TrainSettings


def epochs_seconds(cohort, settings, epochs):
    """Return what the fastest of `epochs` epochs takes after one to warm up, and what stood before the first."""
    began = time.perf_counter()
    trainer = training.Trainer(cohort, settings)
    trainer.begin(settings, seed=0)
    before = time.perf_counter() - began
    everything, nothing = np.arange(len(cohort)), np.arange(0)
    rows = [training.one_epoch(trainer, settings, everything, nothing, 0, epoch) for epoch in range(epochs + 1)]
    return min(row["seconds"] for row in rows[1:]), before


def main():
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="VGG16")
    parser.add_argument("--approaches", nargs="+", default=["SFT", "mSFT"])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    cohort = synthetic_cohort(options.size, 0.01, 4)
    for approach in options.approaches:
        settings = TrainSettings(
            options.backbone, approach, weights="random", copies=options.copies, precision=options.precision
        )
        pooled, with_pool = epochs_seconds(cohort, settings, options.epochs)
        training.use_cached_features = lambda _: False
        plain, without = epochs_seconds(cohort, settings, options.epochs)
        training.use_cached_features = use
        pool = max(with_pool - without, 0.0)
        print(f"{options.backbone} {approach}, {len(cohort)} images of {options.size} px, {options.copies} variants an "
              f"image: plain {plain:.2f} s, from features {pooled:.3f} s an epoch: {plain / pooled:.1f} times faster; "
              f"the pool took {pool:.1f} s (0: found in the cache)", flush=True)  # fmt: skip


use = training.use_cached_features

if __name__ == "__main__":
    main()
