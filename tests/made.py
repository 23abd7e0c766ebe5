"""Small cohorts made for tests: two classes that differ in brightness, several data sets, no files."""

import signal

import numpy as np
import pandas as pd

from leuknet.cohort.cohort import Cohort
from leuknet.seeds import rng


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


def hear_ctrl_c():
    """Let a child process hear SIGINT, which shells make their background jobs, and so this suite in one, ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
