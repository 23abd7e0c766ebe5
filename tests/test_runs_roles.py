"""What a run is for is in its record, and a control can be repeated from it; looking at a run takes no lock of its."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import filelock
import numpy as np
import pytest
from killer import RECIPE, SMALL

from leuknet.data.load import load_cohort
from leuknet.evaluation.splits import lodocv
from leuknet.exceptions import LeuknetError
from leuknet.runs import query
from leuknet.runs.reproduce import rerun
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store
from leuknet.study.controls import label_permutation
from leuknet.study.study import open_study


@pytest.fixture
def study(grid_cohort, tmp_path):
    sizes = {name: RECIPE[name] for name in ("size", "fraction", "floor")}
    opened = open_study("08", "smoke", out=tmp_path, **sizes, epochs=1)
    assert opened.cohort.key == grid_cohort.key
    return opened


@pytest.mark.slow
def test_a_label_permutation_control_differs_in_labels_only_and_says_so(study):
    control = label_permutation(study)
    split = lodocv(study.cohort.table)
    [ours], [other] = (one.plan(split, split.folds[:1], study.seeds[:1]) for one in (study, control))
    assert (ours.role, other.role) == ("study", "control") and ours.key != other.key
    assert control.cohort.table.drop(columns="label").equals(study.cohort.table.drop(columns="label"))
    labels = [one.cohort.table["label"].to_numpy() for one in (study, control)]
    assert labels[0].sum() == labels[1].sum() and (labels[0] != labels[1]).any()
    assert load_cohort(**other.recipe).key == control.cohort.key == other.cohort_key
    assert load_cohort(**ours.recipe).key == ours.cohort_key and "label_permutation" not in ours.recipe


@pytest.mark.slow
def test_the_role_is_in_the_record_and_not_in_the_key(study, tmp_path):
    split = lodocv(study.cohort.table)
    [spec] = study.plan(split, split.folds[:1], study.seeds[:1])
    control = replace(spec, role="control")
    assert control.key == spec.key
    store = Store(tmp_path / "other")
    assert RunSpec.read(store.describe(control)).role == "control" == control.as_dict()["role"]


@pytest.mark.slow
def test_a_control_is_repeated_from_its_record_alone(study):
    control = label_permutation(study)
    split = lodocv(study.cohort.table)
    [spec] = control.plan(split, split.folds[:1], study.seeds[:1], backbone=SMALL.backbone)
    control.run([spec], progress=False)
    found = rerun(study.store.folder(spec))
    assert found.agrees and found.images > 0
    test = study.store.read(spec).predictions().query("split == 'test'")
    true = study.cohort.table.set_index("image_id")["label"]
    assert not np.array_equal(test["y"], true.loc[test["image_id"]])


@pytest.mark.slow
def test_looking_at_a_run_never_makes_a_starting_worker_busy(study, monkeypatch):
    split, begun = lodocv(study.cohort.table), []
    [spec] = study.plan(split, split.folds[:1], study.seeds[:1])
    with study.store.held(spec) as folder:
        assert query.locked(folder) and query.status(folder) == "running"
    study.store.describe(spec)

    class Look(filelock.FileLock):
        """The lock of a look at the run, during which a worker starts."""

        def release(self, force=False):
            if not begun:
                begun.append(start())
                begun[0].join(0.5)  # waits for this look, or has learnt that the run is busy
            super().release(force)

    def start():
        worker = threading.Thread(target=lambda: outcomes.append(attempt(study.store, spec)))
        worker.start()
        return worker

    outcomes = []
    monkeypatch.setattr(query, "filelock", SimpleNamespace(FileLock=Look, Timeout=filelock.Timeout))
    assert query.status(folder) == "planned"
    begun[0].join(60)
    assert outcomes == ["held"]


def attempt(store, spec):
    """Return what a worker that begins the run meets."""
    try:
        with store.held(spec, wait=False):
            return "held"
    except LeuknetError as error:
        return str(error)
