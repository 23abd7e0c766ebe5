"""Does formula-driven pretraining help? vgg16-nano, mDFT, from shipped against random weights on the synthetic cohort.

Run: ``python bench/transfer.py``. For each learning rate, number of epochs and start it trains one network per seed and
fold, the seeds and folds being the same for both starts, and prints accuracy and AUC as mean and s.d. over seeds, for
UFG left out (LODOCV), the ALL-IDB family left out, and one of five folds. ``--speed`` prints instead how many images a
second each narrow network trains on: clock, CPU time, and with the step compiled by XLA.
"""

import argparse
import itertools
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pandas as pd

from leuknet.data.synthetic import synthetic_cohort
from leuknet.evaluation.metrics import scores
from leuknet.evaluation.splits import k_fold, leave_one_source_out, lodocv
from leuknet.models import backbones, networks
from leuknet.models.settings import TrainSettings
from leuknet.models.training import train


def folds(cohort):
    """Return the tested folds: name to positions by role."""
    family = cohort.table.set_index("data_set").loc["ALL-IDB 1", "source"].iloc[0]
    plans = {
        "UFG left out": (lodocv(cohort.table), "UFG"),
        f"{family} left out": (leave_one_source_out(cohort.table), family),
        "fold 1 of 5": (k_fold(cohort.table, by="group"), "r0f0"),
    }
    return {name: split.indices(cohort.table, fold) for name, (split, fold) in plans.items()}


def compare(options):
    """Print one row per fold, start, learning rate and number of epochs."""
    cohort = synthetic_cohort(options.size, options.fraction, options.floor)
    rows = []
    starts = itertools.product(
        folds(cohort).items(), options.epochs, options.rates, options.weights, range(options.seeds)
    )
    for (name, roles), epochs, rate, start, seed in starts:
        settings = TrainSettings(
            backbone=options.backbone, weights=start, learning_rate=rate, epochs=epochs, batch=options.batch,
            dropout=(options.dropout,) * 2,
        )  # fmt: skip
        began = time.perf_counter()
        done = train(cohort, {k: v for k, v in roles.items() if k != "external"}, settings, seed)
        where, p = done.probabilities["test"]
        got = scores(cohort.labels[where], p)
        last = done.history.iloc[-1]
        rows.append({"fold": name, "images": len(roles["train"]), "epochs": epochs, "rate": rate, "start": start,
                     "A": got["A"], "AUC": got.get("AUC"), "training A": last["accuracy"],
                     "seconds": time.perf_counter() - began})  # fmt: skip
        print(".", end="", flush=True)
    frame = pd.DataFrame(rows)
    keys = ["fold", "images", "epochs", "rate", "start"]
    told = frame.groupby(keys, sort=False).agg(["mean", "std"])
    told.columns = [f"{a} {b}" for a, b in told.columns]
    print(
        f"\nsynthetic cohort, {len(cohort)} images of {options.size} px, {options.seeds} seeds, batch {options.batch}"
    )
    print(told.drop(columns="seconds std").round(3).to_string())
    for name, part in frame.groupby("fold", sort=False):
        a, b = (part[part["start"] == start]["A"].to_numpy() for start in ("formula", "random"))
        if len(a) and len(b):
            print(f"{name}: formula minus random {100 * (a - b).mean():+.1f} points, higher in {(a > b).mean():.0%}")


def speed(options):
    """Print images per second of training for each narrow network, precision and way of compiling."""
    images = np.random.default_rng(0).random((options.batch * 8, options.size, options.size, 3), dtype=np.float32)
    labels = np.arange(len(images)) % 2
    for name in backbones.PAPER_BACKBONES:
        for precision, jit in itertools.product(("float32", "mixed_bfloat16"), (False, True)):
            keras.config.set_dtype_policy(precision)
            model = networks.build(networks.NetworkSpec(f"{name}-nano", "mDFT", options.size))
            model.compile(keras.optimizers.SGD(0.001, momentum=0.8), "binary_crossentropy", jit_compile=jit)
            began = time.perf_counter()
            model.fit(images[: options.batch], labels[: options.batch], batch_size=options.batch, verbose=0)
            first, began, cpu = time.perf_counter() - began, time.perf_counter(), time.process_time()
            model.fit(images, labels, batch_size=options.batch, verbose=0)
            clock, cpu = time.perf_counter() - began, time.process_time() - cpu
            print(f"{name}-nano {precision} {'XLA' if jit else 'no XLA'}: {len(images) / clock:.0f} images/s, "
                  f"{len(images) / cpu:.0f} per CPU second, first step {first:.1f} s", flush=True)  # fmt: skip


def main():
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--backbone", default="vgg16-nano")
    parser.add_argument("--size", type=int, default=80)
    parser.add_argument("--fraction", type=float, default=0.08)
    parser.add_argument("--floor", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--epochs", type=int, nargs="+", default=[6])
    parser.add_argument("--rates", type=float, nargs="+", default=[0.003, 0.01, 0.03])
    parser.add_argument("--weights", nargs="+", default=["formula", "random"])
    options = parser.parse_args()
    speed(options) if options.speed else compare(options)


if __name__ == "__main__":
    main()
