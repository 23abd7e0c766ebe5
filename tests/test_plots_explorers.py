"""Explorers: what each shows for known cohorts and predictions, and that its widget redraws by the same function."""

import io
from dataclasses import replace
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made import small_cohort
from PIL import Image

from leuknet.evaluation.splits import k_fold, lodocv
from leuknet.exceptions import LeuknetError
from leuknet.plots.interactive import explorers, widgets
from leuknet.plots.style import CLASS_COLOURS


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def cohort():
    """Return a cohort in which image 5 is a copy of image 0 under another name."""
    made = small_cohort(3)
    images, table = made.images.copy(), made.table.copy()
    images[5] = images[0]
    table.loc[5, "sha256"] = table.loc[0, "sha256"]
    return replace(made, images=images, table=table)


def results():
    """Return two finished runs of ten images each, as `Results` gives them."""
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 5)
    frames = [
        pd.DataFrame({"run": run, "image_id": [f"i{k}" for k in range(10)], "y": y, "split": "test"})
        .assign(p=np.clip(0.3 + 0.4 * y + rng.normal(0, spread, 10), 0, 1))
        for run, spread in (("a", 0.05), ("b", 0.4))
    ]  # fmt: skip
    history = pd.DataFrame({"run": ["a", "a", "b"], "epoch": [1, 2, 1], "accuracy": [0.5, 0.9, 0.6]})
    runs = pd.DataFrame({"run": ["a", "b"], "backbone": "VGG16-nano", "approach": "mDFT", "protocol": "LODOCV"})
    runs = runs.assign(fold=["A", "A"], seed=[11, 12])
    return SimpleNamespace(predictions=pd.concat(frames), histories=history, runs=runs)


def drawn(image):
    return np.asarray(Image.open(io.BytesIO(image.value)))


def titles(fig):
    return [text.get_text() for text in fig.axes[0].texts]


def test_filters(cohort):
    table = cohort.table
    assert len(explorers.filtered(table)) == len(table)
    assert set(table["data_set"].iloc[explorers.filtered(table, data_set="B", label=1)]) == {"B"}
    assert len(explorers.filtered(table, data_set="B", label=1)) == 3
    assert len(explorers.filtered(table, data_set="B", source="A")) == 0
    assert explorers.filtered(table, copies=True).tolist() == [0, 5]


def test_a_copy_stands_next_to_its_original_and_is_named_a_copy(cohort):
    fig = explorers.browse_card(cohort, 0, n=3)
    assert "SAME FILE" in "".join(titles(fig)) and len(fig.axes[0].images) == 4
    np.testing.assert_array_equal(fig.axes[0].images[1].get_array(), cohort.images[5])
    assert "SAME FILE" not in "".join(titles(explorers.browse_card(cohort, 2, n=3)))
    with pytest.raises(LeuknetError, match="count from 0"):
        explorers.browse_card(cohort, 999)


@pytest.mark.slow
def test_browser_filters_and_draws(cohort):
    data_set, source, label, copies, slider, message, image = widgets.browser(cohort).children
    first = drawn(image)
    slider.value = 1
    assert not np.array_equal(drawn(image), first) and slider.max == len(cohort) - 1
    data_set.value = "B"
    assert slider.max == 5 and slider.value == 0 and message.value == f"6 of {len(cohort)} images"
    second = drawn(image)
    label.value = 1
    assert slider.max == 2 and not np.array_equal(drawn(image), second)
    source.value = "A"
    assert slider.disabled and "change a menu" in message.value
    source.value = explorers.ALL
    assert not slider.disabled and slider.max == 2
    label.value = explorers.ALL
    copies.value = True
    assert slider.disabled and "change a menu" in message.value
    data_set.value = "A"
    assert message.value == f"2 of {len(cohort)} images"
    assert all(control.description for control in (data_set, source, label, copies, slider))


def test_split_card_counts_who_trains_and_who_is_tested(cohort):
    split = lodocv(cohort.table)
    fig = explorers.split_card(cohort.table, split, "B")
    words = [text.get_text() for ax in fig.axes for text in ax.get_legend().get_texts()]
    assert words == ["train (9)", "test (3)", "train (6)", "test (3)"]
    assert fig.get_suptitle().startswith("fold B. ") and "share no source" in fig.get_suptitle()
    pooled = k_fold(cohort.table, 2)
    assert "3 sources" not in fig.get_suptitle()
    assert "share" in explorers.split_card(cohort.table, pooled, pooled.folds[0]).get_suptitle()


def test_menu_of_pairs_drives_a_widget(cohort):
    splits = [lodocv(cohort.table), k_fold(cohort.table, 2)]
    folds = {f"{split.protocol}: {fold}": (split, fold) for split in splits for fold in split.folds}
    menu, image = widgets.slide(lambda fold: explorers.split_card(cohort.table, *fold), fold=folds).children
    first = drawn(image)
    menu.value = list(folds.values())[-1]
    assert not np.array_equal(drawn(image), first) and menu.description == "fold"


def test_run_card_follows_run_and_threshold():
    found = results()
    assert list(explorers.run_names(found)) == [f"VGG16-nano mDFT, LODOCV, A, seed {n}" for n in (0, 1)]
    clean = explorers.run_card(found, "a", 0.5)
    assert "accuracy 100, precision 100, recall 100, specificity 100, MCC 100 (%)" in clean.get_suptitle()
    assert [text.get_text() for text in clean.axes[1].texts] == ["5", "0", "0", "5"]
    strict = explorers.run_card(found, "a", 0.99)
    assert "recall 0," in strict.get_suptitle() and "precision –," in strict.get_suptitle()
    assert "accuracy 100" not in explorers.run_card(found, "b", 0.5).get_suptitle()


def test_reliability_of_calibrated_probabilities_lies_on_the_diagonal():
    p = np.repeat([0.25, 0.75], 400)
    y = np.tile([1, 0, 0, 0], 100).tolist() + np.tile([1, 1, 1, 0], 100).tolist()
    _, ax = plt.subplots()
    explorers.reliability(ax, np.array(y), p)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[0.25, 0.25], [0.75, 0.75]])


def two_planes(table):
    """Return the cohort's images on a line, from left to right in UMAP and from right to left in PCA."""
    n = len(table)
    planes = [
        table[["image_id", "data_set", "source", "label"]].assign(x=x, y=0.0, method=method)
        for method, x in (("PCA", np.arange(n)[::-1]), ("UMAP", np.arange(n)))
    ]
    return pd.concat(planes)


@pytest.mark.slow
def test_embedding_explorer_keeps_slide_and_point_together(cohort):
    n, error = len(cohort), np.full(len(cohort), "right")
    box = widgets.embedding(two_planes(cohort.table), cohort.images, error)
    plane, colour, slide, point, buttons, image = box.children
    assert (slide.value, point.value) == (0, n - 1)
    seen = [image.value]
    for control, value, chosen, place in (
        (point, 4, n - 5, 4),
        (slide, 3, 3, n - 4),
        (plane, "UMAP", 3, 3),
        (colour, "source", 3, 3),
    ):
        control.value = value
        assert (slide.value, point.value) == (chosen, place) and image.value not in seen
        seen.append(image.value)
    buttons.children[2].click()
    assert slide.value in (1, 5) and point.value == slide.value and image.value not in seen


def test_hover_plane_holds_each_slide_once_and_says_what_it_is(cohort):
    error = np.full(len(cohort), "right")
    html = explorers.hover_html(two_planes(cohort.table), cohort.images, error)
    assert html.count("data:image/jpeg;base64,") == len(cohort) and "<script" not in html
    assert "--x0:98.0%;--y0:98.0%;--x1:2.0%;--y1:98.0%" in html and f"--c0:{CLASS_COLOURS[1].lower()}" in html
    assert "A/negative/000, negative, A, right" in html
    with pytest.raises(LeuknetError, match="the same 20 images"):
        explorers.hover_html(two_planes(cohort.table), cohort.images[:20], error[:20])


def test_embedding_card_marks_the_slide_that_is_shown(cohort):
    table, n = cohort.table, len(cohort)
    predictions = pd.DataFrame({"image_id": table["image_id"][:2], "y": [0, 1], "p": [0.9, 0.9]})
    error = explorers.correctness(table, predictions)
    assert error.tolist() == ["wrong", "right", *["not tested"] * (n - 2)]
    points = two_planes(table)
    for method, shown in (("PCA", n - 3), ("UMAP", 2)):
        fig = explorers.embedding_card(points, cohort.images, error, method, "error", point=2)
        np.testing.assert_array_equal(fig.axes[1].images[0].get_array(), cohort.images[shown])
        assert table["image_id"][shown] in fig.axes[1].get_title(loc="left")
    by_class = explorers.embedding_card(points, cohort.images, error, "PCA", "class")
    assert len(by_class.axes[0].get_legend().get_texts()) == 2
    with pytest.raises(LeuknetError, match="methods PCA, UMAP"):
        explorers.embedding_card(points, cohort.images, error, "t-SNE")
