"""Verdicts on claims: intervals, corrections for many comparisons, and what an interval bears."""

import numpy as np
import pytest
from scipy import stats

from leuknet import _random
from leuknet.verdicts import evidence, judgement
from leuknet.verdicts.evidence import CANNOT, DEPENDS, NOT_SUPPORTED, SUPPORTED, UNDECIDED, Evidence


@pytest.mark.slow
def test_many_comparisons_are_corrected():
    rng = _random.rng("ledger", "null")
    draws = [
        [("x", judgement.welch(rng.normal(0.8, 0.05, 5), rng.normal(0.8, 0.05, 5))) for _ in range(12)]
        for _ in range(200)
    ]
    refused = sum(judgement.ahead_of(pairs).verdict == NOT_SUPPORTED for pairs in draws)
    assert refused <= 20  # about a quarter without the correction
    picked = [("best over worst", judgement.welch((0.90, 0.93, 0.91, 0.92), (0.86, 0.90, 0.88, 0.87)))]
    assert judgement.ahead_of(picked).verdict == SUPPORTED
    assert judgement.ahead_of(picked, picked=200).verdict == UNDECIDED


def test_interval_is_welch():
    a, b = (0.9, 0.92, 0.95, 0.91), (0.8, 0.86, 0.7)
    known = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    gap, bounds = judgement.difference(a, b)
    assert bounds == pytest.approx((100 * known.low, 100 * known.high)) and bounds[0] < gap < bounds[1]


@pytest.mark.parametrize(
    "bounds, expected",
    [((-1, 1), SUPPORTED), ((1, 3), UNDECIDED), ((2, 3), NOT_SUPPORTED), ((-9, 9), UNDECIDED), (None, CANNOT)],
)
def test_a_whole_interval_within_or_outside(bounds, expected):
    assert judgement.within(bounds, -2, 2) == expected


@pytest.mark.parametrize(
    "gap, spread, expected",
    [
        (5, 1, SUPPORTED),
        (0.5, 0.1, SUPPORTED),
        (-5, 1, NOT_SUPPORTED),
        (0, 0.5, NOT_SUPPORTED),  # level: the interval lies within 2 points of 0
        (0, 5, UNDECIDED),
        (-20, 15, UNDECIDED),  # -41 to 1: below the tolerance, but neither behind nor level
    ],
)
def test_ahead_behind_level_or_open(gap, spread, expected):
    found = judgement.ahead_of([("x", lambda level: (gap, (gap - 1.4 * spread, gap + 1.4 * spread)))])
    assert found.verdict == expected, found


@pytest.mark.parametrize("verdict", [SUPPORTED, DEPENDS, NOT_SUPPORTED, UNDECIDED, CANNOT])
def test_a_claim_of_which_a_part_was_not_run_is_refuted_or_left_open(verdict):
    assert evidence.partly(Evidence(verdict, "n"), []) == Evidence(verdict, "n")
    found = evidence.partly(Evidence(verdict, "n"), ["not run: SFT"])
    assert found.number == "n; not run: SFT"
    assert found.verdict == (CANNOT if verdict in (SUPPORTED, DEPENDS) else verdict)


def test_welchs_interval_is_scipys_and_equal_runs_raise_no_warning(recwarn):
    a, b = np.array([0.91, 0.88, 0.95]), np.array([0.7, 0.81, 0.83, 0.79])
    expected = 100 * np.array(stats.ttest_ind(a, b, equal_var=False).confidence_interval())
    assert judgement.difference(a, b)[1] == pytest.approx(tuple(expected))
    assert judgement.difference(a, np.full(4, 0.5))[1][0] > 30 and not recwarn.list
