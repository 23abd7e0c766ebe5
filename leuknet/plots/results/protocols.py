"""Comparison of protocols on the same images, with paired differences, resampled by source."""

import re
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet.evaluation.intervals import PairedDifference, bootstrap, paired_difference, wilson
from leuknet.evaluation.metrics import scores_by
from leuknet.evaluation.significance import mcnemar, student_t
from leuknet.exceptions import LeuknetError
from leuknet.paper import tables
from leuknet.plots.axes import name_rows, subplots, whisker
from leuknet.plots.format import decimals, estimate, fold_name, interval, metric_name, number
from leuknet.plots.results.summaries import tested
from leuknet.plots.style import PROTOCOL_COLOURS, PROTOCOL_MARKERS
from leuknet.verdicts.claim_rules.protocols import FEW

ABOVE = {"textcoords": "offset points", "ha": "center", "fontsize": 9}
KINDS = ("all", "same")  # images of a protocol: all its test images, or those that every protocol tests
UNITS = {"source": "sources", "group": "groups", "image_id": "images"}


def published_marks(protocol: str) -> list[tuple[str, float]]:
    """Return the paper's accuracies under a protocol as (test set, per cent): Tables 11, 3 and 13."""
    if re.fullmatch(r"\d+-fold", protocol):
        return [("18 sets", tables.cell(11, "LeukNet", "A")["value"])]
    if protocol.startswith("LODOCV"):
        return [(name, tables.cell(3, "mDFT", "A", name)["value"]) for name in ("ALL-IDB 1", "ALL-IDB 2")]
    return [("UFG", tables.cell(13, "LeukNet", "A")["value"])] if protocol.startswith("leave-one") else []


def same_images(predictions: pd.DataFrame, by: str = "protocol") -> pd.DataFrame:
    """Return the predictions of images that every protocol tests, or all predictions if there are none."""
    tested = predictions.groupby("image_id")[by].nunique()
    common = tested.index[tested == predictions[by].nunique()]
    return predictions[predictions["image_id"].isin(common)] if len(common) else predictions


def accuracy(predictions: pd.DataFrame, unit: str = "group") -> tuple[float, float, float]:
    """Return accuracy and its 95 % bootstrap interval over whole units, in per cent; NaN limits if there is none."""
    value = 100 * float(((predictions["p"] >= 0.5) == predictions["y"]).mean())
    try:
        low, high = bootstrap(predictions, unit=unit)
    except LeuknetError:
        return value, np.nan, np.nan
    return value, 100 * low, 100 * high


def protocol_levels(predictions: pd.DataFrame, by: str = "protocol", of: Sequence[str] = ()) -> pd.DataFrame:
    """Return the accuracy under each protocol, on all its test images and on those that all protocols test.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Test predictions with ``image_id``, ``group``, ``source``, ``y``, ``p``.
    by : str
        Column with the protocols' names.
    of : sequence of str
        Columns that distinguish what is compared, such as ``work``; empty for a single network.

    Returns
    -------
    pandas.DataFrame
        `of` and `by`, ``images`` ("all" or "same"), ``n``, ``A``, ``low``, ``high`` in per cent (groups resampled).
    """
    rows = []
    for kind, frame in (("all", predictions), ("same", same_images(predictions, by))):
        for names, part in frame.groupby([*of, by], sort=False):
            rows.append((*names, kind, part["image_id"].nunique(), *accuracy(part)))
    return pd.DataFrame(rows, columns=[*of, by, "images", "n", "A", "low", "high"])


def protocol_differences(predictions: pd.DataFrame) -> dict[str, PairedDifference]:
    """Return, for each later protocol, the lead of the first on the images that all protocols test."""
    same = same_images(predictions)
    first, *others = predictions["protocol"].unique()
    parts = {name: same[same["protocol"] == name] for name in (first, *others)}
    if parts[first].empty or set(parts[first]["image_id"]) != set(same["image_id"]):
        return {}
    return {name: paired_by_source(parts[first], parts[name]) for name in others}


def paired_by_source(a: pd.DataFrame, b: pd.DataFrame) -> PairedDifference:
    """Return the difference of two accuracies on the same images, paired by source, or by group for a single source."""
    return paired_difference(a, b, by="source" if a["source"].nunique() > 1 else "group")


def protocols(predictions: pd.DataFrame, published: bool = True) -> plt.Figure:
    """Draw accuracy under each protocol on common images (filled) and all images (hollow), and paired differences.

    Parameters
    ----------
    predictions : pandas.DataFrame
        See `protocol_levels`.
    published : bool
        Whether to add the paper's accuracies as stars.
    """
    levels, gaps = protocol_levels(predictions), protocol_differences(predictions)
    names = list(levels["protocol"].unique())
    size = (7.3, 1.05 * len(names) + 1.9)
    with subplots(1, 2, figsize=size, sharey=True, width_ratios=[2, 1]) as (fig, (left, right)):
        for row, name in enumerate(names):
            _levels(left, row, levels[levels["protocol"] == name])
            for where, value in published_marks(name) if published else ():
                left.plot(value, row - 0.3, "*", markersize=9, color="black", markerfacecolor="white")
                left.annotate(where, (value, row - 0.3), xytext=(0, 5), va="bottom", **ABOVE)
        for name, gap in gaps.items():
            value, low, high = points(gap)
            whisker(right, value, low, high, names.index(name), color="black")
            text = number(value, decimals(gap.images), sign=True)
            right.annotate(text, (value, names.index(name)), xytext=(0, 9), **ABOVE)
        _finish(left, right, names, published)
    return fig


def _levels(ax: plt.Axes, row: int, part: pd.DataFrame) -> None:
    """Draw one protocol's two accuracies with intervals, and n."""
    colour, marker = PROTOCOL_COLOURS[row % 4], PROTOCOL_MARKERS[row % 4]
    looks: dict[str, tuple[float, float, str]] = {"same": (-0.08, 2.4, colour), "all": (0.22, 1.2, "white")}
    for found in part.sort_values("images", ascending=False).itertuples():
        shift, width, face = looks[found.images]
        place, look = row + shift, {"color": colour, "marker": marker, "markerfacecolor": face}
        whisker(ax, found.A, found.low, found.high, place, colour, width, **look)
        text = f"{number(found.A, decimals(found.n))}, n = {found.n}"
        ax.text(1.01, place, text, va="center", fontsize=9, transform=ax.get_yaxis_transform())


def points(gap: PairedDifference) -> tuple[float, float, float]:
    """Return a paired difference of accuracies and its limits in points."""
    return 100 * gap.difference, 100 * gap.low, 100 * gap.high


def _finish(left: plt.Axes, right: plt.Axes, names: list[str], published: bool) -> None:
    looks = [("same images under each protocol", "o", "black"), ("all test images", "o", "white")]
    for label, marker, face in [*looks, *[("published, other images", "*", "white")] * published]:
        left.plot([], [], marker, color="black", markerfacecolor=face, label=label)
    for ax, at in ((left, 50), (right, 0)):
        ax.axvline(at, color="#777777", linestyle=":", linewidth=1)
        name_rows(ax, names, ylim=(len(names) - 0.5, -0.7))
        ax.grid(axis="y", visible=False)
    right.margins(x=0.15)
    left.set(xlabel="accuracy (%)", xlim=(min(45, left.get_xlim()[0]), 101.5))
    right.set_xlabel(f"{names[0]} minus this row\n(points, same images)")
    left.figure.legend(*left.get_legend_handles_labels(), ncols=3, loc="outside upper left")


def protocol_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy by protocol, for all test images and for common ones, and the paired difference from the first.

    The interval of an accuracy resamples groups; "Wilson" is computed for the first seed as if its images were
    independent; the interval of a difference resamples sources.
    """
    levels, gaps = protocol_levels(predictions), protocol_differences(predictions)
    rows = []
    for name, part in predictions.groupby("protocol", sort=False):
        of = levels[levels["protocol"] == name].set_index("images")
        right = ((part["p"] >= 0.5) == part["y"])[part["seed"] == part["seed"].iloc[0]]
        low, high = wilson(int(right.sum()), len(right))
        row = {"protocol": name, "runs": part.groupby(["fold", "seed"]).ngroups}
        row |= {f"{kind} images: n": of.loc[kind, "n"] for kind in KINDS}
        row |= {f"{kind} images: accuracy (%)": estimate(*of.loc[kind, ["A", "low", "high", "n"]]) for kind in KINDS}
        row["Wilson, first seed (%)"], gap = interval(100 * low, 100 * high), gaps.get(name)
        row["first protocol minus this (points)"] = estimate(*points(gap), gap.images, sign=True) if gap else ""
        rows.append(row)
    return pd.DataFrame(rows)


def protocol_sentence(predictions: pd.DataFrame) -> str:
    """Describe the result of `protocols`: accuracies on the same images, then the first protocol's lead."""
    same = protocol_levels(predictions).query("images == 'same'")
    n, first = int(same["n"].iloc[0]), same["protocol"].iloc[0]
    shown = ", ".join(f"{row.protocol} {number(row.A, decimals(n))} %" for row in same.itertuples())
    gaps = protocol_differences(predictions)
    leads = [f"{first} minus {name}: {gap_words(gap)}." for name, gap in gaps.items()]
    return " ".join([f"On the same {n} images: {shown}.", *leads])


def gap_words(gap: PairedDifference) -> str:
    """Describe a paired difference of accuracies, with its interval and whether it excludes 0.

    With fewer than `FEW` units, only a range is given, and no direction is claimed.
    """
    found, low, high = points(gap)
    value = f"{number(found, decimals(gap.images), sign=True)} points"
    if np.isnan(low):
        return f"{value}; all {gap.images} images are of one {gap.by}, so there is no interval"
    drawn = f"{gap.units} {UNITS[gap.by]}{' of one source' * (gap.by == 'group')}"
    verdict = "no difference shown" if low <= 0 <= high else "the first is higher" if low > 0 else "the first is lower"
    limits = interval(low, high, decimals(gap.images))
    if gap.units < FEW:  # the bootstrap of two units has only three values
        return f"{value} (range {limits} over the {drawn}, all there are)"
    return f"{value} (95 % interval {limits}, {drawn} resampled), {verdict}"


def family_sentences(predictions: pd.DataFrame, first: str, second: str) -> list[str]:
    """Return the lead of protocol `first` over `second` on images that different networks test under the two.

    Computed in three ways: the paired difference; Student's t-test over seeds, as in the paper; McNemar's test over the
    images of the first seed.
    """
    sides = [predictions[predictions["protocol"] == name] for name in (first, second)]
    both = sides[0].merge(sides[1], on=["image_id", "seed", "y"], suffixes=("_a", "_b"))
    both = both[both["run_a"] != both["run_b"]]
    if both.empty:
        return [f"No image is tested under {first} and under {second} by different networks: no family is parted here."]
    gap = paired_by_source(*(side[side["image_id"].isin(both["image_id"])] for side in sides))
    hits = [100 * ((both[p] >= 0.5) == both["y"]).groupby(both["seed"]).mean() for p in ("p_a", "p_b")]
    one = both[both["seed"] == both["seed"].iloc[0]]
    return [
        f"{first} minus {second} on these {gap.images} images: {gap_words(gap)}.",
        f"Over {len(hits[0])} seeds (points): {tested(student_t, *hits)}.",
        f"Image by image, first seed (a is {first}): {mcnemar(one['y'], one['p_a'], one['p_b'])}.",
    ]


def by_test_set(predictions: pd.DataFrame) -> plt.Figure:
    """Draw accuracy, recall and specificity for each fold of each protocol, as mean and range over seeds."""
    places = ["protocol", "fold"]
    frame = scores_by(predictions, [*places, "seed"]).reindex(columns=[*places, "n", "A", "R", "S"])
    sizes = frame.groupby(places, sort=False)["n"].first()
    y = np.arange(len(sizes))
    with subplots(figsize=(7.3, 0.62 * len(sizes) + 1.5)) as (fig, ax):
        for metric, marker, shift in (("A", "o", -0.22), ("R", "^", 0), ("S", "s", 0.22)):
            of = 100 * frame.groupby(places, sort=False)[metric].agg(["mean", "min", "max"])
            limits = np.abs(of[["min", "max"]].to_numpy().T - of["mean"].to_numpy())
            ax.errorbar(of["mean"], y + shift, xerr=limits, fmt=marker, capsize=3, label=metric_name(metric))
        names = [f"{protocol}\n{fold_name(fold)}, n = {n}" for (protocol, fold), n in sizes.items()]
        name_rows(ax, names, xlim=(-3, 103), xlabel="% (mean; bar: range over seeds)")
        ax.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def test_set_sentence(predictions: pd.DataFrame) -> str:
    """Return the test set with the largest difference between recall and specificity, and its interpretation."""
    found = scores_by(predictions, ["protocol", "fold"]).reindex(columns=["protocol", "fold", "R", "S"]).dropna()
    if found.empty:
        return "No test set holds both classes, so recall and specificity cannot be set against each other."
    of = found.loc[(found["R"] - found["S"]).abs().idxmax()]
    protocol, fold = of["protocol"], of["fold"]
    part = predictions[(predictions["protocol"] == protocol) & (predictions["fold"] == fold)]
    label = part.groupby("y")["image_id"].nunique()
    missed = "positives are missed" if of["R"] < of["S"] else "negatives are called positive"
    recall = f"recall {number(100 * of['R'], 0)} % of {label[1]} positive"
    specificity = f"specificity {number(100 * of['S'], 0)} % of {label[0]} negative images"
    return f"Least balanced is {fold_name(fold)} under {protocol}: {recall}, {specificity}: {missed}."
