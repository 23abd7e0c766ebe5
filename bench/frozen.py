"""Seconds per epoch of a frozen backbone: cached features compared with the standard loop, in one process.

Run: ``python bench/frozen.py`` and ``python bench/frozen.py --column``.

The first command trains the same head of the same network on the same variants of the same images both ways; the
standard loop passes every image through warp and backbone in every epoch. The pool of features is computed once for all
runs; its time is also printed.

The second command runs the whole mSFT column of Table 3 (VGG-16, both test sets, five seeds, 50 epochs) on the demo's
images at 224 px and prints the minutes. Random values in a file replace the ImageNet weights: the run time is the same,
and the meaningless predictions are discarded.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from leuknet.data.synthetic import synthetic_cohort
from leuknet.models import training as training
from leuknet.models.settings import TrainSettings
from leuknet.runs.executors.local import execute_here
from leuknet.study.ablation import backbone_plan
from leuknet.study.study import open_study

FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.weights.h5"


def epochs_seconds(cohort, settings, epochs):
    """Return the time of the fastest of `epochs` epochs after one warm-up, and the time before the first."""
    began = time.perf_counter()
    trainer = training.Trainer(cohort, settings)
    trainer.begin(settings, seed=0)
    before = time.perf_counter() - began
    rows = list(training.epochs_of(trainer, settings.but(epochs=epochs + 1), np.arange(len(cohort)), seed=0))
    return min(row["seconds"] for row in rows[1:]), before


def column(options):
    """Complete the runs of Table 3's mSFT column with all features computed, and print their run times."""
    changes = {"size": options.size, "epochs": options.column_epochs, "precision": options.precision}
    paper = {"nano": False, "weights": "imagenet", "batch": 32, "dropout": (0.5, 0.6), "copies": options.copies}
    with tempfile.TemporaryDirectory() as folder:
        study = open_study("bench", "demo", out=folder, **changes, **paper)
        print(f"{len(study.cohort)} images of {options.size} px stand ready", flush=True)
        net = keras.applications.VGG16(weights=None, include_top=False, input_shape=(options.size, options.size, 3))
        net.save_weights(Path(folder) / FILE)
        os.environ |= {"LEUKNET_WEIGHTS": folder, "LEUKNET_CACHE": folder}
        plan = [replace(spec, keep_model=False) for spec in backbone_plan(study, "VGG16", "mSFT")]
        first = execute_here(plan[:1], study.store, study.cohort)
        rest = execute_here(plan[1:], study.store, study.cohort)
        if failed := first.failed | rest.failed:
            raise SystemExit(f"failed: {failed}")
    each = rest.seconds / max(rest.trained, 1)
    print(f"Table 3, mSFT: {len(plan)} runs of {options.column_epochs} epochs on {len(study.cohort)} images, "
          f"{options.copies} variants an image: {(first.seconds + rest.seconds) / 60:.1f} min; the features of all "
          f"about {max(first.seconds - each, 0):.0f} s, then {each:.0f} s a run")  # fmt: skip


def main():
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="VGG16")
    parser.add_argument("--approaches", nargs="+", default=["SFT", "mSFT"])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--column", action="store_true")
    parser.add_argument("--column-epochs", type=int, default=50)
    options = parser.parse_args()
    if options.column:
        return column(options)
    cohort = synthetic_cohort(options.size, 0.001, 2)
    for approach in options.approaches:
        settings = TrainSettings(
            backbone=options.backbone,
            approach=approach,
            weights="random",
            copies=options.copies,
            precision=options.precision,
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
