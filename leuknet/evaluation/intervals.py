"""Intervals for proportions and for metrics."""

import numpy as np
from scipy.stats import binomtest

from leuknet._random import rng
from leuknet.evaluation.metrics import BINS, METRICS, OF_COUNTS, bin_of, checked, count, from_counts, one_split
from leuknet.exceptions import LeuknetError


def wilson(k, n, level=0.95):
    """Return Wilson's score interval for `k` successes among `n` independent images.

    Returns
    -------
    tuple of float
        Lower and upper limit, as fractions.

    Raises
    ------
    LeuknetError
        If not 0 <= k <= n with n of 1 or more, or the level is not between 0 and 1.
    """
    _check_level(level)
    if int(k) != k or int(n) != n or not 0 <= k <= n or n < 1:
        raise LeuknetError(f"a proportion needs whole numbers 0 <= k <= n and n >= 1, not k={k}, n={n}")
    interval = binomtest(int(k), int(n)).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def _check_level(level):
    if not 0 < level < 1:
        raise LeuknetError(f"the level {level} is not between 0 and 1; use 0.95 for 95 %")


def bootstrap(predictions, metric="A", unit="group", n=2000, level=0.95, seed=0):
    """Return the percentile bootstrap interval of a metric, whole units drawn with replacement.

    All rows of a drawn unit come with it, so images of one patient or slide, and an image's predictions under several
    seeds, do not pass for independent ones. The metric is of all rows pooled. With few units (say, under 20 sources)
    the interval is too narrow.

    Parameters
    ----------
    predictions : pandas.DataFrame
        With ``y``, ``p`` and the column `unit`; of one split.
    metric : str
        One of `leuknet.evaluation.metrics.METRICS`.
    unit : str
        Column to draw by: ``"group"``, ``"source"``, ``"image_id"``, …
    n : int
        Resamples.
    level : float
    seed : int

    Returns
    -------
    tuple of float
        Lower and upper limit. Resamples that leave the metric undefined are left out.

    Raises
    ------
    LeuknetError
        If the metric is unknown or undefined here or in half of the resamples, or there are fewer than two units.
    """
    _check_level(level)
    if metric not in METRICS:
        raise LeuknetError(f"unknown metric {metric!r}; metrics are {', '.join(METRICS)}")
    if missing := [column for column in ("y", "p", unit) if column not in predictions]:
        raise LeuknetError(f"the predictions have no column {missing[0]!r}")
    if int(n) != n or n < 1:
        raise LeuknetError(f"the bootstrap needs 1 resample or more, not {n}")
    one_split(predictions)
    y, p = checked(predictions["y"], predictions["p"])
    names, place = np.unique(predictions[unit].astype(str), return_inverse=True)
    units = len(names)
    if units < 2:
        raise LeuknetError(f"a bootstrap by {unit} needs two {unit}s or more, and the predictions have {units}")
    drawn = rng("bootstrap", seed).multinomial(units, np.full(units, 1 / units), size=n)
    observed, *values = _resampled(metric, y, p, place, np.vstack([np.ones(units, int), drawn]))
    defined = np.asarray(values)[~np.isnan(values)]
    if np.isnan(observed) or len(defined) < n / 2:
        raise LeuknetError(f"{metric} is undefined for these predictions, so it has no interval")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _resampled(metric, y, p, place, drawn):
    """Return the metric of each resample; `drawn` (resamples, units) says how often each unit came."""
    if metric in OF_COUNTS:
        table = [np.bincount(place, weights=mask, minlength=drawn.shape[1]) for mask in count(y, p)]
        return from_counts(*(drawn @ np.asarray(table).T).T)[metric]
    step = max(1, 4_000_000 // len(y))
    chunks = [drawn[start : start + step, place] for start in range(0, len(drawn), step)]
    return np.concatenate([_weighted(metric, y, p, weight.astype(float)) for weight in chunks])


def _weighted(metric, y, p, weight):
    """Return a metric of the probabilities, one value a row of `weight` (resamples, n); NaN where undefined."""
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
