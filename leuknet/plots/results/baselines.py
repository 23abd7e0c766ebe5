"""Table 11 run again: every system under three protocols, ranked, with intervals and paired tests."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet.baselines.registry import BASELINES
from leuknet.evaluation.intervals import bootstrap
from leuknet.evaluation.significance import holm, mcnemar
from leuknet.exceptions import LeuknetError
from leuknet.paper import tables
from leuknet.plots.style import language
from leuknet.study.comparison import FAIR, POOLED, PUBLISHED

COLUMNS = (POOLED, PUBLISHED, FAIR)
LOOKS = {POOLED: ("#999999", "s"), PUBLISHED: ("#E69F00", "D"), FAIR: ("#0072B2", "o")}
FAMILIES = {entry.work: entry.family for entry in BASELINES.values()}


def family(work):
    """Return what kind of system `work` is: handcrafted, network, features, control."""
    return FAMILIES.get(work, "network")


def article_accuracies():
    """Return each work's own accuracy in Table 11 as printed, work to text; Sahlol's are of two data sets."""
    table = tables.table(11)
    cells = table[table["column"] == "A"]
    return cells.groupby(cells["row"].str.split(",").str[0])["text"].agg(" and ".join).to_dict()


def accuracy(predictions, resamples=2000):
    """Return accuracy and its 95 % bootstrap interval over groups, as fractions (NaN where there is no interval)."""
    value = float(((predictions["p"] >= 0.5) == predictions["y"]).mean())
    try:
        return (value, *bootstrap(predictions, n=resamples))
    except LeuknetError:
        return value, np.nan, np.nan


def ranking(comparison):
    """Return accuracy, limits and images of each work under each protocol, ranked by the last protocol.

    Returns
    -------
    pandas.DataFrame
        ``work``, ``column``, ``A``, ``low``, ``high`` (fractions), ``n``, ``rank``.
    """
    rows = []
    for (work, column), part in comparison.predictions.groupby(["work", "column"], sort=False):
        part = part[part["split"] == "test"]
        rows.append((work, column, *accuracy(part), len(part)))
    frame = pd.DataFrame(rows, columns=["work", "column", "A", "low", "high", "n"])
    last = frame[frame["column"] == FAIR].sort_values("A", ascending=False, kind="stable")["work"]
    frame["rank"] = frame["work"].map({work: place for place, work in enumerate(last, start=1)})
    return frame.sort_values("rank", kind="stable", ignore_index=True)


def cell(row):
    """Return "A (low–high)" in percent."""
    limits = "" if np.isnan(row["low"]) else f" ({100 * row['low']:.1f}–{100 * row['high']:.1f})"
    return f"{100 * row['A']:.1f}{limits}"


def table11_again(comparison):
    """Return Table 11 run again.

    Returns
    -------
    pandas.DataFrame
        One row a work, ranked by leave-one-source-out: ``rank``, ``work``, ``kind``, ``article's own A``, one column a
        protocol ("A (95 % interval)" in percent), ``images/s``, ``MB``; systems that could not be had stand last.
    """
    ranked, own = ranking(comparison), article_accuracies()
    costs = comparison.runs.groupby("work")[["seconds", "bytes"]].median()
    rows = []
    for work, part in ranked.groupby("work", sort=False):
        cells = {name: "" for name in COLUMNS} | {row["column"]: cell(row) for _, row in part.iterrows()}
        rows.append(
            {
                "rank": "" if part["rank"].isna().all() else f"{part['rank'].iloc[0]:.0f}",
                "work": work,
                "kind": family(work),
                "article's own A": own.get(work, ""),
            }
            | cells
            | {"images/s": f"{1 / costs.loc[work, 'seconds']:,.0f}", "MB": f"{costs.loc[work, 'bytes'] / 1e6:.2f}"}
        )
    absent = [work for work in comparison.failed if work not in costs.index]
    lacking = [{"work": work, "kind": family(work), "article's own A": own.get(work, "")} for work in absent]
    return pd.DataFrame([*rows, *lacking]).fillna("")


def chance_table(comparison):
    """Return each work's pooled accuracy beside always naming the larger class, whether it is clearly better, why not.

    Clearly: the interval's lower limit lies above the larger class's share.
    """
    pooled = comparison.of(POOLED)
    positive = pooled.drop_duplicates("image_id")["y"].mean()
    share = 100 * max(positive, 1 - positive)
    frame = ranking(comparison).query("column == @POOLED")
    frame = frame.assign(low=100 * frame["low"], A=100 * frame["A"])
    better = frame["low"] > share
    why = [
        "" if clear else _why_not(comparison, pooled[pooled["work"] == work], low)
        for work, low, clear in zip(frame["work"], frame["low"], better, strict=True)
    ]
    columns = {"work": frame["work"], "pooled A (%)": frame["A"], "larger class (%)": share}
    return pd.DataFrame(columns | {"better": np.where(better, "yes", "no"), "why not": why})


def _why_not(comparison, part, low):
    """Say what is known of a work that is not clearly better than the larger class, from its calls and its start."""
    work, positive = part["work"].iloc[0], (part["p"] >= 0.5).mean()
    words = ["a control, it sees no cell"] if family(work) == "control" else []
    started = set(comparison.runs.loc[comparison.runs["work"] == work, "weights"])
    words += ["begun from random weights"] if any("random" in weights for weights in started) else []
    words += [f"calls {100 * max(positive, 1 - positive):.0f} % {'positive' if positive > 0.5 else 'negative'}"]
    return "; ".join([*words, f"{len(part)} images put the lower limit at {low:.1f}"])


def paired_tests(comparison, column=FAIR, against="LeukNet"):
    """Test each work against one, over the same test images: McNemar's exact test, p adjusted by Holm.

    Returns
    -------
    pandas.DataFrame
        ``work``, ``only it right``, ``only <against> right`` (images), ``p`` and ``p, Holm``, ``difference``: "better",
        "worse" or "not shown" at 5 %.
    """
    wide = comparison.of(column).pivot_table(index=["fold", "image_id"], columns="work", values="p")
    labels = comparison.of(column).drop_duplicates(["fold", "image_id"]).set_index(["fold", "image_id"])["y"]
    y = labels.loc[wide.index]
    rows = []
    for work in [name for name in wide if name != against]:
        test = mcnemar(y, wide[work], wide[against])
        rows.append((work, test.only_a, test.only_b, test.p))
    frame = pd.DataFrame(rows, columns=["work", "only it right", f"only {against} right", "p"])
    frame["p, Holm"] = holm(frame["p"])
    sign = np.sign(frame["only it right"] - frame[f"only {against} right"])
    words = sign.map({1: "better", -1: "worse", 0: "not shown"})
    return frame.assign(difference=words.where(frame["p, Holm"] < 0.05, "not shown"))


def ranked_dots(comparison):
    """Draw each work's accuracy under the three protocols with 95 % intervals, the best by the last protocol on top."""
    frame = ranking(comparison)
    works = list(dict.fromkeys(frame["work"]))
    with language():
        fig, ax = plt.subplots(figsize=(7, 0.34 * len(works) + 1.2))
        for number, column in enumerate(COLUMNS):
            part = frame[frame["column"] == column]
            colour, marker = LOOKS[column]
            places = np.array([works.index(work) for work in part["work"]]) + 0.22 * (number - 1)
            limits = 100 * np.abs(part[["low", "high"]].to_numpy().T - part["A"].to_numpy())
            ax.errorbar(100 * part["A"], places, xerr=limits, fmt=marker, color=colour, label=column, markersize=5)
        shares = {column: comparison.of(column)["y"].mean() for column in COLUMNS}
        chance = 100 * max(shares[FAIR], 1 - shares[FAIR])
        ax.axvline(chance, color="#777777", linestyle=":", label=f"larger class, {FAIR}")
        ax.set_yticks(range(len(works)), works)
        ax.invert_yaxis()
        ax.set(xlabel="accuracy (%)", xlim=(0, 102))
        fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=9)
    return fig
