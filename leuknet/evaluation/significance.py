"""Significance tests: Student's t over runs as in the paper, paired tests over images, Friedman's over test sets."""

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
    """Result of a two-sided Student's t-test for two samples with equal variances or for paired differences.

    Attributes
    ----------
    t, df, p : float
        Statistic, degrees of freedom and p-value.
    difference, low, high : float
        Mean of a minus mean of b and its confidence interval (95 % by default), in the unit of the samples.
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
    """Result of McNemar's exact two-sided test on a shared set of images.

    Attributes
    ----------
    n : int
        Number of images.
    only_a, only_b : int
        Number of images that only a, or only b, classifies correctly.
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
    """Result of Friedman's test of several methods on the same test sets, with Nemenyi's critical difference.

    Attributes
    ----------
    n : int
        Number of test sets.
    ranks : numpy.ndarray, float, shape (methods,)
        Mean rank of each method; 1 is the best.
    p : float
        P-value; 1 if all methods have equal scores on every test set.
    critical_difference : float
        Two mean ranks that differ by more are significantly different at 5 %, corrected for all pairs.
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
        """Whether a significant difference is attainable: the critical difference is below the largest possible."""
        return self.critical_difference < self.largest_difference


def student_t(a: ArrayLike, b: ArrayLike) -> StudentT:
    """Test whether two sets of runs have equal means (sections 4.1 and 4.4: significance level of 5 %).

    Runs that share test images or training folds are not independent samples, but the published test treats them as
    such. A large p-value means that no difference was detected; it does not show that the two are equivalent.

    Parameters
    ----------
    a, b : array_like of float, shapes (n_a,) and (n_b,)
        One value per run.

    Returns
    -------
    StudentT

    Raises
    ------
    LeuknetError
        If a sample has fewer than two values or contains NaN, or if neither sample varies.
    """
    a, b = (np.asarray(values, np.float64).ravel() for values in (a, b))
    if min(len(a), len(b)) < 2 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise LeuknetError("a t-test needs two numbers or more on each side, none of them missing")
    return student_t_from_summary(a.mean(), a.std(ddof=1), len(a), b.mean(), b.std(ddof=1), len(b))


def student_t_from_summary(mean_a: float, sd_a: float, n_a: int, mean_b: float, sd_b: float, n_b: int) -> StudentT:
    """Compute `student_t` from summary statistics: mean, s.d. (ddof = 1) and number of runs of each sample.

    Returns
    -------
    StudentT

    Raises
    ------
    LeuknetError
        If a number is missing, an s.d. is negative, both are zero, or a sample has fewer than two runs.

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
    """Test whether the mean difference over cross-validation folds is 0, correcting for overlapping training sets.

    This is the corrected resampled t-test (Nadeau & Bengio, Mach. Learn. 2003, 52, 239): the variance of the mean is
    the sample variance times ``1/n + overlap`` instead of ``1/n``.

    Parameters
    ----------
    differences : array_like of float, shape (n,)
        One value per fold (and repeat): a minus b on the same test images.
    overlap : float
        Ratio of test to training images in a fold, e.g. 1/4 for five folds.
    level : float
        Confidence level of the interval.

    Returns
    -------
    StudentT
        With n - 1 degrees of freedom. If all differences are equal, the interval has zero width and p is 0, or 1 if
        they are all 0.

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
    """Test whether two classifiers have the same error rate on the same images.

    The test is exact: among the images that only one of them classifies correctly, the number that a classifies
    correctly is binomial with probability 1/2. Images are assumed to be independent. With several images per patient
    the p-value is too small; select one image per patient instead.

    Parameters
    ----------
    y : array_like of int, shape (n,)
        Labels.
    p_a, p_b : array_like of float, shape (n,)
        Probabilities of leukaemia predicted by a and b, for the same images in the same order.
    threshold : float
        An image is predicted positive if ``p >= threshold``.

    Returns
    -------
    McNemar

    Raises
    ------
    LeuknetError
        If lengths differ or a value is out of range.
    """
    y, p_a, p_b = checked(y, p_a, p_b)
    right_a, right_b = ((p >= threshold) == (y == 1) for p in (p_a, p_b))
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p = float(stats.binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return McNemar(len(y), only_a, only_b, p)


def paired_permutation(differences: ArrayLike, n: int = 2**14, seed: int = 0) -> float:
    """Return the two-sided p-value of a sign-flip permutation test that paired differences are symmetric about 0.

    For single images that two classifiers predict correctly (1) or incorrectly (0), this equals McNemar's exact test.
    Differences may also be means over runs, which gives each image the same weight regardless of the number of runs,
    or sums over the images of a patient.

    Parameters
    ----------
    differences : array_like of float, shape (units,)
        One value per unit (image, patient); units are assumed to be independent.
    n : int
        Number of random sign patterns; all patterns are enumerated if there are at most `n`.
    seed : int

    Returns
    -------
    float
        P-value; 1 if at most one unit differs. See Good, Permutation Tests (2000), section 3.2.

    Examples
    --------
    >>> paired_permutation([1, 1, 1, 1, 1, -1, 0, 0])  # equals McNemar's test with 5 and 1
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
    """Test whether methods have equal ranks over several test sets (Demsar, JMLR 2006, sections 3.2.2 and 3.2.5).

    Test sets are assumed to be independent. Cross-validation folds are not, because their training sets overlap; use
    `resampled_t` on each pair of methods for them. The critical difference is Nemenyi's
    ``q sqrt(k (k + 1) / (6 n))``, where q is the 5 % Studentised range of k groups divided by the square root of 2.

    Parameters
    ----------
    scores : array_like of float, shape (n, k)
        One row per test set, one column per method; higher is better. Tied scores receive their mean rank.

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
