"""Does formula-driven pretraining help? Each narrow backbone, mDFT, from the shipped and from random weights.

Run: ``python bench/transfer.py``. Trains with the settings of the profile demo on a synthetic cohort with another seed
than a study's 0: for each of five seeds one fold of five-fold cross-validation by slide, the same for both kinds of
initial weights, so that together the seeds test every image once. Prints accuracies (mean over seeds) on the training
and test images, and the difference formula-driven minus random with its 95 % interval (Student's t over seeds, paired).
``--speed`` prints instead the training speed of each narrow network in images per second: wall time, CPU time,
precision, with and without XLA.
"""

import argparse
import itertools
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pandas as pd
from scipy import stats

from leuknet.data.synthetic import synthetic_cohort
from leuknet.evaluation.metrics import scores
from leuknet.evaluation.splits import k_fold
from leuknet.models import backbones, networks
from leuknet.models.training import train
from leuknet.study.profiles import profile

STARTS = ("formula", "random")


def compare(options):
    """Print one row per backbone."""
    chosen, rows = profile("demo"), []
    cohort = synthetic_cohort(chosen.size, chosen.fraction, chosen.floor, options.cohort)
    split = k_fold(cohort.table, options.seeds, seed=options.cohort, by="group")
    changes = {name: value for name in ("epochs", "learning_rate") if (value := getattr(options, name))}
    for backbone, start, seed in itertools.product(options.backbones, STARTS, range(options.seeds)):
        settings = chosen.settings(backbone, weights=start, precision="float32", **changes)
        done = train(cohort, split.indices(cohort.table, f"r0f{seed}"), settings, seed)
        where, p = done.probabilities["test"]
        rows.append((backbone, start, seed, done.timing["training_accuracy"], scores(cohort.labels[where], p)["A"]))
        print(*rows[-1], flush=True)
    frame = pd.DataFrame(rows, columns=["backbone", "start", "seed", "trained on", "tested"])
    print(
        f"cohort {options.cohort}: {len(cohort)} images, {settings.epochs} epochs, {options.seeds} seeds; accuracy, %"
    )
    wide = 100 * frame.pivot(index=["backbone", "seed"], columns="start", values=["trained on", "tested"])
    means = wide.groupby("backbone", sort=False).mean().round(1)
    print(means.assign(difference=wide["tested"].groupby("backbone", sort=False).apply(difference)).to_string())


def difference(pairs):
    """Return mean and 95 % interval of formula-driven minus random, in points, as text."""
    gain = pairs["formula"] - pairs["random"]
    half = stats.t.ppf(0.975, len(gain) - 1) * gain.sem()
    return f"{gain.mean():+.1f} [{gain.mean() - half:+.1f}, {gain.mean() + half:+.1f}]"


def speed(options):
    """Print images per second of training for each narrow network, precision and compilation mode."""
    size, batch = profile("demo").size, options.batch
    images = np.random.default_rng(0).random((batch * 32, size, size, 3), dtype=np.float32)
    labels = np.arange(len(images)) % 2
    for name, precision, jit in itertools.product(
        options.backbones, ("float32", "mixed_bfloat16"), (False, True) if options.xla else (False,)
    ):
        keras.config.set_dtype_policy(precision)
        model = networks.build(networks.NetworkSpec(f"{name}-nano", "mDFT", size))
        model.compile(keras.optimizers.SGD(0.001, momentum=0.8), "binary_crossentropy", jit_compile=jit)
        began = time.perf_counter()
        model.fit(images[:batch], labels[:batch], batch_size=batch, verbose=0)
        first, began, cpu = time.perf_counter() - began, time.perf_counter(), time.process_time()
        model.fit(images, labels, batch_size=batch, verbose=0)
        clock, cpu = time.perf_counter() - began, time.process_time() - cpu
        print(f"{name}-nano {precision} {'XLA' if jit else 'no XLA'}: {len(images) / clock:.0f} images/s, "
              f"{len(images) / cpu:.0f} per CPU second, first step {first:.1f} s", flush=True)  # fmt: skip


def main():
    """Parse the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbones", nargs="+", default=list(backbones.PAPER_BACKBONES))
    parser.add_argument("--cohort", type=int, default=101, help="seed of the synthetic cohort")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="the profile's if not given")
    parser.add_argument("--learning-rate", type=float, help="the profile's if not given")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--xla", action="store_true", help="with --speed: also compiled by XLA")
    parser.add_argument("--batch", type=int, default=32, help="with --speed")
    options = parser.parse_args()
    speed(options) if options.speed else compare(options)


if __name__ == "__main__":
    main()
