"""Grids on real Dask clusters: workers and scheduler killed, results that travel, workers without the data, queues."""

import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from killer import RECIPE, Killer, check_equal, small_grid

from leuknet.cohort.load import load_cohort
from leuknet.errors import LeuknetError
from leuknet.study import cluster
from leuknet.study.execute import execute_here
from leuknet.study.runs import Store

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cohort():
    return load_cohort(**RECIPE)


@pytest.fixture(scope="module")
def specs(cohort):
    return small_grid(cohort, seeds=1)[:2]


@pytest.fixture(scope="module")
def whole(cohort, specs, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("whole"))
    assert execute_here(specs, store, cohort).failed == {}
    return store


def test_dask_workers_killed_and_results_travel(specs, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "elsewhere"))  # the workers': they see no folder of runs
    away = tmp_path / "elsewhere" / "trainings"
    setup = tmp_path / "cluster.toml"
    store, killer = Store(tmp_path / "runs"), Killer(away, wanted=1, mean=0.5, parents=True)
    with distributed.LocalCluster(1, threads_per_worker=1, dashboard_address=None) as workers:
        setup.write_text(f'kind = "scheduler"\naddress = "{workers.scheduler_address}"\nshared = false\n')
        astray = replace(specs[0], seed=99, recipe={**RECIPE, "data": str(tmp_path / "nowhere")})
        lost = cluster.execute_cluster([astray], Store(tmp_path / "other"), str(setup))
        killer.start()
        report = cluster.execute_cluster(specs, store, str(setup), checkpoint_seconds=0)
    assert "no worker has the cohort's data" in lost.failed[astray.key] and "nowhere" in lost.events[0]
    killer.stop.set()
    killer.join()
    assert report.failed == {} and report.trained == 2 and sum(killer.stages.values()) == 1
    assert check_equal(specs, store, whole) == 2
    assert not list(store.root.glob(".grid-*"))


def begun(*words):
    command = [sys.executable, "-m", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_scheduler_killed_and_started_again_loses_nothing(specs, whole, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, store, reports = f"tcp://127.0.0.1:{port}", Store(tmp_path), []
    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    worker = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard", "--death-timeout", "5")
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
    assert reports and reports[0].trained == 2 and check_equal(specs, store, whole) == 2
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
