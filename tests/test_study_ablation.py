"""The ablation's runs as data: which there are, which are shared, what is counted and timed."""

import itertools
from types import SimpleNamespace

import keras
import pandas as pd
import pytest
from made import small_cohort

from leuknet.data.registry import DATA_SETS
from leuknet.paper import tables
from leuknet.study import ablation, comparison, protocols
from leuknet.study.profiles import profile
from leuknet.study.study import Study


def study_of(tmp_path, *data_sets, name="smoke"):
    study = Study("04_backbone_ablation", profile(name, weights="random"), None, tmp_path)
    study.__dict__["cohort"] = small_cohort(data_sets=data_sets)
    return study


@pytest.fixture
def study(tmp_path):
    return study_of(tmp_path, "ALL-IDB 1", "ALL-IDB 2", "C")


def test_plan_holds_each_row_of_tables_3_to_7_for_each_seed(study):
    plan = ablation.ablation_plan(study)
    found = {(spec.settings.backbone, spec.settings.approach, spec.fold) for spec in plan}
    printed = {
        (f"{backbone}-nano", cell.row, cell.block)
        for number, backbone in ablation.TABLES.items()
        for cell in tables.table(number).itertuples()
    }
    assert found == printed
    assert len(plan) == len(printed) * len(study.seeds) == len({spec.key for spec in plan})
    assert {spec.split.protocol for spec in plan} == {"LODOCV as published"}


def test_only_vgg16_of_the_first_seed_is_kept(study):
    kept = [spec for spec in ablation.ablation_plan(study) if spec.keep_model]
    assert {spec.settings.approach for spec in kept} == {"SFT", "mSFT", "DFT", "mDFT"}
    assert {(spec.settings.backbone, spec.seed) for spec in kept} == {("VGG16-nano", study.seeds[0])}


def test_the_chosen_head_is_not_trained_twice(study):
    keys = {spec.key for spec in ablation.ablation_plan(study)}
    heads = {head: {spec.key for spec in plan} for head, plan in ablation.heads_plan(study).items()}
    assert heads.pop((1024, 256)) < keys
    assert len(heads) == 3 and all(not other & keys for other in heads.values())
    assert len(set().union(*heads.values())) == sum(map(len, heads.values()))


def test_narrow_profiles_take_an_eighth_of_a_head(study, tmp_path):
    sizes = {spec.settings.dense for plan in ablation.heads_plan(study).values() for spec in plan}
    assert sizes == {None, (64, 32), (128, 64), (128, 128)}
    full = study_of(tmp_path, "ALL-IDB 1", "ALL-IDB 2", "C", name="paper")
    sizes = {spec.settings.dense for plan in ablation.heads_plan(full).values() for spec in plan}
    assert sizes == {None, (512, 256), (1024, 512), (1024, 1024)}


def test_a_cohort_without_the_papers_sets_tests_its_own(tmp_path):
    study = study_of(tmp_path, "Taleqani", "C")
    assert {spec.fold for spec in ablation.ablation_plan(study)} == {"Taleqani", "C"}


def test_the_papers_ablation_trains_on_the_development_set(tmp_path):
    names = ("ALL-IDB 1", "ALL-IDB 2", "UFG", "C")
    paper, demo = (study_of(tmp_path, *names, name=name) for name in ("paper", "demo"))
    assert ablation.ablation_counts(paper).to_numpy().tolist() == [["ALL-IDB 1", 3, 30, 12], ["ALL-IDB 2", 3, 30, 12]]
    assert ablation.ablation_counts(demo)["data sets trained on"].tolist() == [4, 4]
    plans = [*ablation.ablation_plan(paper), *itertools.chain(*ablation.heads_plan(paper).values())]
    seen = {image.split("/")[0] for spec in plans for image in spec.split.table["image_id"]}
    assert seen == {"ALL-IDB 1", "ALL-IDB 2", "C", "D"}


def test_the_registrys_counts_of_the_ablation_are_the_papers():
    """The other 16 development sets: 3 294 images by Table 1's rows for ALL-IDB 1 (3 307 by its printed total)."""
    rows = {name: known.total for name, known in DATA_SETS.items() if name != "UFG"}
    assert len(rows) == 17 and sum(rows.values()) - rows["ALL-IDB 1"] == 3294


def test_each_network_of_tables_12_and_13_has_a_seed_of_its_own(tmp_path):
    study = study_of(tmp_path, "ALL-IDB 1", "ALL-IDB 2", "UFG", name="paper")
    study.profile = study.profile.but(folds=3, repeats=4)
    study.__dict__["gallery"] = study.cohort
    split = comparison.repeated_split(study)
    for specs in (comparison.plan_ours(study, split), comparison.plan_baselines(study, split, ["vogado"])):
        by_approach = {}
        for spec in specs:
            by_approach.setdefault(spec.settings.approach, []).append(spec.seed)
        assert all(len(seeds) == len(set(seeds)) == 12 for seeds in by_approach.values())
    splits = protocols.possible_splits(study)[0]
    once = [
        spec
        for name in ("LODOCV as published", "leave-one-source-out")
        for spec in comparison.plan_ours(study, splits[name])
    ]
    assert {spec.seed for spec in once} == set(study.seeds_of(5)) and len(once) == 2 * 2 * 3 * 5
    assert {role for name in splits for role in splits[name].table["role"]} == {
        "train",
        "test",
    }  # Table 11 sets none apart


def test_depth_is_the_longest_way():
    image = keras.Input((4,))
    long = keras.layers.Dense(4)(keras.layers.Dense(4)(image))
    model = keras.Model(image, keras.layers.Add()([long, keras.layers.Dense(4)(image)]))
    assert len(model.layers) == 5 and ablation.depth(model) == 4


@pytest.mark.slow
def test_keras_has_table_2s_parameters_and_four_of_its_depths():
    counts = ablation.parameter_counts().set_index("model")
    printed = tables.table(2).set_index(["column", "row"])["value"].astype(int)
    names = counts.index.map(lambda name: {"VGG16": "VGG-16", "VGG19": "VGG-19"}.get(name, name))
    assert counts["parameters"].tolist() == printed["Number of Parameters"][names].tolist()
    off = counts["depth"].to_numpy() - printed["Topological Depth"][names].to_numpy()
    assert dict(zip(counts.index, off, strict=True)) == dict.fromkeys(counts.index, 0) | {"ResNet50": 1}


@pytest.mark.slow
def test_networks_built_after_counting_have_values():
    with ablation.shapes_only():
        keras.applications.VGG16(weights=None)
    layer = keras.layers.Dense(2, kernel_initializer="ones")
    layer.build((None, 3))
    assert keras.ops.convert_to_numpy(layer.kernel).sum() == 6


@pytest.mark.slow
def test_trained_parameters_of_vgg16(monkeypatch):
    monkeypatch.setattr(ablation, "TABLES", {3: "VGG16"})
    counts = ablation.trained_parameters().set_index("approach")
    head = (7 * 7 * 512 + 1) * 1024 + (1024 + 1) * 256 + 257
    convolutions = 14_714_688
    assert counts.loc["mSFT", ["trained", "kept", "new"]].tolist() == [head, convolutions, head]
    assert counts.loc["mDFT", ["trained", "kept", "new"]].tolist() == [head + convolutions, 0, head]
    assert counts.loc["DFT", "trained"] == counts.loc["SFT", ["trained", "kept"]].sum()
    assert counts.loc["SFT", "new"] == 4097


def test_timings_leave_compiling_out():
    where = {"backbone": "VGG16-nano", "fold": "A"}
    seconds = pd.DataFrame({"run": ["a"] * 3 + ["b"] * 3, "seconds": [9.0, 2.0, 2.0, 4.0, 4.0, 4.0], **where})
    runs = pd.DataFrame({"run": ["a", "b"], "predict_seconds": [3.0, 1.0], **where})
    images = pd.DataFrame({"run": ["a"] * 10 + ["b"] * 10, "split": "test", **where})
    row = ablation.timings(SimpleNamespace(histories=seconds, runs=runs, predictions=images)).iloc[0]
    assert row["training_seconds"] == pytest.approx(2 * 3)
    assert row["seconds_per_image"] == pytest.approx(0.1)
