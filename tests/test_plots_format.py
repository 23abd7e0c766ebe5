"""Numbers as text: decimals follow n, minus signs are real and single, missing runs are named."""

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leuknet import plots
from leuknet.plots import format as text


def test_examples_in_docstrings_hold():
    assert doctest.testmod(text).failed == 0


@given(st.floats(-1e6, 1e6), st.integers(0, 3), st.booleans())
def test_a_number_has_one_real_sign_and_reads_back(value, digits, sign):
    shown = text.number(value, digits, sign)
    assert "-" not in shown and sum(shown.count(s) for s in "+−") <= 1
    assert float(shown.replace("−", "-")) == pytest.approx(round(value, digits), abs=10**-digits)
    assert not (float(shown.replace("−", "-")) == 0 and shown[0] in "+−")


@pytest.mark.parametrize(("n", "shown"), [(12, "10/12"), (29, "10/29"), (30, "33.3"), (999, "1.0"), (1000, "1.00")])
def test_a_share_is_a_count_below_30_images_and_has_two_decimals_from_1000(n, shown):
    assert text.rate(10, n) == shown


@pytest.mark.parametrize(
    ("values", "metric", "n", "undefined", "shown"),
    [
        ([0.8, 0.9], "A", 127, None, "85.0 ± 7.1"),
        ([0.8, 0.9], "A", 12, None, "85 ± 7"),
        ([0.8, 0.9], "A", None, None, "85.00 ± 7.07"),
        ([0.8], "A", 127, None, "80.0"),
        ([0.8, 0.9], "Kappa", 12, None, "0.85 ± 0.07"),
        ([-0.2, -0.2], "MCC", 127, None, "−20.0 ± 0.0"),
        ([0.5, np.nan, 0.5], "P", 127, None, "50.0 ± 0.0 (2 of 3 runs)"),
        ([0.5, np.nan], "P", 127, 0, "25.0 ± 35.4"),
        ([np.nan], "P", 127, None, ""),
    ],
)
def test_means_over_runs(values, metric, n, undefined, shown):
    assert text.mean_sd(values, metric, n, undefined) == shown


def test_the_papers_table_7_with_undefined_precision_as_zero():
    """Its five runs of ResNet50 mSFT on ALL-IDB 1: P 9.074 ± 20.290 needs four undefined runs counted as 0."""
    assert text.mean_sd([0.4537, *[np.nan] * 4], "P", None, 0) == "9.07 ± 20.29"
    assert text.mean_sd([0.4537, *[np.nan] * 4], "P") == "45.37 (1 of 5 runs)"


@pytest.mark.parametrize(
    ("value", "column", "n", "shown"),
    [
        (1.234, "a", None, "1.23"), (-1.5, "gap (points)", 100, "−1.5"), (83.333, "right (%)", 12, "83"),
        (0.0004, "p", None, "< 0.001"), (0.25, "p, Holm", None, "0.250"), (np.nan, "a", None, ""),
        (10921, "images", None, "10,921"), (None, "a", None, ""), ("x", "a", None, "x"), (True, "a", None, "True"),
        (1200, "n", None, "1200"), ("-", "A", None, "–"),
    ],
)  # fmt: skip
def test_cells_of_a_table(value, column, n, shown):
    assert text.cell(value, column, n) == shown


@pytest.mark.parametrize(
    ("shown", "expected"),
    [("1.5", True), ("−3.7", True), ("85.0 ± 7.1", True), ("84.7 (80.4 to 89.0)", True), ("10/12", True),
     ("< 0.001", True), ("50.0 ± 0.0 (2 of 3 runs)", True), ("38:08", True), ("10,921", True), ("512–256", True),
     ("6.3e-08", True), ("VGG-16", False), ("5-fold", False), ("", False), ("yes", False)],
)  # fmt: skip
def test_what_reads_as_a_number(shown, expected):
    assert text.is_number(shown) is expected


def test_every_name_of_the_room_is_where_its_table_says():
    assert all(callable(getattr(plots, name)) for name in plots.__all__)
    with pytest.raises(AttributeError, match="attribute nothing"):
        plots.nothing  # noqa: B018


def test_lists_in_sentences():
    assert [text.listed(words) for words in ("a", "ab", "abc")] == ["a", "a and b", "a, b and c"]


def test_series_of_cells_keep_integers_next_to_missing_ones():
    assert [text.cell(value) for value in pd.Series([3, 4], dtype=object)] == ["3", "4"]
