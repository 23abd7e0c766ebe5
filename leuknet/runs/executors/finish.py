"""Execution of runs on this machine or on a cluster, with a suitable progress display."""

from collections.abc import Iterable, Sequence

from leuknet.exceptions import LeuknetError
from leuknet.runs.executors.local import execute_processes, slots
from leuknet.runs.executors.scheduler import Scheduler
from leuknet.runs.progress import watcher
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store


def finish(
    specs: Iterable[RunSpec],
    store: Store,
    jobs: int | None = None,
    gpus: Sequence[str] | None = None,
    cluster: str | None = None,
    again: bool = False,
    checkpoint_seconds: float = 30.0,
    environment: dict[str, str] | None = None,
) -> Scheduler:
    """Execute runs in worker processes or on a cluster, with a progress display (see `leuknet.runs.progress`).

    Parameters
    ----------
    specs : list of RunSpec
        From `leuknet.study.experiments.together`.
    store : Store
    jobs : int, optional
        Number of parallel processes, see `leuknet.runs.executors.local.slots`; with `cluster`, of its workers or jobs.
    gpus : list of str, optional
        Ids of this machine's GPUs to use; workers of a `cluster` use the GPUs visible to them.
    cluster : str, optional
        Argument of `leuknet.runs.executors.clusters.read_setup`. Default: processes on this machine.
    again : bool
        Whether to retry runs that an earlier call gave up as not runnable.
    checkpoint_seconds : float
    environment : dict of str, optional
        Environment variables for this machine's worker processes.

    Returns
    -------
    Scheduler
    """
    if cluster and gpus:
        raise LeuknetError("--gpus chooses among this machine's: set CUDA_VISIBLE_DEVICES where the workers start")
    with watcher() as view:
        if cluster:
            from leuknet.runs.executors.dask import execute_cluster

            return execute_cluster(specs, store, cluster, jobs, view, again, checkpoint_seconds)
        own = slots(jobs, gpus, all(spec.settings.nano for spec in specs))
        environments = [slot | (environment or {}) for slot in own]
        return execute_processes(specs, store, environments, view, again, checkpoint_seconds)
