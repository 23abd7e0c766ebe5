"""Colour and size of images, and how well features name the source."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.signal import convolve2d

from leuknet.data.cohort import Cohort
from leuknet.data.statistics import COLOUR, SHARPNESS, SIZE, image_statistics, source_probe
from leuknet.exceptions import LeuknetError


def cohort(images):
    n = len(images)
    table = pd.DataFrame({"image_id": [str(i) for i in range(n)], "data_set": "a", "source": "b", "label": 0})
    return Cohort("toy", images, table.assign(width=40, height=20))


RANDOM = np.random.default_rng(0).integers(0, 256, (5, 40, 40, 3), np.uint8)


def test_a_plain_image_has_known_values():
    row = image_statistics(cohort(np.full((1, 8, 8, 3), (200, 100, 50), np.uint8))).iloc[0]
    assert (row["red_mean"], row["green_mean"], row["blue_mean"]) == (200, 100, 50)
    assert (row["red_border"], row["green_border"], row["blue_border"]) == (200, 100, 50)
    assert row["red_sd"] == 0 and row["sharpness"] == 0
    assert row["saturation"] == pytest.approx(0.75)
    assert row["brightness"] == pytest.approx(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert row["green_od"] == pytest.approx(np.log10(256 / 101))
    assert row["aspect"] == 2


def test_random_images_agree_with_pillow_and_scipy():
    table = image_statistics(cohort(RANDOM), batch=2)
    assert list(table["image_id"]) == list("01234")
    for i, image in enumerate(RANDOM):
        hsv = np.asarray(Image.fromarray(image).convert("HSV"), float)
        assert table["saturation"][i] == pytest.approx(hsv[..., 1].mean() / 255, abs=0.005)
        assert table["blue_sd"][i] == pytest.approx(image[..., 2].std(), rel=1e-4)
        grey = image @ [0.299, 0.587, 0.114]
        kernel = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
        assert table["sharpness"][i] == pytest.approx(convolve2d(grey, kernel, "same", boundary="symm").var(), rel=1e-3)


def test_the_border_is_the_outer_twentieth():
    images = np.zeros((1, 40, 40, 3), np.uint8)
    images[:, 2:-2, 2:-2] = 255
    table = image_statistics(cohort(images))
    assert table["red_border"][0] == 0 and table["red_mean"][0] > 200


def test_columns_are_those_listed():
    table = image_statistics(cohort(RANDOM))
    assert list(table.columns) == ["image_id", "data_set", "source", "label", *COLOUR, *SHARPNESS, *SIZE]
    assert table[COLOUR].notna().all(axis=None)


def features(separation, n=60, d=4):
    generator = np.random.default_rng(1)
    sources = np.repeat(["x", "y", "z"], [n, n, 2 * n])
    centres = np.repeat(np.arange(3), [n, n, 2 * n])[:, None] * separation
    return generator.normal(size=(4 * n, d)) + centres, sources


@pytest.mark.slow
def test_sources_far_apart_are_named_and_equal_ones_are_not():
    apart = source_probe(*features(10), repeats=2)
    assert apart.scores["accuracy"].min() == 1 and len(apart.scores) == 10
    assert np.allclose(apart.confusion, np.eye(3))
    alike = source_probe(*features(0), repeats=2)
    summary = alike.summary().set_index("metric")
    assert summary.loc["accuracy", "chance"] == 0.5 and summary.loc["balanced accuracy", "chance"] == 1 / 3
    assert abs(summary.loc["balanced accuracy", "mean"] - 1 / 3) < 0.08
    assert (summary["low"] <= summary["mean"]).all() and (summary["mean"] <= summary["high"]).all()
    assert np.allclose(alike.confusion.sum(axis=1), 1)


@pytest.mark.slow
def test_the_probe_is_decided_by_its_seed_and_ignores_scale():
    x, y = features(0.5)
    first = source_probe(x, y, seed=3, repeats=1)
    pd.testing.assert_frame_equal(first.scores, source_probe(x * 1000 + 5, y, seed=3, repeats=1).scores)
    assert not first.scores.equals(source_probe(x, y, seed=4, repeats=1).scores)


def test_a_small_source_lowers_the_number_of_folds():
    x, y = features(3)
    keep = np.r_[0:3, 60 : len(y)]
    assert source_probe(x[keep], y[keep], repeats=1).folds == 3


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda x, y: (x, np.full(len(y), "x")), "two or more sources"),
        (lambda x, y: (x[59:], y[59:]), "'x' has a single image"),
        (lambda x, y: (np.where(x > 2, np.nan, x), y), "NaN"),
        (lambda x, y: (x[:5], y), "one row per image"),
    ],
)
def test_what_cannot_be_probed_is_reported(change, match):
    with pytest.raises(LeuknetError, match=match):
        source_probe(*change(*features(1)))
