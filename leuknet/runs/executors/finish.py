"""Finish runs on this machine or on a cluster, under the progress display that fits."""

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
    """Finish runs in worker processes, watched by a table, by lines or, in a notebook, by a widget.

    Parameters
    ----------
    specs : list of RunSpec
        From `leuknet.study.experiments.together`.
    store : Store
    jobs : int, optional
        Processes at a time, see `leuknet.runs.executors.local.slots`; with `cluster` its workers or jobs.
    gpus : list of str, optional
        Of this machine; workers of a `cluster` use those that they see.
    cluster : str, optional
        What `leuknet.runs.executors.clusters.read_setup` takes; processes of this machine if not given.
    again : bool
        Try also what an earlier call was refused.
    checkpoint_seconds : float
    environment : dict of str, optional
        Variables for this machine's worker processes.

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
