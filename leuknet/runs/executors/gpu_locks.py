"""GPUs of one machine shared out among the Dask workers on it, so that no two runs sit on the same one."""

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import filelock

from leuknet.exceptions import SetUpError
from leuknet.runs.executors.local import visible_gpus

POLL_SECONDS = 0.5


@contextmanager
def claimed(count):
    """Yield the environment of a run that has `count` of this machine's visible GPUs for itself; waits until it has.

    What is taken is locked by files in the machine's temporary folder; a killed process gives its GPUs back.

    Raises
    ------
    SetUpError
        If this process does not see so many.
    """
    seen, locks = visible_gpus(), {}
    if count > len(seen):
        raise SetUpError(f"a run asks for {count} GPUs and this worker sees {len(seen)}: see gpus_per_run")
    try:
        while count and not (locks := free(seen, count)):
            time.sleep(POLL_SECONDS)
        many = {"LEUKNET_DEVICES_PER_RUN": str(count)} if count > 1 else {}
        yield many | ({"CUDA_VISIBLE_DEVICES": ",".join(locks)} if count else {})
    finally:
        give_back(locks)


def free(seen, count):
    """Return {id: lock} of `count` GPUs that nobody held; empty, and nothing locked, if there are not so many."""
    found = {}
    for gpu in seen:
        lock = filelock.FileLock(Path(tempfile.gettempdir()) / f"leuknet-{os.getuid()}-gpu-{gpu}.lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            continue
        found[gpu] = lock
        if len(found) == count:
            return found
    give_back(found)
    return {}


def give_back(locks):
    """Release the locks of `free`."""
    for lock in locks.values():
        lock.release()
