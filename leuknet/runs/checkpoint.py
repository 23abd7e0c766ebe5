"""Where an interrupted training stood: one file in its run's folder, written whole and not too often."""

import json
import sys
import time
from pathlib import Path

import numpy as np

from leuknet._io import atomic, read_arrays
from leuknet.runs.provenance import environment
from leuknet.runs.query import BACKEND, same_place, software


class Checkpoint:
    """One run's checkpoint, and what the run has taken and where it was made so far.

    Parameters
    ----------
    path : path
    least_seconds : float
        Least time between two writes, by a clock that never goes back.

    Attributes
    ----------
    made : dict
        `environment()`; and ``legs``, one line for each other place where epochs of the run were trained before.
    """

    def __init__(self, path, least_seconds):
        self.path, self.least_seconds = Path(path), least_seconds
        self.began = self.last = time.monotonic()
        self.before, self.made = 0.0, environment()

    @property
    def seconds(self):
        """What the run has taken; of what was interrupted, only what led to the checkpoint it goes on from."""
        return self.before + time.monotonic() - self.began

    def save(self, progress, state):
        """Write `Progress`, and what `state` returns, atomically, if it is time to."""
        if time.monotonic() - self.last < self.least_seconds:
            return
        values = {"history": json.dumps(progress.history), "made": json.dumps(self.made), "seconds": self.seconds}
        arrays = {f"state{i:05}": value for i, value in enumerate(state())}
        with atomic(self.path) as temporary:
            np.savez(temporary, epoch=progress.epoch, **values, **arrays)
        self.last = time.monotonic()

    def load(self, shapes):
        """Return the `Progress` kept, or None if there is none to go on from.

        A file that cannot be read whole, does not fit the network (`shapes`: of its variables) or comes from another
        backend or version is named on standard error and deleted: the run starts over.
        """
        if not self.path.is_file():
            return None
        try:
            progress, made, seconds = _read(self.path)
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            return self._discard(f"is damaged ({error})")
        if software(made) != software(self.made):
            return self._discard(f"comes from {_versions(made)}, not {_versions(self.made)},")
        if [value.shape for value in progress.state] != shapes:
            return self._discard("does not fit this network")
        self._go_on(made, progress.epoch, seconds)
        return progress

    def _go_on(self, made, epoch, seconds):
        """Take over what was before: its seconds, and its place where that is another."""
        self.before, legs = seconds, made.pop("legs", [])
        if not same_place(made, self.made):
            legs.append(f"to epoch {epoch}: " + "; ".join(f"{name} {made[name]}" for name in BACKEND if name in made))
        if legs:
            self.made = environment() | {"legs": legs}

    def _discard(self, why):
        print(f"{self.path} {why} and is deleted: the run starts over", file=sys.stderr)
        self.path.unlink()


def _read(path):
    """Return (Progress, environment, seconds) of a checkpoint."""
    from leuknet.models.training import Progress

    kept = read_arrays(path, limit=16 << 30)  # of the largest networks, weights and momenta in float32
    state = [kept[name] for name in sorted(kept) if name.startswith("state")]
    history, made = json.loads(str(kept["history"])), json.loads(str(kept["made"]))
    if not isinstance(made, dict) or not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
        raise ValueError("history or environment is of another kind")
    return Progress(int(kept["epoch"]), history, state), made, float(kept["seconds"])


def _versions(environment):
    return " and ".join(f"{name} {version}" for name, version in software(environment).items())
