"""Dataset shift: image sizes, colours, the source probe, and how well these predict the label."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from leuknet._random import rng
from leuknet.data.registry import RESOURCES
from leuknet.data.statistics import COLOUR, SHARPNESS, SIZE, SourceProbe, source_probe
from leuknet.plots.axes import matrix, name_rows, subplots, whisker
from leuknet.plots.data.survey import class_counts, published_counts
from leuknet.plots.format import number
from leuknet.plots.style import CLASS_COLOURS, CLASS_MARKERS, CLASS_NAMES, table_order

FEATURES = {"native size": SIZE, "colour": COLOUR, "colour, sharpness, native size": COLOUR + SHARPNESS + SIZE}
COMPARED = ["red_mean", "green_mean", "blue_mean", "saturation", "brightness", "width", "height"]


def native_sizes(statistics: pd.DataFrame) -> plt.Figure:
    """Draw native width and height of every image, one row per data set.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `image_statistics`.
    """
    names = table_order(statistics["data_set"])
    rows = statistics["data_set"].map(names.index).to_numpy()
    with subplots(figsize=(8, 0.27 * len(names) + 1.6)) as (fig, ax):
        for name, marker, colour, shift in (("width", "o", "#0072B2", -0.16), ("height", "D", "#E69F00", 0.16)):
            ax.plot(statistics[name], rows + shift, marker, color=colour, mec="black", mew=0.5, alpha=0.7, label=name)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter("{x:.0f}")
        name_rows(ax, names, xlabel="native px (log scale)")
        ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def colour_statistics(statistics: pd.DataFrame, seed: int = 0) -> plt.Figure:
    """Draw each data set's mean colour, and saturation, brightness and sharpness of every image.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `image_statistics`.
    seed : int
        Seed of the points' vertical jitter; negative images lie above, positive below the middle of a row.
    """
    names = table_order(statistics["data_set"])
    half = rng("scatter", seed).uniform(0.03, 0.36, len(statistics)) * np.where(statistics["label"] == 0, -1, 1)
    rows = statistics["data_set"].map(names.index).to_numpy() + half
    shown = {"saturation": "(0–1)", "brightness": "(0–255)", "sharpness": "(log scale)"}
    middle = statistics.groupby("data_set")[list(shown)].median().reindex(names)
    size = (8, 0.29 * len(names) + 2.0)
    with subplots(1, 4, figsize=size, sharey=True, width_ratios=[0.55, 1, 1, 1]) as (fig, axes):
        _swatches(axes[0], statistics, names)
        for ax, (column, scale) in zip(axes[1:], shown.items(), strict=True):
            for label in (0, 1):
                of = (statistics["label"] == label).to_numpy()
                look = {"color": CLASS_COLOURS[label], "mew": 0.3, "mec": "#333333", "alpha": 0.8, "linestyle": ""}
                look |= {"marker": CLASS_MARKERS[label], "markersize": 4.5 if len(statistics) < 600 else 2.5}
                ax.plot(statistics.loc[of, column], rows[of], label=CLASS_NAMES[label], **look)
            ax.plot(middle[column], range(len(names)), "|", color="black", markersize=13, mew=2.2, label="median")
            ax.grid(axis="x")
            ax.set_xlabel(f"{column} {scale}")
        axes[3].set_xscale("log")
        axes[3].xaxis.set_major_locator(plt.LogLocator(subs=(1, 3)))
        axes[3].xaxis.set_major_formatter("{x:,.0f}")
        axes[3].xaxis.set_minor_formatter("")
        fig.legend(*axes[1].get_legend_handles_labels(), ncols=3, loc="outside upper center")
    return fig


def _swatches(ax: plt.Axes, statistics: pd.DataFrame, names: list[str]) -> None:
    means = statistics.groupby("data_set").mean(numeric_only=True).reindex(names)
    columns = [f"{channel}_{what}" for what in ("mean", "border") for channel in ("red", "green", "blue")]
    ax.imshow(means[columns].to_numpy().reshape(-1, 2, 3).round().astype(np.uint8), aspect="auto")
    name_rows(ax, names, xticks=[0, 1], xlabel="mean colour")
    ax.set_xticklabels(["image", "border"], rotation=90)
    ax.grid(False)


def probe_sources(statistics: pd.DataFrame, seed: int = 0, folds: int = 5) -> dict[tuple[str, str], SourceProbe]:
    """Probe how well colour and size predict source, data set and label, in pooled folds.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `image_statistics`; sizes and sharpness enter as logarithms.
    seed, folds : int
        See `source_probe`.

    Returns
    -------
    dict of (target, features) to SourceProbe
        `features` as in `FEATURES`; targets ``"source"``, ``"data set"`` (if different from the sources) and
        ``"label"``. Sources and data sets with fewer than `folds` images are excluded; a target with fewer than two
        values is absent.
    """
    values = statistics.assign(**{name: np.log1p(statistics[name]) for name in [*SHARPNESS, *SIZE]})
    targets = {"source": statistics["source"], "data set": statistics["data_set"]}
    pairs = statistics[["source", "data_set"]].drop_duplicates()
    if len(pairs) == pairs["source"].nunique() == pairs["data_set"].nunique():
        del targets["data set"]
    found = {}
    for target, names in (targets | {"label": statistics["label"].astype(str)}).items():
        enough = names.map(names.value_counts()) >= folds
        if names[enough].nunique() < 2:
            continue
        with threadpool_limits(1):  # for such small matrices, synchronising threads costs more than it saves
            for features, columns in FEATURES.items():
                found[target, features] = source_probe(values.loc[enough, columns], names[enough], seed, folds, 1)
    return found


def probe_table(found: dict[tuple[str, str], SourceProbe]) -> pd.DataFrame:
    """Return the result of `probe_sources` as a table: per cent of images classified correctly, chance, and counts."""
    columns = ["named", "from", "right (%)", "folds (%)", "largest alone (%)", "balanced (%)", "chance (%)"]
    rows = []
    for names, probe in found.items():
        plain, balanced = (100 * probe.summary().set_index("metric")).to_dict("records")
        spread = f"{plain['low']:.1f} to {plain['high']:.1f}"
        numbers = (plain["mean"], spread, plain["chance"], balanced["mean"], balanced["chance"])
        rows.append((*names, *numbers, len(probe.confusion), probe.n))
    return pd.DataFrame(rows, columns=[*columns, "names", "images"])


def probe_levels(found: dict[tuple[str, str], SourceProbe]) -> plt.Figure:
    """Draw how well colour and size predict source and data set (balanced accuracy), next to chance."""
    targets = [target for target in dict.fromkeys(target for target, _ in found) if target != "label"]
    with subplots(1, len(targets), figsize=(8, 2.6), sharey=True, squeeze=False) as (fig, axes):
        for ax, target in zip(axes[0], targets, strict=True):
            for row, features in enumerate(FEATURES):
                of = 100 * found[target, features].summary().set_index("metric").loc["balanced accuracy"]
                whisker(ax, of["mean"], of["low"], of["high"], row, linewidth=2)
                at = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center", "fontsize": 9}
                ax.annotate(f"{of['mean']:.0f}", (of["mean"], row), **at)
            ax.axvline(of["chance"], color="#555555", linestyle=":")
            ax.set_title(f"dotted: chance, {of['chance']:.1f} %", loc="left", fontsize=9)
            name_rows(ax, FEATURES, ylim=(len(FEATURES) - 0.5, -0.7), xlim=(0, 104))
            ax.set_xlabel(f"{target} named rightly (%, balanced)")
    return fig


def source_confusion(probe: SourceProbe) -> plt.Figure:
    """Draw the confusion matrix of the sources: rows true, columns predicted, per cent of the row."""
    names = table_order(probe.confusion.index)
    share = probe.confusion.loc[names, names].to_numpy()
    texts = np.where(share >= 0.005, np.char.mod("%.0f", 100 * share), "")
    side = min(0.33 * len(names) + 2.6, 8)
    with subplots(figsize=(max(side, 5), side)) as (fig, ax):
        matrix(ax, share, texts)
        ax.set_xticks(range(len(names)), names, rotation=90)
        ax.set_yticks(range(len(names)), names)
        ax.set(xlabel="named", ylabel="true")
        ax.set_title("% of each row", loc="left", fontsize=9)
    return fig


def label_right(counts: pd.DataFrame) -> float:
    """Return the fraction of images (0 to 1) whose label is guessed correctly from their row of `counts` alone.

    The guess is the row's majority class; for a row with a single class it is always correct.
    """
    return float(counts.max(axis=1).sum() / counts.to_numpy().sum())


def label_clues(statistics: pd.DataFrame, found: dict[tuple[str, str], SourceProbe]) -> pd.DataFrame:
    """Return how well the label can be predicted without looking at a cell, from no information to the data set's name.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `image_statistics`.
    found : dict
        From `probe_sources`.

    Returns
    -------
    pandas.DataFrame
        ``known``; ``here (%)`` and ``Table 1 (%)`` (NaN if images are needed): labels predicted correctly. Source and
        data set predict by majority, colour and size by the probe on held-out images.
    """
    counts = {unit: class_counts(statistics, unit) for unit in ("source", "data_set")}
    published = {unit: published_counts(unit) for unit in counts}
    rows = [("nothing", *(label_right(frame.sum().to_frame().T) for frame in (counts["source"], published["source"])))]
    rows += [(of, probe.scores["accuracy"].mean(), np.nan) for (name, of), probe in found.items() if name == "label"]
    rows += [(unit.replace("_", " "), label_right(counts[unit]), label_right(published[unit])) for unit in counts]
    frame = pd.DataFrame(rows, columns=["known", "here (%)", "Table 1 (%)"])
    return (100 * frame.set_index("known")).reset_index()


def clue_sentence(clues: pd.DataFrame) -> str:
    """Return how often the label is predicted correctly from nothing, from colour and size, and from the data set."""
    here, printed = (clues.set_index("known")[name] for name in ("here (%)", "Table 1 (%)"))
    probed = here.drop(["nothing", "source", "data set"])
    seen = f"colour and size name it for up to {number(probed.max())} %; " if len(probed) else ""
    name = f"{number(here['data set'])} % (in Table 1's rows {number(printed['data set'])} %)"
    larger = f"Always naming the larger class is right for {number(here['nothing'])} % of images"
    return f"{larger}; {seen}the data set's name alone for {name}. None of these looks at a cell."


def label_levels(clues: pd.DataFrame) -> plt.Figure:
    """Draw `label_clues`: how often the label is predicted correctly from each kind of information."""
    looks = {"here (%)": ("this cohort", "o", "#0072B2", -0.17)}
    looks |= {"Table 1 (%)": ("Table 1, as published", "D", "#E69F00", 0.17)}
    edge = {"markeredgecolor": "black", "markeredgewidth": 0.6, "markersize": 8, "linestyle": ""}
    with subplots(figsize=(8, 0.42 * len(clues) + 1.5)) as (fig, ax):
        for column, (label, marker, colour, shift) in looks.items():
            ax.plot(clues[column], np.arange(len(clues)) + shift, marker, color=colour, label=label, **edge)
            for row, value in clues[column].dropna().items():
                at = {"xytext": (8, 0), "textcoords": "offset points", "va": "center", "fontsize": 9}
                ax.annotate(f"{value:.1f}", (value, row + shift), **at)
        ax.axvline(50, color="#777777", linestyle=":", linewidth=1)
        low = min(45, clues[list(looks)].min(axis=None) - 3)
        name_rows(ax, clues["known"], xlim=(low, 104), xlabel="label predicted correctly (% of images)", ylabel="known")
        ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def real_statistics() -> pd.DataFrame:
    """Return colour and size of real data sets, as measured by ``bench/real_statistics.py`` at 224 px.

    Returns
    -------
    pandas.DataFrame
        ``data_set``, ``images``, ``fitted`` (whether the synthetic images were fitted to it), ``statistic``, ``mean``,
        ``sd`` (over images).
    """
    return pd.read_csv(RESOURCES / "real_statistics.csv")


def spread(statistics: pd.DataFrame) -> pd.DataFrame:
    """Return `COMPARED` over the images of each data set: ``data_set``, ``images``, ``statistic``, ``mean``, ``sd``."""
    long = statistics.melt("data_set", COMPARED, var_name="statistic")
    groups = long.groupby(["data_set", "statistic"], sort=False)["value"]
    frame = groups.agg(images="size", mean="mean", sd="std").reset_index()
    return frame[["data_set", "images", "statistic", "mean", "sd"]]


def with_real(statistics: pd.DataFrame) -> pd.DataFrame:
    """Return the synthetic cohort's colour and size next to those of real data sets, as mean ± s.d. over images.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `image_statistics` of the synthetic cohort.

    Returns
    -------
    pandas.DataFrame
        A pair of rows for each data set that exists both as real and as synthetic, one row for each other real data
        set, and the range of the data sets' means of both kinds. Colours are grey levels (0 to 255), saturation 0 to 1,
        sizes px.
    """
    real, drawn = real_statistics(), spread(statistics)
    rows = []
    for name, part in ((name, real[real["data_set"] == name]) for name in table_order(real["data_set"])):
        fitted = "fitted to" if part["fitted"].all() else "not used in the fit"
        for kind, of in ((f"real, {fitted}", part), ("synthetic", drawn[drawn["data_set"] == name])):
            if len(of):
                rows.append((name, kind, of["images"].iloc[0], *_texts(of, "mean", "sd", " ± ")))
    for kind, frame in (("real", real), ("synthetic", drawn)):
        ends = frame.groupby("statistic")["mean"].agg(["min", "max"]).reset_index()
        images = frame.groupby("data_set")["images"].first()
        words = f"{len(images)} data sets", f"{kind}, range of means"
        rows.append((*words, images.sum(), *_texts(ends, "min", "max", " to ")))
    return pd.DataFrame(rows, columns=["data set", "images are", "n", *(c.removesuffix("_mean") for c in COMPARED)])


def _texts(frame: pd.DataFrame, first: str, second: str, between: str) -> list[str]:
    """Format two columns of `COMPARED` statistics as text: saturation with two decimals, the others without."""
    of = frame.set_index("statistic").loc[COMPARED]
    digits = [2 if name == "saturation" else 0 for name in COMPARED]
    return [f"{a:.{d}f}{between}{b:.{d}f}" for a, b, d in zip(of[first], of[second], digits, strict=True)]
