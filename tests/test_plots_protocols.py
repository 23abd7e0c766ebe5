"""Protocols like with like: only images that all protocols test are compared, paired, resampled by source."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from made import small_cohort

from leuknet.plots import output
from leuknet.plots.data import leakage
from leuknet.plots.results import protocols as shown


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def predicted(protocol, images, wrong=(), seeds=(1, 2)):
    """Return predictions of `images` (id, source, label) under one protocol; those in `wrong` are called wrongly."""
    rows = [
        {"protocol": protocol, "image_id": i, "source": s, "group": i, "y": y, "fold": s, "seed": seed, "split": "test"}
        | {"p": 0.9 if (y == 1) != (i in wrong) else 0.1, "run": f"{protocol} {s} {seed}"}
        for seed in seeds
        for i, s, y in images
    ]
    return pd.DataFrame(rows)


EASY = [(f"easy{k}", "single", 0) for k in range(40)]
HARD = [(f"hard{k}", "ab"[k % 2], k // 2 % 2) for k in range(40)]
HALF = [f"hard{k}" for k in range(0, 20)]


def confounded():
    """Pooled folds test 40 easy images as well; on the 40 that both test, the protocols call the same ones rightly."""
    return pd.concat([predicted("5-fold", EASY + HARD, HALF), predicted("LODOCV as published", HARD, HALF)])


def test_a_fall_that_is_only_one_of_images_is_no_difference():
    levels = shown.protocol_levels(confounded()).set_index(["protocol", "images"])
    assert levels["A"].to_dict() == {
        ("5-fold", "all"): 75, ("LODOCV as published", "all"): 50,
        ("5-fold", "same"): 50, ("LODOCV as published", "same"): 50,
    }  # fmt: skip
    assert levels["n"].tolist() == [80, 40, 40, 40]
    [gap] = shown.protocol_differences(confounded()).values()
    assert (gap.difference, gap.images, gap.units, gap.by) == (0, 40, 2, "source")


def test_the_sentence_names_n_interval_and_verdict():
    text = shown.protocol_sentence(confounded())
    assert text.startswith("On the same 40 images: 5-fold 50.0 %, LODOCV as published 50.0 %.")
    assert "5-fold minus LODOCV as published: 0.0 points (range 0.0 to 0.0 over the 2 sources, all there are)." in text
    worse = pd.concat([predicted("5-fold", HARD), predicted("LODOCV as published", HARD, HALF)])
    text = shown.protocol_sentence(worse)  # two sources: a bootstrap of three values says neither higher nor lower
    assert "+50.0 points (range" in text and "the first is" not in text and "interval" not in text


def test_one_source_is_resampled_by_group_and_says_so():
    one = [image for image in HARD if image[1] == "a"]
    text = shown.protocol_sentence(pd.concat([predicted("5-fold", one), predicted("LODOCV as published", one, HALF)]))
    assert "20 groups of one source resampled), the first is higher" in text


def test_the_figure_has_filled_hollow_and_published_marks_and_n_at_each_row():
    fig = shown.protocols(confounded())
    left, right = fig.axes
    hollow = [line for line in left.lines if len(line.get_xdata()) == 1 and line.get_markerfacecolor() == "white"]
    assert sorted(line.get_xdata()[0] for line in hollow if line.get_marker() != "*") == [50, 75]
    assert sorted(line.get_xdata()[0] for line in hollow if line.get_marker() == "*") == [82.46, 97.04, 98.61]
    texts = [text.get_text() for text in left.texts]
    assert [text for text in texts if "n =" in text] == ["50.0, n = 40", "75.0, n = 80"] + ["50.0, n = 40"] * 2
    assert [text.get_text() for text in right.texts] == ["0.0"]


def test_the_table_has_both_accuracies_and_the_paired_difference():
    table = shown.protocol_table(confounded()).set_index("protocol")
    assert table["all images: n"].tolist() == [80, 40] and table["same images: n"].tolist() == [40, 40]
    assert table.loc["5-fold", "first protocol minus this (points)"] == ""
    assert table.loc["LODOCV as published", "first protocol minus this (points)"] == "0.0 (0.0 to 0.0)"


def test_one_protocol_alone_is_shown_without_a_difference():
    alone = predicted("5-fold by group", HARD, HALF)
    assert shown.protocol_differences(alone) == {} and len(shown.protocols(alone).axes) == 2
    assert shown.protocol_sentence(alone) == "On the same 40 images: 5-fold by group 50.0 %."


def test_families_are_compared_on_images_that_other_networks_test():
    same = predicted("LODOCV as published", HARD)
    assert shown.family_sentences(pd.concat([same, same.assign(protocol="x")]), "LODOCV as published", "x") == [
        "No image is tested under LODOCV as published and under x by different networks: no family is parted here."
    ]
    gap, student, images = shown.family_sentences(
        pd.concat([same, predicted("x", HARD, HALF)]), "LODOCV as published", "x"
    )
    assert "on these 40 images: +50.0 points" in gap and "not tested" in student
    assert "only a right 20, only b right 0" in images


def test_recall_and_specificity_by_test_set():
    frame = predicted("LODOCV as published", HARD, [i for i, _, y in HARD if y == 1])
    fig = shown.by_test_set(frame)
    assert [text.get_text() for text in fig.axes[0].get_legend().get_texts()] == ["accuracy", "recall", "specificity"]
    assert fig.axes[0].get_yticklabels()[0].get_text() == "LODOCV as published\na, n = 20"
    assert (
        "recall 0 % of 10 positive, specificity 100 % of 10 negative images: positives are missed"
        in shown.test_set_sentence(frame)
    )
    assert "No test set holds both classes" in shown.test_set_sentence(predicted("x", EASY))


COHORTS = {
    "one data set": (small_cohort(data_sets=("A",), single=()), ["pooled", "grouped"]),
    "two single-class data sets": (small_cohort(data_sets=(), single=("D",)), None),
    "two two-class data sets": (
        small_cohort(data_sets=("A", "B"), single=()),
        ["pooled", "LODOCV as published", "leave-one-source-out"],
    ),
}


@pytest.mark.parametrize(("cohort", "expected"), COHORTS.values(), ids=COHORTS)
def test_impossible_protocols_are_named_and_replaced(cohort, expected, monkeypatch):
    sentences = []
    monkeypatch.setattr(leakage, "say", sentences.append)
    study = SimpleNamespace(cohort=cohort, profile=SimpleNamespace(folds=3), seed=0)
    found = leakage.possible_splits(study, "pooled", "LODOCV as published", "leave-one-source-out")
    if expected is None:  # one class only: nothing can be split, and each protocol says why
        assert found == {} and len(sentences) == 6 and "no accuracy here shows that cells were used" in sentences[3]
        return
    assert list(found) == expected
    assert len(sentences) == (3 if "grouped" in expected else 0)
    assert all(text.startswith(("Not possible here: ", "Instead")) for text in sentences)


def test_results_are_escaped_and_shown_as_text(monkeypatch):
    pages = []
    monkeypatch.setattr(output, "display", lambda html: pages.append(html.data))
    output.answer("a <b> & c", "")
    assert "a &lt;b&gt; &amp; c" in pages[0] and pages[0].count('class="result"') == 1
