"""Runs that were interrupted: what they go on from, what they say of it, and clocks that jump."""

import json
import os
import time

import numpy as np
import pytest

from leuknet.runs.executors.local import execute_processes
from leuknet.runs.query import same_place
from leuknet.runs.record import read
from leuknet.runs.store import Store

pytestmark = pytest.mark.slow


def interrupted(store, spec, cohort, epoch=4):
    """Train up to `epoch` and stop there; return the checkpoint, which is that of the epoch before."""

    def stop(row):
        if row["epoch"] == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.execute(spec, cohort, stop, checkpoint_seconds=0)
    return store.folder(spec) / "checkpoint.npz"


def changed(path, drop=(), **values):
    """Write other values into a checkpoint; ``made``: into the environment that it records."""
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files if name not in drop}
    made = json.loads(str(arrays["made"])) | values.pop("made", {})
    np.savez(path, **(arrays | values | {"made": json.dumps(made)}))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "runs")


@pytest.fixture
def equal(grid_cohort, grid_specs, whole, store):
    """Return a check that the run, finished now, is what nothing disturbed; it returns the run's record."""

    def check():
        store.execute(grid_specs[0], grid_cohort)
        np.testing.assert_array_equal(
            store.read(grid_specs[0]).predictions()["p"], whole.read(grid_specs[0]).predictions()["p"]
        )
        assert list(store.read(grid_specs[0]).history()["epoch"]) == list(range(1, 9))
        return store.read(grid_specs[0]).as_dict()

    return check


def test_an_interrupted_run_goes_on_and_counts_all_its_seconds(grid_cohort, grid_specs, store, equal, capfd):
    path = interrupted(store, grid_specs[0], grid_cohort)
    with np.load(path) as kept:
        assert kept["epoch"] == 3 and kept["seconds"] > 0
    changed(path, seconds=5000.0)
    made = equal()
    history = store.read(grid_specs[0]).history()["seconds"]
    assert made["done"]["seconds"] > 5000 + history[3:].sum()
    assert "legs" not in made["environment"] and "starts over" not in capfd.readouterr().err


def test_what_went_on_in_another_place_says_so(grid_cohort, grid_specs, whole, store, equal):
    changed(interrupted(store, grid_specs[0], grid_cohort), made={"threads": {"OMP_NUM_THREADS": "64"}, "devices": 4})
    changed(interrupted(store, grid_specs[0], grid_cohort, 6), made={"processors": 999})
    made = equal()["environment"]
    assert [line.split(":")[0] for line in made["legs"]] == ["to epoch 3", "to epoch 5"]
    assert "OMP_NUM_THREADS': '64'" in made["legs"][0] and "devices 4" in made["legs"][0]
    assert "processors 999" in made["legs"][1]
    undisturbed = read(whole.folder(grid_specs[0])).environment
    assert not same_place(made, undisturbed) and same_place(made | {"legs": None}, undisturbed)


@pytest.mark.parametrize(
    "change, why",
    [
        ({"made": {"backend": "jax"}}, "comes from jax 0"),
        ({"made": {"packages": {"tensorflow": "1.0", "keras": "3"}}}, "comes from tensorflow 1.0 and keras 3, not"),
        ({"drop": ["state00001"]}, "does not fit this network"),
        ({"state00001": np.zeros((2, 2), np.float32)}, "does not fit this network"),
        ({"drop": ["epoch"]}, "is damaged"),
    ],
)
def test_what_a_run_cannot_go_on_from_starts_over(grid_cohort, grid_specs, store, equal, capfd, change, why):
    changed(interrupted(store, grid_specs[0], grid_cohort), seconds=5000.0, **change)
    made = equal()
    lines = [line for line in capfd.readouterr().err.splitlines() if "starts over" in line]
    assert len(lines) == 1 and why in lines[0]
    assert made["done"]["seconds"] < 5000 and "legs" not in made["environment"]


def test_a_damaged_checkpoint_starts_over(grid_specs, store, equal, capfd):
    (store.describe(grid_specs[0]) / "checkpoint.npz").write_bytes(b"PK\x03\x04 cut off")
    equal()
    assert "starts over" in capfd.readouterr().err


BACKWARDS = """
import itertools, time
real, hours = time.time, itertools.count(1)
time.time = lambda: real() - 3600 * next(hours)
print("whatever is printed before a run begins is no answer", flush=True)
"""


def test_a_clock_that_goes_back_changes_nothing(grid_cohort, grid_specs, equal, store, tmp_path, monkeypatch):
    """Interrupted here, where each look at the clock is an hour earlier; ended by a process whose files are younger."""
    now = iter(range(2**31, 0, -3600))
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: float(next(now)))
        path = interrupted(store, grid_specs[0], grid_cohort)
    with np.load(path) as kept:
        assert kept["epoch"] == 3  # a checkpoint was due each time
    for file in path.parent.iterdir():
        os.utime(file, (2**31, 2**31))
    (tmp_path / "sitecustomize.py").write_text(BACKWARDS)
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))}
    report = execute_processes(grid_specs[:1], store, [paths], checkpoint_seconds=0)
    assert report.trained == 1 and report.seconds >= 0 and report.events == []
    record = equal()
    assert (store.read(grid_specs[0]).history()["seconds"] >= 0).all()
    assert record["done"]["seconds"] >= store.read(grid_specs[0]).history()["seconds"].sum()
