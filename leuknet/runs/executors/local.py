"""Executors: finish a list of runs in this process, or each in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from leuknet.exceptions import LeuknetError
from leuknet.runs import failures
from leuknet.runs.provenance import THREADS
from leuknet.runs.provenance import gpus as gpu_names
from leuknet.runs.spec import RunSpec
from leuknet.runs.scheduler import Report, Tally

POLL_SECONDS = 0.1
GRACE_SECONDS = 15.0


def together(spec):
    """Sort key that puts runs of one structure side by side, so that they share a compiled step."""
    s = spec.settings
    return (s.backbone, s.approach, str(s.dense), str(s), spec.split.protocol, spec.fold, spec.seed)


def execute_here(specs, store, cohort, progress=None):
    """Finish `specs` in this process, one after the other.

    Parameters
    ----------
    specs : list of RunSpec
    store : Store
    cohort : Cohort
    progress : callable, optional
        Called with (finished, wanted) after each run.

    Returns
    -------
    Report
        A failed run is in it with its reason; the others go on.
    """
    began, failed = time.perf_counter(), {}
    wanted = sorted((spec for spec in specs if not store.done(spec)), key=together)
    for number, spec in enumerate(wanted, 1):
        try:
            store.execute(spec, cohort)
        except LeuknetError as error:
            failed[spec.key] = str(error)
        if progress:
            progress(number, len(wanted))
    return Report(len(specs) - len(wanted), len(wanted) - len(failed), failed, time.perf_counter() - began)


@dataclass
class Job:
    """A run's process, on which slot it sits and where its log is."""

    spec: RunSpec
    process: subprocess.Popen
    slot: int
    log: Path
    peak: int = 0

    def poll(self):
        """Return the exit code, or None while it runs; notes the memory it takes meanwhile."""
        code = self.process.poll()
        if code is None:
            with suppress(psutil.NoSuchProcess):  # it has just ended: the next poll tells how
                self.peak = max(self.peak, psutil.Process(self.process.pid).memory_info().rss)
        return code


def visible_gpus():
    """Return the ids of the GPUs that this process may use: ``CUDA_VISIBLE_DEVICES``, else all there are."""
    said = os.environ.get("CUDA_VISIBLE_DEVICES")
    if said is not None:
        return [part for part in said.split(",") if part not in ("", "-1")]
    return [str(number) for number in range(len(gpu_names()))]


def slots(workers=None, gpus=None, per_run=1):
    """Return one environment (dict of str) for each process that may run at a time.

    Parameters
    ----------
    workers : int, optional
        Processes at a time: one a GPU (or group of `per_run`), one on a machine without.
    gpus : list of str, optional
        Their ids, see `visible_gpus`. Each process sees only its own; more processes than GPUs share them.
    per_run : int
        GPUs for one run, which is then spread over them (JAX only).
    """
    there = visible_gpus()
    gpus = there if gpus is None else list(gpus)
    if there and (absent := [name for name in gpus if name.isdigit() and name not in there]):
        raise LeuknetError(f"no GPU {', '.join(absent)} here: choose among {', '.join(there)}")
    groups = [",".join(gpus[i : i + per_run]) for i in range(0, len(gpus) - per_run + 1, per_run)]
    if gpus and not groups:
        raise LeuknetError(f"a run over {per_run} GPUs needs as many; there are {len(gpus)}")
    workers = workers or max(len(groups), 1)
    threads = max((os.cpu_count() or 1) // workers, 1)
    found = []
    for number in range(workers):
        env = {"LEUKNET_DEVICES_PER_RUN": str(per_run)} if per_run > 1 else {}
        if workers > 1:
            env |= {name: os.environ.get(name, str(threads)) for name in THREADS}
        if groups:
            env |= {"CUDA_VISIBLE_DEVICES": groups[number % len(groups)]}
        if workers > len(groups) > 0:
            env |= {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        found.append(env)
    return found


def start(spec, store, environment, slot=0, checkpoint_seconds=30.0):
    """Start ``python -m leuknet.runs.executors.worker FOLDER`` for one run; its output goes to ``log.txt`` in the folder."""
    folder = store.describe(spec)
    order = [str(folder.resolve()), str(checkpoint_seconds), str(os.getpid())]
    command = [sys.executable, "-m", "leuknet.runs.executors.worker", *order]
    with (folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the grid, which ends its processes in order
        )
    return Job(spec, process, slot, folder / "log.txt")


def execute_processes(specs, store, environments=({},), watch=None, again=False, checkpoint_seconds=30.0):
    """Finish `specs`, each in a process of its own, one for each of `environments` at a time.

    Parameters
    ----------
    specs : list of RunSpec
        With their `recipe`.
    store : Store
    environments : list of dict
        From `slots`.
    watch : callable, optional
        Called with the `Tally` about ten times a second.
    again : bool
        Try also the runs that an earlier grid was refused.
    checkpoint_seconds : float

    Returns
    -------
    Report

    Raises
    ------
    RunError
        With outcome ``storage`` if a run's folder cannot be written: no other run could either.
    """
    tally, jobs = Tally(specs, store, again), []
    try:
        while tally.unfinished:
            free = set(range(len(environments))) - {job.slot for job in jobs}
            while free and (spec := tally.next()):
                slot = free.pop()
                jobs.append(_started(spec, store, environments[slot], slot, checkpoint_seconds))
            if watch:
                watch(tally)
            jobs = [job for job in jobs if not _ended(job, tally)]
            if jobs or tally.waiting:
                time.sleep(POLL_SECONDS)
    finally:
        stop(jobs)
    if watch:
        watch(tally)
    return tally.report()


def _started(spec, store, environment, slot, checkpoint_seconds):
    try:
        return start(spec, store, environment, slot, checkpoint_seconds)
    except OSError as error:
        raise failures.explained(error, spec.label, store.folder(spec)) from error


def _ended(job, tally):
    """Whether the job's process has ended; enters the outcome."""
    if job.poll() is None:
        return False
    outcome, reason, log = finished(job)
    if outcome == failures.STORAGE:
        raise failures.RunError(outcome, reason)
    if outcome == failures.NO_DATA:
        tally.give_up(job.spec, reason)
    else:
        tally.ended(job.spec, outcome, reason, log)
    return True


def finished(job):
    """Return (outcome, reason, end of its log) of a job whose process has ended; outcome None is success."""
    outcome = failures.outcome_of(job.process.returncode)
    if outcome is None:
        return None, "", ""
    reason = last_line(job.log)
    if outcome == failures.KILLED:
        number = failures.signal_of(job.process.returncode)
        reason = f"killed by {failures.signal_name(number)} with {job.peak / 1e9:.1f} GB in memory"
        if number == signal.SIGKILL:
            reason += "; by someone, or by the system for want of memory"
    return outcome, reason, tail(job.log)


def stop(jobs):
    """End the jobs' processes: SIGTERM, so that they leave nothing half written, and SIGKILL if that does not help."""
    for job in jobs:
        job.process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for job in jobs:
        try:
            job.process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            job.process.kill()
            job.process.wait()


def tail(path, size=4000):
    """Return the end of a log, as text; empty if there is none."""
    try:
        with Path(path).open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - size, 0))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def last_line(path):
    """Return the last line of a log without its leading ``error:``."""
    lines = tail(path).strip().splitlines()
    return lines[-1].removeprefix("error: ") if lines else "no word in its log"
