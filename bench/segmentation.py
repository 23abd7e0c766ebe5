"""Dice and IoU of nuclei and leukocytes on Zheng et al.'s two real sets with masks; nothing is trained on them.

python bench/segmentation.py FOLDER   (the repository segmentation_WBC, with "Dataset 1" and "Dataset 2")
"""

import sys
import time

from leuknet.cells.segmentation import MASK_SETS, mask_set, scored, summary


def main(folder):
    """Print one table a set."""
    for name in MASK_SETS:
        images, masks, ids = mask_set(folder, name)
        began = time.process_time()
        table = summary(scored(images, masks, ids))
        print(f"{name}: {len(images)} images of {images[0].shape[1]} x {images[0].shape[0]} px")
        print(table.round(3).to_string(index=False))
        print(f"all methods: {1000 * (time.process_time() - began) / len(images):.0f} ms of CPU time an image\n")


if __name__ == "__main__":
    main(sys.argv[1])
