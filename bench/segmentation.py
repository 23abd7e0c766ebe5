"""Dice and IoU of nuclei and leukocytes on Zheng et al.'s two real sets with masks; nothing is trained on them.

python bench/segmentation.py FOLDER [EDGE]

FOLDER is the repository segmentation_WBC with "Dataset 1" and "Dataset 2". With EDGE, images are resized to squares of
that many px, as for Table 11's baselines, instead of their native size.
"""

import sys
import time

import cv2
import numpy as np

from leuknet.baselines.handcrafted.segmentation import MASK_SETS, METHODS, mask_set, scored, summary


def squares(images, masks, diameters, edge):
    """Return the images and masks as squares of `edge` px, and the rescaled diameters of their red cells."""
    size, heights = (edge, edge), [np.sqrt(image.shape[0] * image.shape[1]) for image in images]
    images = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
    masks = [cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) for mask in masks]
    return images, masks, [d * edge / height for d, height in zip(diameters, heights, strict=True)]


def main(folder, edge=None):
    """Print one table per set."""
    for name in MASK_SETS:
        images, masks, ids, diameters = mask_set(folder, name)
        if edge:
            images, masks, diameters = squares(images, masks, diameters, int(edge))
        print(f"{name}: {len(images)} images of {images[0].shape[1]} x {images[0].shape[0]} px")
        for method, segment in METHODS.items():
            began = time.process_time()
            table = summary(scored(images, masks, ids, diameters, {method: segment}))
            print(table.round(3).to_string(index=False))
            print(f"{method}: {1000 * (time.process_time() - began) / len(images):.0f} ms of CPU time an image\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
