"""Runs on a Dask cluster: each is a process that a Dask worker starts; results come back into the folders of runs.

Where a worker sees the folder of runs, the run's process works in it. Elsewhere it works in the worker's own cache and
the files travel back; there it goes on from its own checkpoint if the same machine gets the run again.
"""

import os
import time
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from leuknet.errors import LeuknetError
from leuknet.files import atomic, cache_dir, write_json, write_text
from leuknet.study import outcomes
from leuknet.study.execute import finished, slots, start, stop
from leuknet.study.runs import RunSpec, Store
from leuknet.study.tally import Tally

POLL_SECONDS = 0.2
LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 120.0
QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster"}
LEFT_BEHIND = ("lock", "checkpoint.npz", "progress.json", "failed.json")
_jobs = []  # of this Dask worker, for `stop_here`


@dataclass(frozen=True)
class Setup:
    """Which cluster, from ``--cluster``.

    Attributes
    ----------
    kind : {"local", "scheduler", "slurm", "pbs", "lsf"}
    address : str
        Of the scheduler, for that kind.
    workers : int
        Workers to start, or jobs to submit.
    gpus_per_run : int
        Claimed of the Dask resource ``GPU``; the workers must offer it.
    shared : bool
        False: files always travel, though workers may see the folder of runs.
    options : dict
        For dask-jobqueue's class, e.g. cores, memory, queue, walltime.
    """

    kind: str = "local"
    address: str = ""
    workers: int = 1
    gpus_per_run: int = 0
    shared: bool = True
    options: dict = field(default_factory=dict)


def read_setup(where, workers=None):
    """Return the `Setup` for ``local``, an address (``tcp://host:8786``) or a TOML file with the fields of `Setup`."""
    more = {"workers": workers} if workers else {}
    if where == "local":
        return Setup(**more)
    if "://" in where:
        return Setup("scheduler", where)
    try:
        said = tomllib.loads(Path(where).read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise LeuknetError(f"--cluster {where}: neither local, an address, nor a TOML file ({error})") from error
    if unknown := set(said) - set(Setup.__dataclass_fields__):
        raise LeuknetError(
            f"{where}: unknown key {', '.join(sorted(unknown))}; known: {', '.join(Setup.__dataclass_fields__)}"
        )
    if said.get("kind", "local") not in ("local", "scheduler", *QUEUES):
        raise LeuknetError(f"{where}: kind {said['kind']!r}: choose local, scheduler, {', '.join(QUEUES)}")
    return Setup(**(said | more))


def cluster_of(setup):
    """Return the Dask cluster that `setup` describes, started; None where only an address is known."""
    try:
        if setup.kind == "local":
            import dask
            from distributed import LocalCluster

            dask.config.set({"distributed.deploy.lost-worker-timeout": "60s"})  # a busy machine restarts one slowly
            resources = {"GPU": setup.gpus_per_run} if setup.gpus_per_run else None
            n = setup.workers
            return LocalCluster(n_workers=n, threads_per_worker=1, resources=resources, dashboard_address=None)
        if setup.kind in QUEUES:
            import dask_jobqueue

            cluster = getattr(dask_jobqueue, QUEUES[setup.kind])(**setup.options)
            cluster.scale(jobs=setup.workers)
            return cluster
    except ImportError as error:
        raise LeuknetError(f"--cluster needs Dask ({error}): pip install 'leuknet[cluster]'") from error
    return None


@contextmanager
def opened(setup):
    """Yield the scheduler's address and a callable that replaces lost workers; close at the end what this started."""
    cluster = cluster_of(setup)
    many = {"n": setup.workers} if setup.kind == "local" else {"jobs": setup.workers}
    try:
        yield (cluster.scheduler_address, lambda: cluster.scale(**many)) if cluster else (setup.address, lambda: None)
    finally:
        if cluster:
            cluster.close()


def train_remote(order):
    """Do one run on a Dask worker; return what became of it (a dictionary of plain values).

    ``code`` is the exit code of the run's process, ``reason`` and ``log`` what it said, ``worker`` who did it,
    ``files`` the run's files if this worker does not see the folder of runs.
    """
    from distributed import get_worker

    root, shared = Path(order["root"]), sees(order)
    if not shared:
        root = cache_dir() / "trainings"
    told = {"worker": get_worker().address, "files": None}
    try:
        if not shared:
            write_text(root / order["key"] / "split.csv", order["split"])
            write_json(root / order["key"] / "run.json", order["run"])
        spec = RunSpec.read(root / order["key"])
        job = start(spec, Store(root), order["environment"], checkpoint_seconds=order["checkpoint_seconds"])
    except OSError as error:
        failure = outcomes.explained(error, order["key"], root)
        return told | {"outcome": failure.outcome, "reason": str(failure), "log": ""}
    _jobs.append(job)
    while job.poll() is None:
        time.sleep(POLL_SECONDS)
    _jobs.remove(job)
    outcome, reason, log = finished(job)
    told |= {"outcome": outcome, "reason": reason, "log": log}
    if outcome is None and not shared:
        told["files"] = {p.name: p.read_bytes() for p in job.log.parent.iterdir() if p.name not in LEFT_BEHIND}
    return told


def sees(order):
    """Whether this machine sees the folder of runs that `order` speaks of: the mark that the grid left lies in it."""
    return bool(order["mark"]) and (Path(order["root"]) / order["mark"]).is_file()


def stop_here():
    """End this Dask worker's runs, as Ctrl-C does at home."""
    stop(list(_jobs))


def take(spec, store, files):
    """Write the files of a finished run, ``done.json`` last, unless another process has finished it meanwhile."""
    with store.held(spec, wait=False) as folder:
        if store.done(spec):
            return
        for name in sorted(files, key=lambda name: name == "done.json"):
            with atomic(folder / name) as temporary:
                temporary.write_bytes(files[name])
        for name in LEFT_BEHIND[1:]:
            (folder / name).unlink(missing_ok=True)


def execute_cluster(specs, store, where, workers=None, watch=None, again=False, checkpoint_seconds=30.0):
    """Finish `specs` on a Dask cluster; see `leuknet.study.execute.execute_processes`.

    Parameters
    ----------
    where : str
        What `read_setup` takes.
    workers : int, optional
        Of a local cluster, or jobs to submit.

    Returns
    -------
    Report
        Its events tell workers that left, lacked the data or the disk, and a scheduler that was lost.

    Raises
    ------
    LeuknetError
        If no scheduler answers for two minutes, or this machine's disk does not take the results.
    """
    setup, tally = read_setup(where, workers), Tally(specs, store, again)
    if not tally.unfinished:
        return tally.report()
    mark = f".grid-{uuid4().hex}"
    try:
        write_text(store.root / mark, "a grid runs here\n")
        with opened(setup) as (address, replenish):
            crew = Crew(tally, setup, address, replenish, mark if setup.shared else "", checkpoint_seconds)
            while tally.unfinished:
                crew.work(watch)
    except OSError as error:
        raise outcomes.explained(error, "the grid", store.root) from error
    finally:
        (store.root / mark).unlink(missing_ok=True)
    if watch:
        watch(tally)
    return tally.report()


class Crew:
    """The workers of one scheduler and what they were given."""

    def __init__(self, tally, setup, address, replenish, mark, checkpoint_seconds):
        self.tally, self.setup, self.address, self.replenish, self.mark = tally, setup, address, replenish, mark
        self.seconds, self.futures, self.known, self.shunned = checkpoint_seconds, {}, set(), set()
        self.environment = {"KERAS_BACKEND": os.environ.get("KERAS_BACKEND", "tensorflow")}
        if setup.kind == "local":
            self.environment |= slots(setup.workers, [])[0]

    def connect(self):
        """Return a client of the scheduler, waiting for it if it is away."""
        from distributed import Client

        began = time.monotonic()
        while True:
            try:
                return Client(self.address, timeout=10, set_as_default=False)
            except OSError as error:
                if time.monotonic() - began > PATIENCE_SECONDS:
                    raise LeuknetError(f"no Dask scheduler answers at {self.address} ({error})") from error
                time.sleep(LOOK_SECONDS)

    def work(self, watch):
        """Give out runs and take results until all are done or the scheduler is lost."""
        client, looked = self.connect(), 0.0
        try:
            while self.tally.unfinished and client.status == "running":
                if time.monotonic() - looked > LOOK_SECONDS:
                    self.look(client)
                    looked = time.monotonic()
                self.give(client)
                for spec, future in [pair for pair in self.futures.values() if pair[1].done()]:
                    self.settle(spec, future)
                if watch:
                    watch(self.tally)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            client.run(stop_here)
            raise
        except (OSError, TimeoutError) as error:
            self.tally.note(f"lost the scheduler {self.address} ({error})")
        finally:
            for spec, _ in self.futures.values():
                self.tally.ended(spec, outcomes.BUSY)  # waits again
            self.futures.clear()
            client.close()
        if self.tally.unfinished:
            self.tally.note(f"connecting to {self.address} anew")

    def look(self, client):
        """Note which workers came and went, and have those replaced that this started."""
        now = set(client.nthreads())
        if len(now) < self.setup.workers:
            self.replenish()
        for address in sorted(self.known - now):
            self.tally.note(f"worker {address} is gone; its runs start again elsewhere, from their checkpoints if seen")
        self.known = now
        self.places = sum(client.nthreads(sorted(now - self.shunned)).values()) if now - self.shunned else 0

    def give(self, client):
        """Submit runs while there are places; give up if no worker is left that has data and disk."""
        fit = sorted(self.known - self.shunned)
        if self.known and not fit:
            for spec in [*self.tally.waiting]:
                self.tally.give_up(spec, "no worker has the cohort's data and room on its disk")
            self.tally.waiting.clear()
        while len(self.futures) < self.places and (spec := self.tally.next()):
            folder = self.tally.store.describe(spec)
            order = {
                "key": spec.key,
                "root": str(self.tally.store.root.resolve()),
                "mark": self.mark,
                "run": spec.as_dict(),
                "split": (folder / "split.csv").read_text("utf-8"),
                "environment": self.environment,
                "checkpoint_seconds": self.seconds,
            }
            claims = {"GPU": self.setup.gpus_per_run} if self.setup.gpus_per_run else None
            name = f"leuknet-{spec.key}-{uuid4().hex[:8]}"
            future = client.submit(
                train_remote, order, key=name, pure=False, workers=fit if self.shunned else None, resources=claims
            )
            self.futures[spec.key] = spec, future

    def settle(self, spec, future):
        """Enter the result of a future that has ended."""
        del self.futures[spec.key]
        if future.status == "cancelled":  # the scheduler forgot it
            self.tally.note(f"{spec.label}: the scheduler lost it; given out again")
            self.tally.ended(spec, outcomes.BUSY)
            return
        if future.status == "error":
            error = future.exception()
            killed = type(error).__name__ == "KilledWorker"
            reason = f"its Dask workers died again and again: {error}" if killed else f"{type(error).__name__}: {error}"
            self.tally.ended(spec, outcomes.KILLED if killed else outcomes.ERROR, reason)
            return
        told = future.result()
        if told["outcome"] in (outcomes.NO_DATA, outcomes.STORAGE):
            self.shunned.add(told["worker"])
            self.tally.note(f"worker {told['worker']} gets no more runs: {told['outcome']}: {told['reason']}")
        try:
            if told["files"]:
                take(spec, self.tally.store, told["files"])
        except outcomes.RunError:  # another process holds the folder: look again later
            told["outcome"] = outcomes.BUSY
        self.tally.ended(spec, told["outcome"], told["reason"], told["log"])
