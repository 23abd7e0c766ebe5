"""Memory of a cohort in training, in addition to the network: resident on the device, and streamed from disk.

Run: ``python bench/memory.py`` (the paper's 3 523 images at 224 px) and ``python bench/memory.py --times 10``; with
``--approach mSFT --copies 1`` the features of the frozen part are computed once, and are resident or streamed likewise
(``LEUKNET_RESIDENT_GB`` sets the size above which they are streamed). The cohort is a memory-mapped file of random
images in a temporary folder (0.5 GB, or 5.3 GB, of disk). A process first trains one batch of a one-batch cohort, then
``--steps`` batches drawn from the whole large cohort; the difference between the two peaks is the cohort's memory.
Anonymous memory cannot be reclaimed; pages of the mapped file can.
"""

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from leuknet._random import rng
from leuknet.data.cohort import Cohort
from leuknet.models.settings import TrainSettings
from leuknet.models.training import train, trainer_for
from leuknet.runs.planning.throughput import random_cohort

PAPER_IMAGES = 3523


class Peak(threading.Thread):
    """Sample this process's anonymous and total resident memory (GB) until stopped."""

    def __init__(self):
        super().__init__(daemon=True)
        self.top, self.going = {"RssAnon": 0.0, "VmRSS": 0.0}, True

    def run(self):
        while self.going:
            self.look()
            time.sleep(0.01)

    def look(self):
        """Take one sample."""
        for line in Path("/proc/self/status").read_text().splitlines():
            name = line.split(":")[0]
            if name in self.top:
                self.top[name] = max(self.top[name], int(line.split()[1]) / 1e6)


def peak_of(work):
    """Return the peak memory of `work`."""
    peak = Peak()
    peak.start()
    work()
    peak.look()
    peak.going = False
    peak.join()
    return peak.top


def mapped_cohort(count, size, folder):
    """Write `count` random images to a file, a thousand at a time, and return them as a memory-mapped cohort."""
    path, random = Path(folder) / "images.npy", rng("bench memory")
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, size, size, 3))
    block = random.integers(0, 256, (1000, size, size, 3), dtype=np.uint8)
    for start in range(0, count, len(block)):
        part = images[start : start + len(block)]
        part[:] = block[: len(part)]
    images.flush()
    del images, block
    few = random_cohort(2, 8).table.loc[np.arange(count) % 2].reset_index(drop=True)
    names = [f"random/{i}" for i in range(count)]
    return Cohort("random", np.load(path, mmap_mode="r"), few.assign(image_id=names, group=names, sha256=names))


def main():
    """Parse the options, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--backbone", default="VGG16-nano")
    parser.add_argument("--approach", default="mDFT")
    parser.add_argument("--copies", type=int, default=0)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    settings = TrainSettings(
        backbone=options.backbone,
        approach=options.approach,
        weights="random",
        epochs=1,
        batch=32,
        copies=options.copies,
    )
    few = random_cohort(32, options.size)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LEUKNET_CACHE"] = folder
        cohort = mapped_cohort(PAPER_IMAGES * options.times, options.size, folder)
        base = peak_of(lambda: train(few, {"train": np.arange(32)}, settings, 0))
        chosen = rng("bench steps").choice(len(cohort), options.steps * 32, replace=False)
        top = peak_of(lambda: train(cohort, {"train": np.sort(chosen)}, settings, 0))
        how = "streamed" if trainer_for(cohort, settings).source.streamed else "on the device"
        print(f"{len(cohort)} images at {options.size} px, {cohort.images.nbytes / 1e9:.2f} GB, {how}: at its peak "
              f"{top['RssAnon'] - base['RssAnon']:.2f} GB of anonymous memory on top of the network, "
              f"{top['VmRSS'] - base['VmRSS']:.2f} GB with the mapped file's pages")  # fmt: skip


if __name__ == "__main__":
    main()
