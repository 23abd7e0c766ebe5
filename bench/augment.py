"""Images per second: the layer `Warp` compared with Keras' legacy ImageDataGenerator, same policy, in one process.

Run: ``python bench/augment.py``. Both start from uint8 images with undrawn parameters and produce float32 batches of 32
in [0, 1] on the host. They alternate; the fastest pass of each after one warm-up is reported. The ratio is also printed
in CPU time over all cores, which is less affected by other processes.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from leuknet._random import rng
from leuknet.models.augmentation import warped
from leuknet.models.policy import PAPER, draw

BATCH = 32


def seconds(work):
    """Return the wall time and CPU time of `work` in seconds."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


def legacy_generator():
    """Return Keras' legacy generator with the paper's policy (section 3.2)."""
    return ImageDataGenerator(
        rotation_range=PAPER.rotation,
        width_shift_range=PAPER.width_shift,
        height_shift_range=PAPER.height_shift,
        shear_range=PAPER.shear,
        zoom_range=PAPER.zoom,
        horizontal_flip=True,
        vertical_flip=True,
        fill_mode="reflect",
        rescale=1 / 255,
    )


def measure(size, n, passes):
    """Return the fastest pass in seconds: rows wall and CPU time, columns generator and layer."""
    images = rng("bench augment", size).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    legacy = legacy_generator().flow(images, batch_size=BATCH, shuffle=True, seed=0)
    generator = rng("bench augment", "draws")

    def by_generator():
        for _ in range(len(legacy)):
            next(legacy)

    def by_layer():
        for start in range(0, n, BATCH):
            part = images[start : start + BATCH]
            warped(part, draw(PAPER, len(part), generator), batch=BATCH)

    by_generator(), by_layer()
    times = [(seconds(by_generator), seconds(by_layer)) for _ in range(passes)]
    return np.min(times, axis=0).T


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=8 * BATCH)
    parser.add_argument("--passes", type=int, default=5)
    options = parser.parse_args()
    print(f"backend {keras.backend.backend()}, {len(os.sched_getaffinity(0))} CPU cores, batch {BATCH}")
    for size in (224, 80):
        (old, new), (old_cpu, new_cpu) = measure(size, options.images, options.passes)
        rates = f"ImageDataGenerator {options.images / old:.0f} images/s, Warp {options.images / new:.0f} images/s"
        print(f"{size:>3} px: {rates}, ratio {old / new:.1f} (CPU time {old_cpu / new_cpu:.1f})")


if __name__ == "__main__":
    main()
