"""Worker processes: killed, interrupted, two queues at once; full and read-only disks; failures."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest
from killer import RECIPE, Killer, check_equal
from made import fill, hear_ctrl_c, mounted, one_class, unwritable

from leuknet.exceptions import LeuknetError
from leuknet.runs import failures
from leuknet.runs.executors.local import execute_here, execute_processes
from leuknet.runs.query import same_place
from leuknet.runs.reproduce import ELSEWHERE, ON_GPUS, OTHER_BACKEND, SAME, TOLERANCES, place, rerun
from leuknet.runs.store import Store

pytestmark = pytest.mark.slow


def test_two_queues_in_one_folder_and_a_kill(grid_specs, whole, tmp_path):
    """The kill hits the second checkpoint's writing; whichever queue is first goes on from the first."""
    specs, store, reports = grid_specs, Store(tmp_path), []
    killer = Killer(tmp_path, wanted=1, aims=("checkpoint",))
    killer.start()

    def queue():
        while not all(map(store.done, specs)):
            reports.append(execute_processes(specs, store, checkpoint_seconds=0))

    both = [threading.Thread(target=queue) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    killer.stop.set()
    killer.join()
    assert killer.stages.total() == 1
    assert check_equal(specs, store, whole) == 2
    assert any("killed by SIGKILL" in event for report in reports for event in report.events)


def test_ctrl_c_ends_the_training_and_its_processes(tmp_path):
    grid = tmp_path / "g.toml"
    grid.write_text("seeds = 1\n[settings]\nepochs = 500\n")
    changes = [f"--set={name}={value}" for name, value in RECIPE.items() if name not in ("data", "seed")]
    command = [sys.executable, "-m", "leuknet.cli", "train", grid, "--profile", "smoke", "--out", tmp_path, *changes]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=hear_ctrl_c)  # fmt: skip
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("trainings/*/progress.json")) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130 and "interrupted: finished runs are kept" in errors and "Traceback" not in errors
    assert children and not any(child.is_running() for child in children)
    assert not list(tmp_path.glob("trainings/*/.*")) and not list(tmp_path.glob("trainings/*/failed.json"))


def test_a_full_disk_is_reported_and_the_run_goes_on_when_there_is_room(grid_cohort, grid_specs, whole, tmp_path):
    spec = grid_specs[0]
    with mounted(tmp_path / "small", "size=200k") as small:
        store = Store(small / "runs")
        with pytest.raises(failures.RunError, match="No space left .* free space") as raised:
            store.execute(spec, grid_cohort, checkpoint_seconds=0)
        assert raised.value.failure == failures.STORAGE and not store.done(spec)
        fill(small / "filler")
        with pytest.raises(failures.RunError, match="No space left"):
            execute_processes(grid_specs[1:], store)
        (small / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,size=50m", small], check=True)
        store.execute(spec, grid_cohort, checkpoint_seconds=0)
        np.testing.assert_array_equal(store.read(spec).predictions()["p"], whole.read(spec).predictions()["p"])


def test_a_read_only_folder_is_reported(grid_cohort, grid_specs, tmp_path):
    with mounted(tmp_path / "fixed", "size=1m,ro") as fixed:
        store = Store(fixed / "runs")
        for attempt in (
            lambda: store.execute(grid_specs[0], grid_cohort),
            lambda: execute_processes(grid_specs, store),
        ):
            with pytest.raises(failures.RunError, match="Read-only file system") as raised:
                attempt()
            assert raised.value.failure == failures.STORAGE


NARROW = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))\n"


def test_a_disk_that_takes_no_more_is_reported(grid_cohort, grid_specs, whole, tmp_path):
    """For everybody: the run's process may write no file above 200 kB, which its checkpoint is."""
    (tmp_path / "sitecustomize.py").write_text(NARROW)
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))}
    store = Store(tmp_path / "runs")
    with pytest.raises(failures.RunError, match=r"too large at .*checkpoint\.npz: free space") as raised:
        execute_processes(grid_specs[:1], store, [paths], checkpoint_seconds=0)
    assert raised.value.failure == failures.STORAGE == outcome_of(store, grid_specs[0])
    assert store.execute(grid_specs[0], grid_cohort)
    assert check_equal(grid_specs[:1], store, whole) == 1


def test_a_folder_that_may_not_be_written_is_reported(grid_cohort, grid_specs):
    with unwritable() as folder:
        store = Store(folder / "runs")
        for attempt in (
            lambda: store.execute(grid_specs[0], grid_cohort),
            lambda: execute_processes(grid_specs, store),
        ):
            with pytest.raises(failures.RunError, match=f"Permission denied at {folder}.*another --out") as raised:
                attempt()
            assert raised.value.failure == failures.STORAGE


def test_a_run_repeats_from_its_record_alone(grid_specs, whole, tmp_path):
    found = rerun(whole.folder(grid_specs[0]))
    assert found.where == SAME and found.equal and found.agrees and "agrees" in str(found) and found.images > 0
    other = replace(found, equal=False, mean=0.2, largest=0.5, calls=3)
    assert not other.agrees and "DOES NOT AGREE" in str(other)
    for where in (ON_GPUS, ELSEWHERE, OTHER_BACKEND):
        found_there = replace(other, where=where, tolerance=TOLERANCES[where])
        assert not replace(found_there, mean=TOLERANCES[where] + 0.01).agrees
        assert replace(found_there, mean=TOLERANCES[where] - 0.01).agrees
    made = json.loads((whole.folder(grid_specs[0]) / "environment.json").read_text())
    assert same_place(made, made) and not same_place(made, made | {"threads": {"OMP_NUM_THREADS": "64"}})
    assert place(made, made) == SAME and place(made, made | {"processors": 999}) == ELSEWHERE
    assert place(made, made | {"backend": "torch"}) == OTHER_BACKEND
    with_gpus, over_two = made | {"gpus": ["NVIDIA H100"]}, made | {"devices": 2}
    assert place(with_gpus, with_gpus) == ON_GPUS and place(made, with_gpus) == place(made, over_two) == ELSEWHERE
    before = {name: value for name, value in made.items() if name != "devices"}  # a record of earlier versions
    assert made["devices"] == 1 and place(before, made) == SAME and place(before, over_two) == ELSEWHERE
    with pytest.raises(LeuknetError, match="the run itself"):
        rerun(whole.folder(grid_specs[0]), out=whole.root)
    with pytest.raises(LeuknetError, match="has no done.json"):
        rerun(tmp_path)


def outcome_of(store, spec):
    return json.loads((store.folder(spec) / "failed.json").read_text())["outcome"]


def test_what_cannot_be_done_is_a_clear_failure_and_the_others_go_on(grid_cohort, grid_specs, tmp_path, monkeypatch):
    store, s = Store(tmp_path), grid_specs[0].settings
    single = one_class(grid_specs[0], grid_cohort)
    nan = replace(grid_specs[0], settings=s.but(learning_rate=100, augmentation=None))
    large = replace(grid_specs[0], settings=s.model_copy(update={"dense": (2_000_000_000, 2)}))
    astray = replace(grid_specs[0], settings=s.but(backbone="VGG16", weights="imagenet"))
    monkeypatch.setenv("LEUKNET_WEIGHTS", str(tmp_path / "nowhere"))
    report = execute_here([single, nan, large, astray, grid_specs[1]], store, grid_cohort)
    assert len(report.failed) == 4 and report.trained == 1 and store.done(grid_specs[1])
    assert outcome_of(store, single) == failures.REFUSED and "one class only" in report.failed[single.key]
    assert outcome_of(store, nan) == failures.REFUSED and "the loss is nan" in report.failed[nan.key]
    assert outcome_of(store, astray) == failures.SETUP and "nowhere is not a folder" in report.failed[astray.key]
    assert outcome_of(store, large) == failures.MEMORY and "too large for this machine" in report.failed[large.key]
