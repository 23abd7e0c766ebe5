"""What a Dask worker does: one run at a time, in a process of its own, whose files it sends back if need be."""

import threading
import time
from pathlib import Path

from leuknet.exceptions import LeuknetError
from leuknet._io import cache_dir, write_json, write_text
from leuknet.runs import failures
from leuknet.runs.executors.gpu_locks import claimed
from leuknet.runs.provenance import THREADS
from leuknet.runs.executors.local import finished, start, stop
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store

POLL_SECONDS = 0.2
LEFT_BEHIND = ("lock", "running", "run.json", "split.csv", "checkpoint.npz", "progress.json", "failed.json")
_one_at_a_time = threading.Lock()
_jobs, _over = {}, set()  # of this Dask worker: jobs by grid, and the grids that `stop_here` has ended


def train_remote(order):
    """Do one run on a Dask worker; return what became of it (a dictionary of plain values).

    ``outcome`` is a word of `leuknet.runs.failures` or None, ``reason`` and ``log`` what the run's process said,
    ``worker`` who did it, ``files`` the run's files if this worker does not see the folder of runs.
    """
    from distributed import get_worker

    worker, shared = get_worker(), sees(order)
    root = Path(order["root"]) if shared else cache_dir() / "trainings"
    told = {"worker": worker.address, "files": None}
    threads = dict.fromkeys(THREADS, str(worker.state.nthreads))
    try:
        if not shared:
            write_text(root / order["key"] / "split.csv", order["split"])
            write_json(root / order["key"] / "run.json", order["run"])
        with _one_at_a_time, claimed(order["gpus"]) as own:
            if order["grid"] in _over:
                return told | {"outcome": failures.BUSY, "reason": "the grid is over", "log": ""}
            job = followed(order, Store(root), threads | order["environment"] | own)
    except (OSError, LeuknetError) as error:
        failure = failures.explained(error, order["key"], root)
        return told | {"outcome": failure.outcome, "reason": str(failure), "log": ""}
    outcome, reason, log = finished(job)
    told |= {"outcome": outcome, "reason": reason, "log": log}
    if outcome is None and not shared:
        told["files"] = {p.name: p.read_bytes() for p in job.log.parent.iterdir() if p.name not in LEFT_BEHIND}
    return told


def followed(order, store, environment):
    """Start the run's process and return its `Job` when it has ended."""
    spec = RunSpec.read(store.root / order["key"])
    job = start(spec, store, environment, checkpoint_seconds=order["checkpoint_seconds"])
    _jobs[order["grid"]] = job
    while job.poll() is None:
        time.sleep(POLL_SECONDS)
    del _jobs[order["grid"]]
    return job


def sees(order):
    """Whether this machine sees the folder of runs that `order` speaks of: the mark that the grid left lies in it."""
    return bool(order["mark"]) and (Path(order["root"]) / order["mark"]).is_file()


def stop_here(grid):
    """End this Dask worker's run for `grid`, as Ctrl-C does at home, and begin no more for it."""
    _over.add(grid)
    stop([_jobs[grid]] if grid in _jobs else [])
