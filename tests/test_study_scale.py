"""The runs that profile `paper` plans, counted on Table 1's counts without images, next to the paper's own."""

from pathlib import Path

import pandas as pd
import pytest

from leuknet.paper import tables
from leuknet.study import scale
from leuknet.study.scale import counted_cohort, counted_study, planned


@pytest.fixture(scope="module")
def table():
    return planned(counted_study("paper", repeats=2)).set_index("table")


def test_the_counted_cohort_has_the_rows_of_table_1():
    counts = counted_cohort().groupby("data_set")["label"].agg(["size", "sum"])
    assert counts.loc["UFG"].tolist() == [121, 64] and counts["size"].sum() == 3523


@pytest.mark.slow
@pytest.mark.parametrize("number, networks", [(3, 4), (4, 4), (5, 2), (6, 2), (7, 2), (9, 4)])
def test_five_runs_of_each_approach_on_two_test_sets_as_printed(table, number, networks):
    row = table.loc[number]
    assert row["networks and baselines"] == networks and row["test sets or folds"] == 2 and row["seeds"] == 5
    assert row["runs"] == 10 * networks == int(row["paper: runs"])
    assert row["trained on"] == "3142 to 3294" and row["tested on"] == "108 to 260"
    assert "3307 and 3155 (section 4.1)" in row["paper: trained on"]


@pytest.mark.slow
def test_each_fold_of_tables_12_and_13_has_its_own_seed(table):
    for number in (12, 13):
        row = table.loc[number]
        assert (row["runs"], row["test sets or folds"], row["seeds"]) == (30, 10, 10)
        assert row["trained on"] == "2721 to 2722" and row["tested on"] == "680 to 681 + 121"
    assert table.loc[12, "paper: trained on"] == "2732" and table.loc[13, "paper: tested on"] == "121"
    assert table.loc[12, "paper: runs"] == "200 and 1 row without a number"


def test_the_papers_runs_are_those_of_its_tables():
    stated = pd.read_csv(Path(scale.__file__).with_name("published_counts.csv")).set_index("table")["paper: runs"]
    for number, words in stated.items():
        runs = tables.table(number).groupby(["block", "row"])["n_runs"].first()
        assert words.startswith(str(runs.sum() or runs.isna().sum()))
