"""One printed row of results under every check that needs class counts only: for any table, not only this paper's."""

from leuknet.paper.consistency.cross_checks import accuracy_fits, spreads_fit
from leuknet.paper.consistency.grim import denominators, matrices, totals
from leuknet.paper.consistency.printed import split
from leuknet.paper.consistency.sprite import spread_possible


def accusations(texts, negatives, positives, n=1):
    """Return what cannot be true of one printed row; an empty list accuses nothing.

    Parameters
    ----------
    texts : dict of str to str
        Printed cells: for one run percentages of A, P and R and the fraction Kappa, ``{"A": "96.30", ...}``; for
        several runs A, R and S as ``"mean ± spread"`` in percent.
    negatives, positives : int
        Class counts of the test set.
    n : int
        Runs.

    Returns
    -------
    list of str
        Any of ``"granularity A"`` (R, S), ``"matrix"``, ``"accuracy"``, ``"spread A"`` (R, S), ``"spreads"``.
    """
    items = {m: k for m, k in denominators(negatives, positives).items() if m in texts}
    found = [f"granularity {m}" for m, k in items.items() if not totals(split(texts[m])[0], k * n)]
    if n == 1:
        return found + ["matrix"] * (not matrices(texts, negatives, positives))
    found += ["accuracy"] * (not accuracy_fits(texts, negatives, positives, n))
    found += [f"spread {m}" for m, k in items.items() if not spread_possible(texts[m], k, n)]
    return found + ["spreads"] * (not spreads_fit(texts, negatives, positives))
