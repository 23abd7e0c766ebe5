"""Intervals for proportions and for metrics."""

import numpy as np
from scipy.stats import binomtest

from leuknet.errors import LeuknetError
from leuknet.protocol.metrics import METRICS, OF_COUNTS, OF_PROBABILITY, checked, count, from_counts, one_split
from leuknet.seeds import rng


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
        One of `leuknet.protocol.metrics.METRICS`.
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
    function, needs_both = OF_PROBABILITY[metric]
    values = np.full(len(drawn), np.nan)
    for row, times in enumerate(drawn):
        weight = times[place].astype(float)
        if not needs_both or 0 < weight[y == 1].sum() < weight.sum():
            values[row] = function(y, p, sample_weight=weight)
    return values
