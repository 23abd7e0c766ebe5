"""Verdicts on claims, based on intervals of a difference of accuracies.

A claim is supported if the whole interval lies on the side that it states, not supported if the whole interval lies on
the other side, and otherwise undecided by these runs.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from leuknet.evaluation.significance import resampled_t
from leuknet.verdicts import results
from leuknet.verdicts.evidence import CANNOT, NOT_SUPPORTED, SUPPORTED, UNDECIDED, Evidence, together

Bounds = tuple[float, float] | None
Interval = Callable[[float], tuple[float, Bounds]]  # level -> difference in points, and its interval


def difference(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> tuple[float, Bounds]:
    """Return mean(a) - mean(b) in points and Welch's interval (Biometrika 1947); None for fewer than two runs."""
    a, b = (100 * np.asarray(values, float) for values in (a, b))
    gap = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2:
        return gap, None
    if a.var() + b.var() < 1e-12:
        return gap, (gap, gap)
    squares = np.array([values.var(ddof=1) / len(values) for values in (a, b)])  # SciPy's test warns about equal runs
    df = squares.sum() ** 2 / (squares**2 / (len(a) - 1, len(b) - 1)).sum()
    low, high = stats.t.interval(level, df, gap, np.sqrt(squares.sum()))
    return gap, (float(low), float(high))


def across_folds(a: pd.Series, b: pd.Series, overlap: float, level: float = 0.95) -> tuple[float, Bounds]:
    """Return the mean difference by fold in points and its corrected resampled interval; None for a single common fold.

    Parameters
    ----------
    a, b : pandas.Series
        Accuracies as fractions, indexed by fold.
    overlap : float
        Ratio of test to training images of a fold (`leuknet.evaluation.significance.resampled_t`).
    level : float
    """
    gaps = 100 * (a - b).dropna()
    if len(gaps) < 2:
        return float(gaps.mean()), None
    test = resampled_t(gaps, overlap, level)
    return test.difference, (test.low, test.high)


def signed(gap: float, bounds: Bounds) -> str:
    """Format a difference as text, e.g. ``+1.2 points (-0.5 to 2.9)``."""
    return f"{gap:+.1f} points" + (f" ({bounds[0]:.1f} to {bounds[1]:.1f})" if bounds else " (no interval)")


def ahead_of(compared: Sequence[tuple[str, Interval]], picked: int = 1) -> Evidence:
    """Judge whether one side is better in every comparison.

    Supported: each 95 % interval lies above 0 (all must hold). Not supported: one lies below 0, or contains 0 and lies
    within the equivalence tolerance (the two are level); since this may happen by chance in one of many comparisons,
    these intervals have level 1 - 0.05 / comparisons (Bonferroni).

    Parameters
    ----------
    compared : sequence of tuple
        Name and interval of each comparison.
    picked : int
        Number of comparisons from which each was selected for its size; "ahead" is corrected for this selection.
    """
    if not compared:
        return Evidence(CANNOT, "no such runs in this folder")
    strict = [(name, *interval(1 - 0.05 / picked)) for name, interval in compared]
    if single := [name for name, _, bounds in strict if bounds is None]:
        return Evidence(CANNOT, f"one run or test set each, so no interval: {'; '.join(single)}")
    wide = [interval(1 - 0.05 / len(compared))[1] for _, interval in compared]
    won = sum(within(bounds, low=0) == SUPPORTED for _, _, bounds in strict)
    lost, level = sum(within(bounds, high=0) == SUPPORTED for bounds in wide), sum(map(is_level, wide))
    (name, gap, bounds), wider = min(zip(strict, wide, strict=True), key=lambda row: row[0][1])
    tolerance = results.tolerances()["equivalent"]
    number = f"ahead in {won} of {len(strict)} comparisons, behind in {lost}"
    number += f", level (within {tolerance:g} points) in {level}" * bool(level)
    number += f"; {'closest' if gap >= 0 else 'furthest behind'}: {name} {signed(gap, bounds if gap >= 0 else wider)}"
    return Evidence(SUPPORTED if won == len(strict) else NOT_SUPPORTED if lost or level else UNDECIDED, number)


def is_level(bounds: Bounds) -> bool:
    """Whether an interval contains 0 and lies within the equivalence tolerance: neither side is better."""
    limit = results.tolerances()["equivalent"]
    return bounds is not None and -limit < bounds[0] <= 0 <= bounds[1] < limit


def equivalence(compared: Sequence[tuple[str, Interval]]) -> Evidence:
    """Judge 90 % intervals: all within the tolerance, one entirely outside, or neither."""
    intervals = [(name, *interval(0.9)) for name, interval in compared]
    if not intervals or any(bounds is None for _, _, bounds in intervals):
        return Evidence(CANNOT, "no two runs of each in this folder")
    limit = results.tolerances()["equivalent"]
    number = "; ".join(f"{name} {signed(gap, bounds)}" for name, gap, bounds in intervals)
    verdicts = {within(bounds, -limit, limit) for _, _, bounds in intervals}
    return Evidence(together(*verdicts), f"{number}; equivalent within {limit:g}")


def within(bounds: Bounds, low: float = -np.inf, high: float = np.inf) -> str:
    """Return supported if an interval lies within (low, high), not supported if entirely outside, else undecided."""
    if bounds is None:
        return CANNOT
    if low < bounds[0] and bounds[1] < high:
        return SUPPORTED
    return NOT_SUPPORTED if bounds[1] <= low or bounds[0] >= high else UNDECIDED


def welch(a: ArrayLike, b: ArrayLike) -> Interval:
    """Return `difference` between two sets of runs as a function of the level."""
    return partial(difference, a, b)
