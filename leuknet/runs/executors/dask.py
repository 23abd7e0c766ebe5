"""Runs on a Dask cluster: a task trains the run in a description and returns the files of its folder.

Each Dask worker keeps one worker process (`leuknet.runs.executors.local.Worker`), as this machine's executor does, so
that a killed run kills no Dask worker and what is compiled stays. Where a worker sees the folder of runs, the run is
trained there; elsewhere in the worker's own cache, and its files travel back.
"""

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from leuknet._io import atomic, cache_dir, write_json, write_text
from leuknet.exceptions import LeuknetError
from leuknet.runs import failures
from leuknet.runs.executors.clusters import Setup, opened, read_setup
from leuknet.runs.executors.gpu_locks import claim_gpu
from leuknet.runs.executors.local import Worker, stop
from leuknet.runs.executors.scheduler import Ending, Scheduler
from leuknet.runs.provenance import backend, thread_settings
from leuknet.runs.record import DONE, NETWORK, REQUIRED, seal
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store

POLL_SECONDS = 0.2
LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 120.0
DEATHS = 10  # Dask workers that a run may lose
TRAVEL = sorted({*REQUIRED, *NETWORK, "log.txt", DONE} - {"run.json", "split.csv"})  # home has these two
LOCAL = (failures.NO_DATA, failures.SETUP, failures.STORAGE)  # of the worker: another one may do the run

# Of a Dask worker: its `Worker`, its GPU, the study it works for, and studies that are over.
worker_state: dict[str, Any] = {"over": set()}
_one_at_a_time = threading.Lock()


def train_remote(order: dict[str, Any]) -> tuple[Ending, dict[str, bytes]]:
    """Train one run on a Dask worker; return how it ended, and its files where home does not see them."""
    shared = bool(order["mark"]) and (Path(order["root"]) / order["mark"]).is_file()
    folder = (Path(order["root"]) if shared else cache_dir() / "trainings") / order["key"]
    try:
        if not shared:
            write_text(folder / "split.csv", order["split"])
            write_json(folder / "run.json", order["run"])
        with _one_at_a_time:
            ending = _trained(order, folder)
        if ending.failure is None and not shared:
            return ending, {name: path.read_bytes() for name in TRAVEL if (path := folder / name).is_file()}
    except (OSError, LeuknetError) as error:
        failure = failures.explained(error, order["key"], folder)
        ending = Ending(failure.failure, str(failure))
    return ending, {}


def _trained(order: dict, folder: Path) -> Ending:
    """Do the run in this Dask worker's process, kept from the last run if it was started alike."""
    if order["study"] in worker_state["over"]:
        return Ending(failures.BUSY, "the study is over")
    environment = dict(order["environment"])
    if order["gpu"]:
        worker_state["gpu"] = worker_state.get("gpu") or claim_gpu()
        environment["CUDA_VISIBLE_DEVICES"] = worker_state["gpu"][0]
    worker = worker_state.get("worker")
    if worker is None or (worker.environment, worker.checkpoint_seconds) != (environment, order["checkpoint_seconds"]):
        stop([worker] if worker else [])
        worker = worker_state["worker"] = Worker(environment, order["checkpoint_seconds"])
    worker_state["study"] = order["study"]
    worker.begin(RunSpec.read(folder), folder)
    while not (ending := worker.poll()):
        time.sleep(POLL_SECONDS)
    return ending


def stop_here(study: str) -> None:
    """End this Dask worker's run for `study`, as Ctrl-C does at home, and begin no more for it."""
    worker_state["over"].add(study)
    worker = worker_state.get("worker")
    if worker and worker.process and worker_state.get("study") == study:
        worker.process.terminate()


def take(spec: RunSpec, store: Store, files: dict[str, bytes]) -> None:
    """Write the files of a finished run, ``done.json`` last, unless another process has finished it meanwhile."""
    with store.held(spec, wait=False) as folder:
        if store.done(spec):
            return
        for name in files.keys() - {DONE}:
            with atomic(folder / name) as temporary:
                temporary.write_bytes(files[name])
        seal(folder, json.loads(files[DONE]))  # over the files as they are here
        for name in ("checkpoint.npz", "progress.json", "failed.json"):
            (folder / name).unlink(missing_ok=True)


def execute_cluster(
    specs: Iterable[RunSpec],
    store: Store,
    where: str,
    jobs: int | None = None,
    watch: Callable | None = None,
    again: bool = False,
    checkpoint_seconds: float = 30.0,
) -> Scheduler:
    """Finish `specs` on a Dask cluster; see `leuknet.runs.executors.local.execute_processes`.

    Parameters
    ----------
    where : str
        What `read_setup` takes.
    jobs : int, optional
        Workers of a local cluster, or jobs to submit.

    Returns
    -------
    Scheduler
        Its events name workers that left, or missed the data, the set-up or room on the disk, and a lost scheduler.

    Raises
    ------
    LeuknetError
        If no scheduler answers for two minutes, or this machine's disk does not take the results.
    """
    setup, scheduler = read_setup(where, jobs), Scheduler(specs, store, again)
    if not scheduler.unfinished:
        return scheduler
    mark = store.root / f".study-{uuid4().hex}"
    try:
        with failures.of_this_disk("the study", store.root):
            write_text(mark, "a study runs here\n")
            with opened(setup) as (address, replenish):
                crew = Crew(scheduler, setup, replenish, mark.name if setup.shared else "", checkpoint_seconds)
                while scheduler.unfinished:
                    crew.work(address, watch)
    finally:
        mark.unlink(missing_ok=True)
    if watch:
        watch(scheduler)
    return scheduler


class Crew:
    """The workers of one Dask scheduler: each is given one run at a time, of its own structure if there is one.

    Attributes
    ----------
    tasks : dict
        Worker address to (spec, future).
    last : dict of str to str
        Worker address to the structure that it has compiled.
    unfit : dict of str to set
        Worker address to what it cannot do: a cohort config, a run's key, or everything ("").
    """

    def __init__(
        self, scheduler: Scheduler, setup: Setup, replenish: Callable, mark: str, checkpoint_seconds: float
    ) -> None:
        self.scheduler, self.setup, self.replenish = scheduler, setup, replenish
        self.mark, self.seconds, self.study = mark, checkpoint_seconds, uuid4().hex
        self.tasks: dict[str, tuple[RunSpec, Any]] = {}
        self.last: dict[str, str] = {}
        self.unfit: dict[str, set[str]] = defaultdict(set)
        self.deaths, self.known, self.changed = Counter[str](), set[str](), time.monotonic()

    def work(self, address: str, watch: Callable | None) -> None:
        """Give out runs and take results until all are done or the Dask scheduler at `address` is lost."""
        from distributed import Client

        try:
            client = Client(address, timeout=PATIENCE_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise LeuknetError(f"no Dask scheduler answers at {address} ({error})") from error
        looked = 0.0
        try:
            while self.scheduler.unfinished and client.status == "running":
                if time.monotonic() - looked > LOOK_SECONDS:
                    self.look(client)
                    looked = time.monotonic()
                for worker in [worker for worker, (_, future) in self.tasks.items() if future.done()]:
                    self.settle(worker)
                self.give(client)
                if watch:
                    watch(self.scheduler)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            with suppress(OSError):  # a Dask scheduler that is gone has nothing to stop
                client.run(stop_here, self.study)
            raise
        except OSError as error:
            self.scheduler.events.append(f"lost the scheduler {address} ({error})")
        finally:
            for spec, _ in self.tasks.values():
                self.scheduler.postpone(spec)
            self.tasks.clear()
            client.close(timeout=20)
        if self.scheduler.unfinished:
            self.scheduler.events.append(f"connecting to {address} again")

    def look(self, client: Any) -> None:
        """Note which workers came and went, have those replaced that this started, take back runs of the gone."""
        now = set(client.nthreads())
        if len(now) < self.setup.expected:
            self.replenish()
        for address in sorted(self.known - now):
            self.scheduler.events.append(
                f"worker {address} is gone; its run starts again elsewhere, from its checkpoint if seen"
            )
            if address in self.tasks:
                self._lost(*self.tasks.pop(address))
        if now != self.known:
            self.known, self.changed = now, time.monotonic()

    def _lost(self, spec: RunSpec, future: Any) -> None:
        future.cancel()
        self.deaths[spec.key] += 1
        if self.deaths[spec.key] > DEATHS:
            self.scheduler.give_up(spec, f"{DEATHS} Dask workers died of it, or while they were at it")
        else:
            self.scheduler.postpone(spec)

    def give(self, client: Any) -> None:
        """Give each idle worker a run that it may do; give up the runs that no worker may do."""
        for address in sorted(self.known - set(self.tasks)):
            if spec := self.scheduler.next(self.last.get(address), partial(self.fits, address)):
                name = f"leuknet-{spec.key}-{uuid4().hex[:8]}"
                with failures.of_this_disk(spec.label, self.scheduler.store.root):
                    order = self.order(spec)
                future = client.submit(train_remote, order, key=name, pure=False, workers=[address])
                self.tasks[address] = spec, future
                self.last[address] = self.scheduler.structures[spec.key]
        waited = time.monotonic() - self.changed >= PATIENCE_SECONDS
        if self.known and (len(self.known) >= self.setup.expected or waited):
            for spec in list(self.scheduler.waiting.values()):
                if not any(self.fits(address, spec) for address in self.known):
                    self.scheduler.give_up(spec, "no worker has the cohort's data, the set-up and room on its disk")

    def fits(self, address: str, spec: RunSpec) -> bool:
        """Whether a worker may do a run, as far as it has shown."""
        return not self.unfit[address] & {"", repr(spec.recipe), spec.key}

    def order(self, spec: RunSpec) -> dict[str, Any]:
        """Return what `train_remote` needs to know of a run."""
        folder, run = self.scheduler.store.describe(spec), spec.as_dict()
        if self.setup.data and (run["recipe"] or {}).get("data"):
            run["recipe"] = run["recipe"] | {"data": self.setup.data}
        return {
            "key": spec.key,
            "study": self.study,
            "root": str(self.scheduler.store.root.resolve()),
            "mark": self.mark,
            "run": run,
            "split": (folder / "split.csv").read_text("utf-8"),
            "environment": {"KERAS_BACKEND": backend()} | thread_settings(spec.settings.nano) | self.setup.environment,
            "gpu": self.setup.gpu,
            "checkpoint_seconds": self.seconds,
        }

    def settle(self, address: str) -> None:
        """Take home what a task that has ended leaves; what is the worker's fault keeps like runs from it."""
        spec, future = self.tasks.pop(address)
        if future.status == "cancelled":  # the Dask scheduler forgot it
            self.scheduler.events.append(f"{spec.label}: the scheduler lost it; given out again")
            self.scheduler.postpone(spec)
            return
        if error := future.exception():
            ending, files = Ending(failures.ERROR, f"{type(error).__name__}: {error}"), {}
        else:
            ending, files = future.result()
        if ending.failure in LOCAL:
            self.scheduler.events.append(f"worker {address} gets it no more: {ending.failure}: {ending.reason}")
            every = {failures.STORAGE: "", failures.NO_DATA: repr(spec.recipe), failures.SETUP: spec.key}
            self.unfit[address].add(every[ending.failure])
            self.scheduler.postpone(spec)
            return
        if files:
            ending = self._taken(spec, files)
        self.scheduler.ended(spec, ending)

    def _taken(self, spec: RunSpec, files: dict[str, bytes]) -> Ending:
        store = self.scheduler.store
        try:
            with failures.of_this_disk(spec.label, store.root):
                take(spec, store, files)
        except failures.RunError as error:  # busy: another process holds the folder, look again later
            return Ending(error.failure, str(error))
        return Ending(None)
