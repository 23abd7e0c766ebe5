"""Prediction speed: images per second for a network of the paper's size, and start-up time, next to Table 8's 0.005 s.

Run: ``python bench/predict.py [--backbone VGG16] [--images 64]``. Builds the network with random weights (which do not
affect the run time), writes JPEG files, and times the steps of `leuknet predict` batch by batch: decoding, network and
features. The first batch, which includes compilation, is timed separately. Wall and CPU seconds are printed; on a
shared machine only the CPU seconds are meaningful. Table 8's time is for a TITAN Xp, so the ratio compares machines.
"""

import argparse
import importlib
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from PIL import Image

from leuknet.data.decode import decode
from leuknet.paper import tables


def published(backbone):
    """Return Table 8's seconds per image for a backbone, or None if it is not listed."""
    table = tables.table(8)
    names = table["row"].str.replace("-", "").str.lower()
    found = table[(names == backbone.lower()) & (table["column"] == "Classification Time")]
    return float(found["value"].iloc[0]) if len(found) else None


def written(folder, n, edge):
    """Write `n` JPEG files of `edge` px and return their paths."""
    random, paths = np.random.default_rng(0), []
    for i in range(n):
        small = random.integers(0, 256, (edge // 8, edge // 8, 3), np.uint8)
        paths.append(folder / f"{i}.jpg")
        Image.fromarray(small).resize((edge, edge)).save(paths[-1])
    return paths


def timed(function):
    """Return the result of `function`, and its wall and CPU seconds."""
    clock, cpu = time.perf_counter(), time.process_time()
    value = function()
    return value, (time.perf_counter() - clock, time.process_time() - cpu)


def main():
    """Print one line per step."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--backbone", default="VGG16")
    options.add_argument("--size", type=int, default=224)
    options.add_argument("--edge", type=int, default=640, help="of the files, px")
    options.add_argument("--images", type=int, default=64)
    options.add_argument("--batch", type=int, default=32)
    o = options.parse_args()
    networks, started = timed(lambda: importlib.import_module("leuknet.models.networks"))
    activations = importlib.import_module("leuknet.models.interpretation.activations").activations
    model, built = timed(lambda: networks.build(networks.NetworkSpec(o.backbone, "mDFT", o.size)))
    with tempfile.TemporaryDirectory() as folder:
        paths = written(Path(folder), o.images, o.edge)
        images, decoded = timed(lambda: np.stack([decode(path.read_bytes(), o.size)[0] for path in paths]))
    x = images.astype(np.float32) / 255
    _, first = timed(lambda: model.predict(x[: o.batch], batch_size=o.batch, verbose=0))
    _, called = timed(lambda: model.predict(x, batch_size=o.batch, verbose=0))
    activations(model, images[: o.batch], batch=o.batch)
    _, features = timed(lambda: activations(model, images, batch=o.batch))
    steps = {"import (Keras and backend)": started, "build the network": built, "first batch (compiles)": first}
    for name, (clock, cpu) in steps.items():
        print(f"{name:26} {clock:8.2f} s clock {cpu:8.2f} s CPU")
    for name, (clock, cpu) in {"decode": decoded, "network": called, "features": features}.items():
        each = f"{clock / o.images:8.4f} s clock {cpu / o.images:8.4f} s CPU an image"
        print(f"{name:26} {each}, {o.images / clock:7.1f} images/s")
    printed = published(o.backbone)
    if printed:
        ratio = called[0] / o.images / printed
        print(f"Table 8: {printed} s an image; the network alone takes {ratio:.1f} times that here")


if __name__ == "__main__":
    main()
