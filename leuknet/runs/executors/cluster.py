"""Runs on a Dask cluster: each is a process that a Dask worker starts; results come back into the folders of runs.

Where a worker sees the folder of runs, the run's process works in it. Elsewhere it works in the worker's own cache and
the files travel back; there it goes on from its own checkpoint if the same machine gets the run again.
"""

import json
import time
from contextlib import contextmanager, suppress
from uuid import uuid4

from leuknet.exceptions import LeuknetError
from leuknet._io import atomic, write_text
from leuknet.runs import failures
from leuknet.runs.executors.engine import opened, read_setup
from leuknet.runs.provenance import backend
from leuknet.runs.executors.remote import POLL_SECONDS, stop_here, train_remote
from leuknet.runs.record import seal
from leuknet.runs.scheduler import Tally

LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 120.0


def take(spec, store, files):
    """Write the files of a finished run, ``done.json`` last, unless another process has finished it meanwhile."""
    with store.held(spec, wait=False) as folder:
        if store.done(spec):
            return
        for name in files.keys() - {"done.json"}:
            with atomic(folder / name) as temporary:
                temporary.write_bytes(files[name])
        seal(folder, json.loads(files["done.json"]))  # over the files as they are here
        for name in ("checkpoint.npz", "progress.json", "failed.json"):
            (folder / name).unlink(missing_ok=True)


def execute_cluster(specs, store, where, workers=None, watch=None, again=False, checkpoint_seconds=30.0, per_run=None):
    """Finish `specs` on a Dask cluster; see `leuknet.runs.executors.local.execute_processes`.

    Parameters
    ----------
    where : str
        What `read_setup` takes.
    workers : int, optional
        Of a local cluster, or jobs to submit.
    per_run : int, optional
        GPUs a run, if not what the setup says.

    Returns
    -------
    Report
        Its events tell workers that left, lacked the data or the disk, and a scheduler that was lost.

    Raises
    ------
    LeuknetError
        If no scheduler answers for two minutes, or this machine's disk does not take the results.
    """
    setup, tally = read_setup(where, workers, per_run), Tally(specs, store, again)
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
        raise failures.explained(error, "the grid", store.root) from error
    finally:
        (store.root / mark).unlink(missing_ok=True)
    if watch:
        watch(tally)
    return tally.report()


@contextmanager
def at_home(store):
    """Tell a disk of this machine that takes no more from a scheduler that is away: both are OSErrors."""
    try:
        yield
    except OSError as error:
        raise failures.explained(error, "the grid", store.root) from error


class Crew:
    """The workers of one scheduler and what they were given.

    Attributes
    ----------
    futures : dict
        Run key to (spec, future, addresses that may do it or None for all).
    lacking : dict
        Worker address to the recipes whose data it lacks, and the keys of runs whose set-up (weights, devices) it does.
    shunned : set of str
        Workers without room on their disk, or without the GPUs.
    """

    def __init__(self, tally, setup, address, replenish, mark, checkpoint_seconds):
        self.tally, self.setup, self.address, self.replenish, self.mark = tally, setup, address, replenish, mark
        self.seconds, self.futures, self.known, self.shunned, self.lacking = checkpoint_seconds, {}, set(), set(), {}
        self.grid, self.changed = uuid4().hex, time.monotonic()

    def connect(self):
        """Return a client of the scheduler, waiting for it if it is away."""
        from distributed import Client

        began = time.monotonic()
        while True:
            try:
                return Client(self.address, timeout=10, set_as_default=False)
            except (OSError, ValueError) as error:
                if isinstance(error, ValueError) or time.monotonic() - began > PATIENCE_SECONDS:
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
                for spec, future, _ in [each for each in self.futures.values() if each[1].done()]:
                    self.settle(spec, future)
                self.give(client)
                if watch:
                    watch(self.tally)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            self.stop(client)
            raise
        except (OSError, TimeoutError) as error:
            self.tally.note(f"lost the scheduler {self.address} ({error})")
        finally:
            for spec in list(self.tally.running.values()):
                self.tally.ended(spec, failures.BUSY)  # waits again
            self.futures.clear()
            client.close()
        if self.tally.unfinished:
            self.tally.note(f"connecting to {self.address} anew")

    def stop(self, client):
        """End this grid's runs on all workers, and begin no more; a scheduler that is gone has none."""
        with suppress(OSError, TimeoutError):
            client.cancel([future for _, future, _ in self.futures.values()])
            client.run(stop_here, self.grid)

    def look(self, client):
        """Note which workers came and went, have those replaced that this started, call back runs for the gone."""
        now = set(client.nthreads())
        if len(now) < self.setup.expected:
            self.replenish()
        for address in sorted(self.known - now):
            self.tally.note(f"worker {address} is gone; its runs start again elsewhere, from their checkpoints if seen")
        for address in sorted(now - self.known):
            self.meet(client, address)
        if now != self.known:
            self.known, self.changed = now, time.monotonic()
        for spec, future, permitted in list(self.futures.values()):
            if permitted is not None and not permitted & now:
                future.cancel()
                del self.futures[spec.key]
                self.tally.ended(spec, failures.BUSY)

    def meet(self, client, address):
        """Shun a new worker that offers fewer GPUs than a run claims."""
        offered = client.scheduler_info(n_workers=-1)["workers"].get(address, {}).get("resources", {}).get("GPU", 0)
        if offered < self.setup.gpus_per_run:
            self.shunned.add(address)
            self.tally.note(
                f"worker {address} gets no runs: it offers {offered:g} of the resource GPU, a run claims "
                f"{self.setup.gpus_per_run}; start it with --resources GPU={self.setup.gpus_per_run}"
            )

    def fit(self, spec):
        """Return the known workers that may do a run."""
        wanted = {repr(spec.recipe), spec.key}
        return {a for a in self.known - self.shunned if not wanted & self.lacking.get(a, set())}

    def give(self, client):
        """Submit a run for each worker; give up those for which no worker is left that has data, disk and GPUs."""
        while len(self.futures) < max(len(self.known - self.shunned), min(len(self.known), 1)):
            if not (spec := self.tally.next()):
                return
            if fit := self.fit(spec):
                with at_home(self.tally.store):
                    order = self.order(spec)
                self.submit(client, spec, order, fit)
            elif len(self.known) < self.setup.expected and time.monotonic() - self.changed < PATIENCE_SECONDS:
                self.tally.ended(spec, failures.BUSY)  # more workers are to come
                return
            else:
                self.tally.give_up(
                    spec, "no worker has the cohort's data, the set-up, room on its disk and the GPUs asked for"
                )

    def order(self, spec):
        """Return what `train_remote` needs to know of a run."""
        folder, run = self.tally.store.describe(spec), spec.as_dict()
        if self.setup.data and (run["recipe"] or {}).get("data"):
            run["recipe"] = run["recipe"] | {"data": self.setup.data}
        return {
            "key": spec.key,
            "grid": self.grid,
            "root": str(self.tally.store.root.resolve()),
            "mark": self.mark,
            "run": run,
            "split": (folder / "split.csv").read_text("utf-8"),
            "environment": {"KERAS_BACKEND": backend()} | {k: str(v) for k, v in self.setup.environment.items()},
            "gpus": self.setup.gpus_per_run,
            "checkpoint_seconds": self.seconds,
        }

    def submit(self, client, spec, order, fit):
        """Give a run to the scheduler, for the `fit` workers only if there are others."""
        claims = {"GPU": self.setup.gpus_per_run} if self.setup.gpus_per_run else None
        permitted = None if fit == self.known else fit
        name = f"leuknet-{spec.key}-{uuid4().hex[:8]}"
        where = sorted(permitted) if permitted else None
        future = client.submit(train_remote, order, key=name, pure=False, workers=where, resources=claims)
        self.futures[spec.key] = spec, future, permitted

    def settle(self, spec, future):
        """Enter the result of a future that has ended."""
        if future.status == "cancelled":  # the scheduler forgot it
            self.tally.note(f"{spec.label}: the scheduler lost it; given out again")
            told = {"outcome": failures.BUSY}
        elif future.status == "error":
            told = self.failed(spec, future.exception())
        else:
            told = future.result()
        del self.futures[spec.key]
        if told:
            self.enter(spec, told)

    def failed(self, spec, error):
        """Return the outcome of a run whose task failed; None if its workers died so often that Dask gave it up."""
        if type(error).__name__ == "KilledWorker":
            self.tally.give_up(spec, f"its Dask workers died again and again: {error}")
            return None
        return {"outcome": failures.ERROR, "reason": f"{type(error).__name__}: {error}"}

    def enter(self, spec, told):
        """Take a run's files home, and enter its outcome."""
        outcome = told["outcome"]
        if outcome in (failures.NO_DATA, failures.SETUP, failures.STORAGE):
            self.tally.note(f"worker {told['worker']} gets it no more: {outcome}: {told['reason']}")
            if outcome == failures.STORAGE:
                self.shunned.add(told["worker"])
            else:
                what = repr(spec.recipe) if outcome == failures.NO_DATA else spec.key
                self.lacking.setdefault(told["worker"], set()).add(what)
                outcome = failures.NO_DATA  # here: another worker may do it
        with at_home(self.tally.store):
            try:
                if told.get("files"):
                    take(spec, self.tally.store, told["files"])
            except failures.RunError:  # another process holds the folder: look again later
                outcome = failures.BUSY
            self.tally.ended(spec, outcome, told.get("reason", ""), told.get("log", ""))
