"""The leakage audit's figures, tables and sentences, on made-up pairs and shortcuts."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from leuknet.data.leakage.shortcuts import ALL
from leuknet.plots.data import leakage


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def pairs():
    rows = [
        ("contained", "a1", "b1", "ALL-IDB 1 (Crop)", "ALL-IDB 1", 0.9),
        ("contained", "a2", "b1", "ALL-IDB 1 (Crop)", "ALL-IDB 1", 0.8),
        ("near", "c1", "c2", "UFG", "UFG", 0.7),
    ]
    frame = pd.DataFrame(rows, columns=["kind", "a", "b", "data_set_a", "data_set_b", "detail"])
    return frame.assign(left=1.4, top=2.6, width=10, height=20, score=0.95, turn="")


def shortcuts():
    rows = [
        (ALL, "image size", 127, 4, 0.79, 0.7, 0.88), (ALL, "mean colour", 127, 100, 0.55, 0.45, 0.65),
        ("UFG", "image size", 12, 2, 0.75, 0.5, 1.0),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["data_set", "named by", "images", "values", "score", "low", "high"])


def test_pairs_are_counted_by_kind_and_couple_of_data_sets():
    counts = leakage.pair_counts(pairs()).set_index(["data set", "with"])
    assert counts.loc[("ALL-IDB 1", "ALL-IDB 1 (Crop)"), "contained"] == 2
    assert counts.loc[("UFG", "itself")].to_dict() == {"exact": 0, "near": 1, "contained": 0, "overlap": 0}


def test_the_sentence_counts_kinds_and_names_the_data_sets_that_are_joined():
    text = leakage.pair_sentence(pairs(), 127)
    assert (
        text
        == "Among 127 images: 1 near and 2 contained pairs; 2 join different data sets: ALL-IDB 1 and ALL-IDB 1 (Crop)."
    )
    alone = leakage.pair_sentence(pairs().query("kind == 'near'"), 127)
    assert alone == "Among 127 images: 1 near pairs; none joins different data sets."
    assert "No two of 5 images" in leakage.pair_sentence(pairs().head(0), 5)


def test_the_strongest_pairs_take_turns_between_kinds():
    assert leakage.strongest(pairs(), 2)["a"].tolist() == ["a1", "c1"]
    table = leakage.pair_table(pairs(), 1)
    assert table[["left", "top"]].iloc[0].tolist() == [1, 3] and "correlation" in table


def test_shortcuts_are_drawn_by_data_set_with_chance_and_intervals():
    fig = leakage.shortcut_levels(shortcuts())
    shown = [ax for ax in fig.axes if ax.axison]
    assert [ax.get_title(loc="left") for ax in shown] == ["UFG (n = 12)", f"{ALL} (n = 127)"]
    (marks,) = [line for line in shown[1].lines if line.get_marker() == "o"]
    assert list(marks.get_xdata()) == pytest.approx([79, 55])
    assert any(list(line.get_xdata()) == [50, 50] for line in shown[1].lines)


def test_the_strongest_shortcut_is_named_with_its_interval_and_how_many_beat_chance():
    text = leakage.shortcut_sentence(shortcuts())
    assert "image size predicts the label with a balanced accuracy of 79.0 (70.0 to 88.0) %" in text
    assert text.endswith("1 of 2 facts there have an interval above chance.")
    assert leakage.shortcut_sentence(shortcuts().head(0)).startswith("Too few groups")


def test_shortcut_table_is_in_percent():
    row = leakage.shortcut_table(shortcuts()).iloc[0]
    assert row["balanced accuracy (%)"] == pytest.approx(79) and row["95 % interval (%)"] == "70 to 88"


def test_marks_are_counted_only_where_there_are_some():
    table = pd.DataFrame({"data_set": ["A", "A", "B"]})
    facts = pd.DataFrame({"outline": [True, False, False], "scale_bar": [False, False, False]})
    assert leakage.marked_table(table, facts).to_dict("records") == [
        {"data set": "A", "outline": 1, "scale bar": 0, "images": 2}
    ]
