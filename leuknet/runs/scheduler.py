"""What has become of each run of a grid, and which to start next: the same for local processes and a cluster."""

import json
import time
from collections import Counter, deque
from dataclasses import dataclass

from leuknet.runs import failures
from leuknet.runs.query import locked
from leuknet.runs.store import write_failure

RETRIES = 2
LOOK_AGAIN_SECONDS = 2.0


@dataclass(frozen=True)
class Report:
    """What became of a list of runs: done before, trained now (here or by another process), failed (key to reason)."""

    before: int
    trained: int
    failed: dict
    seconds: float
    events: tuple = ()

    def __str__(self):
        failed = f", {len(self.failed)} failed" if self.failed else ""
        counted = f"{self.before + self.trained} runs: {self.before} from before, {self.trained} trained"
        return f"{counted} in {self.seconds:.0f} s{failed}"


class Tally:
    """Keep account of `specs` until each is done or given up.

    A run that was killed, ran out of memory or met an unknown error is tried again, `RETRIES` times at most. One that
    is refused would be refused again: it is given up at once, and by later grids too unless `again` is set. One that
    this set-up does not allow is given up at once, but tried by later grids.

    Parameters
    ----------
    specs : list of RunSpec
    store : Store
    again : bool
        Try also what an earlier grid was refused.

    Attributes
    ----------
    running : dict of str to RunSpec
    failed : dict of str to str
        Given up: key to reason.
    events : list of str
        What happened besides success, in order.
    """

    def __init__(self, specs, store, again=False):
        self.store, self.began = store, time.monotonic()
        self.specs = list({spec.key: spec for spec in specs}.values())
        self.running, self.failed, self.events = {}, {}, []
        self.attempts, self.finished, self._later = Counter(), [], {}
        wanted = [spec for spec in self.specs if not store.done(spec)]
        self.before = len(self.specs) - len(wanted)
        for spec in wanted:
            told = None if again else self._recorded(spec)
            if told and told["outcome"] in failures.FINAL:
                self.failed[spec.key] = f"{told['reason']} (--again tries it)"
        self.waiting = deque(spec for spec in wanted if spec.key not in self.failed)

    @property
    def unfinished(self):
        """Whether anything waits or runs."""
        return bool(self.waiting or self.running)

    def next(self):
        """Take the next run to start, or None if none may start now."""
        for _ in range(len(self.waiting)):
            spec = self.waiting.popleft()
            if self._later.get(spec.key, 0) > time.monotonic():
                self.waiting.append(spec)
            elif self.store.done(spec):
                self.finished.append(spec.key)  # by another process
            elif locked(self.store.folder(spec)):
                self._look_again(spec)
            else:
                self.running[spec.key] = spec
                return spec
        return None

    def ended(self, spec, outcome, reason="", log=""):
        """Enter how an attempt ended: `outcome` None is success, else a word of `leuknet.runs.failures`."""
        self.running.pop(spec.key, None)
        if outcome is None:
            self.finished.append(spec.key)
        elif outcome in (failures.BUSY, failures.NO_DATA, failures.STORAGE):
            self._look_again(spec)
        else:
            self._failed_once(spec, outcome, reason, log)

    def _look_again(self, spec):
        self._later[spec.key] = time.monotonic() + LOOK_AGAIN_SECONDS
        self.waiting.append(spec)

    def _failed_once(self, spec, outcome, reason, log):
        self.attempts[spec.key] += 1
        told = self._recorded(spec)
        if not told or (told["outcome"], told["reason"]) != (outcome, reason):
            write_failure(self.store.folder(spec), outcome, reason, log)
        again = outcome not in failures.FINAL_HERE and self.attempts[spec.key] <= RETRIES
        self.note(f"{spec.label}: {outcome}, {'tried again' if again else 'given up'}: {reason}")
        if again:
            self.waiting.append(spec)
        else:
            self.failed[spec.key] = reason

    def give_up(self, spec, reason):
        """Enter that a run will not be tried any more in this grid."""
        self.running.pop(spec.key, None)
        self.failed[spec.key] = reason
        self.note(f"{spec.label}: given up: {reason}")

    def note(self, text):
        """Add a line to `events`."""
        self.events.append(text)

    def _recorded(self, spec):
        path = self.store.folder(spec) / "failed.json"
        try:
            told = json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return told if {"outcome", "reason"} <= set(told) else None

    def report(self):
        """Return the `Report` so far."""
        seconds = time.monotonic() - self.began
        return Report(self.before, len(self.finished), dict(self.failed), seconds, tuple(self.events))
