"""The ablation's tables and figures: published cells next to made ones, and cohorts that the paper does not know."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leuknet.plots.style import APPROACH_COLOURS
from leuknet.plots.training import ablation, network
from leuknet.study.ablation import TABLES, approaches

METRICS = ("A", "P", "R", "S", "MCC")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def made_scores(*folds):
    rows = [
        {"backbone": f"{backbone}-nano", "approach": approach, "fold": fold, "seed": seed}
        | dict.fromkeys(METRICS, 0.5 + 0.1 * seed)
        for backbone in TABLES.values()
        for approach in approaches(backbone)
        for fold in folds
        for seed in (1, 2)
    ]
    return pd.DataFrame(rows)


def test_table_has_the_published_cell_next_to_ours():
    table = ablation.ablation_table(made_scores("ALL-IDB 1"), "ALL-IDB 1").set_index(["network", "approach"])
    assert len(table) == 14
    assert table.loc[("VGG-16", "mDFT"), "A, published"] == "97.04 ± 1.21"
    assert table.loc[("ResNet50", "mSFT"), "MCC, published"] == "0"
    assert set(table["A, here"]) == {"65.00 ± 7.07"}


def test_undefined_precision_counts_as_0_as_in_the_papers_table_7_and_other_metrics_are_empty():
    scores = made_scores("ALL-IDB 1").assign(P=np.nan, R=np.nan)
    table = ablation.ablation_table(scores, "ALL-IDB 1")
    assert set(table["P, here"]) == {"0.00 ± 0.00"} and "" not in set(table["P, published"])
    assert set(table["R, here"]) == {""}


def test_another_test_set_has_no_published_cells():
    table = ablation.ablation_table(made_scores("Taleqani"), "Taleqani")
    assert len(table) == 14 and set(table["A, here"]) == {"65.00 ± 7.07"}
    assert all(set(table[f"{metric}, published"]) == {""} for metric in METRICS)


def test_heads_next_to_table_9():
    scores = made_scores("ALL-IDB 2").query("backbone == 'VGG16-nano' and approach == 'mDFT'")
    table = ablation.heads_table(pd.concat([scores.assign(head=h) for h in ("512–256", "1024–256")]), "ALL-IDB 2")
    assert table["head"].tolist() == ["512–256", "1024–256"]
    assert table["A, published"].tolist() == ["71.53 ± 4.97", "82.46 ± 0.02"]


def test_the_answer_names_the_best_head_on_each_test_set():
    scores = pd.DataFrame({"fold": ["A"] * 4, "head": ["1–2", "1–2", "3–4", "3–4"], "A": [0.5, 0.6, 0.7, 0.8], "n": 40})
    words = ablation.heads_sentence(scores, ["A"])
    assert (
        words == "On A the highest mean accuracy of a head (Table 9) here is 75.0 ± 7.1 % (3–4; 2 runs on 40 images)."
    )


def marks(ax, open_ones):
    lines = [line for line in ax.lines if line.get_marker() in "sD^o" and len(line.get_xdata())]
    return [line for line in lines if (line.get_markerfacecolor() == "white") == open_ones]


def test_dots_show_each_network_twice_where_the_paper_has_it():
    fig = ablation.accuracy_dots(made_scores("ALL-IDB 1", "Taleqani"), ["ALL-IDB 1", "Taleqani"])
    known, unknown = fig.axes
    assert [text.get_text() for text in known.get_yticklabels()][:2] == ["VGG-16 SFT", "VGG-16 mSFT"]
    assert (len(marks(known, False)), len(marks(known, True))) == (14, 14)
    assert (len(marks(unknown, False)), len(marks(unknown, True))) == (14, 0)
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["here", "published"]
    assert marks(known, True)[3].get_xdata()[0] == pytest.approx(97.04)
    assert marks(known, False)[3].get_xdata()[0] == pytest.approx(65)
    assert marks(known, False)[3].get_color() == APPROACH_COLOURS["mDFT"]


def test_legend_names_no_published_marks_where_there_are_none():
    fig = ablation.accuracy_dots(made_scores("Taleqani"), ["Taleqani"])
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["here"]


def test_counts_say_where_they_differ():
    counts = pd.DataFrame({"model": ["VGG16", "ResNet50"], "parameters": [138_357_544, 7], "depth": [23, 169]})
    table = ablation.counts_table(counts).set_index("model")
    assert table["equal"].to_dict() == {"VGG-16": "yes", "ResNet50": "no"}
    assert table.loc["ResNet50", ["depth, published", "longest path, Keras"]].tolist() == [168, 169]


def test_trained_parameters_for_readers():
    counts = pd.DataFrame([{"model": "VGG19", "approach": "mSFT", "trained": 2000, "kept": 6000, "new": 1500}])
    assert ablation.trained_table(counts).iloc[0].tolist() == ["VGG-19", "mSFT", "2,000", "6,000", "1,500", "25.0 %"]


def test_times_keep_the_impossible_cell_as_printed():
    rows = [("InceptionV3-nano", "ALL-IDB 2"), ("ResNet50-nano", "ALL-IDB 1"), ("Xception-nano", "Taleqani")]
    timings = pd.DataFrame(rows, columns=["backbone", "fold"]).assign(training_seconds=12.34, seconds_per_image=0.001)
    table = ablation.times_table(timings)
    assert table["training, published (min:s)"].tolist() == ["31:96", "38:08", ""]
    assert set(table["training, here (s)"]) == {"12.3"}


def test_approaches_are_drawn_as_the_layers_say():
    layers = pd.DataFrame(
        {
            "layer": ["conv", "fc1", "conv", "head_dense1"],
            "output_shape": ["8x8x4", "16", "8x8x4", "8"],
            "parameters": [10, 20, 10, 5],
            "trainable": [False, True, True, True],
            "part": ["transferred", "transferred", "transferred", "new"],
            "approach": ["SFT", "SFT", "mDFT", "mDFT"],
        }
    )
    ax = network.approach_diagram(layers).axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["SFT\n20 of\n30 trained", "mDFT\n15 of\n15 trained"]
    assert len({bar.get_facecolor() for bar in ax.patches}) == 3
    assert [text.get_text() for text in ax.get_yticklabels()] == ["8x8x4  10", ""]
    assert [text.get_text() for text in ax.texts] == ["conv", "fc1  16  20", "conv", "dense1  8  5"]


@pytest.mark.parametrize("factor", [1, 100])
def test_t_test_from_what_tables_3_and_4_print(factor):
    found = ablation.published_t_test(factor=factor)
    expected = stats.ttest_ind_from_stats(82.46, 0.02 * factor, 5, 79.62, 6.31, 5)
    assert found.p == pytest.approx(expected.pvalue) and found.p > 0.05
    assert found.difference == pytest.approx(2.84)


def test_verdict_does_not_call_no_difference_equality():
    words = ablation.verdict(ablation.published_t_test())
    assert words.startswith("No difference is shown") and "up to 9.3 points" in words
    clear = ablation.student_t_from_summary(60, 1, 5, 70, 1, 5)
    assert ablation.verdict(clear) == "At the 5 % level VGG-19 is the more accurate."
