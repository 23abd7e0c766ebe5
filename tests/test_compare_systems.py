"""Comparison systems: one interface, kept as runs, and each of them better than chance on an easy cohort."""

import numpy as np
import pytest
from made import small_cohort

from leuknet.compare.registry import SYSTEMS, lookup, make
from leuknet.compare.settings import SystemSettings
from leuknet.errors import LeuknetError
from leuknet.protocol.splits import lodocv
from leuknet.study.execute import execute_here
from leuknet.study.runs import PREDICTION_COLUMNS, RunSpec, Store, settings_from_dict


def test_settings_round_trip_and_are_told_from_training_settings():
    settings = SystemSettings("mean-colour", nano=True, epochs=3)
    assert settings_from_dict(settings.as_dict()) == settings
    with pytest.raises(LeuknetError, match="unknown system setting"):
        SystemSettings.from_dict({"system": "mean-colour", "depth": 3})


def test_an_unknown_system_is_named():
    with pytest.raises(LeuknetError, match="'nobody' is unknown: choose"):
        lookup("nobody")


def test_a_system_runs_through_the_same_records_as_a_network(tmp_path):
    cohort = small_cohort()
    spec = RunSpec(SystemSettings("mean-colour"), lodocv(cohort.table), "A", 1, cohort.key)
    store = Store(tmp_path)
    report = execute_here([spec], store, cohort)
    assert report.trained == 1 and not report.failed
    frame, record = store.predictions(spec), store.record(spec)
    assert list(frame.columns) == PREDICTION_COLUMNS and set(frame["split"]) == {"test"}
    assert ((frame["p"] >= 0.5) == frame["y"]).all()  # the cohort's classes differ in brightness
    assert record["run"]["settings"]["system"] == "mean-colour" and record["weights"]["bytes"] > 0
    assert store.history(spec).empty


def test_a_system_has_no_network_to_keep(tmp_path):
    cohort = small_cohort()
    spec = RunSpec(SystemSettings("mean-colour"), lodocv(cohort.table), "A", 1, cohort.key, keep_model=True)
    with pytest.raises(LeuknetError, match="no network to keep"):
        Store(tmp_path).execute(spec, cohort)


def test_size_and_format_sees_the_file_only():
    cohort = small_cohort()
    table = cohort.table.assign(path=[f"x{i}.{'jpg' if y else 'png'}" for i, y in enumerate(cohort.table["label"])])
    object.__setattr__(cohort, "table", table)
    system = make(SystemSettings("format"))
    train = np.arange(0, len(cohort), 2)
    system.fit(cohort, train, 0)
    assert ((system.predict(cohort, train + 1) >= 0.5) == cohort.labels[train + 1]).all()


def test_every_entry_is_complete():
    assert all(entry.key == key and entry.size in ("gallery", "profile") for key, entry in SYSTEMS.items())
