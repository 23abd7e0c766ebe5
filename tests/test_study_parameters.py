"""A page's parameters: the same study however a value is written, one line that names what cannot be read."""

from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from leuknet.exceptions import LeuknetError, SetUpError
from leuknet.study.parameters import read_changes, read_folder, read_seed
from leuknet.study.study import open_study


@pytest.mark.parametrize("seed", [1, 1.0, "1", "1.0", " 1 "])
def test_a_seed_is_a_number_however_it_is_written(seed):
    assert read_seed(seed) == 1 and isinstance(read_seed(seed), int)


@pytest.mark.parametrize("seed", ["one", None, -1, 1.5, [], True, float("nan"), float("inf"), ""])
def test_what_is_no_seed_is_one_line(seed):
    with pytest.raises(LeuknetError, match="^parameter seed: .* is not a whole number of 0 or more$"):
        read_seed(seed)


def test_a_large_seed_stays_exact():
    assert read_seed(2**60 + 1) == 2**60 + 1


@pytest.mark.parametrize(
    "changes",
    [{"epochs": 8}, {"epochs": "8"}, '{"epochs": 8}', "{'epochs': 8}", '{"epochs": "8"}'],
)
def test_changes_as_a_dictionary_or_as_text(changes):
    assert read_changes(changes) == {"epochs": 8}


@pytest.mark.parametrize("changes", [None, "", "None", {}, "{}"])
def test_no_changes(changes):
    assert read_changes(changes) == {}


def test_texts_and_nested_values_stay():
    text = '{"backbone": "VGG16", "augmentation": {"shear_unit": "radians"}, "weights": null}'
    assert read_changes(text) == {"backbone": "VGG16", "augmentation": {"shear_unit": "radians"}, "weights": None}


@pytest.mark.parametrize("changes", ["epochs=8", 8, ["epochs"], {1: 2}, "[1]", "__import__('os')"])
def test_what_is_no_dictionary_is_one_line(changes):
    with pytest.raises(LeuknetError, match="^parameter changes: .* is not a dictionary such as"):
        read_changes(changes)


def test_folders_expand_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_folder("data", "~/slides") == tmp_path / "slides" == read_folder("data", Path("~/slides"))
    assert all(read_folder("data", value) is None for value in (None, "", "None", "null"))
    with pytest.raises(LeuknetError, match="^parameter out: 3 is not a folder"):
        read_folder("out", 3)


def test_one_study_however_its_parameters_are_written(tmp_path):
    found = [
        open_study("06_lodocv", "smoke", None, tmp_path, 1, {"epochs": 2}),
        open_study("06_lodocv", "smoke", "None", str(tmp_path), "1", '{"epochs": "2"}'),
        open_study("06_lodocv", "smoke", "", tmp_path, 1.0, epochs=2),
    ]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("kind", [LeuknetError, SetUpError])
def test_a_notebook_shows_one_red_line(kind, capsys):
    shell = InteractiveShell()
    shell.user_ns["problem"] = kind("no folder here")
    shell.run_cell("raise problem")
    assert capsys.readouterr().out.strip() == "\x1b[31merror: no folder here\x1b[0m"
