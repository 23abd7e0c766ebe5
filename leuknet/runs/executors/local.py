"""Local executors: run a list of specifications in this process, or in persistent worker processes."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from json import loads
from pathlib import Path
from typing import Any

import psutil

from leuknet._io import module_command
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError
from leuknet.runs import failures
from leuknet.runs.executors.scheduler import Ending, Scheduler, Watch, unwatched
from leuknet.runs.planning import cost
from leuknet.runs.provenance import gpus as gpu_names
from leuknet.runs.provenance import thread_settings
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store

POLL_SECONDS = 0.1
GRACE_SECONDS = 15.0
MOST_WORKERS = 8  # limit for narrow networks on large machines: each worker needs about 0.7 GB
SHARED_GPU = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


def execute_here(
    specs: Iterable[RunSpec],
    store: Store,
    cohorts: Cohort | dict[str, Cohort],
    watch: Watch = unwatched,
    again: bool = False,
) -> Scheduler:
    """Execute `specs` in this process, one after the other.

    Parameters
    ----------
    specs : iterable of RunSpec
    store : Store
    cohorts : Cohort, or dict of str to Cohort
        The cohort of all runs, or the cohorts by `Cohort.key`.
    watch : callable, optional
        Called with the `Scheduler` after each epoch and run.
    again : bool
        Try also what an earlier call was refused.

    Returns
    -------
    Scheduler
        Contains failed runs with their reasons; a failure does not stop the other runs.

    Raises
    ------
    RunError
        With failure ``storage`` if a run's folder cannot be written: no other run could either.
    """
    scheduler, last = Scheduler(specs, store, again), None
    while scheduler.unfinished:
        if spec := scheduler.next(last):
            last = scheduler.structures[spec.key]
            cohort = cohorts[spec.cohort_key] if isinstance(cohorts, dict) else cohorts
            try:
                store.execute(spec, cohort, report=lambda row: watch(scheduler), wait=False)
                ending = Ending(None)
            except failures.RunError as error:
                ending = Ending(error.failure, str(error))
            scheduler.ended(spec, ending)
        elif scheduler.unfinished:
            time.sleep(POLL_SECONDS)  # the remaining runs are executed by another process
        watch(scheduler)
    return scheduler


def visible_gpus() -> list[str]:
    """Return the ids of the GPUs that this process may use: ``CUDA_VISIBLE_DEVICES``, or all GPUs if it is not set."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [part for part in visible.split(",") if part not in ("", "-1")]
    return [str(number) for number in range(len(gpu_names()))]


def slots(jobs: int | None = None, gpus: Sequence[str] | None = None, narrow: bool = False) -> list[dict[str, str]]:
    """Return the environment variables of each parallel worker process.

    Parameters
    ----------
    jobs : int, optional
        Number of parallel processes. Default: for narrow networks one per core, at most `MOST_WORKERS`; otherwise one
        per GPU, or one on a machine without GPUs.
    gpus : sequence of str, optional
        Ids of the GPUs, see `visible_gpus`. Each process uses one; GPUs are shared if there are more processes.
    narrow : bool
        Whether the networks are narrow. The number of threads per process depends only on this, not on `jobs`.
    """
    there = visible_gpus()
    gpus = there if gpus is None else list(gpus)
    if there and (absent := [name for name in gpus if name.isdigit() and name not in there]):
        raise LeuknetError(f"no GPU {', '.join(absent)} here: choose among {', '.join(there)}")
    jobs = jobs or (min(os.cpu_count() or 1, MOST_WORKERS) if narrow else max(len(gpus), 1))
    shared = SHARED_GPU if jobs > len(gpus) > 0 else {}
    own = [{"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} if gpus else {} for number in range(jobs)]
    return [thread_settings(narrow) | shared | gpu for gpu in own]


class Worker:
    """A worker process, started with its first run and restarted after it has died.

    A process for full-width networks trains one structure only, so that its memory, including GPU memory, is released.

    Parameters
    ----------
    environment : dict of str
        Variables to set in addition to those of this process.
    checkpoint_seconds : float
        Minimum time between two checkpoints of a run.

    Attributes
    ----------
    spec : RunSpec or None
        The run in progress.
    structure : str or None
        The structure that it has compiled.
    """

    def __init__(self, environment: dict[str, str], checkpoint_seconds: float = 30.0) -> None:
        self.environment, self.checkpoint_seconds = environment, checkpoint_seconds
        self.process: Any = None  # Popen between `_start` and `stop`
        self.spec: RunSpec | None = None
        self.structure: str | None = None
        self.peak = 0

    def begin(self, spec: RunSpec, folder: Path) -> None:
        """Start the run described in `folder`."""
        structure = cost.structure_key(spec)
        if structure != self.structure and not spec.settings.nano:
            stop([self])
        if self.process is None or self.process.poll() is not None:
            self._start()
        self.spec, self.structure, self.folder = spec, structure, folder.resolve()
        with suppress(BrokenPipeError):  # the process has just died; handled by `poll`
            self.process.stdin.write(f"{self.folder}\n".encode())

    def _start(self) -> None:
        module = "leuknet.runs.executors.worker"
        reading, writing = os.pipe()  # not standard output, which any code may print to
        self.answers = os.fdopen(reading, "rb", buffering=0)
        self.process = subprocess.Popen(
            module_command(module, str(self.checkpoint_seconds), str(os.getpid()), str(writing)),
            env=os.environ | self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(writing,),
            bufsize=0,
            start_new_session=True,  # Ctrl-C interrupts the study, which then stops its processes in order
        )
        os.close(writing)
        self.peak = 0

    def poll(self) -> Ending | None:
        """Return how the run ended, or None while it is running; also record its peak memory."""
        if not select.select([self.answers], [], [], 0)[0]:
            with suppress(psutil.NoSuchProcess):  # it has just ended; handled by the next poll
                self.peak = max(self.peak, psutil.Process(self.process.pid).memory_info().rss)
            return None
        line, self.spec = self.answers.readline(), None
        if line.endswith(b"\n"):
            return Ending(**loads(line), log=tail(self.folder / "log.txt"))
        code = self.process.wait()
        self.answers.close()
        self.process = self.structure = None
        return died(code, self.peak, self.folder / "log.txt")


def died(code: int, peak: int, log: Path) -> Ending:
    """Return the `Ending` of a run whose process died with exit code `code` and a peak memory of `peak` bytes."""
    text = tail(log)
    if not (number := failures.signal_of(code)):
        lines = text.strip().splitlines() or ["no word in its log"]
        return Ending(failures.ERROR, lines[-1].removeprefix("error: "), text)
    reason = f"killed by {failures.signal_name(number)} with {peak / 1e9:.1f} GB in memory"
    if number == signal.SIGKILL:
        reason += "; by someone, or by the system because memory ran out"
    return Ending(failures.KILLED, reason, text)


def execute_processes(
    specs: Iterable[RunSpec],
    store: Store,
    environments: Any = None,
    watch: Watch = unwatched,
    again: bool = False,
    checkpoint_seconds: float = 30.0,
) -> Scheduler:
    """Execute `specs` in worker processes, one for each of `environments`.

    Parameters
    ----------
    specs : iterable of RunSpec
        Must include their cohort config.
    store : Store
    environments : list of dict, optional
        From `slots`. Default: one process.
    watch : callable, optional
        Called with the `Scheduler` about ten times a second.
    again : bool
        Try also what an earlier call was refused.
    checkpoint_seconds : float

    Returns
    -------
    Scheduler

    Raises
    ------
    RunError
        With failure ``storage`` if a run's folder cannot be written: no other run could either.
    """
    scheduler = Scheduler(specs, store, again)
    workers = [Worker(environment, checkpoint_seconds) for environment in environments or [{}]]
    try:
        while scheduler.unfinished:
            for worker in workers:
                if worker.spec is None and (spec := scheduler.next(worker.structure)):
                    worker.begin(spec, store.describe(spec))
            busy = [worker for worker in workers if worker.spec]
            select.select([worker.answers for worker in busy], [], [], POLL_SECONDS)
            for worker, spec in [(worker, worker.spec) for worker in busy if worker.spec]:
                if ending := worker.poll():
                    scheduler.ended(spec, ending)
            watch(scheduler)
    finally:
        stop(workers)
    watch(scheduler)
    return scheduler


def stop(workers: Iterable[Worker]) -> None:
    """Stop the workers' processes: by SIGTERM, to avoid partially written files, and by SIGKILL if that fails."""
    living = [worker for worker in workers if worker.process is not None]
    for worker in living:
        worker.process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for worker in living:
        try:
            worker.process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()
        worker.answers.close()
        worker.process = worker.structure = None


def tail(path: Path, size: int = 4000) -> str:
    """Return the end of a log file as text; empty if the file does not exist."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - size, 0))
        return file.read(size).decode("utf-8", "replace")
