"""Provenance of results: versions, backend, machine, commit."""

import functools
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import leuknet

PACKAGES = ["keras", "tensorflow", "jax", "torch", "numpy", "scipy", "scikit-learn", "pandas", "matplotlib"]
PACKAGES += ["umap-learn"]


def version(package: str) -> str | None:
    """Return the installed version of `package`, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


BACKENDS = ("tensorflow", "jax", "torch")
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC")  # NPROC is for JAX on a CPU


@functools.cache
def commit() -> str | None:
    """Return the checkout's commit, with "+changes" if there are uncommitted changes, or None outside a checkout."""
    root = Path(leuknet.__file__).parent.parent
    if not (root / ".git").exists():
        return None
    try:
        head, changes = git(root, "rev-parse", "--short=12", "HEAD"), git(root, "status", "--porcelain", "-uno")
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+changes" if changes else "")


def git(root: Path, *arguments: str) -> str:
    """Return the output of git, run without user or system configuration and without any hooks of the checkout."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    clean |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    nothing = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}", "-c", f"safe.directory={root}")
    command = ["git", "--no-pager", *nothing, *arguments]
    return subprocess.run(command, cwd=root, env=clean, capture_output=True, text=True, check=True).stdout.strip()


def threads() -> dict[str, str]:
    """Return the environment variables for this process's number of threads, on which floating-point sums depend."""
    return {name: os.environ[name] for name in THREADS if name in os.environ}


def thread_settings(narrow: bool) -> dict[str, str]:
    """Return the environment variables that set the threads of a training process, independent of how it is started.

    Narrow networks use one thread, because their operations are too small to parallelise; others use one per core.
    Variables that the user has set take precedence.
    """
    count = "1" if narrow else str(os.cpu_count() or 1)
    return {name: os.environ.get(name, count) for name in THREADS}


@functools.cache
def gpus() -> list[str]:
    """Return the names of this machine's NVIDIA GPUs as listed by the driver; empty if there are none."""
    try:
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return done.stdout.strip().splitlines()


@functools.cache
def environment() -> dict[str, Any]:
    """Return a dictionary: package versions, backend, Python, system, processors, GPUs, threads, devices, commit."""
    return {
        "leuknet": leuknet.__version__,
        "commit": commit(),
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "gpus": gpus(),
        "threads": threads(),
        "devices": 1,
        "backend": backend(),
        "packages": {name: installed for name in PACKAGES if (installed := version(name))},
    }


def backend() -> str:
    """Return the Keras backend in use, or the configured one, without importing Keras if possible."""
    if "keras" not in sys.modules and os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"]
    import keras

    return keras.backend.backend()
