"""Run time of segmenting and describing cells: single-cell images, and fields of 2592 x 1944 px tiled from them.

python bench/cells.py FOLDER [COUNT]

FOLDER is the repository segmentation_WBC; COUNT images and COUNT / 10 fields are timed (default 100). CPU time is
measured by `Cells.seconds` in each worker's thread, wall time over all cores; both are given per 1 000 images.
"""

import sys
import time

import numpy as np

from leuknet.baselines.handcrafted.segmentation import MASK_SETS, mask_set
from leuknet.cells.extract import extract

FIELD = (1944, 2592)  # px, height before width


def tiled(images, start):
    """Return one field of mirrored images, uint8 (1944, 2592, 3), with more leukocytes than in any smear."""
    edge = images[0].shape[0]
    rows, columns = (-(-side // edge) for side in FIELD)
    picks = [images[(start + k) % len(images)][:: (-1) ** k] for k in range(rows * columns)]
    lines = [np.concatenate(picks[row * columns : (row + 1) * columns], axis=1) for row in range(rows)]
    return np.concatenate(lines)[: FIELD[0], : FIELD[1]]


def timed(name, images, diameter):
    """Print CPU and wall time per 1 000 images."""
    began = time.perf_counter()
    cells = extract([lambda image=image: image for image in images], lambda: [diameter] * len(images))
    wall = (time.perf_counter() - began) / len(images)
    height, width = images[0].shape[:2]
    found = f"{len(cells.table) / len(images):.1f} cells an image"
    print(f"{name}: {len(images)} images of {width} x {height} px, {found};", end=" ")
    print(f"1 000 images: {1000 * cells.seconds:.0f} s of CPU time, {1000 * wall:.0f} s by the clock", flush=True)


def main(folder, count=100):
    """Time both sets and the fields tiled from them."""
    for name in MASK_SETS:
        images, _, _, diameters = mask_set(folder, name)
        timed(name, images[: int(count)], diameters[0])
        images = [image for image in images if image.shape == images[0].shape]
        fields = [tiled(images, start) for start in range(max(int(count) // 10, 1))]
        timed(f"fields of {name}", fields, diameters[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
