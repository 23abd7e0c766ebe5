"""Where an interrupted training stood: one file in its run's folder, written whole and not too often."""

import json
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

from leuknet.files import atomic


class Saver:
    """Write `Progress` to one file, atomically, at most every `least_seconds` (of a clock that never goes back).

    The network's state is fetched only when it is written.
    """

    def __init__(self, path, least_seconds):
        self.path, self.least_seconds, self.last = Path(path), least_seconds, time.monotonic()

    def __call__(self, progress, state):
        if time.monotonic() - self.last < self.least_seconds:
            return
        arrays = {f"state{i:05}": value for i, value in enumerate(state())}
        with atomic(self.path) as temporary:
            np.savez(temporary, epoch=progress.epoch, history=json.dumps(progress.history), **arrays)
        self.last = time.monotonic()


def load_checkpoint(path):
    """Return the `Progress` kept at `path`, or None if there is none.

    A file that cannot be read whole is told on standard error and deleted: the run begins anew.
    """
    from leuknet.learn.train import Progress

    if not Path(path).is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            state = [kept[name] for name in sorted(kept.files) if name.startswith("state")]
            return Progress(int(kept["epoch"]), json.loads(str(kept["history"])), state)
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        print(f"{path} is damaged ({error}) and deleted: the run begins anew", file=sys.stderr)
        Path(path).unlink()
        return None
