"""Time to redraw a widget's figure. The target is 200 ms if no network runs.

Run: ``python bench/widgets.py [--profile demo]``. Draws every explorer ten times on the profile's synthetic cohort with
random predictions and planes, in the same way as its widget, and converts it to PNG. Prints the median wall and CPU
time.
"""

import argparse
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd

from leuknet import plots
from leuknet.evaluation.splits import lodocv
from leuknet.plots.axes import png
from leuknet.plots.interactive.explorers import thumbnails
from leuknet.study import open_study

TIMES = 10


def made(table):
    """Return predictions of one run and its history as in `Results`, and three planes, all drawn at random."""
    random = np.random.default_rng(0)
    y = table["label"].to_numpy()
    p = np.clip(0.5 + 0.3 * (y - 0.5) + random.normal(0, 0.2, len(y)), 0, 1)
    frame = pd.DataFrame({"run": "a", "image_id": table["image_id"], "y": y, "p": p, "split": "test"})
    history = pd.DataFrame({"run": "a", "epoch": np.arange(1, 51), "accuracy": random.random(50)})
    columns = ["image_id", "data_set", "source", "label"]
    planes = [table[columns].assign(method=m, **dict(zip("xy", random.random((2, len(y))), strict=True))) for m in "PT"]
    return SimpleNamespace(predictions=frame, histories=history), pd.concat(planes)


def main():
    """Print one line per explorer."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--profile", default="demo")
    study = open_study("bench", options.parse_args().profile)
    cohort, images = study.cohort, study.gallery.images
    results, planes = made(cohort.table)
    split, small = lodocv(cohort.table), thumbnails(images)
    error = plots.correctness(cohort.table, results.predictions)
    first = results.predictions
    draws = {
        "cohort browser": lambda i: plots.browse_card(study.gallery, i, small),
        "split viewer": lambda i: plots.split_card(cohort.table, split, split.folds[i % len(split.folds)]),
        "run explorer": lambda i: plots.run_card(results, "a", 0.05 + i / 20),
        "embedding, by class": lambda i: plots.embedding_card(planes, images, error, "P", "class", i),
        "embedding, by source": lambda i: plots.embedding_card(planes, images, error, "P", "source", i),
        "two planes": lambda i: plots.class_and_source(planes[planes["method"] == "P"].assign(features="made")),
        "threshold": lambda i: plots.threshold_view(first, 0.05 + i / 20),
        "augmentation": lambda i: plots.variant_card(images[0], theta=4.0 * i),
    }
    for name, draw in draws.items():
        png(draw(0))
        clock, cpu = [], []
        for i in range(TIMES):
            began = time.perf_counter(), time.process_time()
            png(draw(i))
            clock.append(time.perf_counter() - began[0])
            cpu.append(time.process_time() - began[1])
        print(f"{name:22} {1000 * np.median(clock):6.0f} ms clock {1000 * np.median(cpu):6.0f} ms CPU")


if __name__ == "__main__":
    main()
