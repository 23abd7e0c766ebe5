"""Images per second: the layer `Warp` beside Keras' legacy ImageDataGenerator, same policy, in one run.

Run: ``python bench/augment.py``. Both begin with uint8 images and parameters yet to be drawn and end with float32
batches of 32 in [0, 1] on the host. The two take turns; each shows its fastest pass after one to warm up.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from leuknet.learn.augment import PAPER, draw, warped
from leuknet.seeds import rng

BATCH = 32


def seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measure(size, n, passes):
    """Return images per second of the generator and of the layer."""
    images = rng("bench augment", size).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    legacy = ImageDataGenerator(
        rotation_range=PAPER.rotation, width_shift_range=PAPER.width_shift, height_shift_range=PAPER.height_shift,
        shear_range=PAPER.shear, zoom_range=PAPER.zoom, horizontal_flip=True, vertical_flip=True,
        fill_mode="reflect", rescale=1 / 255,
    ).flow(images, batch_size=BATCH, shuffle=True, seed=0)
    generator = rng("bench augment", "draws")

    def by_generator():
        for _ in range(len(legacy)):
            next(legacy)

    def by_layer():
        warped(images, draw(PAPER, n, generator), batch=BATCH)

    by_generator(), by_layer()
    times = [(seconds(by_generator), seconds(by_layer)) for _ in range(passes)]
    return [n / best for best in np.min(times, axis=0)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=8 * BATCH)
    parser.add_argument("--passes", type=int, default=3)
    options = parser.parse_args()
    print(f"backend {keras.backend.backend()}, {len(os.sched_getaffinity(0))} CPU cores, batch {BATCH}")
    for size in (224, 80):
        old, new = measure(size, options.images, options.passes)
        print(f"{size:>3} px: ImageDataGenerator {old:7.0f} images/s, Warp {new:7.0f} images/s, ratio {new / old:.1f}")


if __name__ == "__main__":
    main()
