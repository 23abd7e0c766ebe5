"""Dask clusters for training: local workers, the address of a running scheduler, or jobs of a batch system."""

import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from pydantic import model_validator

from leuknet._config import Settings, read_toml, setting
from leuknet.exceptions import LeuknetError
from leuknet.runs.executors.local import visible_gpus

QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster"}


class Setup(Settings):
    """Settings of a cluster, from ``--cluster``. Each worker trains one run at a time."""

    kind: Literal["local", "scheduler", "slurm", "pbs", "lsf"] = setting("local", "What the workers are.")
    address: str = setting("", "Of the scheduler, for that kind.")
    workers: int = setting(1, "Workers to start, or jobs to submit.", ge=0)
    gpu: bool = setting(False, "Whether each worker claims one of its machine's GPUs for itself.")
    shared: bool = setting(True, "False: files always travel, though workers may see the folder of runs.")
    data: str = setting("", "Folder of the slides on workers, where it is another; needs shared = false.")
    environment: dict[str, str] = setting({}, "Variables for the runs, e.g. LEUKNET_WEIGHTS.")
    options: dict[str, Any] = setting({}, "For dask-jobqueue's class, e.g. cores, memory, queue, walltime.")

    @model_validator(mode="after")
    def _fits(self) -> "Setup":
        if (self.kind == "scheduler") != bool(self.address):
            raise ValueError('kind "scheduler" needs an address, and no other kind has one')
        if self.data and self.shared:
            raise ValueError("data, another place of the slides on workers, needs shared = false")
        return self

    @property
    def expected(self) -> int:
        """Number of Dask workers to wait for; 1 if they are started externally."""
        return 1 if self.kind == "scheduler" else self.workers * self.options.get("processes", 1)


def read_setup(where: str, jobs: int | None = None) -> Setup:
    """Return the `Setup` for ``local``, an address (``tcp://host:8786``) or a TOML file with the fields of `Setup`.

    `jobs` overrides the file's ``workers``. A local cluster has one worker per GPU, or one on a machine without GPUs.
    """
    if where == "local":
        here = len(visible_gpus())
        return Setup(workers=jobs or max(here, 1), gpu=here > 0)
    values = {"kind": "scheduler", "address": where} if "://" in where else read_toml(where)
    if jobs and values.get("kind") == "scheduler":
        raise LeuknetError(f"--jobs {jobs}: a scheduler's workers are started by whoever started it")
    try:
        return Setup(**(values | ({"workers": jobs} if jobs else {})))
    except LeuknetError as error:
        raise LeuknetError(f"{where}: {error}") from None


def cluster_of(setup: Setup) -> Any:
    """Start and return the Dask cluster that `setup` describes, or return None if it is given by its address."""
    try:
        if setup.kind in QUEUES:
            return _queue(setup)
        if setup.kind == "scheduler":
            return None
        import dask
        from distributed import LocalCluster
    except ImportError as error:
        raise LeuknetError(f"--cluster needs Dask ({error}): pip install 'leuknet[cluster]'") from error
    settings = {"distributed.deploy.lost-worker-timeout": "60s"}  # restarting a worker is slow on a busy machine
    settings |= {"distributed.nanny.pre-spawn-environ.PYTHONSAFEPATH": "1"}  # cf. `leuknet._io.module_command`
    dask.config.set(settings)
    with deaf_to_ctrl_c():
        return LocalCluster(n_workers=setup.workers, threads_per_worker=1, dashboard_address=None)


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Make processes started in the block ignore Ctrl-C; it interrupts the study, which then stops them in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _queue(setup: Setup) -> Any:
    import dask_jobqueue

    made = getattr(dask_jobqueue, QUEUES[setup.kind])
    command = made.job_cls.submit_command.split()[0]
    if setup.workers and not shutil.which(command):
        raise LeuknetError(f"kind {setup.kind!r} needs {command}, which is not here: start this on a login node")
    try:
        cluster = made(**({"processes": 1} | setup.options))
    except (TypeError, ValueError) as error:
        raise LeuknetError(f"[options] for {made.__name__}: {error}") from error
    cluster.scale(jobs=setup.workers)
    return cluster


@contextmanager
def opened(setup: Setup) -> Iterator[tuple[str, Any]]:
    """Yield the scheduler's address and a function that replaces lost workers; on exit, close the cluster."""
    cluster = cluster_of(setup)
    many = {"n": setup.workers} if setup.kind == "local" else {"jobs": setup.workers}
    try:
        yield (cluster.scheduler_address, lambda: cluster.scale(**many)) if cluster else (setup.address, lambda: None)
    finally:
        if cluster:
            cluster.close()
