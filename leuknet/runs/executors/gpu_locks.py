"""GPUs of one machine shared out among the Dask workers on it, so that no two of them sit on the same one."""

import os
import tempfile
import time
from pathlib import Path

import filelock

from leuknet.exceptions import SetUpError
from leuknet.runs.executors.local import visible_gpus

POLL_SECONDS = 0.5


def claim_gpu() -> tuple[str, filelock.FileLock]:
    """Return a GPU of this machine that no other Dask worker has, and its lock; wait until there is one.

    What is taken is locked by a file in the machine's temporary folder; a killed process gives its GPU back.

    Raises
    ------
    SetUpError
        If this process sees no GPU.
    """
    if not (seen := visible_gpus()):
        raise SetUpError("a run asks for a GPU and this worker sees none: see 'gpu' in the cluster's file")
    while True:
        for gpu in seen:
            lock = filelock.FileLock(Path(tempfile.gettempdir()) / f"leuknet-{os.getuid()}-gpu-{gpu}.lock", timeout=0)
            try:
                lock.acquire()
            except filelock.Timeout:
                continue
            return gpu, lock
        time.sleep(POLL_SECONDS)
