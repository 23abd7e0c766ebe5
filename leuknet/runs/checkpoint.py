"""Checkpoints of interrupted trainings: one file in the run's folder, written atomically at limited frequency."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from leuknet._io import atomic, read_arrays
from leuknet.runs.provenance import environment
from leuknet.runs.query import BACKEND, same_place, software

if TYPE_CHECKING:
    from leuknet.models.training import Progress


class Checkpoint:
    """The checkpoint of a run, including its duration and the environments in which it was trained so far.

    Parameters
    ----------
    path : path
    least_seconds : float
        Minimum time between two writes, by a monotonic clock.

    Attributes
    ----------
    made : dict
        `environment()`, and ``legs``: one line for each other environment in which earlier epochs were trained.
    """

    def __init__(self, path: str | Path, least_seconds: float) -> None:
        self.path, self.least_seconds = Path(path), least_seconds
        self.began = self.last = time.monotonic()
        self.before, self.made = 0.0, environment()

    @property
    def seconds(self) -> float:
        """Duration of the run; for interrupted parts, only the time up to the checkpoint that was resumed."""
        return self.before + time.monotonic() - self.began

    def save(self, progress: "Progress", state: Callable[[], list[np.ndarray]]) -> None:
        """Write `progress` and the arrays that `state` returns, if `least_seconds` have passed since the last write."""
        if time.monotonic() - self.last < self.least_seconds:
            return
        values: dict[str, Any] = {f"state{i:05}": value for i, value in enumerate(state())}
        values |= {"history": json.dumps(progress.history), "made": json.dumps(self.made), "seconds": self.seconds}
        with atomic(self.path) as temporary:
            np.savez(temporary, epoch=progress.epoch, **values)
        self.last = time.monotonic()

    def load(self, shapes: list[tuple[int, ...]]) -> "Progress | None":
        """Return the saved `Progress`, or None if there is no usable checkpoint.

        A file that is incomplete, does not fit the network (`shapes`: those of its variables) or was written by another
        backend or version is reported on standard error and deleted, and the run starts over.
        """
        if not self.path.is_file():
            return None
        reason = ""
        try:
            progress, made, seconds = _read(self.path)
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            reason = f"is damaged ({error})"
        else:
            if software(made) != software(self.made):
                reason = f"comes from {_versions(made)}, not {_versions(self.made)},"
            elif [value.shape for value in progress.state] != shapes:
                reason = "does not fit this network"
        if reason:
            print(f"{self.path} {reason} and is deleted: the run starts over", file=sys.stderr)
            self.path.unlink()
            return None
        self._resume(made, progress.epoch, seconds)
        return progress

    def _resume(self, made: dict[str, Any], epoch: int, seconds: float) -> None:
        """Add the duration of the earlier part, and its environment if it was trained elsewhere."""
        self.before, legs = seconds, made.pop("legs", [])
        if not same_place(made, self.made):
            legs.append(f"to epoch {epoch}: " + "; ".join(f"{name} {made[name]}" for name in BACKEND if name in made))
        if legs:
            self.made = environment() | {"legs": legs}


def _read(path: Path) -> "tuple[Progress, dict[str, Any], float]":
    """Return (Progress, environment, seconds) of a checkpoint."""
    from leuknet.models.training import Progress

    arrays = read_arrays(path, limit=16 << 30)  # enough for weights and momenta of the largest networks in float32
    state = [arrays[name] for name in sorted(arrays) if name.startswith("state")]
    history, made = json.loads(str(arrays["history"])), json.loads(str(arrays["made"]))
    if not isinstance(made, dict) or not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
        raise ValueError("history or environment is of another kind")
    if not isinstance(made.get("legs", []), list) or any(value.dtype.kind not in "fiub" for value in state):
        raise ValueError("places or weights are of another kind")
    return Progress(int(arrays["epoch"]), history, state), made, float(arrays["seconds"])


def _versions(environment: dict[str, Any]) -> str:
    return " and ".join(f"{name} {version}" for name, version in software(environment).items())
