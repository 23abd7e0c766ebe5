"""Runs on real Dask clusters: workers and scheduler killed, results that travel, workers without the data, queues."""

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
from leuknet.runs.executors import clusters, dask, gpu_locks
from leuknet.runs.executors.finish import finish
from leuknet.runs.executors.scheduler import Scheduler
from leuknet.runs.store import Store

pytestmark = pytest.mark.slow


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


def test_a_worker_without_the_data_is_named(grid_specs, setup, tmp_path):
    astray = replace(grid_specs[1], seed=99, recipe={**RECIPE, "data": str(tmp_path / "nowhere")})
    report = dask.execute_cluster([astray], Store(tmp_path / "runs"), str(setup))
    assert "no worker has the cohort's data" in report.failed[astray.key] and "nowhere" in report.events[0]


def test_a_worker_of_another_set_up_is_named(grid_specs, setup, tmp_path):
    path = tmp_path / "cluster.toml"
    path.write_text(setup.read_text() + f'environment = {{LEUKNET_WEIGHTS = "{tmp_path / "nowhere"}"}}\n')
    spec = replace(grid_specs[0], settings=grid_specs[0].settings.but(backbone="VGG16", weights="imagenet"))
    report = dask.execute_cluster([spec], Store(tmp_path / "runs"), str(path))
    assert "the set-up" in report.failed[spec.key]
    assert "set-up: " in report.events[0]


def test_a_worker_with_a_full_disk_is_named_and_the_run_is_done_when_there_is_room(grid_specs, setup, away, tmp_path):
    spec, store = grid_specs[1], Store(tmp_path / "runs")
    with mounted(away / "trainings", "size=100k") as small:
        fill(small / "filler")
        report = dask.execute_cluster([spec], store, str(setup))
        assert "room on its disk" in report.failed[spec.key] and "No space left" in report.events[0]
    assert dask.execute_cluster([spec], store, str(setup)).trained == 1 and store.done(spec)


def test_a_dask_worker_killed_and_results_that_travel(grid_specs, whole, setup, away, tmp_path):
    store, killer = Store(tmp_path / "runs"), Killer(away / "trainings", wanted=1, parents=True, aims=("checkpoint",))
    killer.start()
    report = dask.execute_cluster(grid_specs, store, str(setup), checkpoint_seconds=0)
    killer.stop.set()
    killer.join()
    assert report.failed == {} and report.trained == 2 and killer.stages.total() == 1
    assert check_equal(grid_specs, store, whole) == 2
    assert not list(store.root.glob(".study-*"))


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
    study = threading.Thread(
        target=lambda: reports.append(dask.execute_cluster(specs, store, address, checkpoint_seconds=0))
    )
    study.start()
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("*/progress.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    processes[0].kill()
    processes[0].wait()
    processes += [begun(*scheduler), begun(*worker)]
    study.join(300)
    for process in processes:
        process.terminate()
        process.wait(30)
    assert reports and reports[0].trained == 1 and check_equal(specs, store, whole) == 1
    assert any("scheduler" in event or "connecting" in event for event in reports[0].events)


def test_a_full_disk_at_home_ends_the_study_with_one_line(grid_specs, setup, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "runs" / "x"))

    monkeypatch.setattr(dask, "take", full)
    with pytest.raises(failures.RunError, match="No space left") as raised:
        dask.execute_cluster([grid_specs[1]], Store(tmp_path / "runs"), str(setup))
    assert raised.value.failure == failures.STORAGE


def test_a_worker_without_a_gpu_is_named(grid_specs, setup, tmp_path, monkeypatch):
    path = tmp_path / "cluster.toml"
    path.write_text(setup.read_text() + "gpu = true\n")
    report = dask.execute_cluster([grid_specs[1]], Store(tmp_path / "runs"), str(path))
    assert "the set-up" in report.failed[grid_specs[1].key] and "this worker sees none" in report.events[0]


class Client:
    """A client of a Dask scheduler with workers at the given addresses; it never finishes anything."""

    def __init__(self, *workers):
        self.workers, self.given = workers, []

    def nthreads(self):
        return dict.fromkeys(self.workers, 4)

    def submit(self, work, order, workers, **_):
        self.given.append((order["key"], workers))
        return SimpleNamespace(cancel=lambda: None, done=lambda: False)


def crew_of(specs, store, **setup):
    scheduler = Scheduler(specs, store)
    return scheduler, dask.Crew(scheduler, clusters.Setup(**setup), lambda: None, "mark", 0)


def test_runs_kept_from_a_bad_worker_are_not_lost_with_the_good_ones(grid_specs, tmp_path, monkeypatch):
    monkeypatch.setattr("leuknet.runs.executors.scheduler.LOOK_AGAIN_SECONDS", 0.0)
    scheduler, crew = crew_of(grid_specs[:1], Store(tmp_path), workers=2)
    client = Client("good", "bad")
    crew.look(client)
    crew.unfit["bad"].add("")
    crew.give(client)
    assert client.given == [(grid_specs[0].key, ["good"])] and scheduler.running
    client.workers = ("bad", "new")
    crew.look(client)
    assert not scheduler.running and scheduler.unfinished
    crew.give(client)
    assert client.given[1:] == [(grid_specs[0].key, ["new"])]


def test_one_bad_worker_that_comes_first_does_not_end_the_study(grid_specs, tmp_path, monkeypatch):
    scheduler, crew = crew_of(grid_specs, Store(tmp_path), workers=3)
    client = Client("bad")
    crew.look(client)
    crew.unfit["bad"] = {repr(grid_specs[0].recipe)}
    crew.give(client)
    assert not scheduler.failed and not client.given and len(scheduler.waiting) == 2
    monkeypatch.setattr(dask, "PATIENCE_SECONDS", 0.0)
    crew.give(client)
    assert set(scheduler.failed) == {spec.key for spec in grid_specs}


def test_a_run_that_many_workers_die_of_is_given_up(grid_specs, tmp_path, monkeypatch):
    monkeypatch.setattr("leuknet.runs.executors.scheduler.LOOK_AGAIN_SECONDS", 0.0)
    scheduler, crew = crew_of(grid_specs[:1], Store(tmp_path), workers=1)
    for number in range(dask.DEATHS + 1):
        client = Client(f"worker {number}")
        crew.look(client)
        crew.give(client)
    crew.look(Client("last"))
    assert "Dask workers died" in scheduler.failed[grid_specs[0].key] and not scheduler.unfinished


def test_each_worker_has_a_gpu_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_locks.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    (first, held), (second, other) = gpu_locks.claim_gpu(), gpu_locks.claim_gpu()
    assert (first, second) == ("3", "5")
    held.release()
    again, third = gpu_locks.claim_gpu()
    assert again == "3"
    other.release(), third.release()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(LeuknetError, match="asks for a GPU and this worker sees none"):
        gpu_locks.claim_gpu()


def test_a_run_on_a_worker_sees_its_gpu_and_the_setups_variables(grid_specs, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_locks.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,8")
    environments = []

    class Done:
        def __init__(self, environment, checkpoint_seconds):
            self.environment, self.checkpoint_seconds, self.process = environment, checkpoint_seconds, None
            environments.append(environment)

        def begin(self, spec, folder):
            self.spec = spec

        def poll(self):
            return dask.Ending(None)

    monkeypatch.setattr(dask, "Worker", Done)
    monkeypatch.setattr(dask, "worker_state", {"over": set()})
    store = Store(tmp_path / "runs")
    _, crew = crew_of(grid_specs[1:], store, gpu=True, environment={"LEUKNET_WEIGHTS": "there"})
    order = crew.order(grid_specs[1])
    (store.root / "mark").write_text("a study runs here")
    for _ in range(2):
        assert dask.train_remote(order) == (dask.Ending(None), {})
    assert len(environments) == 1  # the worker process is kept from run to run
    assert environments[0]["CUDA_VISIBLE_DEVICES"] == "6" and environments[0]["LEUKNET_WEIGHTS"] == "there"
    assert {"KERAS_BACKEND", "OMP_NUM_THREADS"} <= set(environments[0])
    dask.stop_here(crew.study)
    assert dask.train_remote(order)[0].failure == failures.BUSY
    dask.worker_state["gpu"][1].release()


def test_ctrl_c_ends_a_cluster_in_order(cache, tmp_path):
    command = [sys.executable, "-m", "leuknet.cli", "train", "table9", "--profile", "smoke", "--cluster", "local"]
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
    assert clusters.read_setup("local") == clusters.Setup(workers=4, gpu=True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert clusters.read_setup("local", 3) == clusters.Setup(workers=3)
    address = "tcp://host:8786"
    assert clusters.read_setup(address) == clusters.Setup(kind="scheduler", address=address)
    with pytest.raises(LeuknetError, match="--jobs 2: a scheduler's workers"):
        clusters.read_setup(address, 2)
    with pytest.raises(LeuknetError, match="CUDA_VISIBLE_DEVICES where the workers start"):
        finish([], Store(tmp_path), gpus=["0"], cluster="local")


BAD = {
    "kind = 'sge'": "give one of local, scheduler",
    "queue = 'gpu'": "unknown setting 'queue'",
    "x = =": "TOML",
    "workers = 'two'": "workers = 'two': give a whole number",
    "gpu = 3": "give true or false",
    "workers = -1": "at least 0",
    "kind = 'scheduler'": "needs an address",
    "data = 'there'": "shared = false",
    "options = 3": "give a table",
}


@pytest.mark.parametrize(("text", "message"), BAD.items())
def test_bad_setups_are_named(text, message, tmp_path):
    path = tmp_path / "cluster.toml"
    path.write_text(text)
    with pytest.raises(LeuknetError, match=message) as raised:
        clusters.read_setup(str(path))
    assert "cluster.toml" in str(raised.value)


def test_without_dask_one_line_says_what_to_install(monkeypatch):
    for name in ("dask", "distributed", "dask_jobqueue"):
        monkeypatch.setitem(sys.modules, name, None)
    for kind in ("local", "slurm"):
        with pytest.raises(LeuknetError, match=r"needs Dask .*pip install 'leuknet\[cluster\]'"):
            clusters.cluster_of(clusters.Setup(kind=kind))


def test_jobs_of_a_batch_system(tmp_path, monkeypatch):
    path = tmp_path / "slurm.toml"
    path.write_text('kind = "slurm"\nworkers = 0\ngpu = true\n[options]\ncores = 4\nmemory = "8GB"\nqueue = "gpu"\n')
    made = clusters.cluster_of(clusters.read_setup(str(path)))
    try:
        script = made.job_script()
    finally:
        made.close()
    assert "#SBATCH -p gpu" in script and "distributed.cli.dask_worker" in script
    assert "--nthreads 4" in script and "--nworkers" not in script
    with pytest.raises(LeuknetError, match="options.*SLURMCluster.*memory"):
        clusters.cluster_of(clusters.Setup(kind="slurm", workers=0, options={"cores": 4}))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(LeuknetError, match="needs sbatch, which is not here"):
        clusters.cluster_of(clusters.read_setup(str(path), 2))
