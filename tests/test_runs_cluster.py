"""Grids on real Dask clusters: workers and scheduler killed, results that travel, workers without the data, queues."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import distributed
import psutil
import pytest
from killer import RECIPE, Killer, check_equal
from made import fill, hear_ctrl_c, mounted

from leuknet.exceptions import LeuknetError
from leuknet.runs import failures
from leuknet.runs.executors import cluster, engine, gpu_locks, remote
from leuknet.runs.scheduler import Tally
from leuknet.runs.store import Store
from leuknet.study import experiments


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
        threads = int(os.environ["OMP_NUM_THREADS"])  # as `whole` was made: sums depend on them
        with distributed.LocalCluster(n_workers=1, threads_per_worker=threads, dashboard_address=None) as workers:
            path.write_text(f'kind = "scheduler"\naddress = "{workers.scheduler_address}"\nshared = false\n')
            yield path


def test_a_worker_without_the_data_is_told(grid_specs, setup, tmp_path):
    astray = replace(grid_specs[1], seed=99, recipe={**RECIPE, "data": str(tmp_path / "nowhere")})
    report = cluster.execute_cluster([astray], Store(tmp_path / "runs"), str(setup))
    assert "no worker has the cohort's data" in report.failed[astray.key] and "nowhere" in report.events[0]


def test_a_worker_of_another_set_up_is_told(grid_specs, setup, tmp_path):
    path = tmp_path / "cluster.toml"
    path.write_text(setup.read_text() + f'environment = {{LEUKNET_WEIGHTS = "{tmp_path / "nowhere"}"}}\n')
    spec = replace(grid_specs[0], settings=grid_specs[0].settings.but(backbone="VGG16", weights="imagenet"))
    report = cluster.execute_cluster([spec], Store(tmp_path / "runs"), str(path))
    assert "the set-up" in report.failed[spec.key]
    assert "set-up: " in report.events[0]


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
    options = ("--nthreads", os.environ["OMP_NUM_THREADS"], "--no-dashboard", "--death-timeout", "60")
    worker = ("distributed.cli.dask_worker", address, *options)
    processes = [begun(*scheduler), begun(*worker)]
    experiments = threading.Thread(
        target=lambda: reports.append(cluster.execute_cluster(specs, store, address, checkpoint_seconds=0))
    )
    experiments.start()
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("*/progress.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    processes[0].kill()
    processes[0].wait()
    processes += [begun(*scheduler), begun(*worker)]
    experiments.join(300)
    for process in processes:
        process.terminate()
        process.wait(30)
    assert reports and reports[0].trained == 1 and check_equal(specs, store, whole) == 1
    assert any("scheduler" in event or "connecting" in event for event in reports[0].events)


def test_a_full_disk_at_home_ends_the_grid_with_a_word(grid_specs, setup, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "runs" / "x"))

    monkeypatch.setattr(cluster, "take", full)
    with pytest.raises(failures.RunError, match="No space left") as told:
        cluster.execute_cluster([grid_specs[1]], Store(tmp_path / "runs"), str(setup))
    assert told.value.outcome == failures.STORAGE


def test_a_worker_that_offers_no_gpu_is_told(grid_specs, setup, tmp_path):
    report = cluster.execute_cluster([grid_specs[1]], Store(tmp_path), str(setup), per_run=1)
    assert "the GPUs asked for" in report.failed[grid_specs[1].key] and "--resources GPU=1" in report.events[0]


class Scheduler:
    """A client of a scheduler whose workers, by address, are as said; it never finishes anything."""

    def __init__(self, *workers):
        self.workers, self.given = workers, []

    def nthreads(self):
        return dict.fromkeys(self.workers, 4)

    def scheduler_info(self, n_workers):
        return {"workers": {address: {"resources": {}} for address in self.workers}}

    def submit(self, work, order, workers, **_):
        self.given.append((order["key"], workers))
        return SimpleNamespace(cancel=lambda: None, done=lambda: False)


def test_runs_kept_from_a_bad_worker_are_not_lost_with_the_good_ones(grid_specs, tmp_path):
    tally = Tally(grid_specs[:1], Store(tmp_path), False)
    crew = cluster.Crew(tally, engine.Setup(workers=2), "", lambda: None, "", 0)
    client = Scheduler("good", "bad")
    crew.look(client)
    crew.shunned.add("bad")
    crew.give(client)
    assert client.given == [(grid_specs[0].key, ["good"])] and tally.running
    client.workers = ("bad", "new")
    crew.look(client)
    assert not tally.running and tally.unfinished
    tally._later.clear()
    crew.give(client)
    assert client.given[1:] == [(grid_specs[0].key, ["new"])]


def test_one_bad_worker_that_comes_first_does_not_end_the_grid(grid_specs, tmp_path, monkeypatch):
    tally = Tally(grid_specs, Store(tmp_path), False)
    crew = cluster.Crew(tally, engine.Setup(workers=3), "", lambda: None, "", 0)
    client = Scheduler("bad")
    crew.look(client)
    crew.lacking["bad"] = {repr(grid_specs[0].recipe)}
    crew.give(client)
    assert not tally.failed and not client.given and len(tally.waiting) == 2
    tally._later.clear()
    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 0.0)
    crew.give(client)
    assert set(tally.failed) == {spec.key for spec in grid_specs}


def test_gpus_of_a_machine_are_claimed_one_run_each(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_locks.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,7")
    with gpu_locks.claimed(1) as first, gpu_locks.claimed(2) as second:
        assert first == {"CUDA_VISIBLE_DEVICES": "3"}
        assert second == {"CUDA_VISIBLE_DEVICES": "5,7", "LEUKNET_DEVICES_PER_RUN": "2"}
        assert gpu_locks.free(["3", "5", "7"], 1) == {}
    with gpu_locks.claimed(3) as whole, gpu_locks.claimed(0) as none:
        assert whole["CUDA_VISIBLE_DEVICES"] == "3,5,7" and none == {}
    with pytest.raises(LeuknetError, match="asks for 4 GPUs and this worker sees 3"), gpu_locks.claimed(4):
        pass


def test_a_run_on_a_worker_sees_its_own_gpu_and_the_workers_threads(grid_specs, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_locks.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,8")
    monkeypatch.setattr(
        distributed, "get_worker", lambda: SimpleNamespace(address="w", state=SimpleNamespace(nthreads=3))
    )
    told = []

    def start(spec, store, environment, checkpoint_seconds):
        told.append(environment)
        return SimpleNamespace(poll=lambda: 0, process=SimpleNamespace(returncode=0), log=tmp_path / "log.txt")

    monkeypatch.setattr(remote, "start", start)
    store = Store(tmp_path / "runs")
    tally = Tally(grid_specs[1:], store, False)
    crew = cluster.Crew(tally, engine.Setup(gpus_per_run=1, environment={"LEUKNET_WEIGHTS": "there"}), "", None, "m", 0)
    order = crew.order(grid_specs[1])
    (store.root / "m").write_text("a grid runs here")
    assert remote.train_remote(order)["outcome"] is None
    assert told[0]["CUDA_VISIBLE_DEVICES"] == "6" and told[0]["OMP_NUM_THREADS"] == "3"
    assert told[0]["LEUKNET_WEIGHTS"] == "there" and "KERAS_BACKEND" in told[0]
    assert remote.train_remote(order | {"gpus": 3})["outcome"] == failures.SETUP and len(told) == 1
    remote.stop_here(crew.grid)
    assert remote.train_remote(order)["outcome"] == failures.BUSY and len(told) == 1


def test_ctrl_c_ends_a_cluster_in_order(cache, tmp_path):
    command = [sys.executable, "-m", "leuknet.cli", "grid", "table9", "--profile", "smoke", "--cluster", "local"]
    log = tmp_path / "log.txt"
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, "--out", str(tmp_path)],
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=hear_ctrl_c,
        )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("trainings/*/log.txt")) and time.monotonic() < deadline:
        time.sleep(0.1)
    begun = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 130 and begun
    assert psutil.wait_procs(begun, 20)[1] == []
    assert "interrupted" in log.read_text() and "Traceback" not in log.read_text()


def test_setups(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    assert engine.read_setup("local") == engine.Setup(workers=4, gpus_per_run=1)
    assert engine.read_setup("local", per_run=2) == engine.Setup(workers=2, gpus_per_run=2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert engine.read_setup("local", 3) == engine.Setup(workers=3)
    address = "tcp://host:8786"
    assert engine.read_setup(address, per_run=2) == engine.Setup("scheduler", address, gpus_per_run=2)
    with pytest.raises(LeuknetError, match="--workers 2: a scheduler's workers"):
        engine.read_setup(address, 2)
    with pytest.raises(LeuknetError, match="CUDA_VISIBLE_DEVICES where the workers start"):
        experiments.finish([], Store(tmp_path), gpus=["0"], cluster="local")


BAD = {
    "kind = 'sge'": "give one of local, scheduler",
    "queue = 'gpu'": "unknown key queue",
    "x = =": "TOML",
    "workers = 'two'": "workers = 'two': give a whole number",
    "gpus_per_run = true": "give a whole number",
    "workers = -1": "0 or more",
    "kind = 'scheduler'": "needs an address",
    "data = 'there'": "shared = false",
    "options = 3": "give a table",
}


@pytest.mark.parametrize(("text", "said"), BAD.items())
def test_bad_setups_are_told(text, said, tmp_path):
    path = tmp_path / "cluster.toml"
    path.write_text(text)
    with pytest.raises(LeuknetError, match=said) as told:
        engine.read_setup(str(path))
    assert "cluster.toml" in str(told.value)


def test_without_dask_one_line_says_what_to_install(monkeypatch):
    for name in ("dask", "distributed", "dask_jobqueue"):
        monkeypatch.setitem(sys.modules, name, None)
    for kind in ("local", "slurm"):
        with pytest.raises(LeuknetError, match=r"needs Dask .*pip install 'leuknet\[cluster\]'"):
            engine.cluster_of(replace(engine.read_setup("local"), kind=kind))


def test_jobs_of_a_batch_system(tmp_path, monkeypatch):
    path = tmp_path / "slurm.toml"
    path.write_text(
        'kind = "slurm"\nworkers = 0\ngpus_per_run = 1\n[options]\ncores = 4\nmemory = "8GB"\nqueue = "gpu"\n'
    )
    made = engine.cluster_of(engine.read_setup(str(path)))
    try:
        script = made.job_script()
    finally:
        made.close()
    assert "#SBATCH -p gpu" in script and "distributed.cli.dask_worker" in script
    assert "--resources GPU=1" in script and "--nthreads 4" in script and "--nworkers" not in script
    with pytest.raises(LeuknetError, match="options.*SLURMCluster.*memory"):
        engine.cluster_of(engine.Setup("slurm", workers=0, options={"cores": 4}))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(LeuknetError, match="needs sbatch, which is not here"):
        engine.cluster_of(engine.read_setup(str(path), 2))
