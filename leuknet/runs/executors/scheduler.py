"""Scheduler used by all executors: selects the next run and records the result of each."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from leuknet._io import object_or_empty
from leuknet.runs import failures
from leuknet.runs.planning import cost
from leuknet.runs.query import locked
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store, write_failure

RETRIES = 2
LOOK_AGAIN_SECONDS = 2.0


class Ending(NamedTuple):
    """Result of an attempt at a run: `failure` is None on success, else a constant of `leuknet.runs.failures`."""

    failure: str | None
    reason: str = ""
    log: str = ""


class Scheduler:
    """Assign `specs` to workers until each is done or given up, and record the results.

    A run that was killed, ran out of memory or raised an unexpected error is retried at most `RETRIES` times. A run
    that is not runnable as specified is given up immediately, also by later calls unless `again` is set. A run that is
    not possible with the current set-up is given up immediately, but retried by later calls.

    Runs are assigned by the structure of their networks, because each worker compiles a structure once: a worker
    continues with its structure while there are waiting runs of it, and then takes the structure with the most work
    (`cost.work`) that no other worker is training.

    Parameters
    ----------
    specs : iterable of RunSpec
    store : Store
    again : bool
        Whether to retry runs that an earlier call gave up as not runnable.

    Attributes
    ----------
    before : int
        Number of runs that were already done.
    running : dict of str to RunSpec
    failed : dict of str to str
        Runs given up: key -> reason.
    seconds : float
        Time from the start to the end of the last run.
    events : list of str
        All events except successes, in chronological order.
    """

    def __init__(self, specs: Iterable[RunSpec], store: Store, again: bool = False) -> None:
        self.store, self.began, self.seconds = store, time.monotonic(), 0.0
        self.specs = {spec.key: spec for spec in specs}
        self.running: dict[str, RunSpec] = {}
        self.failed: dict[str, str] = {}
        self.events: list[str] = []
        self.attempts: Counter[str] = Counter()
        self.finished: list[str] = []
        self._later: dict[str, float] = {}
        wanted = {key: spec for key, spec in self.specs.items() if not store.done(spec)}
        self.before = len(self.specs) - len(wanted)
        for key in wanted:
            recorded = None if again else self._recorded(key)
            if recorded and recorded["outcome"] in failures.FINAL:
                self.failed[key] = f"{recorded['reason']} (--again tries it)"
        self.waiting = {key: spec for key, spec in wanted.items() if key not in self.failed}
        self.images = {key: cost.images_of(spec) for key, spec in self.waiting.items()}
        self.work = cost.work(self.waiting, store)
        self.structures = {key: cost.structure_key(spec) for key, spec in self.waiting.items()}

    @property
    def unfinished(self) -> bool:
        """Whether any run is waiting or running."""
        return bool(self.waiting or self.running)

    def next(self, last: str | None = None, fits: Callable[[RunSpec], bool] = lambda spec: True) -> RunSpec | None:
        """Return the next run to start, or None if no run can start now.

        Parameters
        ----------
        last : str, optional
            The structure that the worker has already compiled.
        fits : callable
            Returns whether the worker can train a run.
        """
        for key in sorted(self.waiting, key=self._order(last)):
            if self._may_start(key) and fits(self.waiting[key]):
                self.running[key] = self.waiting.pop(key)
                return self.running[key]
        return None

    def _order(self, last: str | None) -> Callable[[str], tuple]:
        """Return the sort key of waiting runs: the worker's own structure, then unassigned ones, the largest first."""
        work: defaultdict[str, float] = defaultdict(float)
        for key in self.waiting:
            work[self.structures[key]] += self.work[key]
        taken = {self.structures[key] for key in self.running}

        def order(key: str) -> tuple:
            name = self.structures[key]
            return name != last, name in taken, -work[name], name, -self.work[key]

        return order

    def _may_start(self, key: str) -> bool:
        """Return whether a waiting run can start now; record runs that another process has finished or is executing."""
        if self._later.get(key, 0) > time.monotonic():
            return False
        if self.store.done(self.waiting[key]):
            del self.waiting[key]
            self.finished.append(key)  # finished by another process
            return False
        if locked(self.store.folder(key)):
            self._later[key] = time.monotonic() + LOOK_AGAIN_SECONDS
            return False
        return True

    def ended(self, spec: RunSpec, ending: Ending) -> None:
        """Record how an attempt ended; raise on a storage failure of this machine, which affects all other runs."""
        self.running.pop(spec.key, None)
        self.seconds = time.monotonic() - self.began
        if ending.failure is None:
            self.finished.append(spec.key)
        elif ending.failure == failures.STORAGE:
            raise failures.RunError(failures.STORAGE, ending.reason)
        elif ending.failure == failures.BUSY:
            self.postpone(spec)
        elif ending.failure == failures.NO_DATA:
            self.give_up(spec, ending.reason)
        else:
            self._failed_once(spec, ending)

    def postpone(self, spec: RunSpec) -> None:
        """Return a run to the queue, delayed by a few seconds; this does not count as an attempt."""
        self.running.pop(spec.key, None)
        self._later[spec.key] = time.monotonic() + LOOK_AGAIN_SECONDS
        self.waiting[spec.key] = spec

    def _failed_once(self, spec: RunSpec, ending: Ending) -> None:
        self.attempts[spec.key] += 1
        recorded, failure = self._recorded(spec.key), str(ending.failure)
        if not recorded or (recorded["outcome"], recorded["reason"]) != (failure, ending.reason):
            with failures.of_this_disk(spec.label, self.store.folder(spec)):
                write_failure(self.store.folder(spec), failure, ending.reason, ending.log)
        again = failure not in failures.FINAL_HERE and self.attempts[spec.key] <= RETRIES
        self.events.append(f"{spec.label}: {ending.failure}, {'tried again' if again else 'given up'}: {ending.reason}")
        if again:
            self.waiting[spec.key] = spec
        else:
            self.failed[spec.key] = ending.reason

    def give_up(self, spec: RunSpec, reason: str) -> None:
        """Record that a run will not be retried in this call."""
        self.running.pop(spec.key, None)
        self.waiting.pop(spec.key, None)
        self.failed[spec.key] = reason
        self.events.append(f"{spec.label}: given up: {reason}")

    def _recorded(self, key: str) -> dict | None:
        record = object_or_empty(self.store.folder(key) / "failed.json")
        return record if {"outcome", "reason"} <= set(record) else None

    @property
    def trained(self) -> int:
        """Number of runs finished since the start, here or by another process."""
        return len(self.finished)

    def __str__(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        counted = f"{self.before + self.trained} runs: {self.before} from before, {self.trained} trained"
        return f"{counted} in {self.seconds:.0f} s{failed}"


Watch = Callable[[Scheduler], object]


def unwatched(scheduler: Scheduler) -> None:
    """Show no progress: the default of the executors, which call it after each event."""
