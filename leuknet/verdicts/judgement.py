"""What runs can tell of a claim: differences of mean accuracies with Welch's interval, judged in the ledger's words."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from leuknet.verdicts import results

SUPPORTED, NOT_SUPPORTED = "supported", "not supported"
DEPENDS, CANNOT = "depends on the protocol", "cannot be tested here"


@dataclass(frozen=True)
class Evidence:
    """What this study's runs say of a claim: a verdict of the ledger, and the number behind it."""

    verdict: str
    number: str


def difference(a, b, level=0.95):
    """Return mean(a) - mean(b) in points and Welch's interval (Biometrika 1947); None for fewer than two runs."""
    a, b = (100 * np.asarray(values, float) for values in (a, b))
    gap = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2:
        return gap, None
    parts = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    if sum(parts) < 1e-12:
        return gap, (gap, gap)
    df = sum(parts) ** 2 / (parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
    low, high = stats.t.interval(level, df, gap, np.sqrt(sum(parts)))
    return gap, (float(low), float(high))


def told(gap, bounds):
    """Return a difference as text, e.g. ``+1.2 points (-0.5 to 2.9)``."""
    return f"{gap:+.1f} points" + (f" ({bounds[0]:.1f} to {bounds[1]:.1f})" if bounds else " (one run)")


def ahead_of(pairs, picked=1):
    """Judge comparisons ``[(name, a, b)]``, each by Welch's interval of the difference.

    Supported: a is ahead in every one (each at 95 %: all must hold). Not supported: in one, a is behind, or no further
    ahead than the tolerance of equivalence; among many comparisons one does so by chance, so these intervals are of
    level 1 - 0.05 / comparisons (Bonferroni). Otherwise the runs cannot tell.

    Parameters
    ----------
    pairs : list of tuple
        ``(name, a, b)``: accuracies of the runs.
    picked : int
        Number of comparisons out of which each pair was picked for its size, for which "ahead" is corrected.
    """
    if not pairs:
        return Evidence(CANNOT, "no such runs in this folder")
    compared = [(name, *difference(a, b, 1 - 0.05 / picked)) for name, a, b in pairs]
    if any(bounds is None for _, _, bounds in compared):
        return Evidence(CANNOT, "one run each: no spread to judge by")
    wide = [difference(a, b, 1 - 0.05 / len(pairs))[1] for _, a, b in pairs]
    won = sum(bounds[0] > 0 for _, _, bounds in compared)
    lost = sum(high < 0 for _, high in wide)
    level = sum(low <= 0 <= high < results.tolerances()["equivalent"] for low, high in wide)
    (name, gap, bounds), wider = min(zip(compared, wide, strict=True), key=lambda row: row[0][1])
    number = f"ahead in {won} of {len(compared)} comparisons, behind in {lost}" + f", level in {level}" * bool(level)
    number += f"; {'closest' if gap >= 0 else 'furthest behind'}: {name} {told(gap, bounds if gap >= 0 else wider)}"
    if won == len(compared):
        return Evidence(SUPPORTED, number)
    return Evidence(NOT_SUPPORTED, number) if lost or level else Evidence(CANNOT, f"{number}; too wide to tell")


def equivalence(compared):
    """Judge 90 % intervals by test set: inside the tolerance, out of it without 0, or too wide to tell."""
    if not compared or any(bounds is None for _, bounds in compared.values()):
        return Evidence(CANNOT, "no two runs of each in this folder")
    limit = results.tolerances()["equivalent"]
    number = "; ".join(f"{fold} {told(*pair)}" for fold, pair in compared.items()) + f"; equivalent within {limit:g}"
    outside = [bounds for _, bounds in compared.values() if bounds[0] <= -limit or bounds[1] >= limit]
    if not outside:
        return Evidence(SUPPORTED, number)
    return Evidence(NOT_SUPPORTED if any(low > 0 or high < 0 for low, high in outside) else CANNOT, number)
