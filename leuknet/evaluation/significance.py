"""Tests of a difference: Student's t over runs as the paper has it, on images, and Friedman's on test sets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from leuknet._random import rng
from leuknet.evaluation.metrics import checked
from leuknet.exceptions import LeuknetError


def _p_text(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


@dataclass(frozen=True)
class StudentT:
    """Student's t-test, two-sided: of two samples with equal variances, or of paired differences.

    Attributes
    ----------
    t, df, p : float
        Statistic, degrees of freedom, p-value.
    difference, low, high : float
        Mean of a minus mean of b and its interval (95 % unless another level was given), in the unit of the samples.
    """

    t: float
    df: int
    p: float
    difference: float
    low: float
    high: float

    def __str__(self) -> str:
        found = f"Student's t = {self.t:.2f} ({self.df} d.f.), {_p_text(self.p)}; difference {self.difference:.3g}"
        return f"{found} (95 % interval {self.low:.3g} to {self.high:.3g})".replace("-", "−")


@dataclass(frozen=True)
class McNemar:
    """McNemar's exact test, two-sided, over the same images.

    Attributes
    ----------
    n : int
        Images.
    only_a, only_b : int
        Images that only a, or only b, calls rightly.
    p : float
        P-value; 1 if a and b never differ.
    """

    n: int
    only_a: int
    only_b: int
    p: float

    def __str__(self) -> str:
        counts = f"only a right {self.only_a}, only b right {self.only_b}"
        return f"McNemar's exact test, n = {self.n}: {counts}; {_p_text(self.p)}"


@dataclass(frozen=True)
class Friedman:
    """Friedman's test of several methods on the same test sets, and Nemenyi's critical difference of mean ranks.

    Attributes
    ----------
    n : int
        Test sets.
    ranks : numpy.ndarray, float, shape (methods,)
        Mean rank of each; 1 is the best.
    p : float
        P-value; 1 if all methods always score alike.
    critical_difference : float
        Two mean ranks that lie further apart differ at 5 % over all pairs.
    """

    n: int
    ranks: np.ndarray
    p: float
    critical_difference: float

    @property
    def largest_difference(self) -> int:
        """The largest possible difference of two mean ranks: one best and the other worst on every test set."""
        return len(self.ranks) - 1

    @property
    def separable(self) -> bool:
        """Whether these test sets can show a difference: mean ranks can lie as far apart as the critical difference."""
        return self.critical_difference < self.largest_difference


def student_t(a: ArrayLike, b: ArrayLike) -> StudentT:
    """Test whether two sets of runs have one mean (sections 4.1 and 4.4: level of 5 %).

    Runs that share test images or training folds are not independent samples; the test, as published, takes them so.
    A large p shows no difference; it does not show that the two are equivalent.

    Parameters
    ----------
    a, b : array_like of float, shapes (n_a,) and (n_b,)
        One value a run.

    Returns
    -------
    StudentT

    Raises
    ------
    LeuknetError
        If a sample has fewer than two values or one that is no number, or neither sample varies.
    """
    a, b = (np.asarray(values, np.float64).ravel() for values in (a, b))
    if min(len(a), len(b)) < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise LeuknetError("a t-test needs two numbers or more on each side, none of them missing")
    return student_t_from_summary(a.mean(), a.std(ddof=1), len(a), b.mean(), b.std(ddof=1), len(b))


def student_t_from_summary(mean_a: float, sd_a: float, n_a: int, mean_b: float, sd_b: float, n_b: int) -> StudentT:
    """Do `student_t` from what a table prints: mean, s.d. (ddof = 1) and number of runs of each side.

    Returns
    -------
    StudentT

    Raises
    ------
    LeuknetError
        If a number is missing, an s.d. is negative, both are zero, or a side has fewer than two runs.

    Examples
    --------
    >>> print(student_t_from_summary(97.04, 1.21, 5, 94.81, 1.40, 5))  # Tables 3 and 4, mDFT on ALL-IDB 1
    Student's t = 2.69 (8 d.f.), p = 0.027; difference 2.23 (95 % interval 0.322 to 4.14)
    """
    values = (mean_a, sd_a, mean_b, sd_b)
    if not np.isfinite(values).all() or min(sd_a, sd_b) < 0 or min(n_a, n_b) < 2:
        raise LeuknetError("a t-test needs a mean, an s.d. of 0 or more and two runs or more on each side")
    if sd_a == sd_b == 0:
        raise LeuknetError("neither sample varies, so a t-test is undefined")
    result = stats.ttest_ind_from_stats(mean_a, sd_a, n_a, mean_b, sd_b, n_b, equal_var=True)
    df, difference = n_a + n_b - 2, float(mean_a - mean_b)
    pooled = ((n_a - 1) * sd_a**2 + (n_b - 1) * sd_b**2) / df
    low, high = stats.t.interval(0.95, df, difference, np.sqrt(pooled * (1 / n_a + 1 / n_b)))
    return StudentT(float(result.statistic), int(df), float(result.pvalue), difference, float(low), float(high))


def resampled_t(differences: ArrayLike, overlap: float, level: float = 0.95) -> StudentT:
    """Test whether a difference over the folds of one pool is 0, corrected for the folds' shared training images.

    The corrected resampled t-test (Nadeau & Bengio, Mach. Learn. 2003, 52, 239): the variance of the mean is the
    sample variance times ``1/n + overlap`` instead of ``1/n``.

    Parameters
    ----------
    differences : array_like of float, shape (n,)
        One value a fold (and repeat): a minus b on the same test images.
    overlap : float
        Test images over training images of a fold, 1/4 for five folds.
    level : float
        Of the interval.

    Returns
    -------
    StudentT
        With n - 1 degrees of freedom. Equal differences have no width, and p is 0, or 1 if they are 0.

    Raises
    ------
    LeuknetError
        If there are fewer than two differences, one is missing, or the overlap is negative.

    Examples
    --------
    >>> print(resampled_t([1.0, 2.0, 0.5, 1.5, 1.0], overlap=1 / 4))
    Student's t = 3.14 (4 d.f.), p = 0.035; difference 1.2 (95 % interval 0.138 to 2.26)
    """
    values = np.asarray(differences, np.float64).ravel()
    if len(values) < 2 or not np.isfinite(values).all() or not overlap >= 0:
        raise LeuknetError("a resampled t-test needs two numbers or more, none missing, and an overlap of 0 or more")
    mean, df = float(values.mean()), len(values) - 1
    error = float(np.sqrt(values.var(ddof=1) * (1 / len(values) + overlap)))
    if error < 1e-12 * max(1, abs(mean)):
        return StudentT(float(np.sign(mean) * np.inf) if mean else 0.0, df, float(not mean), mean, mean, mean)
    low, high = stats.t.interval(level, df, mean, error)
    return StudentT(mean / error, df, float(2 * stats.t.sf(abs(mean) / error, df)), mean, float(low), float(high))


def mcnemar(y: ArrayLike, p_a: ArrayLike, p_b: ArrayLike, threshold: float = 0.5) -> McNemar:
    """Test whether two classifiers err equally often on the same images.

    Exact: of the images that only one calls rightly, a and b share is binomial with 1/2. Images count as independent;
    with several images of a patient, choose one of them or read the p-value as too small.

    Parameters
    ----------
    y : array_like of int, shape (n,)
        Labels.
    p_a, p_b : array_like of float, shape (n,)
        Probabilities of leukaemia from a and from b, for the same images in the same order.
    threshold : float
        Positive means ``p >= threshold``.

    Returns
    -------
    McNemar

    Raises
    ------
    LeuknetError
        If lengths differ or a value is outside its range.
    """
    y, p_a, p_b = checked(y, p_a, p_b)
    right_a, right_b = ((p >= threshold) == (y == 1) for p in (p_a, p_b))
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p = float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return McNemar(len(y), only_a, only_b, p)


def paired_permutation(differences: ArrayLike, n: int = 2**14, seed: int = 0) -> float:
    """Return the two-sided p-value of a sign-flip permutation test that paired differences are symmetric about 0.

    Of single images called rightly (1) or wrongly (0) by two classifiers it is McNemar's exact test; it also takes
    means over runs, so that an image counts once however many runs predicted it, and sums over the images of a patient.

    Parameters
    ----------
    differences : array_like of float, shape (units,)
        One value a unit (image, patient); units count as independent.
    n : int
        Sign patterns drawn; all of them are taken where there are no more.
    seed : int

    Returns
    -------
    float
        1 if no unit differs, or one does. See Good, Permutation Tests (2000), section 3.2.

    Examples
    --------
    >>> paired_permutation([1, 1, 1, 1, 1, -1, 0, 0])  # as McNemar's test with 5 and 1
    0.21875
    """
    values = np.asarray(differences, np.float64)
    if not np.isfinite(values).all():
        raise LeuknetError("a permutation test needs numbers, none of them missing")
    if len(values := values[values != 0]) < 2:
        return 1.0
    how = {"permutation_type": "samples", "vectorized": True, "n_resamples": n, "batch": 2048}
    return float(stats.permutation_test((values,), np.mean, rng=rng("paired permutation", seed), **how).pvalue)


def friedman(scores: ArrayLike) -> Friedman:
    """Test whether methods rank alike on several test sets (Demsar, JMLR 2006, sections 3.2.2 and 3.2.5).

    Test sets count as independent, which folds of one pool are not: their training sets overlap, and what is drawn is
    images. For those use `resampled_t` on each pair. The critical difference is Nemenyi's:
    ``q sqrt(k (k + 1) / (6 n))`` with q the Studentised range of k groups at 5 %, over the square root of 2.

    Parameters
    ----------
    scores : array_like of float, shape (n, k)
        One row a test set, one column a method; more is better. Equal scores share a rank.

    Returns
    -------
    Friedman

    Raises
    ------
    LeuknetError
        If there are fewer than two test sets or three methods, or a score is missing.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 2 or scores.shape[0] < 2 or scores.shape[1] < 3 or not np.isfinite(scores).all():
        raise LeuknetError("Friedman's test needs two test sets and three methods or more, and every score")
    n, k = scores.shape
    ranks = stats.rankdata(-scores, axis=1).mean(axis=0)
    p = float(stats.friedmanchisquare(*scores.T).pvalue) if np.ptp(scores, axis=1).any() else 1.0
    q = stats.studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2)
    return Friedman(n, ranks, p, float(q * np.sqrt(k * (k + 1) / (6 * n))))
