"""The critical-difference diagram: mean ranks of systems, and how far apart chance may put them (Demsar 2006)."""

import matplotlib.pyplot as plt
import numpy as np

from leuknet.evaluation.metrics import scores_by
from leuknet.evaluation.significance import friedman
from leuknet.exceptions import LeuknetError
from leuknet.plots.style import language
from leuknet.study.comparison import FAIR, POOLED

LINE = 0.24  # inches between two names
BLOCKS = {POOLED: "pooled folds", FAIR: "sources left out"}


def scores_by_test_set(comparison, column):
    """Return accuracy by test set (rows) and work (columns) under one protocol; of repeated folds the first repeat.

    Repeats test the same images again, so they are no further test sets. Works without a score on each are left out.
    """
    scores = scores_by(comparison.of(column), ["work", "fold"])
    wide = scores.pivot(index="fold", columns="work", values="A")
    first = wide.index.str.startswith("r0f")
    return (wide[first] if first.any() else wide).dropna(axis=1)


def groups(ranks, critical):
    """Return (first, last) of each longest run of ascending `ranks` that spans no more than `critical`."""
    found = []
    for first, rank in enumerate(ranks):
        last = int(np.searchsorted(ranks, rank + critical, side="right")) - 1
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


def ranked_tests(comparison):
    """Return protocol to (names of works, their `Friedman`), for each protocol with two test sets or more."""
    tables = {column: scores_by_test_set(comparison, column) for column in BLOCKS}
    enough = {column: wide for column, wide in tables.items() if min(wide.shape[0], wide.shape[1] - 1) > 1}
    if not enough:
        raise LeuknetError("mean ranks need two test sets and three systems or more")
    return {column: (list(wide), friedman(wide)) for column, wide in enough.items()}


def critical_difference(comparison):
    """Draw mean ranks of all systems, one panel a protocol that has two test sets or more.

    Heavy bars join systems whose ranks lie within Nemenyi's critical difference: among them no difference is shown.
    """
    tests = ranked_tests(comparison)
    heights = [2.2 + (len(names) + 1) // 2 + 0.6 * len(bars(found)) for names, found in tests.values()]
    with language():
        fig, axes = plt.subplots(
            len(tests), 1, figsize=(7.5, LINE * sum(heights)), height_ratios=heights, squeeze=False
        )
        for ax, height, (column, (names, found)) in zip(axes.flat, heights, tests.items(), strict=True):
            _panel(ax, height, names, found, f"{found.n} {BLOCKS[column]}")
    return fig


def bars(found):
    """Return the heavy bars of one panel, each as (least, greatest) mean rank."""
    ranks = np.sort(found.ranks)
    return [(ranks[first], ranks[last]) for first, last in groups(ranks, found.critical_difference)]


def _panel(ax, height, names, found, blocks):
    """Draw one panel; y counts lines of text downwards from the axis of ranks at 0."""
    k, thin = len(names), {"color": "black", "linewidth": 0.8, "linestyle": "-"}
    ax.set(xlim=(1 - 0.75 * k, 1.75 * k), ylim=(height - 2.1, -2.1))
    ax.axis("off")
    ax.plot([1, k], [0, 0], **thin)
    for rank in range(1, k + 1):
        ax.plot([rank, rank], [0, -0.2], **thin)
        if rank in (1, k) or (rank % 4 == 0 and rank < k - 1):
            ax.text(rank, -0.35, rank, ha="center", va="bottom", fontsize=9)
    ax.plot([1, 1 + min(found.critical_difference, 1.4 * k)], [-1.6, -1.6], marker="|", **thin)
    note = f"critical difference {found.critical_difference:.1f} ({blocks})"
    ax.text(0.6, -1.6, note, ha="right", va="center", fontsize=9)
    heavy = bars(found)
    for place, (low, high) in enumerate(heavy):
        ax.plot([low - 0.1, high + 0.1], [0.5 + 0.6 * place] * 2, **thin | {"linewidth": 3.5})
    _names(ax, names, found.ranks, 1.0 + 0.6 * len(heavy), thin | {"color": "#555555"})


def _names(ax, names, ranks, top, line):
    """Write the better half of the names on the left, the others on the right, each joined to its mean rank."""
    k = len(names)
    for place, i in enumerate(np.argsort(ranks, kind="stable")):
        if place < (k + 1) // 2:
            y, edge, gap, label, side = place, 0.4, -0.2, f"{names[i]}  {ranks[i]:.1f}", "right"
        else:
            y, edge, gap, label, side = k - 1 - place, k + 0.6, 0.2, f"{ranks[i]:.1f}  {names[i]}", "left"
        ax.plot([ranks[i], ranks[i], edge], [0, top + y, top + y], **line)
        ax.text(edge + gap, top + y, label, ha=side, va="center", fontsize=9)
