"""Confidence intervals for proportions, metrics and differences on the same images."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binomtest

from leuknet._random import rng
from leuknet.evaluation.metrics import BINS, METRICS, OF_COUNTS, bin_of, checked, count, from_counts, one_split
from leuknet.exceptions import LeuknetError


def wilson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval for `k` successes among `n` independent images.

    Parameters
    ----------
    k, n : int
        Number of successes and number of images.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    tuple of float
        Lower and upper limits, as fractions.

    Raises
    ------
    LeuknetError
        Unless 0 <= k <= n, n >= 1 and 0 < level < 1.

    Examples
    --------
    >>> low, high = wilson(85, 121)  # UFG in the paper's Table 13: 70.24 %
    >>> f"{100 * low:.1f} to {100 * high:.1f} %"
    '61.6 to 77.7 %'
    """
    _check_level(level)
    if int(k) != k or int(n) != n or not 0 <= k <= n or n < 1:
        raise LeuknetError(f"a proportion needs whole numbers 0 <= k <= n and n >= 1, not k={k}, n={n}")
    interval = binomtest(int(k), int(n)).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise LeuknetError(f"the level {level} is not between 0 and 1; use 0.95 for 95 %")


def bootstrap(
    predictions: pd.DataFrame, metric: str = "A", unit: str = "group", n: int = 2000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a metric, resampling units with replacement.

    All rows of a unit are drawn together, so neither images of the same patient or slide nor predictions of the same
    image under several seeds are treated as independent. The metric is computed on the pooled rows. With few units
    (fewer than about 20 sources) the interval is too narrow.

    Parameters
    ----------
    predictions : pandas.DataFrame
        With the columns ``y``, ``p`` and `unit`; from a single split.
    metric : str
        One of `leuknet.evaluation.metrics.METRICS`.
    unit : str
        Column that defines the units: ``"group"``, ``"source"``, ``"image_id"``, …
    n : int
        Number of resamples.
    level : float
        Confidence level, in (0, 1).
    seed : int

    Returns
    -------
    tuple of float
        Lower and upper limits. Resamples for which the metric is undefined are excluded.

    Raises
    ------
    LeuknetError
        If the metric is unknown, is undefined for `predictions` or for more than half of the resamples, or if there
        are fewer than two units.
    """
    _check(predictions, metric, [unit], n, level)
    names, place = np.unique(predictions[unit].astype(str), return_inverse=True)
    if len(names) < 2:
        raise LeuknetError(f"a bootstrap by {unit} needs two {unit}s or more, and the predictions have {len(names)}")
    observed, *values = _resampled(metric, predictions, place, _drawn(len(names), n, "bootstrap", seed))
    if np.isnan(observed) or np.isnan(values).mean() > 0.5:
        raise LeuknetError(f"{metric} is undefined for these predictions, so it has no interval")
    return _quantiles(values, level)


@dataclass(frozen=True)
class PairedDifference:
    """A metric of two sets of predictions on the same images, and the interval of the difference.

    Attributes
    ----------
    metric : str
        One of `leuknet.evaluation.metrics.METRICS`.
    first, second, difference : float
        The metric of each set of predictions on the shared images, and first minus second, as fractions.
    low, high : float
        Percentile bootstrap interval of the difference; NaN if there is only one unit.
    images, units : int
        Number of images compared, and number of units (e.g. sources) they come from.
    by : str
        Column that defines the resampled units.
    """

    metric: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    images: int
    units: int
    by: str

    def __str__(self) -> str:
        bounds = f"{100 * self.low:+.1f} to {100 * self.high:+.1f}"
        interval = "no interval" if np.isnan(self.low) else f"interval {bounds}"
        where = f"the same {self.images} images of {self.units} {self.by}{'s' * (self.units > 1)}"
        return f"{self.metric} {100 * self.difference:+.1f} points ({interval}) on {where}"


def paired_difference(
    a: pd.DataFrame,
    b: pd.DataFrame,
    metric: str = "A",
    by: str = "source",
    n: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> PairedDifference:
    """Compare two sets of predictions on the images that both contain, using a paired bootstrap over units.

    Each image has weight 1 on each side, shared equally by its predictions if several runs predicted it. The same
    units are drawn for both sides, so variation common to both cancels. With few units the interval is coarse: for two
    sources it is the range of their individual differences, and for a single source it is undefined.

    Parameters
    ----------
    a, b : pandas.DataFrame
        With the columns ``image_id``, ``y``, ``p`` and `by`; each from a single split.
    metric : str
        One of `leuknet.evaluation.metrics.METRICS`.
    by : str
        Column that defines the units: ``"source"``, ``"group"``, ``"image_id"``, …
    n, level, seed
        Number of resamples, confidence level in (0, 1), and seed.

    Returns
    -------
    PairedDifference

    Raises
    ------
    LeuknetError
        If the two have no image in common, disagree on the label or unit of an image, or the metric is undefined.

    Examples
    --------
    >>> images = pd.DataFrame({"image_id": list("abcdef"), "source": list("xxyyzz"), "y": [0, 1] * 3})
    >>> pooled = images.assign(p=[0.1, 0.9, 0.2, 0.8, 0.3, 0.7])
    >>> left_out = images.assign(p=[0.1, 0.9, 0.2, 0.3, 0.6, 0.7]).iloc[:5]
    >>> print(paired_difference(pooled, left_out))
    A +40.0 points (interval +0.0 to +100.0) on the same 5 images of 3 sources
    """
    for frame in (a, b):
        _check(frame, metric, ["image_id", by], n, level)
    sides = [frame[frame["image_id"].isin(other["image_id"])] for frame, other in ((a, b), (b, a))]
    known = pd.concat(sides)[["image_id", "y", by]].drop_duplicates()
    if known.empty:
        raise LeuknetError("the two sets of predictions have no image in common")
    if (twice := known["image_id"].duplicated()).any():
        raise LeuknetError(f"image {known['image_id'][twice].iloc[0]} has two labels or two values of {by}")
    names = np.unique(known[by].astype(str))
    drawn = _drawn(len(names), n, "bootstrap", seed)
    values = [_resampled(metric, side, np.searchsorted(names, side[by].astype(str)), drawn, True) for side in sides]
    if np.isnan([first := float(values[0][0]), second := float(values[1][0])]).any():
        raise LeuknetError(f"{metric} is undefined on the images that both predict")
    low, high = _quantiles(values[0][1:] - values[1][1:], level) if len(names) > 1 else (np.nan, np.nan)
    return PairedDifference(metric, first, second, first - second, low, high, len(known), len(names), by)


def nested_difference(
    runs: Mapping[str, tuple[ArrayLike, ArrayLike]], n: int = 4000, level: float = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """Return the mean difference over test sets with its interval, resampling test sets and then runs within each.

    Runs on the same test set share its images, so the combinations of seeds and test sets are not independent samples.
    With few test sets the interval carries little information.

    Parameters
    ----------
    runs : mapping of str to tuple of array_like
        Values of two methods on each test set, one value per run.
    n, level, seed
        Number of resamples, confidence level in (0, 1), and seed.

    Returns
    -------
    tuple of float
        Difference (first minus second, test sets weighted equally), lower and upper limits, in the unit of the values.
        The limits are NaN unless there are at least two test sets and two runs of each method on each.

    Examples
    --------
    >>> gap, low, high = nested_difference({"UFG": ([90, 91], [70, 72]), "ALL-IDB 1": ([96, 97], [93, 95])})
    >>> f"{gap:.2f} ({low:.1f} to {high:.1f})"
    '11.00 (1.5 to 20.5)'
    """
    pairs = [tuple(np.asarray(side, float) for side in pair) for pair in runs.values()]
    gap = float(np.mean([a.mean() - b.mean() for a, b in pairs]))
    if len(pairs) < 2 or min(len(side) for pair in pairs for side in pair) < 2:
        return gap, np.nan, np.nan
    generator = rng("nested", seed)
    within = np.array([np.subtract(*(generator.choice(x, (n, len(x))).mean(axis=1) for x in pair)) for pair in pairs])
    sets = generator.integers(0, len(pairs), (len(pairs), n))
    return gap, *_quantiles(within[sets, np.arange(n)].mean(axis=0), level)


def ratio_interval(
    above: ArrayLike, below: ArrayLike, unit: ArrayLike, n: int = 2000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of sum(above) / sum(below) over units; NaN for a single unit."""
    return _quantiles(_ratios(above, below, unit, n, seed)[1:], level)


def ratio_difference(
    first: tuple[ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike],
    unit: ArrayLike,
    n: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return the difference of two ratios of sums over the same rows, with its paired bootstrap interval.

    Parameters
    ----------
    first, second : tuple of array_like, shapes (n_rows,)
        Numerator and denominator of each ratio, e.g. a map's activation in the nucleus and the area of the nucleus.
    unit : array_like, shape (n_rows,)
        Unit of each row (patient, slide, image). Units are drawn with replacement, with all their rows.
    n, level, seed
        Number of resamples, confidence level and seed of the percentile bootstrap.

    Returns
    -------
    tuple of float
        Difference, lower and upper limits; the limits are NaN for a single unit.

    Examples
    --------
    >>> gap, low, high = ratio_difference(([2, 3, 4], [1, 1, 1]), ([1, 2, 3], [1, 1, 1]), ["a", "b", "c"])
    >>> f"{gap:.2f} ({low:.2f} to {high:.2f})"  # each row differs by 1, so the interval has no width
    '1.00 (1.00 to 1.00)'
    """
    gaps = np.subtract(*(_ratios(*sums, unit, n, seed) for sums in (first, second)))
    return float(gaps[0]), *_quantiles(gaps[1:], level)


def _ratios(above: ArrayLike, below: ArrayLike, unit: ArrayLike, n: int, seed: int) -> np.ndarray:
    """Return sum(above) / sum(below) for the original data and `n` resamples of units (NaN for a single unit)."""
    names, place = np.unique(np.asarray(unit).astype(str), return_inverse=True)
    drawn = _drawn(len(names), n, "ratio", seed).astype(float)
    drawn[1:] *= 1 if len(names) > 1 else np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        sums, base = (drawn @ np.bincount(place, np.asarray(values, float)) for values in (above, below))
        return sums / base


def _check(predictions: pd.DataFrame, metric: str, columns: list[str], n: int, level: float) -> None:
    _check_level(level)
    if metric not in METRICS:
        raise LeuknetError(f"unknown metric {metric!r}; metrics are {', '.join(METRICS)}")
    if missing := [column for column in ("y", "p", *columns) if column not in predictions]:
        raise LeuknetError(f"the predictions have no column {missing[0]!r}")
    if int(n) != n or n < 1:
        raise LeuknetError(f"the bootstrap needs 1 resample or more, not {n}")
    one_split(predictions)


def _drawn(units: int, n: int, *name: str | int) -> np.ndarray:
    """Return how often each unit is drawn: once each in row 0 (the original data), then for `n` resamples."""
    return np.vstack([np.ones(units, int), rng(*name).multinomial(units, np.full(units, 1 / units), size=n)])


def _quantiles(values: ArrayLike, level: float) -> tuple[float, float]:
    """Return the percentile interval of the defined values; NaN if more than half of the values are undefined."""
    values = np.asarray(values)
    if np.isnan(values).mean() > 0.5:
        return np.nan, np.nan
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampled(
    metric: str, predictions: pd.DataFrame, place: np.ndarray, drawn: np.ndarray, shared: bool = False
) -> np.ndarray:
    """Return the metric of each resample (NaN where undefined).

    Parameters
    ----------
    place : numpy.ndarray of int, shape (n,)
        Unit of each row of `predictions`.
    drawn : numpy.ndarray of int, shape (resamples, units)
    shared : bool
        If True, the rows of an image share a weight of 1; otherwise each row has weight 1.
    """
    y, p = checked(predictions["y"], predictions["p"])
    weight = 1 / predictions.groupby("image_id")["y"].transform("size").to_numpy() if shared else np.ones(len(y))
    if metric in OF_COUNTS:
        table = [np.bincount(place, mask * weight, drawn.shape[1]) for mask in count(y, p)]
        return from_counts(*(drawn @ np.asarray(table).T).T)[metric]
    step = max(1, 4_000_000 // len(y))
    chunks = [drawn[start : start + step, place] * weight for start in range(0, len(drawn), step)]
    return np.concatenate([_weighted(metric, y, p, part) for part in chunks])


def _weighted(metric: str, y: np.ndarray, p: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return a metric of the probabilities, one value per row of `weight` (resamples, n); NaN where undefined."""
    if metric == "Brier":
        return weight @ (p - y) ** 2 / weight.sum(axis=1)
    if metric == "ECE":
        gaps = (p - y)[:, None] * np.eye(BINS)[bin_of(p)]
        return np.abs(weight @ gaps).sum(axis=1) / weight.sum(axis=1)
    order = np.argsort(-p, kind="stable")
    last_of_ties = np.flatnonzero(np.diff(p[order], append=-1))
    true, false = (
        np.pad(np.cumsum(weight[:, order] * (y[order] == label), axis=1)[:, last_of_ties], ((0, 0), (1, 0)))
        for label in (1, 0)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        if metric == "AUC":
            return np.trapezoid(true, false, axis=1) / (true[:, -1] * false[:, -1])
        precision = true[:, 1:] / np.maximum(true + false, 1)[:, 1:]
        both = np.where(false[:, -1] > 0, true[:, -1], np.nan)
        return (np.diff(true, axis=1) * precision).sum(axis=1) / both
