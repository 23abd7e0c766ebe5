"""Comparison systems: one interface, kept as runs, and each of them better than chance on an easy cohort."""

import numpy as np
import pytest
from made import small_cohort

from leuknet.baselines.base import means
from leuknet.baselines.handcrafted import putzu
from leuknet.baselines.handcrafted.descriptors import describe_all, descriptions
from leuknet.baselines.registry import BASELINES, lookup, make
from leuknet.baselines.run import run
from leuknet.baselines.settings import BaselineSettings
from leuknet.data.synthetic import synthetic_cohort
from leuknet.evaluation.splits import lodocv
from leuknet.exceptions import LeuknetError
from leuknet.runs.executors.local import execute_here
from leuknet.runs.query import status
from leuknet.runs.spec import RunSpec, settings_from_dict
from leuknet.runs.store import PREDICTION_COLUMNS, Store


def test_settings_round_trip_and_are_distinct_from_training_settings():
    settings = BaselineSettings(baseline="mean-colour", nano=True, epochs=3)
    assert settings_from_dict(settings.as_dict()) == settings


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"depth": 3}, "unknown setting 'depth'"),
        ({"epoch": 3}, "unknown setting 'epoch': did you mean epochs"),
        ({"epochs": "x"}, "epochs = 'x': give a whole number from 1 to 100000"),
        ({"copies": 0}, "copies = 0: give a whole number from 1 to 1000"),
        ({"batch": 2.5}, "batch = 2.5"),
        ({"learning_rate": -1}, "learning_rate = -1"),
        ({"nano": "yes"}, "nano = 'yes': give true or false"),
        ({"weights": "mine"}, "weights = 'mine': give one of imagenet, formula, random"),
        ({"system": "nobody"}, "'nobody' is unknown: choose"),
    ],
)
def test_impossible_settings_are_one_line(values, line):
    with pytest.raises(LeuknetError, match=line):
        BaselineSettings.from_dict({"system": "mean-colour"} | values)


def test_an_unknown_system_is_named():
    with pytest.raises(LeuknetError, match="'nobody' is unknown: choose"):
        lookup("nobody")


def test_a_system_runs_through_the_same_records_as_a_network(tmp_path):
    cohort = small_cohort()
    spec = RunSpec(BaselineSettings(baseline="mean-colour"), lodocv(cohort.table), "A", 1, cohort.key)
    store = Store(tmp_path)
    report = execute_here([spec], store, cohort)
    assert report.trained == 1 and not report.failed
    frame, record = store.read(spec).predictions(), store.read(spec).as_dict()
    assert list(frame.columns) == PREDICTION_COLUMNS and set(frame["split"]) == {"test"}
    assert ((frame["p"] >= 0.5) == frame["y"]).all()  # the cohort's classes differ in brightness
    assert record["run"]["settings"]["system"] == "mean-colour" and record["weights"]["bytes"] > 0
    assert store.read(spec).history().empty


def test_a_system_that_was_broken_off_says_so_and_is_run_again(tmp_path, monkeypatch):
    cohort = small_cohort()
    spec = RunSpec(BaselineSettings(baseline="mean-colour"), lodocv(cohort.table), "A", 1, cohort.key)
    store = Store(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("leuknet.baselines.controls.MeanColour.fit", broken_off)
        store.execute(spec, cohort)
    assert status(store.folder(spec)) == "interrupted"
    assert store.execute(spec, cohort) and status(store.folder(spec)) == "done"


def broken_off(*_):
    raise KeyboardInterrupt


def test_a_system_has_no_network_to_keep(tmp_path):
    cohort = small_cohort()
    spec = RunSpec(BaselineSettings(baseline="mean-colour"), lodocv(cohort.table), "A", 1, cohort.key, keep_model=True)
    with pytest.raises(LeuknetError, match="no network to keep"):
        Store(tmp_path).execute(spec, cohort)


def test_size_and_format_sees_the_file_only():
    cohort = small_cohort()
    table = cohort.table.assign(path=[f"x{i}.{'jpg' if y else 'png'}" for i, y in enumerate(cohort.table["label"])])
    object.__setattr__(cohort, "table", table)
    system = make(BaselineSettings(baseline="format"))
    train = np.arange(0, len(cohort), 2)
    system.fit(cohort, train, 0)
    assert ((system.predict(cohort, train + 1) >= 0.5) == cohort.labels[train + 1]).all()


def test_every_entry_is_complete():
    assert all(entry.key == key and entry.size in ("gallery", "profile") for key, entry in BASELINES.items())


@pytest.fixture(scope="module")
def stained():
    """Return a synthetic cohort of few images at a size that holds cells."""
    return synthetic_cohort(size=64, fraction=0.001, floor=4)


@pytest.mark.slow
@pytest.mark.parametrize("key", list(BASELINES))
def test_each_system_learns_and_answers_with_probabilities(key, stained):
    options = {"epochs": 1, "copies": 1, "batch": 16} if lookup(key).family == "network" else {}
    settings = BaselineSettings(baseline=key, nano=True, weights="formula", **options)
    train, test = np.arange(0, len(stained), 2), np.arange(1, len(stained), 2)
    outcome = run(stained, {"train": train, "test": test}, settings, seed=1)
    where, p = outcome.probabilities["test"]
    assert (where == test).all() and p.shape == test.shape and p.dtype == np.float32
    assert ((p >= 0) & (p <= 1)).all() and outcome.weights["bytes"] > 0
    if lookup(key).family == "handcrafted":
        assert ((p >= 0.5) == stained.labels[test]).mean() > max(stained.labels[test].mean(), 0.6)


def test_one_class_in_training_is_refused():
    cohort = small_cohort()
    only = np.flatnonzero(cohort.labels == 1)
    with pytest.raises(LeuknetError, match="one class only"):
        run(cohort, {"train": only, "test": only[:1]}, BaselineSettings(baseline="mean-colour"), 0)


@pytest.mark.slow
def test_descriptions_do_not_depend_on_the_workers_and_are_kept(stained):
    found = [describe_all(stained.images[:6], putzu.describe, workers) for workers in (1, 2)]
    np.testing.assert_array_equal(found[0].values, found[1].values)
    kept = descriptions(stained, putzu.describe)
    np.testing.assert_array_equal(kept.values[: found[0].counts.sum()], found[0].values)
    np.testing.assert_array_equal(kept.of(1), kept.values[kept.counts[0] : kept.counts[:2].sum()])


def test_an_image_without_cells_gets_the_prevalence():
    np.testing.assert_allclose(means(np.array([0.2, 0.4, 0.9]), np.array([0, 0, 2]), 3, 0.7), [0.3, 0.7, 0.9])
