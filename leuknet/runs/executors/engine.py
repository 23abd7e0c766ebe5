"""Which Dask cluster a grid runs on: workers of this machine, a scheduler's address, or jobs of a batch system."""

import os
import shutil
import signal
import threading
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from leuknet._config import TABLE, TEXT, YES_NO, check, choice, whole
from leuknet.exceptions import LeuknetError
from leuknet.runs.executors.local import visible_gpus

QUEUES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster"}
KINDS = ("local", "scheduler", *QUEUES)


@dataclass(frozen=True)
class Setup:
    """Which cluster, from ``--cluster``. Each worker does one run at a time, with all its threads.

    Attributes
    ----------
    kind : {"local", "scheduler", "slurm", "pbs", "lsf"}
    address : str
        Of the scheduler, for that kind.
    workers : int
        Workers to start, or jobs to submit.
    gpus_per_run : int
        Claimed of the Dask resource ``GPU``, which workers must offer and those started here do. A run sees its own
        GPUs only; more than one spreads it over them.
    shared : bool
        False: files always travel, though workers may see the folder of runs.
    data : str
        Folder of the slides on workers, where it is another than here; needs ``shared = false``.
    environment : dict of str
        Variables for the runs, e.g. ``LEUKNET_WEIGHTS``.
    options : dict
        For dask-jobqueue's class, e.g. cores, memory, queue, walltime; one process a job if not said otherwise.
    """

    kind: str = "local"
    address: str = ""
    workers: int = 1
    gpus_per_run: int = 0
    shared: bool = True
    data: str = ""
    environment: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)

    def __post_init__(self):
        check(vars(self), VALUES)
        if (self.kind == "scheduler") != bool(self.address):
            raise LeuknetError('kind "scheduler" needs an address, and no other kind has one')
        if self.data and self.shared:
            raise LeuknetError("data, another place of the slides on workers, needs shared = false")

    @property
    def expected(self):
        """How many Dask workers are to come; 1 where others start them."""
        return 1 if self.kind == "scheduler" else self.workers * self.options.get("processes", 1)


VALUES = {"kind": choice(KINDS), "workers": whole(0), "gpus_per_run": whole(0), "shared": YES_NO}
VALUES |= dict.fromkeys(("address", "data"), TEXT) | dict.fromkeys(("environment", "options"), TABLE)


def read_setup(where, workers=None, per_run=None):
    """Return the `Setup` for ``local``, an address (``tcp://host:8786``) or a TOML file with the fields of `Setup`.

    `workers` and `per_run` (GPUs a run) go before what the file says. A local cluster has a worker for each GPU or
    group of `per_run`, one on a machine without.
    """
    if where == "local":
        here = len(visible_gpus())
        each = (per_run or 1) if here else 0
        return Setup(workers=workers or max(here // max(each, 1), 1), gpus_per_run=each)
    more = ({"workers": workers} if workers else {}) | ({"gpus_per_run": per_run} if per_run else {})
    said = {"kind": "scheduler", "address": where} if "://" in where else _read(where)
    if workers and said.get("kind") == "scheduler":
        raise LeuknetError(f"--workers {workers}: a scheduler's workers are started by whoever started it")
    try:
        return Setup(**(said | more))
    except LeuknetError as error:
        raise LeuknetError(f"{where}: {error}") from None


def _read(path):
    try:
        said = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LeuknetError(f"--cluster {path}: neither local, an address, nor a TOML file ({error})") from error
    if unknown := set(said) - set(Setup.__dataclass_fields__):
        known = ", ".join(Setup.__dataclass_fields__)
        raise LeuknetError(f"{path}: unknown key {', '.join(sorted(unknown))}; known: {known}")
    return said


def cluster_of(setup):
    """Return the Dask cluster that `setup` describes, started; None where only an address is known."""
    try:
        if setup.kind == "local":
            return _local(setup)
        return _queue(setup) if setup.kind in QUEUES else None
    except ImportError as error:
        raise LeuknetError(f"--cluster needs Dask ({error}): pip install 'leuknet[cluster]'") from error


def _local(setup):
    import dask
    from distributed import LocalCluster

    dask.config.set({"distributed.deploy.lost-worker-timeout": "60s"})  # a busy machine restarts one slowly
    n = setup.workers
    threads = max((os.cpu_count() or 1) // max(n, 1), 1)
    offered = {"GPU": setup.gpus_per_run} if setup.gpus_per_run else None
    with deaf_to_ctrl_c():
        return LocalCluster(n_workers=n, threads_per_worker=threads, resources=offered, dashboard_address=None)


@contextmanager
def deaf_to_ctrl_c():
    """Have processes begun meanwhile ignore Ctrl-C, which reaches the grid; the grid ends them in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _queue(setup):
    import dask_jobqueue

    made = getattr(dask_jobqueue, QUEUES[setup.kind])
    command = made.job_cls.submit_command.split()[0]
    if setup.workers and not shutil.which(command):
        raise LeuknetError(f"kind {setup.kind!r} needs {command}, which is not here: start the grid on a login node")
    offered = {"worker_extra_args": ["--resources", f"GPU={setup.gpus_per_run}"]} if setup.gpus_per_run else {}
    try:
        cluster = made(**({"processes": 1} | offered | setup.options))
    except (TypeError, ValueError) as error:
        raise LeuknetError(f"[options] for {made.__name__}: {error}") from error
    cluster.scale(jobs=setup.workers)
    return cluster


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
