"""Cohorts that cannot have every protocol: every page has runs, says why, and shows what can be had instead."""

from dataclasses import replace

import pytest
from made import small_cohort

from leuknet.data.load import permute_labels
from leuknet.models import frozen
from leuknet.models.backbones import fits_own_dense
from leuknet.runs.planning import cost, preview
from leuknet.study import ablation, experiments
from leuknet.study.comparison import repeated_split
from leuknet.study.profiles import profile
from leuknet.study.protocols import GROUPED, MIXED, ONE_CLASS, possible_splits
from leuknet.study.study import Study


def grouped(cohort, size):
    """Return a cohort whose images belong to patients with `size` images of one class each."""
    number = cohort.table.groupby(["data_set", "label"]).cumcount() // size
    group = cohort.table["data_set"] + "/" + cohort.table["label"].astype(str) + "/" + number.astype(str)
    return replace(cohort, table=cohort.table.assign(group=group))


def one_class_each():
    """Return two data sets: A holds negatives, B positives."""
    cohort = small_cohort(data_sets=("A", "B"), single=())
    kept = (cohort.table["data_set"] == "B").to_numpy() == (cohort.table["label"] == 1).to_numpy()
    return replace(cohort, images=cohort.images[kept], table=cohort.table[kept].reset_index(drop=True))


def one_and_a_half():
    """Return A with both classes and B with negatives: what is left without A is of one class."""
    return small_cohort(data_sets=("A",), single=("B",))


ONE = small_cohort(data_sets=("A",), single=())
CASES = {  # cohort, protocol of Tables 3 to 10, the last note, protocols of Table 11, data set apart
    "one with patients": (grouped(ONE, 2), "2-fold by group", GROUPED, ["pooled", "grouped"], None),
    "one without": (ONE, "2-fold by group", GROUPED, ["pooled", "grouped"], None),
    "one, a patient a class": (grouped(ONE, 6), "2-fold", MIXED, ["pooled"], None),
    "two of one class": (one_class_each(), "2-fold by group", ONE_CLASS, ["pooled", "grouped"], None),
    "one and a half": (one_and_a_half(), "2-fold by group", GROUPED, ["pooled", "grouped"], None),
    "two of both": (
        small_cohort(data_sets=("A", "B"), single=()),
        "LODOCV as published",
        "",
        ["pooled", "LODOCV as published", "leave-one-source-out"],
        "B",
    ),
}


def study_of(cohort, tmp_path, **changes):
    study = Study("study", profile("smoke", **changes), None, tmp_path)
    study.cohort = study.gallery = cohort
    return study


@pytest.mark.slow
@pytest.mark.parametrize(("cohort", "protocol", "message", "compared", "apart"), CASES.values(), ids=CASES)
def test_every_page_has_runs_under_a_protocol_that_the_cohort_can_have(
    cohort, protocol, message, compared, apart, tmp_path
):
    study = study_of(cohort, tmp_path)
    split, notes = ablation.possible_split(study)
    assert split.protocol == protocol and bool(notes) == bool(message)
    assert not notes or (notes[0].startswith("Not possible here: LODOCV") and message in notes and len(notes) <= 5)
    assert set(ablation.test_sets(split)) <= set(split.folds) and len(ablation.test_sets(split)) == 2
    assert list(possible_splits(study)[0]) == compared and study.set_apart == apart
    roles = set(repeated_split(study).table["role"])
    assert roles == {"train", "test", "external"} if apart else {"train", "test"}
    for page in experiments.PAGES:
        specs = experiments.runs_of_pages(study, [page])
        folds = {(id(spec.split), spec.fold): spec for spec in specs}.values()  # seeds and settings share them
        trained = [spec.split.indices(cohort.table, spec.fold)["train"] for spec in folds]
        assert trained and all(len(set(cohort.labels[images])) == 2 for images in trained)


@pytest.mark.parametrize("name", ["smoke", "laptop", "paper"])
@pytest.mark.parametrize("size", [48, 64, 112, 224])
def test_approaches_that_keep_dense_layers_are_planned_only_where_they_fit(name, size, tmp_path):
    study = Study("study", profile(name, size=size, precision="float32"), None, tmp_path)
    for backbone in ("VGG16", "DenseNet169"):
        keeps = "DFT" in ablation.possible_approaches(study, backbone)
        assert keeps == fits_own_dense(study.profile.narrowed(backbone), size)


def test_the_preview_counts_runs_time_and_what_leaving_a_page_out_saves(tmp_path, monkeypatch):
    study = study_of(ONE, tmp_path)
    plans = {name: experiments.runs_of_pages(study, [name]) for name in ("05_leuknet_training", "11_your_own_slide")}
    monkeypatch.setattr(cost, "measured", lambda store: {})
    first, five, eleven, last = preview.preview(plans, study.store, study.profile.size)
    assert first == "2 runs, 2 of them to train: 2 not timed here yet, one process at a time"
    assert eleven == "  11_your_own_slide: 1 to train, 1 not timed here yet; all of them for other pages too"
    [spec, other] = plans["05_leuknet_training"]
    rate = {cost.keys_of(spec.settings, 48)[0]: cost.images_of(spec) / 30}
    monkeypatch.setattr(cost, "measured", lambda store: rate)
    first, five, eleven, last = preview.preview(plans, study.store, study.profile.size)
    assert "about 60 s" in first and five.endswith("2 to train, about 60 s; for it alone 1, about 30 s")
    assert "--only" in last and "goes on" in last


def test_features_of_a_frozen_backbone_are_counted_once(tmp_path, monkeypatch):
    study = study_of(ONE, tmp_path)
    specs = study.plan(ablation.ablation_split(study), approach="mSFT")
    settings, size = specs[0].settings, study.profile.size
    rates = dict(zip(cost.keys_of(settings, size), (1e9, 2.0), strict=True))
    monkeypatch.setattr(cost, "measured", lambda store: rates)
    frame = cost.runs({"a": specs, "b": specs}, study.store, size)
    assert frame["seconds"].sum() == pytest.approx(len(ONE) * (1 + settings.copies) / 2, rel=1e-3)


def test_runs_share_features_whatever_the_labels_and_groups(tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path))
    settings = profile("smoke").settings(approach="mSFT")
    keys = set()
    for cohort in (ONE, permute_labels(ONE, 0), grouped(ONE, 3)):
        monkeypatch.setattr(frozen, "compute", lambda path, *rest: path.write_bytes(b""))
        monkeypatch.setattr(frozen.np, "load", lambda path, **options: path)
        keys.add(frozen.pool_features(cohort, frozen_spec(), settings, Backbone(), None, None)[0])
    assert len(keys) == 1
    other = replace(ONE, table=ONE.table.assign(sha256=ONE.table["sha256"].iloc[::-1].to_numpy()))
    assert frozen.pool_features(other, frozen_spec(), settings, Backbone(), None, None)[0] not in keys


class Backbone:
    """A backbone without weights."""

    weights = ()


def frozen_spec():
    return frozen.networks.NetworkSpec("VGG16-nano", "mSFT", 32)
