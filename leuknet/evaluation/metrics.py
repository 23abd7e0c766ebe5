"""Metrics computed from labels and probabilities: those of the paper's section 4, calibration and ranking."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from leuknet.exceptions import LeuknetError

BINS = 15
Undefined = Literal["undefined", "zero"]


def bin_of(p: np.ndarray) -> np.ndarray:
    """Return the calibration bin (0 to 14) of each probability: 15 bins of equal width, the last one closed."""
    return np.minimum((p * BINS).astype(int), BINS - 1)


def expected_calibration_error(y: np.ndarray, p: np.ndarray) -> float:
    """Return the expected calibration error of the probability of leukaemia.

    The probabilities are divided into 15 bins of equal width on [0, 1]. The error is the mean over images of the
    absolute difference between a bin's mean probability and its fraction of positives (Naeini et al., AAAI 2015).

    Parameters
    ----------
    y, p : numpy.ndarray, shape (n,)
        Labels (0 or 1) and probabilities in [0, 1].

    Returns
    -------
    float
    """
    return float(np.abs(np.bincount(bin_of(p), weights=p - y)).sum() / len(y))


# Metrics computed from probabilities: name -> (function(y, p), whether both classes are required)
OF_PROBABILITY = {
    "AUC": (roc_auc_score, True),
    "AP": (average_precision_score, True),
    "Brier": (brier_score_loss, False),
    "ECE": (expected_calibration_error, False),
}


def from_counts(
    tn: ArrayLike, fp: ArrayLike, fn: ArrayLike, tp: ArrayLike, undefined: Undefined = "undefined"
) -> dict[str, np.ndarray]:
    """Compute metrics from confusion matrices; arrays yield one value per matrix.

    Parameters
    ----------
    tn, fp, fn, tp : array_like, shape (...)
        Counts of true negatives, false positives, false negatives and true positives.
    undefined : {"undefined", "zero"}
        Value of P and MCC if a margin of the matrix is empty (e.g. no image is predicted positive): NaN, or 0 as in
        the paper's Table 7, whose digits show that a run without positive predictions was counted as 0.

    Returns
    -------
    dict of str to numpy.ndarray, float64, shape (...)
        ``A, P, R, S, MCC, Kappa, balanced accuracy``, as fractions; NaN where undefined.

    Examples
    --------
    >>> all_negative = dict(tn=59, fp=0, fn=49, tp=0)  # ResNet50 by mSFT on ALL-IDB 1
    >>> float(from_counts(**all_negative)["P"]), float(from_counts(**all_negative, undefined="zero")["P"])
    (nan, 0.0)
    """
    if undefined not in get_args(Undefined):
        raise LeuknetError(f"undefined={undefined!r} is no convention; use {' or '.join(get_args(Undefined))}")
    empty = 0.0 if undefined == "zero" else np.nan
    tn, fp, fn, tp = (np.asarray(count, np.float64) for count in (tn, fp, fn, tp))
    n = tn + fp + fn + tp
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, specificity, agreement = tp / (tp + fn), tn / (tn + fp), (tp + tn) / n
        spread = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
        chance = ((tp + fp) * (tp + fn) + (tn + fp) * (tn + fn)) / (n * n)
        return {
            "A": agreement,
            "P": np.where(tp + fp > 0, tp / (tp + fp), empty),
            "R": recall,
            "S": specificity,
            "MCC": np.where(spread > 0, (tp * tn - fp * fn) / spread, empty),
            "Kappa": (agreement - chance) / (1 - chance),
            "balanced accuracy": (recall + specificity) / 2,
        }


OF_COUNTS = tuple(from_counts(1, 1, 1, 1))
METRICS = (*OF_COUNTS, *OF_PROBABILITY)


def checked(y: ArrayLike, *probabilities: ArrayLike) -> tuple[np.ndarray, ...]:
    """Validate labels and probabilities; return them as int and float64 arrays of shape (n,)."""
    y = np.asarray(y)
    arrays = [np.asarray(p, np.float64) for p in probabilities]
    if y.ndim != 1 or not len(y) or any(p.shape != y.shape for p in arrays):
        shapes = ", ".join(str(array.shape) for array in (y, *arrays))
        raise LeuknetError(f"labels and probabilities must be lists of one length, not of shapes {shapes}")
    if not np.isin(y, (0, 1)).all():
        raise LeuknetError("labels must be 0 (negative) or 1 (positive)")
    if not all(((p >= 0) & (p <= 1)).all() for p in arrays):
        raise LeuknetError("probabilities must be numbers from 0 to 1")
    return y.astype(int), *arrays


def count(y: np.ndarray, p: np.ndarray, threshold: float = 0.5) -> tuple[np.ndarray, ...]:
    """Return boolean masks ``tn, fp, fn, tp``, shape (n,); an image is predicted positive if p >= threshold."""
    positive = p >= threshold
    return (y == 0) & ~positive, (y == 0) & positive, (y == 1) & ~positive, (y == 1) & positive


def scores(y: ArrayLike, p: ArrayLike, threshold: float = 0.5, undefined: Undefined = "undefined") -> dict[str, float]:
    """Compute the metrics of one set of predictions.

    Parameters
    ----------
    y : array_like of int, shape (n,)
        1 = leukaemia, 0 = not.
    p : array_like of float, shape (n,)
        Probability of leukaemia, in [0, 1].
    threshold : float
        An image is predicted positive if ``p >= threshold``.
    undefined : {"undefined", "zero"}
        Convention for P and MCC, see `from_counts`; the paper's tables use "zero".

    Returns
    -------
    dict of str to float
        Fractions: accuracy ``A``, precision ``P``, recall ``R``, specificity ``S``, Matthews correlation ``MCC``
        (section 4), Cohen's ``Kappa`` (Table 10), ``balanced accuracy``, ``AUC`` (ROC), ``AP`` (average precision),
        ``Brier`` and ``ECE`` (15 equal bins). Undefined metrics are omitted: P without positive predictions, R without
        positives, S without negatives, MCC if all labels or all predictions are of one class, Kappa if all labels and
        predictions are of the same class, and AUC, AP and balanced accuracy unless both classes are present.

    Raises
    ------
    LeuknetError
        If lengths differ, the input is empty, or a value is out of range.
    """
    y, p = checked(y, p)
    tn, fp, fn, tp = (mask.sum() for mask in count(y, p, threshold))
    metrics = from_counts(tn, fp, fn, tp, undefined)
    both = 0 < y.sum() < len(y)
    for name, (function, needs_both) in OF_PROBABILITY.items():
        if both or not needs_both:
            metrics[name] = function(y, p)
    return {name: float(value) for name, value in metrics.items() if not np.isnan(value)}


def _columns(frame: pd.DataFrame, columns: str | Sequence[str]) -> list[str]:
    columns = [columns] if isinstance(columns, str) else list(columns)
    if missing := [column for column in columns if column not in frame]:
        raise LeuknetError(f"the table has no column {missing[0]!r}; it has {', '.join(map(str, frame.columns))}")
    return columns


def one_split(predictions: pd.DataFrame, by: Sequence[str] = ()) -> None:
    """Raise LeuknetError if `predictions` mix splits (e.g. validation and test) that `by` does not separate."""
    splits = predictions["split"].unique() if "split" in predictions else []
    if len(splits) > 1 and "split" not in by:
        raise LeuknetError(f"predictions mix the splits {', '.join(sorted(splits))}: choose one or score by 'split'")


def scores_by(
    predictions: pd.DataFrame, by: str | Sequence[str] = ("fold", "seed"), undefined: Undefined = "undefined"
) -> pd.DataFrame:
    """Compute the metrics separately for each combination of values in the columns `by`.

    Parameters
    ----------
    predictions : pandas.DataFrame
        With the columns ``y``, ``p`` and those in `by`.
    by : list of str
        Columns to group by.
    undefined : {"undefined", "zero"}
        Convention for P and MCC, see `from_counts`; the paper's tables use "zero".

    Returns
    -------
    pandas.DataFrame
        The columns `by`, ``n`` (images) and one column per metric of `METRICS` (NaN where undefined), as fractions.

    Raises
    ------
    LeuknetError
        If a column is missing, or predictions of several splits (validation, test) would be pooled.
    """
    by = _columns(predictions, by)
    _columns(predictions, ["y", "p"])
    one_split(predictions, by)
    groups = predictions.groupby(by, sort=False, observed=True) if by else [((), predictions)]
    rows = [
        dict(zip(by, key, strict=True), n=len(part), **scores(part["y"], part["p"], undefined=undefined))
        for key, part in groups
    ]
    return pd.DataFrame(rows, columns=[*by, "n", *METRICS])
