"""Locks that assign the GPUs of a machine to its Dask workers, so that no two workers use the same GPU."""

import os
import tempfile
import time
from pathlib import Path

import filelock

from leuknet.exceptions import SetUpError
from leuknet.runs.executors.local import visible_gpus

POLL_SECONDS = 0.5


def claim_gpu() -> tuple[str, filelock.FileLock]:
    """Wait for a GPU of this machine that no other Dask worker uses; return it and its lock.

    A GPU in use is locked by a file in the machine's temporary folder; a killed process releases its lock.

    Raises
    ------
    SetUpError
        If no GPU is visible to this process.
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
