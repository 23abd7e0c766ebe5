"""Runs: keys, folders, resuming after SIGKILL, failures, two processes on one run."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from made import small_cohort

from leuknet.cohort.load import load_cohort
from leuknet.errors import LeuknetError
from leuknet.learn.settings import TrainSettings
from leuknet.protocol.splits import Split, leave_one_source_out, lodocv
from leuknet.study.execute import execute_here
from leuknet.study.outcomes import BUSY, EXIT_CODES
from leuknet.study.runs import PREDICTION_COLUMNS, RunSpec, Store

NANO = TrainSettings(backbone="VGG16-nano", weights="random", epochs=1, batch=8)
RECIPE = {"data": None, "size": 64, "fraction": 0.001, "floor": 2, "seed": 0}


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


def test_a_run_leaves_its_record_and_is_not_done_again(spec, cohort, tmp_path):
    store = Store(tmp_path)
    store.execute(spec, cohort)
    record = store.record(spec)
    assert record["run"]["fold"] == "A" and record["weights"]["weights"] and record["environment"]["packages"]["keras"]
    frame = store.predictions(spec)
    assert (
        list(frame.columns) == PREDICTION_COLUMNS and set(frame["data_set"]) == {"A"} and frame["p"].between(0, 1).all()
    )
    done = store.folder(spec) / "done.json"
    before = done.stat().st_mtime_ns
    report = execute_here([spec], store, cohort)
    assert (report.before, report.trained) == (1, 0) and done.stat().st_mtime_ns == before
    assert not (store.folder(spec) / "checkpoint.npz").exists()


def test_a_kept_network_predicts_as_its_record_says(spec, cohort, tmp_path):
    store, kept = Store(tmp_path), replace(spec, keep_model=True)
    with pytest.raises(LeuknetError, match="no kept network"):
        store.model(kept)
    store.execute(kept, cohort)
    where = spec.split.indices(cohort.table, "A")["test"]
    p = np.asarray(store.model(kept)(cohort.images[where].astype(np.float32) / 255)).ravel()
    np.testing.assert_allclose(p, store.predictions(kept)["p"], atol=1e-5)


def test_a_failed_run_says_why_and_the_others_go_on(spec, cohort, tmp_path):
    store, bad = Store(tmp_path), replace(spec, settings=NANO.but(learning_rate=1e9, augmentation=None))
    report = execute_here([bad, spec], store, cohort)
    assert list(report.failed) == [bad.key] and "lower learning_rate" in report.failed[bad.key]
    assert "lower learning_rate" in json.loads((store.folder(bad) / "failed.json").read_text())["reason"]
    assert store.done(spec) and not store.done(bad)
    with pytest.raises(LeuknetError, match="not finished"):
        store.record(bad)


def test_another_cohort_is_refused(spec, tmp_path):
    with pytest.raises(LeuknetError, match="another cohort"):
        Store(tmp_path).execute(spec, small_cohort(per_class=7))


def test_split_file_round_trip_keeps_the_key(spec, tmp_path):
    spec.split.to_csv(tmp_path / "s.csv")
    assert replace(spec, split=Split.from_csv(tmp_path / "s.csv")).key == spec.key


def start(folder):
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "leuknet.study.worker", str(folder), "0"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_killed_in_training_it_resumes_to_the_same_predictions(tmp_path):
    """A real SIGKILL of a real process after its first checkpoint; two processes then race for the rest."""
    cohort = load_cohort(**RECIPE)
    settings = TrainSettings(backbone="VGG16-nano", weights="random", epochs=6, batch=16, learning_rate=0.01)
    split = lodocv(cohort.table)
    spec = RunSpec(settings, split, split.folds[0], 5, cohort.key, recipe=RECIPE)
    killed = Store(tmp_path / "killed")
    process = start(killed.describe(spec))
    checkpoint = killed.folder(spec) / "checkpoint.npz"
    deadline = time.monotonic() + 240
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert checkpoint.exists() and not killed.done(spec)
    whole = Store(tmp_path / "whole")
    racers = [start(killed.folder(spec)) for _ in range(2)]
    whole.execute(spec, cohort)
    codes = sorted(racer.wait() for racer in racers)
    assert codes in ([0, 0], [0, EXIT_CODES[BUSY]]), [racer.stderr.read().decode() for racer in racers]
    resumed, undisturbed = killed.predictions(spec), whole.predictions(spec)
    np.testing.assert_array_equal(resumed["p"], undisturbed["p"])
    assert list(killed.history(spec)["epoch"]) == [1, 2, 3, 4, 5, 6]


def test_worker_tells_a_bad_order_in_one_line(tmp_path):
    cohort = load_cohort(**RECIPE)
    split = lodocv(cohort.table)
    spec = RunSpec(NANO.but(weights="imagenet"), split, split.folds[0], 1, cohort.key, recipe=RECIPE)
    process = start(Store(tmp_path).describe(spec))
    assert process.wait() == 2
    lines = process.stderr.read().decode().strip().splitlines()
    assert lines[-1].startswith("error: ")
