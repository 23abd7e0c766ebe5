"""Protocols side by side, like with like: differences are between the same images, paired, resampled by source."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leuknet.evaluation.intervals import PairedDifference, bootstrap, paired_difference, wilson
from leuknet.evaluation.metrics import scores
from leuknet.evaluation.significance import mcnemar, student_t
from leuknet.exceptions import LeuknetError
from leuknet.paper import tables
from leuknet.plots.format import decimals, estimate, fold_name, interval, metric_name, number
from leuknet.plots.results.summaries import tested
from leuknet.plots.style import PROTOCOL_COLOURS, PROTOCOL_MARKERS, language

PERCENT = 100
UNITS = {"source": "sources", "group": "groups", "image_id": "images"}


def published_marks(protocol: str) -> list[tuple[str, float]]:
    """Return the paper's accuracies under a protocol as (test set, per cent): Tables 11, 3 and 13."""
    if re.fullmatch(r"\d+-fold", protocol):
        return [("18 sets", tables.cell(11, "LeukNet", "A")["value"])]
    if protocol.startswith("LODOCV"):
        return [(name, tables.cell(3, "mDFT", "A", name)["value"]) for name in ("ALL-IDB 1", "ALL-IDB 2")]
    return [("UFG", tables.cell(13, "LeukNet", "A")["value"])] if protocol.startswith("leave-one") else []


def same_images(predictions: pd.DataFrame, by: str = "protocol") -> pd.DataFrame:
    """Return the predictions of those images that are tested under every protocol, all of them if there are none."""
    tested = predictions.groupby("image_id")[by].nunique()
    common = tested.index[tested == predictions[by].nunique()]
    return predictions[predictions["image_id"].isin(common)] if len(common) else predictions


def accuracy(predictions: pd.DataFrame, unit: str = "group") -> tuple[float, float, float]:
    """Return accuracy and its 95 % bootstrap interval over whole units, in per cent; limits NaN if there is none."""
    value = PERCENT * float(((predictions["p"] >= 0.5) == predictions["y"]).mean())
    try:
        low, high = bootstrap(predictions, unit=unit)
    except LeuknetError:
        return value, np.nan, np.nan
    return value, PERCENT * low, PERCENT * high


def protocol_levels(predictions: pd.DataFrame, by: str = "protocol") -> pd.DataFrame:
    """Return the accuracy under each protocol on all of its test images and on those that all protocols test.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Test predictions of one network with ``protocol``, ``image_id``, ``group``, ``source``, ``y``, ``p``.
    by : str
        Column with the protocols' names.

    Returns
    -------
    pandas.DataFrame
        ``protocol``, ``images`` ("all" or "same"), ``n``, ``A``, ``low``, ``high`` in per cent (groups resampled).
    """
    rows = []
    for kind, frame in (("all", predictions), ("same", same_images(predictions, by))):
        for name, part in frame.groupby(by, sort=False):
            rows.append((name, kind, part["image_id"].nunique(), *accuracy(part)))
    return pd.DataFrame(rows, columns=["protocol", "images", "n", "A", "low", "high"])


def protocol_differences(predictions: pd.DataFrame, by: str = "protocol") -> dict[str, PairedDifference]:
    """Return for each later protocol how far the first one lies above it on the images that all protocols test."""
    same = same_images(predictions, by)
    first, *others = predictions[by].unique()
    parts = {name: same[same[by] == name] for name in (first, *others)}
    if parts[first].empty or set(parts[first]["image_id"]) != set(same["image_id"]):
        return {}
    return {name: paired_by_source(parts[first], parts[name]) for name in others}


def paired_by_source(a: pd.DataFrame, b: pd.DataFrame) -> PairedDifference:
    """Return the difference of two accuracies on the same images, by source; by group where all are of one source."""
    return paired_difference(a, b, by="source" if a["source"].nunique() > 1 else "group")


def protocols(predictions: pd.DataFrame, by: str = "protocol", published: bool = True) -> Figure:
    """Draw accuracy under each protocol on the same images (filled) and all images (hollow), and paired differences.

    Parameters
    ----------
    predictions : pandas.DataFrame
        See `protocol_levels`.
    by : str
    published : bool
        Whether the paper's accuracies stand next to them as stars.
    """
    levels, gaps = protocol_levels(predictions, by), protocol_differences(predictions, by)
    names = list(dict.fromkeys(levels["protocol"]))
    with language():
        size = (7.3, 1.05 * len(names) + 1.9)
        fig, (left, right) = plt.subplots(1, 2, figsize=size, sharey=True, width_ratios=[2, 1])
        for row, name in enumerate(names):
            _levels(left, row, levels[levels["protocol"] == name])
            for where, value in published_marks(name) if published else ():
                left.plot(value, row - 0.3, "*", markersize=9, color="black", markerfacecolor="white")
                at = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 9}
                left.annotate(where, (value, row - 0.3), **at)
        for name, gap in gaps.items():
            _gap(right, names.index(name), gap)
        _finish(left, right, names, published)
    return fig


def _levels(ax: Axes, row: int, part: pd.DataFrame) -> None:
    """Draw one protocol's two accuracies with intervals, and n."""
    for kind, shift in (("same", -0.08), ("all", 0.22)):
        for found in part[part["images"] == kind].itertuples():
            look = {"color": PROTOCOL_COLOURS[row % 4], "linestyle": "-"}
            ax.plot([found.low, found.high], [row + shift] * 2, linewidth=2.4 if kind == "same" else 1.2, **look)
            hollow = {} if kind == "same" else {"markerfacecolor": "white"}
            ax.plot(found.A, row + shift, PROTOCOL_MARKERS[row % 4], color=look["color"], markersize=8, **hollow)
            text = f"{number(found.A, decimals(found.n))}, n = {found.n}"
            ax.annotate(text, (1.01, row + shift), xycoords=("axes fraction", "data"), va="center", fontsize=9)


def _gap(ax: Axes, row: int, gap: PairedDifference) -> None:
    value, low, high = points(gap)
    ax.plot([low, high], [row, row], "-", color="black", linewidth=2.4)
    ax.plot(value, row, "o", color="black", markersize=8)
    text = number(value, decimals(gap.images), sign=True)
    ax.annotate(text, (value, row), xytext=(0, 9), textcoords="offset points", ha="center", fontsize=9)


def points(gap: PairedDifference) -> tuple[float, float, float]:
    """Return a paired difference of accuracies and its limits in points."""
    return PERCENT * gap.difference, PERCENT * gap.low, PERCENT * gap.high


def _finish(left: Axes, right: Axes, names: list[str], published: bool) -> None:
    looks = [("same images under each protocol", {"marker": "o"})]
    looks += [("all test images", {"marker": "o", "markerfacecolor": "white"})]
    looks += [("published, other images", {"marker": "*", "markerfacecolor": "white"})] * published
    for label, look in looks:
        left.plot([], [], color="black", linestyle="none", label=label, **look)
    left.axvline(50, color="#777777", linestyle=":", linewidth=1)
    right.axvline(0, color="#777777", linestyle=":", linewidth=1)
    right.margins(x=0.15)
    left.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.7), xlabel="accuracy (%)")
    left.set_xlim(min(45, left.get_xlim()[0]), 101.5)
    right.set(xlabel=f"{names[0]} minus this row\n(points, same images)")
    for ax in (left, right):
        ax.grid(axis="x")
        ax.grid(axis="y", visible=False)
    left.figure.legend(*left.get_legend_handles_labels(), ncols=3, loc="outside upper left")


def protocol_table(predictions: pd.DataFrame, by: str = "protocol") -> pd.DataFrame:
    """Return accuracy by protocol: of all test images, of the same images, and the paired difference from the first.

    The interval of an accuracy resamples groups; "Wilson" is of the first seed, as if its images were independent; the
    interval of a difference resamples sources.
    """
    levels, gaps = protocol_levels(predictions, by), protocol_differences(predictions, by)
    rows = []
    for name, part in predictions.groupby(by, sort=False):
        of = levels[levels["protocol"] == name].set_index("images")
        first = part[part["seed"] == part["seed"].iloc[0]]
        hits = int(((first["p"] >= 0.5) == first["y"]).sum())
        gap = gaps.get(name)
        rows.append(
            {"protocol": name, "runs": part.groupby(["fold", "seed"]).ngroups}
            | {f"{kind} images: n": of.loc[kind, "n"] for kind in ("all", "same")}
            | {f"{kind} images: accuracy (%)": _cell(of.loc[kind]) for kind in ("all", "same")}
            | {"Wilson, first seed (%)": interval(*(PERCENT * v for v in wilson(hits, len(first))))}
            | {"first protocol minus this (points)": estimate(*points(gap), gap.images, sign=True) if gap else ""}
        )
    return pd.DataFrame(rows)


def _cell(level: pd.Series) -> str:
    return estimate(level["A"], level["low"], level["high"], level["n"])


def protocol_sentence(predictions: pd.DataFrame, by: str = "protocol") -> str:
    """Return what `protocols` shows in words: accuracies on the same images, then the first protocol's lead."""
    levels = protocol_levels(predictions, by)
    same = levels[levels["images"] == "same"]
    n = int(same["n"].iloc[0])
    shown = ", ".join(f"{row.protocol} {number(row.A, decimals(n))} %" for row in same.itertuples())
    first, gaps = same["protocol"].iloc[0], protocol_differences(predictions, by)
    leads = [f"{first} minus {name}: {gap_words(gap)}." for name, gap in gaps.items()]
    return " ".join([f"On the same {n} images: {shown}.", *leads])


def gap_words(gap: PairedDifference) -> str:
    """Return a paired difference of accuracies in words, with its interval and whether it excludes 0."""
    found, low, high = points(gap)
    value = f"{number(found, decimals(gap.images), sign=True)} points"
    if np.isnan(low):
        return f"{value}; all {gap.images} images are of one {gap.by}, so there is no interval"
    drawn = f"{gap.units} {UNITS[gap.by]}{' of one source' * (gap.by == 'group')}"
    verdict = "no difference shown" if low <= 0 <= high else "the first is higher" if low > 0 else "the first is lower"
    limits = interval(low, high, decimals(gap.images))
    return f"{value} (95 % interval {limits}, {drawn} resampled), {verdict}"


def family_sentences(predictions: pd.DataFrame, first: str, second: str) -> list[str]:
    """Return how far protocol `first` lies above `second` on the images that different networks test under the two.

    Three ways: the paired difference; Student's t-test over seeds, as the paper has it; McNemar's test over the images
    of the first seed.
    """
    sides = [predictions[predictions["protocol"] == name] for name in (first, second)]
    both = sides[0].merge(sides[1], on=["image_id", "seed", "y"], suffixes=("_a", "_b"))
    both = both[both["run_a"] != both["run_b"]]
    if both.empty:
        return [f"No image is tested under {first} and under {second} by different networks: no family is parted here."]
    gap = paired_by_source(*(side[side["image_id"].isin(both["image_id"])] for side in sides))
    hits = [PERCENT * ((both[p] >= 0.5) == both["y"]).groupby(both["seed"]).mean() for p in ("p_a", "p_b")]
    one = both[both["seed"] == both["seed"].iloc[0]]
    return [
        f"{first} minus {second} on these {gap.images} images: {gap_words(gap)}.",
        f"Over {len(hits[0])} seeds (points): {tested(student_t, *hits)}.",
        f"Image by image, first seed (a is {first}): {mcnemar(one['y'], one['p_a'], one['p_b'])}.",
    ]


def by_test_set(predictions: pd.DataFrame) -> Figure:
    """Draw accuracy, recall and specificity for each fold of each protocol, mean and range over seeds."""
    keys = ["protocol", "fold", "seed"]
    rows = [dict(zip(keys, key, strict=True)) | scores(part["y"], part["p"]) | {"n": len(part)}
            for key, part in predictions.groupby(keys, sort=False)]  # fmt: skip
    frame = pd.DataFrame(rows).reindex(columns=[*keys, "n", "A", "R", "S"])
    wheres = list(frame.groupby(["protocol", "fold"], sort=False)["n"].first().items())
    with language():
        fig, ax = plt.subplots(figsize=(7.3, 0.62 * len(wheres) + 1.5))
        for offset, (metric, marker) in enumerate((("A", "o"), ("R", "^"), ("S", "s"))):
            of = frame.groupby(["protocol", "fold"], sort=False)[metric].agg(["mean", "min", "max"]) * PERCENT
            y = np.arange(len(wheres)) + 0.22 * (offset - 1)
            limits = np.abs(of[["min", "max"]].to_numpy().T - of["mean"].to_numpy())
            ax.errorbar(of["mean"], y, xerr=limits, fmt=marker, capsize=3, label=metric_name(metric))
        names = [f"{protocol}\n{fold_name(fold)}, n = {n}" for (protocol, fold), n in wheres]
        ax.set(yticks=range(len(wheres)), yticklabels=names, xlim=(-3, 103), ylim=(len(wheres) - 0.5, -0.5))
        ax.set(xlabel="% (mean; bar: range over seeds)")
        ax.grid(axis="x")
        ax.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def test_set_sentence(predictions: pd.DataFrame) -> str:
    """Return which test set has the widest distance between recall and specificity, and what that means."""
    found = []
    for (protocol, fold), part in predictions.groupby(["protocol", "fold"], sort=False):
        of = scores(part["y"], part["p"])
        if {"R", "S"} <= of.keys():
            found.append((abs(of["R"] - of["S"]), protocol, fold, of, part))
    if not found:
        return "No test set holds both classes, so recall and specificity cannot be set against each other."
    _, protocol, fold, of, part = max(found, key=lambda item: item[0])
    label = part.groupby("y")["image_id"].nunique()
    missed = "positives are missed" if of["R"] < of["S"] else "negatives are called positive"
    return (
        f"Least balanced is {fold_name(fold)} under {protocol}: recall {number(PERCENT * of['R'], 0)} % of "
        f"{label[1]} positive, specificity {number(PERCENT * of['S'], 0)} % of {label[0]} negative images: {missed}."
    )
