"""Grids on real Dask clusters: workers and scheduler killed, results that travel, workers without the data, queues."""

import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from killer import RECIPE, Killer, check_equal
from made import fill, mounted

from leuknet.errors import LeuknetError
from leuknet.study import cluster
from leuknet.study.runs import Store

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def away(cache, tmp_path_factory):
    """Return the cache of workers that do not see the folder of runs; they have the cohorts at hand."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "cohorts").symlink_to(cache / "cohorts")
    return folder


@pytest.fixture(scope="module")
def setup(away, grid_cohort, tmp_path_factory):
    """Return a setup file for a LocalCluster of one real worker process whose results travel."""
    path = tmp_path_factory.mktemp("setup") / "cluster.toml"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEUKNET_CACHE", str(away))  # of the worker, and of the one that follows it
        with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as workers:
            path.write_text(f'kind = "scheduler"\naddress = "{workers.scheduler_address}"\nshared = false\n')
            yield path


def test_a_worker_without_the_data_is_told(grid_specs, setup, tmp_path):
    astray = replace(grid_specs[1], seed=99, recipe={**RECIPE, "data": str(tmp_path / "nowhere")})
    report = cluster.execute_cluster([astray], Store(tmp_path / "runs"), str(setup))
    assert "no worker has the cohort's data" in report.failed[astray.key] and "nowhere" in report.events[0]


def test_a_worker_with_a_full_disk_is_told_and_the_run_is_done_when_there_is_room(grid_specs, setup, away, tmp_path):
    spec, store = grid_specs[1], Store(tmp_path / "runs")
    with mounted(away / "trainings", "size=100k") as small:
        fill(small / "filler")
        report = cluster.execute_cluster([spec], store, str(setup))
        assert "room on its disk" in report.failed[spec.key] and "No space left" in report.events[0]
    assert cluster.execute_cluster([spec], store, str(setup)).trained == 1 and store.done(spec)


def test_a_dask_worker_killed_and_results_that_travel(grid_specs, whole, setup, away, tmp_path):
    store, killer = Store(tmp_path / "runs"), Killer(away / "trainings", wanted=1, parents=True, aims=("checkpoint",))
    killer.start()
    report = cluster.execute_cluster(grid_specs, store, str(setup), checkpoint_seconds=0)
    killer.stop.set()
    killer.join()
    assert report.failed == {} and report.trained == 2 and killer.stages.total() == 1
    assert check_equal(grid_specs, store, whole) == 2
    assert not list(store.root.glob(".grid-*"))


def begun(*words):
    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_scheduler_killed_and_started_again_loses_nothing(grid_specs, whole, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, store, reports, specs = f"tcp://127.0.0.1:{port}", Store(tmp_path), [], grid_specs[:1]
    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    options = ("--nthreads", "1", "--no-dashboard", "--death-timeout", "60")
    worker = ("distributed.cli.dask_worker", address, *options)
    processes = [begun(*scheduler), begun(*worker)]
    grid = threading.Thread(
        target=lambda: reports.append(cluster.execute_cluster(specs, store, address, checkpoint_seconds=0))
    )
    grid.start()
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("*/progress.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    processes[0].kill()
    processes[0].wait()
    processes += [begun(*scheduler), begun(*worker)]
    grid.join(300)
    for process in processes:
        process.terminate()
        process.wait(30)
    assert reports and reports[0].trained == 1 and check_equal(specs, store, whole) == 1
    assert any("scheduler" in event or "connecting" in event for event in reports[0].events)


def test_jobqueue_scripts_and_bad_setups(tmp_path):
    pytest.importorskip("dask_jobqueue")
    path = tmp_path / "slurm.toml"
    path.write_text('kind = "slurm"\nworkers = 0\n[options]\ncores = 4\nmemory = "8GB"\nqueue = "gpu"\n')
    made = cluster.cluster_of(cluster.read_setup(str(path)))
    try:
        script = made.job_script()
    finally:
        made.close()
    assert "#SBATCH -p gpu" in script and "distributed.cli.dask_worker" in script
    assert cluster.read_setup("tcp://host:8786") == cluster.Setup("scheduler", "tcp://host:8786")
    assert cluster.read_setup("local", 3).workers == 3
    for text, said in (("kind = 'sge'", "choose local"), ("queue = 'gpu'", "unknown key queue"), ("x = =", "TOML")):
        path.write_text(text)
        with pytest.raises(LeuknetError, match=said):
            cluster.read_setup(str(path))
