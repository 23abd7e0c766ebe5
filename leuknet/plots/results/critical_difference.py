"""Mean ranks over test sets, and how far apart chance may put them: the critical-difference diagram (Demsar 2006)."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leuknet.evaluation.metrics import scores_by
from leuknet.evaluation.significance import Friedman, friedman
from leuknet.exceptions import LeuknetError
from leuknet.plots.format import number, p_value
from leuknet.plots.style import language
from leuknet.study.comparison import FAIR, Comparison

LINE = 0.24  # inches between two names


def scores_by_test_set(comparison: Comparison) -> pd.DataFrame:
    """Return accuracy by left-out source (rows) and work (columns); works without a score on each are left out.

    Folds of one pool are not test sets of their own: their images and training sets overlap, so they are not ranked.
    """
    if FAIR not in comparison.columns:
        return pd.DataFrame()
    scores = scores_by(comparison.of(FAIR), ["work", "fold"])
    return scores.pivot(index="fold", columns="work", values="A").dropna(axis=1)


def ranked_test(comparison: Comparison) -> tuple[list[str], Friedman]:
    """Return the names of the works and Friedman's test of their ranks over the sources left out.

    Raises
    ------
    LeuknetError
        If there are fewer than two test sets or three works.
    """
    wide = scores_by_test_set(comparison)
    if min(wide.shape[0], wide.shape[1] - 1) < 2:
        raise LeuknetError(f"mean ranks need two test sets and three works or more, not {wide.shape[0]} test set(s)")
    return list(wide), friedman(wide)


def can_differ(comparison: Comparison) -> bool:
    """Return whether ranks over these test sets could differ at all: the critical difference is below the largest."""
    try:
        names, found = ranked_test(comparison)
    except LeuknetError:
        return False
    return found.critical_difference < len(names) - 1


def rank_sentence(comparison: Comparison) -> str:
    """Return Friedman's test in words, and whether the critical difference leaves room for any difference."""
    try:
        names, found = ranked_test(comparison)
    except LeuknetError as reason:
        return f"Ranks are not tested: {reason}."
    words = f"Friedman's test of {len(names)} works on {found.n} sources left out: p = {p_value(found.p)}. "
    critical, largest = number(found.critical_difference), len(names) - 1
    if not can_differ(comparison):
        return words + (
            f"Two works differ if their mean ranks lie {critical} apart, and none lie further apart than {largest}: "
            f"with {found.n} test sets no order of works can be distinguished from chance."
        )
    return words + f"Two works differ if their mean ranks lie more than {critical} apart (Nemenyi)."


def groups(ranks: np.ndarray, critical: float) -> list[tuple[int, int]]:
    """Return (first, last) of each longest run of ascending `ranks` that spans no more than `critical`."""
    found = []
    for first, rank in enumerate(ranks):
        last = int(np.searchsorted(ranks, rank + critical, side="right")) - 1
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


def critical_difference(comparison: Comparison) -> Figure:
    """Draw the mean ranks of all works over the sources left out.

    Heavy bars join works whose ranks lie within Nemenyi's critical difference: among them no difference is shown.
    """
    names, found = ranked_test(comparison)
    k, heavy, thin = len(names), bars(found), {"color": "black", "linewidth": 0.8, "linestyle": "-"}
    height = 2.2 + (k + 1) // 2 + 0.6 * len(heavy)  # in lines of text, downwards from the axis of ranks at 0
    with language():
        fig, ax = plt.subplots(figsize=(7.3, LINE * height))
        ax.set(xlim=(1 - 0.75 * k, 1.75 * k), ylim=(height - 2.1, -2.1))
        ax.axis("off")
        ax.plot([1, k], [0, 0], **thin)
        for rank in range(1, k + 1):
            ax.plot([rank, rank], [0, -0.2], **thin)
            if rank in (1, k) or (rank % 4 == 0 and rank < k - 1):
                ax.text(rank, -0.35, rank, ha="center", va="bottom", fontsize=9)
        ax.plot([1, 1 + min(found.critical_difference, 1.4 * k)], [-1.6, -1.6], marker="|", **thin)
        note = f"critical difference {found.critical_difference:.1f} ({found.n} sources left out)"
        ax.text(0.6, -1.6, note, ha="right", va="center", fontsize=9)
        for place, (low, high) in enumerate(heavy):
            ax.plot([low - 0.1, high + 0.1], [0.5 + 0.6 * place] * 2, **thin | {"linewidth": 3.5})
        _names(ax, names, found.ranks, 1.0 + 0.6 * len(heavy), thin | {"color": "#555555"})
    return fig


def bars(found: Friedman) -> list[tuple[float, float]]:
    """Return the heavy bars, each as (least, greatest) mean rank."""
    ranks = np.sort(found.ranks)
    return [(ranks[first], ranks[last]) for first, last in groups(ranks, found.critical_difference)]


def _names(ax: Axes, names: list[str], ranks: np.ndarray, top: float, line: dict[str, float | str]) -> None:
    """Write the better half of the names on the left, the others on the right, each joined to its mean rank."""
    k = len(names)
    for place, i in enumerate(np.argsort(ranks, kind="stable")):
        if place < (k + 1) // 2:
            y, edge, gap, label, side = place, 0.4, -0.2, f"{names[i]}  {ranks[i]:.1f}", "right"
        else:
            y, edge, gap, label, side = k - 1 - place, k + 0.6, 0.2, f"{ranks[i]:.1f}  {names[i]}", "left"
        ax.plot([ranks[i], ranks[i], edge], [0, top + y, top + y], **line)
        ax.text(edge + gap, top + y, label, ha=side, va="center", fontsize=9)
