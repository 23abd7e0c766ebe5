"""Table 11 run again: every work under three protocols, ranked, with intervals and paired tests."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from leuknet.baselines.registry import BASELINES
from leuknet.evaluation.significance import holm, paired_permutation
from leuknet.paper import tables
from leuknet.plots.axes import name_rows
from leuknet.plots.format import estimate, listed
from leuknet.plots.results.protocols import gap_words, paired_by_source, protocol_levels, same_images
from leuknet.plots.style import language
from leuknet.study.comparison import FAIR, POOLED, PUBLISHED, Comparison

NUMBERS = ["A", "low", "high", "n"]
OWN = "article's own accuracy (%)"
LOOKS = {POOLED: ("#999999", "s"), PUBLISHED: ("#E69F00", "D"), FAIR: ("#0072B2", "o"), "grouped": ("#009E73", "^")}
FAMILIES = {entry.work: entry.family for entry in BASELINES.values()}


def family(work: str) -> str:
    """Return what kind of system `work` is: handcrafted, network, features, control."""
    return FAMILIES.get(work, "network")


def article_accuracies() -> dict[str, str]:
    """Return each work's own accuracy in Table 11 as printed, work to text; Sahlol's are of two data sets."""
    table = tables.table(11)
    cells = table[table["column"] == "A"]
    return cells.groupby(cells["row"].str.split(",").str[0])["text"].agg(" and ".join).to_dict()


def ranking(comparison: Comparison) -> pd.DataFrame:
    """Return accuracy, limits and images of each work under each protocol, on the same images and on all of them.

    Returns
    -------
    pandas.DataFrame
        ``work``, ``column``, ``images`` ("same": those that every protocol tests, or "all"), ``A``, ``low``, ``high``
        (per cent; groups resampled), ``n``, ``rank`` by the last protocol on the same images.
    """
    levels = protocol_levels(comparison.predictions.query("split == 'test'"), "column", ["work"])
    last = levels[(levels["column"] == comparison.last) & (levels["images"] == "same")]
    best = last.sort_values("A", ascending=False, kind="stable")["work"]
    levels["rank"] = levels["work"].map({work: place for place, work in enumerate(best, start=1)})
    return levels.sort_values(["rank", "images"], ascending=[True, False], kind="stable", ignore_index=True)


def table11_again(comparison: Comparison) -> pd.DataFrame:
    """Return Table 11 run again.

    Returns
    -------
    pandas.DataFrame
        One row a work, ranked by leave-one-source-out: ``rank``, ``work``, ``kind``, the article's own accuracy, one
        column a protocol ("accuracy (95 % interval)" in percent, on the images that all protocols test), ``images/s``,
        ``MB``; works that could not be run stand last.
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
    """Return each work's pooled accuracy next to always naming the larger class, whether it is clearly better, why not.

    Clearly: the interval's lower limit lies above the larger class's share.
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
    """Say what is known of a work that is not clearly better than the larger class, from its calls and its start."""
    work, positive = part["work"].iloc[0], (part["p"] >= 0.5).mean()
    words = ["a control, it sees no cell"] if family(work) == "control" else []
    started = set(comparison.runs.loc[comparison.runs["work"] == work, "weights"])
    words += ["begun from random weights"] if any("random" in weights for weights in started) else []
    words += [f"calls {100 * max(positive, 1 - positive):.0f} % {'positive' if positive > 0.5 else 'negative'}"]
    return "; ".join([*words, f"{len(part)} images put the lower limit at {low:.1f}"])


def paired_tests(comparison: Comparison, column: str = FAIR, against: str = "LeukNet") -> pd.DataFrame:
    """Test each work against one over the same test images, by a paired permutation test over groups, with Holm.

    An image counts once: its calls are averaged over the seeds that predicted it. Images of a group (patient or slide
    where known) are one unit, as they succeed and fail together.

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


def ranked_dots(comparison: Comparison) -> Figure:
    """Draw each work's accuracy under the three protocols on the same images, with 95 % intervals; best on top.

    Hollow marks are of all test images of the pooled folds.
    """
    frame = ranking(comparison)
    works = list(frame["work"].unique())
    with language():
        fig, ax = plt.subplots(figsize=(7.3, 0.36 * len(works) + 1.5))
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
