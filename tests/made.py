"""Small cohorts made for tests: two classes that differ in brightness, several data sets, no files."""

import os
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leuknet._random import rng
from leuknet.data.cohort import Cohort
from leuknet.evaluation.splits import Split


def small_cohort(per_class=6, size=32, data_sets=("A", "B", "C"), single=("D",)):
    """Return a cohort whose positives are darker; `single` data sets hold negatives only."""
    random, rows, images = rng("small cohort", size), [], []
    for name in (*data_sets, *single):
        for label in (0, 1) if name in data_sets else (0,):
            for number in range(per_class):
                word = ("negative", "positive")[label]
                images.append(random.normal(190 - 90 * label, 25, (size, size, 3)).clip(0, 255).astype(np.uint8))
                image_id = f"{name}/{word}/{number:03}"
                rows.append((image_id, name, name, image_id, label, size, size, "", f"{len(images):064x}"))
    columns = ["image_id", "data_set", "source", "group", "label", "width", "height", "path", "sha256"]
    return Cohort("made", np.stack(images), pd.DataFrame(rows, columns=columns))


def one_class(spec, cohort):
    """Return a run like `spec` whose training images are all negative."""
    table, labels = spec.split.table, cohort.table.set_index("image_id")["label"]
    kept = (table["fold"] == spec.fold) & ((table["role"] == "test") | (table["image_id"].map(labels) == 0))
    return replace(spec, split=Split("one class", table[kept], "image"))


def hear_ctrl_c():
    """Let a child process hear SIGINT, which shells make their background jobs, and so this suite in one, ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def mounted(folder, options):
    """Mount a small file system at `folder`, or skip where one may not."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"may not mount a tmpfs here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def unwritable():
    """Yield a folder that this process may read and not write; root, who may write anywhere, is nobody meanwhile."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        if user == 0:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)
            os.chmod(folder, 0o755)


def fill(path):
    """Write to `path` until the disk is full."""
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
