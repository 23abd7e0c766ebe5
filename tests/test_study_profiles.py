"""Profiles: data, checked."""

import subprocess
import sys

import pytest

from leuknet._config import check
from leuknet.exceptions import LeuknetError
from leuknet.models.backbones import fits_own_dense
from leuknet.models.settings import TrainSettings
from leuknet.study.profiles import VALUES, names, profile


def test_paper_profile_trains_with_the_papers_settings():
    chosen = profile("paper").settings("VGG16", "mDFT")
    assert chosen == TrainSettings()
    assert (chosen.learning_rate, chosen.momentum, chosen.weight_decay) == (0.001, 0.8, 0.0001)
    assert (chosen.batch, chosen.epochs, profile("paper").seeds, profile("paper").size) == (32, 50, 5, 224)


def test_small_profiles_use_narrow_networks_and_say_so():
    for name in ("smoke", "demo"):
        assert profile(name).settings("VGG16").backbone == "VGG16-nano" and profile(name).banner
    assert names() == ["smoke", "demo", "paper"]


def test_scratch_is_random_whatever_the_profile():
    assert profile("paper").settings("VGG16", "scratch").weights == "random"


def test_a_change_holds_for_every_run_frozen_ones_too():
    changed = profile("demo", epochs=2, size=96)
    assert changed.size == 96
    assert changed.settings("VGG16", "mSFT").epochs == changed.settings("VGG16", "mDFT").epochs == 2


@pytest.mark.parametrize("name, changes", [("demoo", {}), ("demo", {"epoch": 3}), ("demo", {"approach": "SFT"})])
def test_unknown_names_raise(name, changes):
    with pytest.raises(LeuknetError, match="unknown profile"):
        profile(name, **changes)


def test_a_bad_value_raises_before_anything_runs():
    with pytest.raises(LeuknetError, match="epochs"):
        profile("demo", epochs=0)


def test_profiles_load_without_keras():
    code = "import leuknet.study.profiles, sys; assert not {'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", names())
def test_images_have_a_size_at_which_sft_and_dft_can_keep_their_dense_layers(name):
    chosen = profile(name)
    assert all(fits_own_dense(chosen.backbone(vgg), chosen.size) for vgg in ("VGG16", "VGG19"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": "abc"}, "size = 'abc': give a whole number, 16 or more"),
        ({"folds": 1}, "folds = 1: give a whole number, 2 or more"),
        ({"repeats": -1}, "repeats = -1"),
        ({"fraction": -0.1}, "fraction = -0.1"),
        ({"nano": "no"}, "nano = 'no': give true or false"),
    ],
)
def test_a_value_that_is_not_possible_is_told(changes, said):
    with pytest.raises(LeuknetError, match=f"profile smoke: {said}"):
        profile("smoke", **changes)


def test_the_profiles_own_values_are_possible():
    for name in names():
        check({key: getattr(profile(name), key) for key in VALUES}, VALUES)
