"""Figures and tables of feature spaces, on small made-up frames."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from leuknet._random import rng
from leuknet.exceptions import LeuknetError
from leuknet.plots import style
from leuknet.plots.interpretation import feature_space


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def made_up(names=("no fine-tuning", "DFT", "mDFT"), methods=("t-SNE",), n=10):
    parts = []
    for name in names:
        for method in methods:
            label = np.arange(n) % 2
            xy = rng(name, method).normal(size=(n, 2)) + 6 * label[:, None]
            frame = {"image_id": [f"i{i}" for i in range(n)], "data_set": np.where(np.arange(n) < 5, "JTSC", "own")}
            parts.append(pd.DataFrame(frame).assign(label=label, x=xy[:, 0], y=xy[:, 1], method=method, features=name))
    points = pd.concat(parts, ignore_index=True)
    return points.assign(source=points["data_set"] + " hospital")


def scored(data_set="Taleqani", names=("mDFT", "no fine-tuning")):
    lines = [
        {
            "data_set": data_set,
            "features": name,
            "length": 512,
            "components": kept,
            "scenario": scenario,
            "folds": 5,
            "n": 20,
        }
        for name in names
        for scenario, kept in (("LODOCV", 100), ("k-fold", 16))
    ]
    return pd.DataFrame(lines).assign(length=512, folds=5, n=20, A=0.875, P=np.nan, R=0.5, Kappa=0.25)


def test_the_printed_table_as_it_stands():
    printed = feature_space.published10()
    assert len(printed) == 2 * 5 * 2
    row = printed[(printed["data_set"] == "ALL-IDB 2") & (printed["features"] == "no fine-tuning")].set_index(
        "scenario"
    )
    assert row.loc["LODOCV", "Kappa"] == -0.007 and row.loc["k-fold", "A"] == pytest.approx(0.8769)


def test_table10_puts_each_line_next_to_the_papers():
    both = feature_space.table10(scored("ALL-IDB 1"))
    pair = both[(both["data set"] == "ALL-IDB 1") & (both["features"] == "mDFT")]
    assert pair["who"].tolist() == ["here", "paper"] and pair["number"].tolist() == ["100 / 16", "256"]
    assert pair["LODOCV A (%)"].tolist() == ["87.50", "87.96"] and pair["k-fold Kappa"].tolist() == ["0.250", "0.857"]
    assert pair["LODOCV P (%)"].tolist() == ["–", "86.00"]


def test_table10_of_another_cohort_keeps_the_papers_lines():
    both = feature_space.table10(scored("Taleqani", ("ImageNet DenseNet169",)))
    assert both["data set"].unique().tolist() == ["ALL-IDB 1", "ALL-IDB 2", "Taleqani"]
    assert (both["who"] == "here").sum() == 1 and (both["who"] == "paper").sum() == 10


def test_separability_draws_ours_filled_and_the_papers_hollow():
    fig = feature_space.separability(pd.concat([scored("ALL-IDB 1"), scored("Taleqani")]))
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["ALL-IDB 1", "Taleqani"]
    lines = {line.get_label(): line for line in fig.axes[0].lines}
    assert list(lines["LODOCV, here"].get_xdata()) == [87.5, 87.5]
    assert list(lines["k-fold, paper"].get_xdata()) == pytest.approx([91.66, 97.22])
    assert lines["k-fold, paper"].get_markerfacecolor() == "white"
    assert [line.get_label() for line in fig.axes[1].lines] == ["LODOCV, here", "k-fold, here"]
    assert len({line.get_marker() for line in lines.values()}) == 2


def test_decision_regions_shade_each_side_with_its_class():
    fig = feature_space.decision_regions(made_up())
    assert [ax.get_title(loc="left").split("\n")[0] for ax in fig.axes] == ["no fine-tuning", "DFT", "mDFT"]
    ax = fig.axes[0]
    assert "on these points: 100%" in ax.get_title(loc="left")
    mesh = ax.collections[0]
    fig.canvas.draw()
    tint = mesh.to_rgba(mesh.get_array(), alpha=1)
    corners = mesh.get_array().reshape(200, 200)
    assert not corners[0, 0] and corners[-1, -1]
    assert tuple(tint.reshape(-1, 4)[0]) == to_rgba(style.CLASS_COLOURS[0])
    assert ax.get_xlabel() == "t-SNE 1 (no unit)"


def test_decision_regions_fit_on_training_points_and_score_on_test_points():
    points = made_up(["LeukNet"], n=12)
    points["role"] = np.where(np.arange(12) < 8, "train", "test")
    points.loc[points["role"] == "test", ["x", "y"]] = [0.0, 0.0]
    ax = feature_space.decision_regions(points).axes[0]
    assert "on the test points: 50%" in ax.get_title(loc="left")
    labels = ax.get_legend_handles_labels()[1]
    assert sum("training" in label for label in labels) == sum("test" in label for label in labels) == 2


def test_image_map_puts_an_image_where_its_point_is():
    points = made_up(["LeukNet"], n=4).assign(x=[0, 1, 0, 1], y=[0, 0, 1, 1])
    images = np.zeros((4, 8, 8, 3), np.uint8)
    images[1], images[2] = [250, 0, 0], [0, 0, 250]
    ax = feature_space.image_map(points, images, cells=2, pixels=8).axes[0]
    canvas = ax.images[0].get_array()
    assert tuple(canvas[12, 12]) == (250, 0, 0)  # x = 1, y = 0: lower right
    assert tuple(canvas[4, 4]) == (0, 0, 250)
    assert "4 of 4 images" in ax.get_title(loc="left")


def test_image_map_wants_one_image_a_point():
    with pytest.raises(LeuknetError, match="one image per point"):
        feature_space.image_map(made_up(["x"]), np.zeros((3, 8, 8, 3), np.uint8))


def test_one_a_cell_takes_the_nearest_to_the_middle():
    xy = np.array([[0, 0], [0.2, 0.3], [1, 1], [0.9, 0.1]])
    assert feature_space.one_a_cell(xy, 2) == {(0, 0): 1, (1, 1): 2, (1, 0): 3}
    assert feature_space.one_a_cell(np.ones((3, 2)), 4)


def test_class_and_source_side_by_side():
    fig = feature_space.class_and_source(made_up(["LeukNet"], ("t-SNE", "UMAP")))
    titles = [ax.get_title(loc="left") for ax in fig.axes]
    assert titles == [f"LeukNet, {m}, by {what}" for m in ("t-SNE", "UMAP") for what in ("class", "source")]
    assert fig.axes[3].get_legend_handles_labels()[1] == ["JTSC hospital", "own hospital"]


def test_a_source_looks_as_its_first_data_set():
    table = pd.DataFrame({"data_set": ["ALL-IDB 2", "ALL-IDB 1", "JTSC"], "source": ["ALL-IDB", "ALL-IDB", "JTSC"]})
    looks = style.source_styles(table)
    assert list(looks) == ["ALL-IDB", "JTSC"] and looks["ALL-IDB"] == style.data_set_styles(["ALL-IDB 1"])["ALL-IDB 1"]


def test_sources_outside_table_1_are_distinguishable():
    table = pd.DataFrame({"data_set": ["JTSC", "a", "b", "c"], "source": ["JTSC", "a", "b", "c"]})
    looks = style.source_styles(table)
    colours = np.array([colour for colour, _ in looks.values()])
    assert list(looks) == ["JTSC", "a", "b", "c"] and len({marker for _, marker in looks.values()}) == 4
    assert min(abs(colours[i] - colours[j]).max() for i in range(4) for j in range(i)) > 0.3


def test_a_legend_names_the_largest_sources_and_counts_the_others():
    names = [f"s{number}" for number in range(12)]
    table = pd.DataFrame({"data_set": names * 2 + names[5:], "source": names * 2 + names[5:]})
    values, looks = style.leading_sources(table)
    assert list(looks)[-1] == "5 other sources" and len(looks) == 8 and set(values) == set(looks)
    assert set(looks) == {*names[5:], "5 other sources"}
    assert list(style.leading_sources(table.query("source in @names[:8]"))[1]) == names[:8]


def test_neighbour_table_in_percent_with_chance_last():
    questions = ["same source", "same class", "same class, other sources"]
    tables = {
        name: pd.DataFrame({"question": questions, "share": [0.9, 0.8, level], "chance": [0.1, 0.5, 0.5]})
        for name, level in (("LeukNet", 0.7), ("no fine-tuning", 0.4))
    }
    frame = feature_space.neighbour_table(tables, {"LeukNet": (0.6, 0.25), "no fine-tuning": (0.95, 0.25)})
    assert frame["features"].tolist() == ["LeukNet", "no fine-tuning", "chance"]
    assert frame["same class, other sources (%)"].tolist() == pytest.approx([70, 40, 50])
    assert frame["source named (%)"].tolist() == pytest.approx([60, 95, 25])


def test_calls_table_in_percent():
    frame = feature_space.calls_table(
        np.array([0, 0, 1, 1]), {"all negative": np.zeros(4), "right": np.array([0.1, 0.2, 0.9, 0.8])}
    )
    assert frame["A (%)"].tolist() == ["50.00", "100.00"] and frame["P (%)"].tolist() == ["–", "100.00"]
