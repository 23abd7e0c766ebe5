"""Runs: keys, folders, failures, what a process of its own says."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from made import one_class, small_cohort

from leuknet.baselines.settings import BaselineSettings
from leuknet.evaluation.splits import Split, leave_one_source_out, lodocv
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.runs.executors.local import execute_here
from leuknet.runs.failures import REFUSED
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import PREDICTION_COLUMNS, Store

NANO = TrainSettings(backbone="VGG16-nano", weights="random", epochs=1, batch=8)


@pytest.fixture(scope="module")
def cohort():
    return small_cohort()


@pytest.fixture(scope="module")
def spec(cohort):
    return RunSpec(NANO, lodocv(cohort.table), "A", 1, cohort.key)


def test_key_follows_what_decides_and_nothing_else(spec, cohort):
    assert spec.key == replace(spec, keep_model=True).key
    others = [replace(spec, seed=2), replace(spec, fold="B"), replace(spec, settings=NANO.but(epochs=2))]
    others.append(replace(spec, cohort_key="another"))
    assert len({spec.key, *(o.key for o in others)}) == 5
    same = replace(spec, split=leave_one_source_out(cohort.table))
    assert same.key == spec.key


@pytest.mark.slow
def test_a_run_leaves_its_record_and_is_not_done_again(spec, cohort, tmp_path):
    store = Store(tmp_path)
    store.execute(spec, cohort)
    record = store.read(spec).as_dict()
    assert record["run"]["fold"] == "A" and record["weights"]["weights"] and record["environment"]["packages"]["keras"]
    frame = store.read(spec).predictions()
    assert (
        list(frame.columns) == PREDICTION_COLUMNS and set(frame["data_set"]) == {"A"} and frame["p"].between(0, 1).all()
    )
    done = store.folder(spec) / "done.json"
    before = done.stat().st_mtime_ns
    report = execute_here([spec], store, cohort)
    assert (report.before, report.trained) == (1, 0) and done.stat().st_mtime_ns == before
    assert not (store.folder(spec) / "checkpoint.npz").exists()


@pytest.mark.slow
def test_a_kept_network_predicts_as_its_record_says(spec, cohort, tmp_path):
    store, kept = Store(tmp_path), replace(spec, keep_model=True)
    with pytest.raises(LeuknetError, match="no kept network"):
        store.model(kept)
    store.execute(kept, cohort)
    where = spec.split.indices(cohort.table, "A")["test"]
    p = np.asarray(store.model(kept)(cohort.images[where].astype(np.float32) / 255)).ravel()
    np.testing.assert_allclose(p, store.read(kept).predictions()["p"], atol=1e-5)


def test_a_failed_run_says_why_and_the_others_go_on(spec, cohort, tmp_path):
    store, spec = Store(tmp_path), replace(spec, settings=BaselineSettings(baseline="mean-colour"))
    bad = one_class(spec, cohort)
    report = execute_here([bad, spec], store, cohort)
    assert list(report.failed) == [bad.key] and "one class only" in report.failed[bad.key]
    assert "one class only" in json.loads((store.folder(bad) / "failed.json").read_text())["reason"]
    assert store.done(spec) and not store.done(bad)
    with pytest.raises(LeuknetError, match="not finished"):
        store.read(bad)


def test_another_cohort_is_refused(spec, tmp_path):
    with pytest.raises(LeuknetError, match="another cohort"):
        Store(tmp_path).execute(spec, small_cohort(per_class=7))


def test_split_file_round_trip_keeps_the_key(spec, tmp_path):
    spec.split.to_csv(tmp_path / "s.csv")
    assert replace(spec, split=Split.from_csv(tmp_path / "s.csv")).key == spec.key


@pytest.mark.slow
def test_a_worker_answers_a_run_that_cannot_be_done_in_one_line(grid_cohort, grid_specs, tmp_path):
    """A system without a network, so that no Keras need be loaded; its training images hold one class."""
    spec = one_class(grid_specs[1], grid_cohort)
    [ending] = answers_of(str(Store(tmp_path).describe(spec)), os.getpid())
    assert ending["failure"] == REFUSED and "training would see one class only" in ending["reason"]
    assert "\n" not in ending["reason"]


def answers_of(folder, parent):
    """Return what a worker process, given one folder, answers."""
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "leuknet.runs.executors.worker", "30", str(parent), str(writing)]
    env = os.environ | {"KERAS_BACKEND": "tensorflow"}
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, pass_fds=(writing,), text=True)
    os.close(writing)
    process.communicate(folder + "\n")
    with os.fdopen(reading) as stream:
        return [json.loads(line) for line in stream]


@pytest.mark.slow
def test_worker_ends_when_its_parent_is_gone_before_it_begins(grid_cohort, grid_specs, tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    folder = Store(tmp_path).describe(grid_specs[1])
    assert answers_of(str(folder), gone.pid) == []
    assert not (folder / "environment.json").exists()
