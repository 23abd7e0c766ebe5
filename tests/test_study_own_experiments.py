"""Grids of the user's own, from TOML files; no training."""

import os
import subprocess
import sys
from importlib.resources import files

import pytest
from made import small_cohort

from leuknet.cli.runs import OWN, SLURM
from leuknet.exceptions import LeuknetError
from leuknet.runs.executors.clusters import read_setup
from leuknet.study import experiments
from leuknet.study.study import open_study


@pytest.fixture
def study(tmp_path):
    opened = open_study("train", "paper", out=tmp_path, folds=3, repeats=2)
    opened.cohort = opened.gallery = small_cohort()
    return opened


def test_own_grid_is_every_combination(study, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'backbones = ["VGG16", "ResNet50"]\nprotocols = ["lodocv", "k-fold"]\nseeds = 2\nfolds = 2\nrepeats = 1\n'
        "[settings]\nepochs = [1, 2]\ndropout = [0.1, 0.2]\n"
    )
    specs = experiments.runs_of(study, [str(path)])["mine"]
    assert len(specs) == 2 * 2 * 2 * (3 + 2) and len({spec.key for spec in specs}) == len(specs)
    assert {spec.settings.epochs for spec in specs} == {1, 2} and {spec.settings.dropout for spec in specs} == {
        (0.1, 0.2)
    }


@pytest.mark.parametrize(
    "text, message",
    [
        ("backbone = 3", "unknown setting .backbone.: did you mean backbones"),
        ('protocols = ["loocv"]', "protocols = .*each is one of lodocv"),
        ("[settings]\nepoch = 3", "unknown key epoch"),
        ("[settings]\nepochs = []", "asks for no run"),
        ("backbones = []", "backbones = .*not empty"),
        ('test_sets = ["Z"]', "no fold 'Z'"),
        ("a = = 2", "not TOML"),
        ('backbones = "VGG16"', "backbones = 'VGG16': give a list"),
        ('backbones = ["VGG17"]', "backbone 'VGG17' is unknown"),
        ('backbones = ["ResNet50"]\napproaches = ["SFT"]', "use mSFT"),
        ('seeds = ["a"]', "seeds = .*whole number"),
        ("seeds = 0", "seeds = 0: give a whole number from 1 to 1000"),
        ("seeds = []", "seeds = .*not empty"),
        ('seeds = "3"', "seeds = '3'"),
        ("seeds = true", "seeds = True"),
        ('keep = "no"', "keep = 'no': give true or false"),
        ("settings = 3", "settings = 3: give a table"),
        ('folds = "x"', "folds = 'x'"),
        ('by = "cell"\nprotocols = ["k-fold"]', "by='cell'"),
        ('external = "Z"', "no data set 'Z'"),
        ('[settings]\nlearning_rate = "a"', "learning_rate = 'a': give a number above 0"),
        ('[settings]\nepochs = "3"', "epochs = '3'"),
        ("[settings]\nepochs = 2.5", "epochs = 2.5"),
        ("[settings]\ndropout = 0.5", "dropout = 0.5: give a list"),
        ("[settings]\ndropout = [1.5]", "dropout = .*below 1"),
        ('[settings]\nweights = "best"', "weights = 'best': give one of imagenet"),
        ("[settings]\naugmentation = 3", "augmentation = 3: give a table"),
        ("[settings]\naugmentation = { rot = 20 }", "augmentation: unknown setting 'rot': known are rotation"),
        ('[settings]\naugmentation = { rotation = "a" }', "augmentation: rotation = 'a'"),
        ('approaches = ["SFT"]\n[settings]\nfrozen_until = "block9"', "frozen_until='block9'"),
    ],
)
def test_own_grid_names_what_is_wrong(study, tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(LeuknetError, match=message) as raised:
        experiments.runs_of(study, [str(path)])
    assert str(raised.value).startswith(f"{path}: ") and "\n" not in str(raised.value)


@pytest.mark.slow
def test_own_grid_is_planned_without_the_backends_devices(tmp_path):
    """The grid's own process must leave the GPU to its runs, though it builds each network once to check it."""
    code = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from made import small_cohort"
        "; from leuknet.study import experiments; from leuknet.study.study import open_study\n"
        "study = open_study('train', 'paper', out=sys.argv[1]); study.cohort = study.gallery = small_cohort()\n"
        "assert len(experiments.runs_of(study, [sys.argv[2]])['mine']) == 5 * 3\n"
        "from tensorflow.python.eager import context; print(context.context()._initialized)"
    )
    (tmp_path / "mine.toml").write_text('approaches = ["SFT"]\n[settings]\nfrozen_until = "block3_pool"\n')
    command = [sys.executable, "-c", code, str(tmp_path), str(tmp_path / "mine.toml")]
    env = os.environ | {"KERAS_BACKEND": "tensorflow"}
    assert subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split() == ["False"]


def test_own_grids_of_one_name_are_all_planned(study, tmp_path):
    paths = [tmp_path / name for name in ("a/mine.toml", "b/mine.toml", "table3.toml")]
    for epochs, path in enumerate(paths, 1):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"seeds = 1\n[settings]\nepochs = {epochs}\n")
    plans = experiments.runs_of(study, ["table3", *map(str, paths)])
    assert list(plans) == ["table3", "mine", str(paths[1]), str(paths[2])]
    assert [plan[0].settings.epochs for plan in list(plans.values())[1:]] == [1, 2, 3]


@pytest.mark.slow
def test_the_shipped_examples_are_read(study):
    examples = files("leuknet.study") / "examples"
    specs = experiments.runs_of(study, [str(examples / "own.toml")])["own"]
    assert len(specs) == 2 * 2 * 3 * 3 * 2  # backbones, approaches, folds, seeds, learning rates
    setup = read_setup(str(examples / "cluster-slurm.toml"))
    assert (setup.kind, setup.workers, setup.gpu) == ("slurm", 4, True) and setup.options["processes"] == 1
    for path in (OWN, SLURM):  # what the help names
        assert (examples / path.rpartition("/")[2]).is_file()
