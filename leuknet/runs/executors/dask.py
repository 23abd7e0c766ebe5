"""Execution of runs on a Dask cluster: each task trains one run and returns the files of its folder.

As in local execution, each Dask worker has a separate worker process (`leuknet.runs.executors.local.Worker`), so that a
killed run does not kill the Dask worker and compiled networks are reused. If the folder of runs is accessible to the
worker, the run is trained there; otherwise it is trained in the worker's cache, and its files are sent back.
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
from leuknet.runs.executors.scheduler import Ending, Scheduler, Watch, unwatched
from leuknet.runs.provenance import backend, thread_settings
from leuknet.runs.record import DONE, NETWORK, REQUIRED, seal
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store

POLL_SECONDS = 0.2
LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 120.0
DEATHS = 10  # number of lost Dask workers that a run may cause
TRAVEL = sorted({*REQUIRED, *NETWORK, "log.txt", DONE} - {"run.json", "split.csv"})  # the client has these two
LOCAL = (failures.NO_DATA, failures.SETUP, failures.STORAGE)  # specific to a worker: another may succeed

# State of a Dask worker: its `Worker`, its GPU, its current study, and studies that have ended.
worker_state: dict[str, Any] = {"over": set()}
_one_at_a_time = threading.Lock()


def train_remote(order: dict[str, Any]) -> tuple[Ending, dict[str, bytes]]:
    """Train one run on a Dask worker; return its ending, and its files if the client cannot access them."""
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
    """Train the run in this Dask worker's process, reusing that of the last run if it has the same settings."""
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
    """Stop this Dask worker's run for `study`, as Ctrl-C does locally, and start no further runs for it."""
    worker_state["over"].add(study)
    worker = worker_state.get("worker")
    if worker and worker.process and worker_state.get("study") == study:
        worker.process.terminate()


def take(spec: RunSpec, store: Store, files: dict[str, bytes]) -> None:
    """Write the files of a finished run, ``done.json`` last, unless another process has already finished it."""
    with store.held(spec, wait=False) as folder:
        if store.done(spec):
            return
        for name in files.keys() - {DONE}:
            with atomic(folder / name) as temporary:
                temporary.write_bytes(files[name])
        seal(folder, json.loads(files[DONE]))  # over the files as written here
        for name in ("checkpoint.npz", "progress.json", "failed.json"):
            (folder / name).unlink(missing_ok=True)


def execute_cluster(
    specs: Iterable[RunSpec],
    store: Store,
    where: str,
    jobs: int | None = None,
    watch: Watch = unwatched,
    again: bool = False,
    checkpoint_seconds: float = 30.0,
) -> Scheduler:
    """Execute `specs` on a Dask cluster; see `leuknet.runs.executors.local.execute_processes`.

    Parameters
    ----------
    where : str
        Argument of `read_setup`.
    jobs : int, optional
        Number of workers of a local cluster, or of jobs to submit.

    Returns
    -------
    Scheduler
        Its events include workers that left or could not train runs because of missing data, set-up or disk space, and
        a lost scheduler.

    Raises
    ------
    LeuknetError
        If no scheduler responds within two minutes, or the results cannot be written to this machine's disk.
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
    watch(scheduler)
    return scheduler


class Crew:
    """Client of a Dask scheduler that assigns each worker one run at a time, preferably of its compiled structure.

    Attributes
    ----------
    tasks : dict
        Worker address -> (spec, future).
    last : dict of str to str
        Worker address -> the structure that it has compiled.
    unfit : dict of str to set
        Worker address -> what it cannot train: a cohort config, a run's key, or everything ("").
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

    def work(self, address: str, watch: Watch) -> None:
        """Assign runs and collect results until all are done or the Dask scheduler at `address` is lost."""
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
                watch(self.scheduler)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            with suppress(OSError):  # a lost Dask scheduler has nothing to stop
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
        """Update the list of workers, replace lost workers of an own cluster, and requeue the runs of lost workers."""
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
        """Assign each idle worker a run that it can train; give up the runs that no worker can train."""
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
        """Return whether a worker can train a run, as far as known from its earlier runs."""
        return not self.unfit[address] & {"", repr(spec.recipe), spec.key}

    def order(self, spec: RunSpec) -> dict[str, Any]:
        """Return the argument of `train_remote` for a run."""
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
        """Collect the results of a finished task; after a failure due to the worker, exclude it from similar runs."""
        spec, future = self.tasks.pop(address)
        if future.status == "cancelled":  # lost by the Dask scheduler
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
        except failures.RunError as error:  # busy: another process holds the folder, try again later
            return Ending(error.failure, str(error))
        return Ending(None)
