"""Which run is trained next, and what became of each: the same for every executor."""

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
    """How an attempt at a run ended: `failure` None is success, else a word of `leuknet.runs.failures`."""

    failure: str | None
    reason: str = ""
    log: str = ""


class Scheduler:
    """Hand out `specs` until each is done or given up; then it is the report of what became of them.

    A run that was killed, ran out of memory or met an unknown error is tried again, `RETRIES` times at most. One that
    is refused would be refused again: it is given up at once, and by later calls too unless `again` is set. One that
    this set-up does not allow is given up at once, but tried by later calls.

    Runs are handed out by the structure of their networks, because each worker compiles a structure once: a worker
    goes on with its own as long as runs of it wait, and then takes the one with the most work (`cost.work`) that no
    other worker is at.

    Parameters
    ----------
    specs : iterable of RunSpec
    store : Store
    again : bool
        Try also what an earlier call was refused.

    Attributes
    ----------
    before : int
        Runs that were done at the beginning.
    running : dict of str to RunSpec
    failed : dict of str to str
        Given up: key to reason.
    seconds : float
        From the beginning to the end of the last run.
    events : list of str
        What happened other than success, in order.
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
        """Whether anything waits or runs."""
        return bool(self.waiting or self.running)

    def next(self, last: str | None = None, fits: Callable[[RunSpec], bool] = lambda spec: True) -> RunSpec | None:
        """Take the next run to start, or None if none may start now.

        Parameters
        ----------
        last : str, optional
            The structure that the worker has compiled.
        fits : callable
            Whether the worker may do a run.
        """
        for key in sorted(self.waiting, key=self._order(last)):
            if self._may_start(key) and fits(self.waiting[key]):
                self.running[key] = self.waiting.pop(key)
                return self.running[key]
        return None

    def _order(self, last: str | None) -> Callable[[str], tuple]:
        """Return the sort key of waiting runs for a worker: its own structure, then free ones, the largest first."""
        work: defaultdict[str, float] = defaultdict(float)
        for key in self.waiting:
            work[self.structures[key]] += self.work[key]
        taken = {self.structures[key] for key in self.running}

        def order(key: str) -> tuple:
            name = self.structures[key]
            return name != last, name in taken, -work[name], name, -self.work[key]

        return order

    def _may_start(self, key: str) -> bool:
        """Whether a waiting run may start now; one that another process has finished or is at is entered so."""
        if self._later.get(key, 0) > time.monotonic():
            return False
        if self.store.done(self.waiting[key]):
            del self.waiting[key]
            self.finished.append(key)  # by another process
            return False
        if locked(self.store.folder(key)):
            self._later[key] = time.monotonic() + LOOK_AGAIN_SECONDS
            return False
        return True

    def ended(self, spec: RunSpec, ending: Ending) -> None:
        """Enter how an attempt ended; a full disk of this machine, which no other run would fit either, raises."""
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
        """Let a run wait again, and not start for some seconds; this is no attempt."""
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
        """Enter that a run will not be tried any more in this call."""
        self.running.pop(spec.key, None)
        self.waiting.pop(spec.key, None)
        self.failed[spec.key] = reason
        self.events.append(f"{spec.label}: given up: {reason}")

    def _recorded(self, key: str) -> dict | None:
        record = object_or_empty(self.store.folder(key) / "failed.json")
        return record if {"outcome", "reason"} <= set(record) else None

    @property
    def trained(self) -> int:
        """How many runs were finished meanwhile, here or by another process."""
        return len(self.finished)

    def __str__(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        counted = f"{self.before + self.trained} runs: {self.before} from before, {self.trained} trained"
        return f"{counted} in {self.seconds:.0f} s{failed}"
