"""Reproduction of Table 11: every work under three protocols, ranked, with intervals and paired tests.

Also mean ranks over test sets with a critical-difference diagram (Demsar 2006).
"""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet._statistics import holm
from leuknet.baselines.registry import BASELINES
from leuknet.evaluation.metrics import scores_by
from leuknet.evaluation.significance import Friedman, friedman, paired_permutation
from leuknet.exceptions import LeuknetError
from leuknet.paper import tables
from leuknet.plots.axes import name_rows, subplots
from leuknet.plots.format import estimate, listed, number, p_value
from leuknet.plots.results.protocols import gap_words, paired_by_source, protocol_levels, same_images
from leuknet.study.comparison import FAIR, POOLED, PUBLISHED, Comparison

NUMBERS = ["A", "low", "high", "n"]
OWN = "article's own accuracy (%)"
LOOKS = {POOLED: ("#999999", "s"), PUBLISHED: ("#E69F00", "D"), FAIR: ("#0072B2", "o"), "grouped": ("#009E73", "^")}
LINE = 0.24  # inches between two names in the critical-difference diagram
FAMILIES = {entry.work: entry.family for entry in BASELINES.values()}


def family(work: str) -> str:
    """Return the type of baseline of `work`: handcrafted, network, features, control."""
    return FAMILIES.get(work, "network")


def article_accuracies() -> dict[str, str]:
    """Return each work's own accuracy as printed in Table 11, work to text; Sahlol's are for two data sets."""
    table = tables.table(11)
    cells = table[table["column"] == "A"]
    return cells.groupby(cells["row"].str.split(",").str[0])["text"].agg(" and ".join).to_dict()


def ranking(comparison: Comparison) -> pd.DataFrame:
    """Return accuracy, interval and number of images of each work under each protocol, on common and on all images.

    Returns
    -------
    pandas.DataFrame
        ``work``, ``column``, ``images`` ("same": images tested under every protocol, or "all"), ``A``, ``low``,
        ``high`` (per cent; groups resampled), ``n``, ``rank`` by the last protocol on the common images.
    """
    levels = protocol_levels(comparison.predictions.query("split == 'test'"), "column", ["work"])
    last = levels[(levels["column"] == comparison.last) & (levels["images"] == "same")]
    best = last.sort_values("A", ascending=False, kind="stable")["work"]
    levels["rank"] = levels["work"].map({work: place for place, work in enumerate(best, start=1)})
    return levels.sort_values(["rank", "images"], ascending=[True, False], kind="stable", ignore_index=True)


def table11_again(comparison: Comparison) -> pd.DataFrame:
    """Return the reproduction of Table 11.

    Returns
    -------
    pandas.DataFrame
        One row per work, ranked by leave-one-source-out: ``rank``, ``work``, ``kind``, the article's own accuracy, one
        column per protocol ("accuracy (95 % interval)" in percent, on the images tested under all protocols),
        ``images/s``, ``MB``; works that could not be run come last.
    """
    ranked, own = ranking(comparison), article_accuracies()
    costs = comparison.runs.groupby("work")[["seconds", "bytes"]].median()
    rows = []
    for work, part in ranked.groupby("work", sort=False):
        same = part[part["images"] == "same"].set_index("column")
        place = "" if part["rank"].isna().all() else f"{part['rank'].iloc[0]:.0f}"
        row = {"rank": place, "work": work, "kind": family(work), OWN: own.get(work, "")}
        for name in comparison.columns:
            row[f"{name} (%)"] = estimate(*same.loc[name, NUMBERS]) if name in same.index else ""
        row |= {"images/s": f"{1 / costs.loc[work, 'seconds']:,.0f}", "MB": f"{costs.loc[work, 'bytes'] / 1e6:.2f}"}
        rows.append(row)
    absent = [work for work in comparison.failed if work not in costs.index]
    missing = [{"work": work, "kind": family(work), OWN: own.get(work, "")} for work in absent]
    return pd.DataFrame([*rows, *missing]).fillna("")


def chance_table(comparison: Comparison) -> pd.DataFrame:
    """Return each work's pooled accuracy, the majority-class baseline, whether it is clearly better, and if not why.

    Clearly better means that the interval's lower limit lies above the majority class's share.
    """
    pooled = comparison.of(POOLED)
    positive = pooled.drop_duplicates("image_id")["y"].mean()
    share = 100 * max(positive, 1 - positive)
    frame = ranking(comparison).query("column == @POOLED and images == 'all'")
    better = frame["low"] > share
    why = ["" if clear else _why_not(comparison, pooled[pooled["work"] == work], low)
           for work, low, clear in zip(frame["work"], frame["low"], better, strict=True)]  # fmt: skip
    columns = {"work": frame["work"], "pooled A (%)": frame["A"], "larger class (%)": share}
    return pd.DataFrame(columns | {"better": np.where(better, "yes", "no"), "why not": why})


def _why_not(comparison: Comparison, part: pd.DataFrame, low: float) -> str:
    """Explain why a work is not clearly better than the majority class, from its predictions and initial weights."""
    work, positive = part["work"].iloc[0], (part["p"] >= 0.5).mean()
    words = ["a control, it sees no cell"] if family(work) == "control" else []
    started = set(comparison.runs.loc[comparison.runs["work"] == work, "weights"])
    words += ["begun from random weights"] if any("random" in weights for weights in started) else []
    words += [f"calls {100 * max(positive, 1 - positive):.0f} % {'positive' if positive > 0.5 else 'negative'}"]
    return "; ".join([*words, f"{len(part)} images put the lower limit at {low:.1f}"])


def paired_tests(comparison: Comparison, column: str = FAIR, against: str = "LeukNet") -> pd.DataFrame:
    """Compare each work with one other on the same test images, by a paired permutation test over groups, with Holm.

    Each image counts once: its predictions are averaged over the seeds that tested it. Images of a group (patient or
    slide if known) form one unit because their errors are correlated.

    Returns
    -------
    pandas.DataFrame
        ``work``, ``minus <against> (points)``, ``groups that differ``, ``p`` and ``p, Holm``, ``difference``:
        "better", "worse" or "not shown" at 5 %.
    """
    frame = comparison.of(column).assign(right=lambda of: (of["p"] >= 0.5) == of["y"])
    wide = frame.pivot_table(index=["group", "fold", "image_id"], columns="work", values="right", aggfunc="mean")
    rows = []
    for work in [name for name in wide if name != against]:
        gaps = (wide[work] - wide[against]).dropna()
        units = gaps.groupby("group").sum().round(9)
        rows.append((work, 100 * gaps.mean(), int((units != 0).sum()), paired_permutation(units)))
    frame = pd.DataFrame(rows, columns=["work", f"minus {against} (points)", "groups that differ", "p"])
    frame["p, Holm"] = holm(frame["p"])
    words = np.sign(frame[f"minus {against} (points)"]).map({1: "better", -1: "worse", 0: "not shown"})
    return frame.assign(difference=words.where(frame["p, Holm"] < 0.05, "not shown"))


def ranked_dots(comparison: Comparison) -> plt.Figure:
    """Draw each work's accuracy under the three protocols on the same images, with 95 % intervals; best on top.

    Hollow marks show all test images of the pooled folds.
    """
    frame = ranking(comparison)
    works = list(frame["work"].unique())
    with subplots(figsize=(7.3, 0.25 * len(works) + 1.4)) as (fig, ax):
        for step, (column, kind) in enumerate([*((name, "same") for name in comparison.columns), (POOLED, "all")]):
            part = frame[(frame["column"] == column) & (frame["images"] == kind)]
            places = part["work"].map(works.index) + 0.2 * (step - 1.5)
            limits = np.abs(part[["low", "high"]].to_numpy().T - part["A"].to_numpy())
            look = {"color": LOOKS[column][0], "fmt": LOOKS[column][1], "markersize": 5}
            look |= {"markerfacecolor": "white", "elinewidth": 0.8} if kind == "all" else {}
            label = f"{column}, {kind} {int(part['n'].max())} images"
            ax.errorbar(part["A"], places, xerr=limits, label=label, **look)
        y = same_images(comparison.predictions.query("split == 'test'"), "column").drop_duplicates("image_id")["y"]
        chance = 100 * max(y.mean(), 1 - y.mean())
        ax.axvline(chance, color="#777777", linestyle=":", label="larger class of the same images")
        name_rows(ax, works, xlabel="accuracy (%)", xlim=(0, 102))
        fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=9)
    return fig


def ranked_sentence(comparison: Comparison, work: str = "LeukNet") -> str:
    """Return the best work, `work` and the best control on unseen sources, and the pooled lead of `work`."""
    frame = ranking(comparison).query("images == 'same'")
    fair = frame[frame["column"] == FAIR].set_index("work")
    if fair.empty:
        return "No source could be left out."
    controls = [name for name in fair.index if family(name) == "control"]
    named = list(dict.fromkeys([fair.index[0], *([work] if work in fair.index else []), *controls[:1]]))
    cells = [f"{name} {estimate(*fair.loc[name, NUMBERS])} %" for name in named]
    text = f"On sources left out ({int(fair['n'].max())} images that all protocols test): {listed(cells)}"
    text += f"; {controls[0]} sees no cell." if controls else "."
    same = same_images(comparison.predictions.query("split == 'test'"), "column").query("work == @work")
    sides = [same[same["column"] == column] for column in (POOLED, FAIR)]
    if any(side.empty for side in sides) or set(sides[0]["image_id"]) != set(sides[1]["image_id"]):
        return text
    return f"{text} {work}, {POOLED} minus {FAIR}: {gap_words(paired_by_source(*sides))}."


def ranked_test(comparison: Comparison) -> tuple[list[str], Friedman]:
    """Return the names of the works and Friedman's test of their ranks over the left-out sources.

    Works without a score on each source are excluded. Folds of one pool are not ranked because they are not independent
    test sets: their images and training sets overlap.

    Raises
    ------
    LeuknetError
        If there are fewer than two test sets or three works.
    """
    wide = pd.DataFrame()
    if FAIR in comparison.columns:
        scores = scores_by(comparison.of(FAIR), ["work", "fold"])
        wide = scores.pivot(index="fold", columns="work", values="A").dropna(axis=1)
    if min(wide.shape[0], wide.shape[1] - 1) < 2:
        raise LeuknetError(f"mean ranks need two test sets and three works or more, not {wide.shape[0]} test set(s)")
    return list(wide), friedman(wide)


def can_differ(comparison: Comparison) -> bool:
    """Return whether any ranks over these test sets could differ: the critical difference is below the maximum."""
    try:
        return ranked_test(comparison)[1].separable
    except LeuknetError:
        return False


def rank_sentence(comparison: Comparison) -> str:
    """Return Friedman's test in words, and whether the critical difference permits any difference to be shown."""
    try:
        names, found = ranked_test(comparison)
    except LeuknetError as reason:
        return f"Ranks are not tested: {reason}."
    words = f"Friedman's test of {len(names)} works on {found.n} sources left out: p = {p_value(found.p)}. "
    critical = number(found.critical_difference)
    if found.separable:
        return words + f"Two works differ if their mean ranks lie more than {critical} apart (Nemenyi)."
    words += f"Two works differ if their mean ranks lie {critical} apart, and none lie further apart than "
    none = f"with {found.n} test sets no order of works can be distinguished from chance"
    return f"{words}{found.largest_difference}: {none}."


def bars(found: Friedman) -> list[tuple[float, float]]:
    """Return the least and greatest mean rank of each maximal group that spans no more than the critical difference."""
    ranks = np.sort(found.ranks)
    last = np.searchsorted(ranks, ranks + found.critical_difference, side="right") - 1
    before = np.maximum(np.arange(len(ranks)), [-1, *last[:-1]])
    return [(ranks[first], ranks[end]) for first, end in enumerate(last) if end > before[first]]


def critical_difference(comparison: Comparison) -> plt.Figure:
    """Draw the mean ranks of all works over the left-out sources.

    Heavy bars connect works whose ranks lie within Nemenyi's critical difference, i.e. without a shown difference.
    """
    names, found = ranked_test(comparison)
    k, heavy, thin = len(names), bars(found), {"color": "black", "linewidth": 0.8, "linestyle": "-"}
    height = 2.2 + (k + 1) // 2 + 0.6 * len(heavy)  # in lines of text, downwards from the axis of ranks at 0
    with subplots(figsize=(7.3, LINE * height)) as (fig, ax):
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


def _names(ax: plt.Axes, names: list[str], ranks: np.ndarray, top: float, line: dict[str, Any]) -> None:
    """Write the better half of the names on the left and the others on the right, each connected to its mean rank."""
    k = len(names)
    for place, i in enumerate(np.argsort(ranks, kind="stable")):
        if place < (k + 1) // 2:
            y, edge, gap, label, side = place, 0.4, -0.2, f"{names[i]}  {ranks[i]:.1f}", "right"
        else:
            y, edge, gap, label, side = k - 1 - place, k + 0.6, 0.2, f"{ranks[i]:.1f}  {names[i]}", "left"
        ax.plot([ranks[i], ranks[i], edge], [0, top + y, top + y], **line)
        ax.text(edge + gap, top + y, label, ha=side, va="center", fontsize=9)
