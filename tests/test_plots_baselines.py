"""Table 11 run again: ranks, intervals, tests and pictures from small made-up predictions."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet.plots.interpretation.cells import segmentation_examples, segmentation_scores, segmentation_table
from leuknet.plots.results.baselines import (
    OWN,
    bars,
    can_differ,
    chance_table,
    critical_difference,
    paired_tests,
    rank_sentence,
    ranked_dots,
    ranked_sentence,
    ranked_test,
    ranking,
    table11_again,
)
from leuknet.plots.results.comparison import t_tests, with_published
from leuknet.study.comparison import FAIR, POOLED, PUBLISHED, Comparison

RIGHT = {"LeukNet": 36, "Putzu et al. [6]": 20, "image size and format": 39}


def made():
    """Return a comparison of three works over 40 images, `RIGHT` of which each calls rightly, in every protocol."""
    y = np.arange(40) % 2
    rows, runs = [], []
    for column in (POOLED, PUBLISHED, FAIR):
        for work, right in RIGHT.items():
            called = np.where(np.arange(40) < right, y, 1 - y)
            rows.append(
                pd.DataFrame(
                    {
                        "image_id": [f"i{i}" for i in range(40)],
                        "group": [f"i{i}" for i in range(40)],
                        "source": [f"s{i % 2}" for i in range(40)],
                        "y": y,
                        "p": 0.1 + 0.8 * called,
                        "fold": "f",
                        "seed": 1,
                        "split": "test",
                        "work": work,
                        "approach": work,
                        "column": column,
                    }
                )
            )
            runs.append({"work": work, "column": column, "weights": "none", "bytes": 2e6, "seconds": 0.01})
    return Comparison(pd.concat(rows, ignore_index=True), pd.DataFrame(runs), {"Sahlol et al. [23]": "no weights"})


def test_table_11_is_ranked_by_leave_one_source_out_with_the_articles_own_figures():
    table = table11_again(made())
    assert list(table["work"]) == ["image size and format", "LeukNet", "Putzu et al. [6]", "Sahlol et al. [23]"]
    assert list(table["rank"]) == ["1", "2", "3", ""]
    row = table.set_index("work").loc["LeukNet"]
    assert row[f"{FAIR} (%)"].startswith("90.0 (") and row[OWN] == "98.61"
    assert (row["images/s"], row["MB"]) == ("100", "2.00")
    assert table.set_index("work").loc["image size and format", OWN] == ""


def test_limits_lie_around_the_accuracy():
    frame = ranking(made())
    assert (frame["low"] < frame["A"]).all() and (frame["A"] < frame["high"]).all() and (frame["n"] == 40).all()


def test_accuracy_is_compared_with_the_larger_class():
    table = chance_table(made()).set_index("work")
    assert table.loc["LeukNet", "better"] == "yes" and table.loc["Putzu et al. [6]", "better"] == "no"
    assert (table["larger class (%)"] == 50).all() and table.loc["LeukNet", "why not"] == ""
    why = table.loc["Putzu et al. [6]", "why not"]  # 20 of 40 right: it calls half the images positive
    assert why.startswith("calls 50 % negative; 40 images put the lower limit at ") and "control" not in why


def test_paired_tests_compare_images_and_adjust():
    table = paired_tests(made()).set_index("work")
    putzu, control = table.loc["Putzu et al. [6]"], table.loc["image size and format"]
    assert (putzu["minus LeukNet (points)"], putzu["groups that differ"], putzu["difference"]) == (-40, 16, "worse")
    assert (control["minus LeukNet (points)"], control["difference"]) == (7.5, "not shown")
    assert control["p"] == control["p, Holm"] == 0.25  # McNemar's exact test with 3 and 0
    assert putzu["p, Holm"] == 2 * putzu["p"] < 0.001


def test_paired_tests_count_each_image_once_and_groups_as_units():
    """Five seeds that call alike are no more evidence than one; nor are images of one patient."""
    whole, columns = made(), ["p", "p, Holm", "minus LeukNet (points)"]
    seeds = pd.concat([whole.predictions.assign(seed=seed) for seed in range(5)])
    expected = paired_tests(whole)[columns]
    pd.testing.assert_frame_equal(paired_tests(Comparison(seeds, whole.runs, {}))[columns], expected)
    patients = whole.predictions.assign(group=lambda frame: frame["image_id"].str[1:].astype(int) // 10)
    of = paired_tests(Comparison(patients, whole.runs, {})).set_index("work").loc["Putzu et al. [6]"]
    assert of["groups that differ"] == 2 and of["p"] == 0.5 and of["difference"] == "not shown"


def test_dots_have_one_line_a_work_best_on_top():
    fig = ranked_dots(made())
    labels = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert labels == ["image size and format", "LeukNet", "Putzu et al. [6]"]
    assert fig.axes[0].yaxis_inverted()
    plt.close(fig)


def left_out(sources):
    """Return `made` with as many sources left out, each tested on the same images."""
    rows = [made().of(FAIR).assign(fold=f"source {number}") for number in range(sources)]
    return Comparison(pd.concat([made().of(POOLED), *rows], ignore_index=True), pd.DataFrame(), {})


def test_ranks_are_over_sources_left_out_and_bars_join_what_cannot_be_distinguished():
    comparison = left_out(5)
    names, found = ranked_test(comparison)
    assert found.n == 5 and dict(zip(names, found.ranks, strict=True))["image size and format"] == 1
    assert bars(found) == [(1, 2), (2, 3)]  # 3 works on 5 test sets: 2.343 sqrt(12 / 30) = 1.48
    assert can_differ(comparison) and "more than 1.5 apart" in rank_sentence(comparison)
    fig = critical_difference(comparison)
    texts = {text.get_text() for text in fig.axes[0].texts}
    expected = {"critical difference 1.5 (5 sources left out)", "image size and format  1.0", "3.0  Putzu et al. [6]"}
    assert expected <= texts
    plt.close(fig)


def test_a_critical_difference_beyond_the_largest_distance_is_stated_and_not_drawn():
    assert not can_differ(left_out(2))  # 2.343 sqrt(12 / 12) = 2.3 and three ranks lie 2 apart at most
    assert "further apart than 2: with 2 test sets no order" in rank_sentence(left_out(2))


def test_folds_of_one_pool_are_no_test_sets():
    assert not can_differ(left_out(1)) and "not 1 test set" in rank_sentence(left_out(1))


def test_the_ranking_is_on_the_images_that_all_protocols_test():
    whole = made()
    pooled = whole.predictions["column"] == POOLED
    more = whole.predictions[pooled].assign(image_id=lambda frame: "more " + frame["image_id"])
    frame = ranking(Comparison(pd.concat([whole.predictions, more]), whole.runs, {}))
    of = frame[(frame["work"] == "LeukNet") & (frame["column"] == POOLED)].set_index("images")
    assert of["n"].to_dict() == {"same": 40, "all": 80}


def test_the_sentence_names_best_leuknet_control_and_paired_difference():
    text = ranked_sentence(made())
    assert text.startswith("On sources left out (40 images that all protocols test): image size and format 97.5 (")
    assert "image size and format sees no cell. LeukNet, pooled minus leave-one-source-out: 0.0 points (range" in text


def test_a_work_not_run_under_one_protocol_stands_once_in_the_table():
    whole = made()
    without = whole.predictions[(whole.predictions["column"] != FAIR) | (whole.predictions["work"] != "LeukNet")]
    table = table11_again(Comparison(without, whole.runs, {"LeukNet": "out of memory"}))
    assert list(table["work"]) == ["image size and format", "Putzu et al. [6]", "LeukNet"]
    assert list(table["rank"]) == ["1", "2", ""] and table[f"{FAIR} (%)"].iloc[2] == ""


def test_without_masks_the_page_says_so():
    assert "LEUKNET_MASKS" in segmentation_table(segmentation_scores({}))["images of"].iloc[0]
    plt.close(segmentation_examples({}, segmentation_scores({})))


def test_examples_show_best_and_worst():
    image = np.full((40, 40, 3), 225, np.uint8)
    image[12:28, 12:28] = (95, 45, 130)
    mask = np.zeros((40, 40), np.uint8)
    mask[12:28, 12:28] = 2
    sets = {"made": ([image, image], [mask, np.roll(mask, 4, 0)], ["a", "b"], [14.0, 14.0])}
    scores = segmentation_scores(sets)
    assert set(segmentation_table(scores)["images of"]) == {"made"}
    fig = segmentation_examples(sets, scores, count=2)
    assert len(fig.axes) == 4 and fig.axes[0].get_title() > fig.axes[2].get_title()
    plt.close(fig)


def runs_of(**accuracies):
    """Return one row a run and approach with its accuracy of 36 images."""
    rows = [(approach, a, 36) for approach, values in accuracies.items() for a in values]
    return pd.DataFrame(rows, columns=["approach", "A", "n"])


def test_published_and_own_rows_of_a_work_stand_together():
    table = with_published(12, runs_of(scratch=[0.5, 0.6], vogado=[0.9, 0.8], mDFT=[0.9, 0.9]), "here: drawn")
    assert table["work"].tolist() == [work for work in ("Vogado et al. [22]", "VGG-16 *", "LeukNet") for _ in range(2)]
    assert table["where"].tolist() == ["published", "here: drawn"] * 3


def test_the_t_tests_are_those_of_the_printed_numbers_and_of_the_runs():
    """Published: scipy.stats.ttest_ind_from_stats on Tables 12 and 13."""
    inside = runs_of(mDFT=[0.9, 0.8, 0.85], scratch=[0.5, 0.6, 0.55])
    table = t_tests(inside, runs_of(mDFT=[0.7], scratch=[0.5]), "UFG")
    assert table["networks each"].tolist() == [100, 20, 100, 20, 3, 1]
    gap = table["LeukNet minus VGG-16 * (points)"]
    assert gap[0] == "−0.03 (−0.16 to 0.10)" and gap[3] == "+4.30 (0.32 to 8.28)" and gap[4] == "+30.0 (18.7 to 41.3)"
    assert table["t"].tolist()[:5] == ["−0.44", "−0.20", "4.89", "2.19", "7.35"]
    assert table["p"][3] < 0.05 < table["p"][1] and gap[5].startswith("not tested: ") and np.isnan(table["p"][5])
