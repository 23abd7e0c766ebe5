"""Tables of settings and sentences of counts: what the paper states, what is read into it, and what is used."""

import ast
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from leuknet import plots
from leuknet.models.settings import TrainSettings
from leuknet.plots.results.summaries import settings_table, training_images_sentence
from leuknet.study import open_study

READ = ["copies", "decay_reading", "preprocessing", "augmentation.shear_unit", "validation"]


def test_readings_are_not_stated_as_the_papers():
    table = settings_table(TrainSettings(epochs=6, copies=20)).set_index("setting")
    assert table.loc["learning_rate"].tolist() == ["0.001 (§4.1)", "0.001", "0.001", ""]
    assert table.loc[READ, "reading taken, and why"].str.contains(": ").all()
    assert table.loc["augmentation.shear_unit", "the paper states"] == "not stated"
    assert table.loc["decay_reading", "reading taken, and why"].startswith("weights: the words; `decay` of the Keras")
    assert table.index[table[""] == "changed"].tolist() == ["epochs", "copies"]
    assert table.loc["augmentation", "here"] == "on, by the rows below" and table.loc["dense", "here"] == "none given"
    assert set(TrainSettings.names()) <= set(table.index)


def test_without_augmentation_its_rows_have_no_value():
    table = settings_table(TrainSettings(augmentation=None)).set_index("setting")
    assert (table.loc[["augmentation", "augmentation.zoom"], "here"] == "none given").all()


@pytest.mark.slow
@pytest.mark.parametrize("cohort, sets", [("development", 16), ("all", 17)])
def test_the_images_that_train_in_the_ablation_are_counted(tmp_path, cohort, sets):
    text = training_images_sentence(open_study("05", "smoke", out=tmp_path, ablation_cohort=cohort))
    assert f"ablation_cohort: {cohort}" in text and f"(of {sets} data sets) to test ALL-IDB 1's 8" in text
    assert text.endswith("leaves 3294 to train by Table 1's rows, 3307 by its printed total.")


def test_a_cohort_without_the_ablation_states_that(tmp_path):
    study = open_study("05", "smoke", out=tmp_path)
    rows = {"image_id": ["a/1", "b/1"], "data_set": ["a", "b"], "source": ["a", "b"], "group": ["1", "2"]}
    study.cohort = SimpleNamespace(table=pd.DataFrame(rows | {"label": [0, 1], "sha256": ["1", "2"]}))
    assert training_images_sentence(study).startswith("Tables 3 to 10 cannot be run on this cohort: ")


def test_no_name_of_the_plots_is_defined_in_two_modules():
    stub = ast.parse(Path(plots.__file__).with_suffix(".pyi").read_text("utf-8"))
    names = [alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert len(names) == len(set(names)) > 90 and set(names) == set(plots.__all__)
