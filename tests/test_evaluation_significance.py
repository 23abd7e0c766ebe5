"""Tests of a difference against textbook answers and SciPy."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leuknet import _random
from leuknet._statistics import holm
from leuknet.evaluation import significance
from leuknet.evaluation.significance import friedman, mcnemar, resampled_t, student_t, student_t_from_summary
from leuknet.exceptions import LeuknetError


def test_student_t_by_hand():
    # means 2 and 5, both variances 1, pooled 1: t = -3 / sqrt(2/3)
    found = student_t([1, 2, 3], [4, 5, 6])
    assert found.t == pytest.approx(-3 / np.sqrt(2 / 3))
    assert (found.df, found.difference) == (4, pytest.approx(-3))
    half = 2.7764451 * np.sqrt(2 / 3)
    assert (found.low, found.high) == pytest.approx((-3 - half, -3 + half))
    assert str(found) == "Student's t = −3.67 (4 d.f.), p = 0.021; difference −3 (95 % interval −5.27 to −0.733)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.p = 0


def test_student_t_equals_scipy_and_its_own_summary():
    generator = np.random.default_rng(0)
    a, b = generator.normal(80, 3, 5), generator.normal(82, 6, 7)
    expected = stats.ttest_ind(a, b)
    found = student_t(a, b)
    assert (found.t, found.p, found.df) == pytest.approx((expected.statistic, expected.pvalue, expected.df))
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert student_t_from_summary(a.mean(), a.std(ddof=1), 5, b.mean(), b.std(ddof=1), 7) == found
    assert student_t(b, a).t == pytest.approx(-found.t)


def test_table_12_of_the_paper():
    # section 4.4: VGG-16 98.64 ± 0.43 and LeukNet 98.61 ± 0.53, twenty runs each, do not differ at 5 %
    found = student_t_from_summary(98.64, 0.43, 20, 98.61, 0.53, 20)
    assert found.t == pytest.approx(0.03 / np.sqrt((0.43**2 + 0.53**2) / 20))
    assert found.df == 38 and found.p > 0.05 and found.low < 0 < found.high


@pytest.mark.parametrize(
    "make",
    [
        lambda: student_t([1], [1, 2]),
        lambda: student_t([1, np.nan], [1, 2]),
        lambda: student_t([1, 1], [2, 2]),
        lambda: student_t_from_summary(1, -1, 5, 2, 1, 5),
        lambda: student_t_from_summary(1, 1, 1, 2, 1, 5),
        lambda: student_t_from_summary(1, float("nan"), 5, 2, 1, 5),
    ],
)
def test_student_t_bad_input(make):
    with pytest.raises(LeuknetError, match="t-test"):
        make()


def test_mcnemar_by_hand():
    # six images that only a gets right, one that only b does: p = 2 (1 + 7) / 2^7
    y = np.array([1] * 6 + [0] + [1] * 5)
    a = np.array([0.9] * 6 + [0.9] + [0.8] * 3 + [0.1] * 2)
    b = np.array([0.1] * 6 + [0.1] + [0.8] * 3 + [0.1] * 2)
    found = mcnemar(y, a, b)
    assert (found.n, found.only_a, found.only_b) == (12, 6, 1)
    assert found.p == pytest.approx(16 / 128)
    assert str(found) == "McNemar's exact test, n = 12: only a right 6, only b right 1; p = 0.125"
    assert mcnemar(y, b, a).p == found.p
    assert mcnemar(y, a, a).p == 1
    assert "p < 0.001" in str(mcnemar([1] * 20, [0.9] * 20, [0.1] * 20))
    with pytest.raises(LeuknetError, match="lists of one length"):
        mcnemar(y, a, b[:3])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])
    assert len(holm([])) == 0
    for bad in ([0.5, np.nan], [1.5], 0.5):
        with pytest.raises(LeuknetError, match="Holm"):
            holm(bad)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_the_raw_and_bonferroni_and_keeps_the_order(p):
    p, adjusted = np.array(p), holm(p)
    assert (adjusted >= p).all() and (adjusted <= np.minimum(1, p * len(p)) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_friedman_ranks_share_ties_and_the_critical_difference_is_demsars():
    found = friedman([[0.9, 0.8, 0.8, 0.1]] * 7 + [[0.9, 0.7, 0.2, 0.1]] * 7)
    np.testing.assert_allclose(found.ranks, [1, 2.25, 2.75, 4])
    assert found.p < 0.001
    assert found.critical_difference == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), abs=0.002)  # Demsar, table 5
    assert friedman(np.ones((3, 4))).p == 1


@pytest.mark.parametrize("scores", [[[0.5, 0.6, 0.7]], [[0.5, 0.6], [0.6, 0.5]], [[0.5, 0.6, np.nan], [0.1, 0.2, 0.3]]])
def test_friedman_wants_test_sets_methods_and_every_score(scores):
    with pytest.raises(LeuknetError, match="two test sets and three methods"):
        friedman(scores)


def test_resampled_t_is_nadeaus_and_bengios():
    values = np.array([1.0, 2.0, 0.5, 1.5, 1.0])
    found = resampled_t(values, 0.25)
    by_hand = values.mean() / np.sqrt((1 / 5 + 1 / 4) * values.var(ddof=1))
    assert (found.t, found.df) == (pytest.approx(by_hand), 4)
    assert found.p == pytest.approx(2 * stats.t.sf(by_hand, 4))
    plain = resampled_t(values, 0)
    assert plain.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue) and plain.p < found.p
    assert (found.high - found.low) / (plain.high - plain.low) == pytest.approx(np.sqrt(1 + 5 / 4))


def test_resampled_t_of_equal_differences():
    assert (resampled_t([0, 0], 0.25).p, resampled_t([1, 1], 0.25).p) == (1, 0)
    for bad in (([1.0], 0.25), ([1, np.nan], 0.25), ([1, 2], -1)):
        with pytest.raises(LeuknetError, match="resampled t-test"):
            resampled_t(*bad)


def test_folds_of_one_pool_are_not_independent():
    """Differences that share a part: the plain test finds one too often, the corrected one does not."""
    generator, plain, corrected = np.random.default_rng(0), 0, 0
    for _ in range(400):
        gaps = generator.normal(0, np.sqrt(0.2)) + generator.normal(0, np.sqrt(0.8), 5)  # correlation 1/5
        plain += resampled_t(gaps, 0).p < 0.05
        corrected += resampled_t(gaps, 0.25).p < 0.05
    assert plain > 35 and corrected <= 25


def test_a_critical_difference_that_no_ranks_can_reach_is_reported():
    two = friedman(np.random.default_rng(0).uniform(size=(2, 17)))
    assert two.largest_difference == 16 < two.critical_difference and not two.separable
    assert friedman(np.random.default_rng(0).uniform(size=(30, 4))).separable


@pytest.mark.parametrize("only_a, only_b", [(0, 0), (3, 0), (5, 1), (7, 4), (6, 6)])
def test_a_permutation_test_of_single_calls_is_mcnemars(only_a, only_b):
    y = np.ones(30, int)
    p_a, p_b = np.ones(30), np.ones(30)
    p_b[:only_a], p_a[only_a : only_a + only_b] = 0, 0
    expected = significance.mcnemar(y, p_a, p_b)
    assert (expected.only_a, expected.only_b) == (only_a, only_b)
    assert significance.paired_permutation(p_a - p_b) == pytest.approx(expected.p)


@pytest.mark.slow
def test_a_permutation_test_holds_its_level():
    draws = _random.rng("permutation", "null").normal(0, 1, (400, 10))
    assert 0.02 < np.mean([significance.paired_permutation(draw) < 0.05 for draw in draws]) < 0.085
    with pytest.raises(LeuknetError, match="none of them missing"):
        significance.paired_permutation([0.1, np.nan])
