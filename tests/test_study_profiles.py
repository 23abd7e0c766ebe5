"""Profiles: data, checked."""

import subprocess
import sys

import pytest

from leuknet.baselines.registry import BASELINES
from leuknet.baselines.settings import BaselineSettings
from leuknet.data.registry import DATA_SETS
from leuknet.data.synthetic.plan import Field, Slide, counts, plan
from leuknet.exceptions import LeuknetError
from leuknet.models.backbones import fits_own_dense
from leuknet.models.policy import Policy
from leuknet.models.settings import APPROACHES, TrainSettings
from leuknet.paper import tables
from leuknet.runs.spec import CohortConfig
from leuknet.study.profiles import Profile, changed, names, profile


def test_paper_profile_trains_with_the_papers_settings():
    chosen = profile("paper").settings("VGG16", "mDFT")
    assert chosen == TrainSettings()
    assert (chosen.learning_rate, chosen.momentum, chosen.weight_decay) == (0.001, 0.8, 0.0001)
    assert (chosen.batch, chosen.epochs, profile("paper").seeds, profile("paper").size) == (32, 50, 5, 224)


def test_changed_settings_are_those_that_differ_from_the_profiles_table():
    assert changed(profile("laptop")) == changed(profile("demo", size=48)) == {}
    given = profile("laptop", backbone="DenseNet169", limit=100, epochs=2, batch=16)
    assert changed(given) == {"backbone": "DenseNet169", "limit": 100, "epochs": 2}


def test_small_profiles_use_narrow_networks_and_say_so():
    for name in ("smoke", "demo"):
        assert profile(name).settings("VGG16").backbone == "VGG16-nano" and profile(name).banner
    assert names() == ["smoke", "demo", "laptop", "paper"]


def test_the_demos_cohort_is_large_enough_to_measure_on():
    demo = profile("demo")
    images, tasks = counts(demo.fraction, demo.floor), plan(demo.fraction, demo.floor, seed=0)
    assert sum(images.values()) >= 350
    assert all(images[name, label] >= 15 for name, one in DATA_SETS.items() if one.two_class for label in (0, 1))
    fields = [task for task in tasks if isinstance(task, Field)]
    assert sum(bool(field.blast_crops and field.blast_cells) for field in fields) >= 15  # one family of three data sets
    assert sum(len(task.images) > 1 for task in tasks if isinstance(task, Slide)) >= 15


def test_scratch_is_random_whatever_the_profile():
    drawn = {name: profile(name, precision="float32").settings("VGG16", "scratch").weights for name in names()}
    assert drawn == {"smoke": "random", "demo": "he", "laptop": "random", "paper": "random"}
    assert profile("demo", weights="formula").settings("VGG16", "scratch").weights == "random"


def test_a_change_holds_for_every_run_frozen_ones_too():
    larger = profile("demo", epochs=2, size=96)
    assert larger.size == 96
    assert {larger.settings("VGG16", approach).epochs for approach in ("mDFT", "mSFT", "scratch")} == {2}


@pytest.mark.parametrize(
    "name, changes, line",
    [
        ("demoo", {}, "unknown profile 'demoo': did you mean demo"),
        ("demo", {"epoch": 3}, "unknown profile key 'epoch': did you mean epochs"),
        ("demo", {"approach": "SFT"}, "unknown profile key 'approach'"),
        ("demo", {"training": {}}, "unknown profile key 'training'"),
    ],
)
def test_unknown_names_raise(name, changes, line):
    with pytest.raises(LeuknetError, match=line):
        profile(name, **changes)


def test_a_bad_value_raises_before_anything_runs():
    with pytest.raises(LeuknetError, match="epochs"):
        profile("demo", epochs=0)


def test_profiles_load_without_keras():
    code = "import leuknet.study.profiles, sys; assert not {'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["smoke", "demo", "paper"])
def test_images_have_a_size_at_which_sft_and_dft_can_keep_their_dense_layers(name):
    chosen = profile(name)
    assert all(fits_own_dense(chosen.narrowed(vgg), chosen.size) for vgg in ("VGG16", "VGG19"))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"size": "abc"}, "size = 'abc': give a whole number from 16 to 1024"),
        ({"size": 10**9}, "size = 1000000000: give a whole number"),
        ({"folds": 1}, "folds = 1: give a whole number from 2 to 100"),
        ({"repeats": -1}, "repeats = -1"),
        ({"fraction": -0.1}, "fraction = -0.1"),
        ({"nano": "no"}, "nano = 'no': give true or false"),
        ({"epochs": "x"}, "epochs = 'x': give a whole number from 1 to 100000"),
        ({"copies": 10**6}, "copies = 1000000: give a whole number from 0 to 1000"),
        ({"learning_rate": 1e300}, "learning_rate = 1e"),
        ({"augmentation": {"rotatio": 1}}, "augmentation: unknown setting 'rotatio': did you mean rotation"),
    ],
)
def test_an_impossible_value_is_named_with_what_is_possible(changes, line):
    with pytest.raises(LeuknetError, match=f"profile smoke: {line}"):
        profile("smoke", **changes)


@pytest.mark.parametrize("name", names())
def test_every_profile_gives_settings_for_every_network_and_baseline(name):
    chosen = profile(name)
    for approach in APPROACHES:
        assert TrainSettings.from_dict(chosen.settings("VGG16", approach).as_dict()).approach == approach
    for key in BASELINES:
        assert chosen.baseline(key).approach == key


def test_every_field_has_a_description():
    for model in (Profile, TrainSettings, BaselineSettings, Policy):
        assert all(field.description for field in model.model_fields.values()), model


def test_each_training_setting_says_what_the_paper_states_and_which_reading_is_taken():
    table = tables.training_settings()
    known = [*TrainSettings.names(), *(f"augmentation.{name}" for name in Policy.names())]
    assert table["setting"].tolist() == known
    sections = set(tables.settings()["section"])
    assert all(section in sections for section in table["section"] if section)
    assert ((table["stated"] == "") == (table["section"] == "")).all() and table["why"].ne("").all()
    assert not (table["why"].eq("stated") & table["stated"].eq("")).any()  # no reading of ours passes for the paper's
    ours = ("copies", "decay_reading", "preprocessing", "augmentation.shear_unit", "validation")
    assert table.set_index("setting").loc[list(ours), "why"].ne("stated").all()


def test_the_profile_paper_repeats_as_the_paper_does():
    paper = profile("paper")
    assert (paper.size, paper.seeds, paper.folds, paper.repeats, paper.comparison_seeds) == (224, 5, 5, 20, 5)
    assert (paper.ablation_cohort, paper.nano, paper.limit, paper.training) == (
        "development",
        False,
        None,
        {"weights": "imagenet"},
    )


def test_stated_numbers_are_the_defaults():
    table, paper = tables.training_settings().set_index("setting"), TrainSettings()
    for name in ("learning_rate", "momentum", "weight_decay", "batch", "epochs"):
        assert float(table.loc[name, "stated"]) == getattr(paper, name)


@pytest.mark.parametrize(
    ("ours", "recorded"), [("size", "size"), ("gallery", "size"), ("fraction", "fraction"), ("floor", "floor")]
)
def test_a_record_accepts_the_largest_cohort_of_a_profile(ours, recorded):
    """A worker reads its run's record: what a profile accepts must not be refused there."""
    largest = next(bound.le for bound in Profile.model_fields[ours].metadata if hasattr(bound, "le"))
    assert getattr(CohortConfig(**{recorded: largest}), recorded) == largest
