"""What gives the source away, and what the source gives away: sizes, colours, the source probe, the label."""

from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

from leuknet._random import rng
from leuknet.data.statistics import COLOUR, SHARPNESS, SIZE, SourceProbe, source_probe
from leuknet.plots.data.survey import class_counts, published_counts
from leuknet.plots.format import number
from leuknet.plots.style import CLASS_COLOURS, CLASS_MARKERS, CLASS_NAMES, language, table_order

PERCENT = 100
FEATURES = {"native size": SIZE, "colour": COLOUR, "colour, sharpness, native size": COLOUR + SHARPNESS + SIZE}
COMPARED = ["red_mean", "green_mean", "blue_mean", "saturation", "brightness", "width", "height"]


def native_sizes(statistics: pd.DataFrame) -> Figure:
    """Draw native width and height of every image, one row a data set.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `image_statistics`.
    """
    names = table_order(statistics["data_set"])
    rows = statistics["data_set"].map(names.index).to_numpy()
    with language():
        fig, ax = plt.subplots(figsize=(8, 0.27 * len(names) + 1.6))
        for name, marker, colour, shift in (("width", "o", "#0072B2", -0.16), ("height", "D", "#E69F00", 0.16)):
            style = {"color": colour, "markeredgecolor": "black", "markeredgewidth": 0.5, "alpha": 0.7}
            ax.plot(statistics[name], rows + shift, marker, linestyle="", label=name, **style)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter("{x:.0f}")
        ax.set(
            yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6), xlabel="px as found (log scale)"
        )
        ax.grid(axis="x")
        ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def colour_statistics(statistics: pd.DataFrame, seed: int = 0) -> Figure:
    """Draw each data set's mean colour, and saturation, brightness and sharpness of every image.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `image_statistics`.
    seed : int
        Of the points' vertical scatter; negative images lie above, positive below the middle of a row.
    """
    names = table_order(statistics["data_set"])
    half = rng("scatter", seed).uniform(0.03, 0.36, len(statistics)) * np.where(statistics["label"] == 0, -1, 1)
    rows = statistics["data_set"].map(names.index).to_numpy() + half
    with language():
        height = 0.29 * len(names) + 2.0
        fig, axes = plt.subplots(1, 4, figsize=(8, height), sharey=True, width_ratios=[0.55, 1, 1, 1])
        _swatches(axes[0], statistics, names)
        shown = (
            ("saturation", "saturation (0–1)"),
            ("brightness", "brightness (0–255)"),
            ("sharpness", "sharpness (log scale)"),
        )
        for ax, (column, label) in zip(axes[1:], shown, strict=True):
            _points(ax, statistics, column, rows, names)
            ax.set_xlabel(label)
        axes[3].set_xscale("log")
        axes[3].xaxis.set_major_formatter("{x:,.0f}")
        handles, labels = axes[1].get_legend_handles_labels()
        fig.legend(handles, labels, ncols=3, loc="outside upper center")
    return fig


def _points(ax: Axes, statistics: pd.DataFrame, column: str, rows: np.ndarray, names: list[str]) -> None:
    for label in (0, 1):
        of = (statistics["label"] == label).to_numpy()
        style = {
            "color": CLASS_COLOURS[label],
            "markersize": 4.5 if len(statistics) < 600 else 2.5,
            "alpha": 0.8,
            "label": CLASS_NAMES[label],
        }
        ax.plot(
            statistics.loc[of, column], rows[of], CLASS_MARKERS[label], linestyle="", mew=0.3, mec="#333333", **style
        )
    middle = statistics.groupby("data_set")[column].median().reindex(names)
    ax.plot(middle, range(len(names)), "|", color="black", markersize=13, markeredgewidth=2.2, label="median")
    ax.grid(axis="x")


def _swatches(ax: Axes, statistics: pd.DataFrame, names: list[str]) -> None:
    means = statistics.groupby("data_set").mean(numeric_only=True).reindex(names)
    parts = [means[[f"{channel}_{what}" for channel in ("red", "green", "blue")]] for what in ("mean", "border")]
    ax.imshow(np.stack([part.to_numpy() for part in parts], axis=1).round().astype(np.uint8), aspect="auto")
    ax.set_yticks(range(len(names)), names)
    ax.set_xticks([0, 1], ["image", "border"], rotation=90)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlabel("mean colour")
    ax.grid(False)


def probe_sources(statistics, seed=0, folds=5, repeats=1):
    """Probe what colour and size say about source, data set and label, in pooled folds.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `image_statistics`; sizes and sharpness enter as logarithms.
    seed, folds, repeats : int
        As `source_probe` takes them.

    Returns
    -------
    dict of (target, features) to SourceProbe
        `features` as in `FEATURES`; targets ``"source"``, ``"data set"`` (where they are not the same) and ``"label"``.
        Sources and data sets with fewer than `folds` images are left out; a target with fewer than two is absent.
    """
    logs = {name: np.log1p(statistics[name]) for name in [*SHARPNESS, *SIZE]}
    values = statistics.assign(**logs)
    targets = {
        "source": statistics["source"],
        "data set": statistics["data_set"],
        "label": statistics["label"].astype(str),
    }
    pairs = len(statistics[["source", "data_set"]].drop_duplicates())
    if pairs == targets["source"].nunique() == targets["data set"].nunique():
        del targets["data set"]
    found = {}
    for target, names in targets.items():
        enough = names.map(names.value_counts()) >= folds
        if names[enough].nunique() < 2:
            continue
        with threadpool_limits(1):  # the matrices are small: threads that wait for each other cost more than they give
            for features, columns in FEATURES.items():
                found[target, features] = source_probe(values.loc[enough, columns], names[enough], seed, folds, repeats)
    return found


def probe_table(found: dict[tuple[str, str], SourceProbe]) -> pd.DataFrame:
    """Return what `probe_sources` found as a table: per cent of images named rightly, chance, and numbers."""
    rows = []
    for (target, features), probe in found.items():
        of = probe.summary().set_index("metric") * PERCENT
        plain, balanced = of.loc["accuracy"], of.loc["balanced accuracy"]
        rows.append(
            {
                "named": target,
                "from": features,
                "right (%)": plain["mean"],
                "folds (%)": f"{plain['low']:.1f} to {plain['high']:.1f}",
                "largest alone (%)": plain["chance"],
                "balanced (%)": balanced["mean"],
                "chance (%)": balanced["chance"],
                "names": len(probe.confusion),
                "images": probe.n,
            }
        )
    return pd.DataFrame(rows)


def probe_levels(found: dict[tuple[str, str], SourceProbe]) -> Figure:
    """Draw how often colour and size name source and data set rightly (balanced accuracy), next to chance."""
    targets = [target for target in dict.fromkeys(target for target, _ in found) if target != "label"]
    with language():
        fig, axes = plt.subplots(1, len(targets), figsize=(8, 2.6), sharey=True, squeeze=False)
        for ax, target in zip(axes[0], targets, strict=True):
            for row, features in enumerate(FEATURES):
                _, of = found[target, features].summary().to_dict("records")
                low, mean, high = (PERCENT * of[name] for name in ("low", "mean", "high"))
                ax.plot([low, high], [row, row], "-", color="black", linewidth=2)
                ax.plot(mean, row, "o", color="#0072B2", markersize=8)
                ax.annotate(f"{mean:.0f}", (mean, row), (0, 7), textcoords="offset points", ha="center", fontsize=9)
            ax.axvline(PERCENT * of["chance"], color="#555555", linestyle=":")
            ax.set_title(f"dotted: chance, {PERCENT * of['chance']:.1f} %", loc="left", fontsize=9)
            ax.set(yticks=range(len(FEATURES)), yticklabels=FEATURES, ylim=(len(FEATURES) - 0.5, -0.7), xlim=(0, 104))
            ax.set_xlabel(f"{target} named rightly (%, balanced)")
            ax.grid(axis="x")
    return fig


def source_confusion(probe: SourceProbe) -> Figure:
    """Draw which source is taken for which: rows true, columns named, per cent of the row."""
    names = table_order(probe.confusion.index)
    share = probe.confusion.loc[names, names].to_numpy() * PERCENT
    side = min(0.33 * len(names) + 2.6, 8)
    with language():
        fig, ax = plt.subplots(figsize=(max(side, 5), side))
        ax.imshow(share, cmap="Blues", vmin=0, vmax=PERCENT)
        for row, column in np.argwhere(share >= 0.5):
            ink = "white" if share[row, column] > 55 else "black"
            ax.text(column, row, f"{share[row, column]:.0f}", ha="center", va="center", color=ink, fontsize=9)
        ax.set_xticks(range(len(names)), names, rotation=90)
        ax.set_yticks(range(len(names)), names)
        ax.set(xlabel="named", ylabel="true")
        ax.set_title("% of each row", loc="left", fontsize=9)
        ax.grid(False)
    return fig


def label_right(counts: pd.DataFrame) -> float:
    """Return the share of images (0 to 1) whose label is guessed rightly by whoever knows only their row of `counts`.

    The guess is the row's more frequent class; a row that holds one class is always right.
    """
    return float(counts.max(axis=1).sum() / counts.to_numpy().sum())


def label_clues(statistics: pd.DataFrame, found: dict[tuple[str, str], SourceProbe]) -> pd.DataFrame:
    """Return what predicts the label without a look at a cell, from nothing to the data set's name.

    Parameters
    ----------
    statistics : pandas.DataFrame
        From `image_statistics`.
    found : dict
        From `probe_sources`.

    Returns
    -------
    pandas.DataFrame
        ``known``; ``here (%)`` and ``Table 1 (%)`` (NaN where images are needed): labels predicted correctly.
        Source and data set predict by counting, colour and size by the probe on images left out of its fit.
    """
    counts = {unit: class_counts(statistics, unit) for unit in ("source", "data_set")}
    published = {unit: published_counts(unit) for unit in counts}
    nothing = [frame.sum().to_frame().T for frame in (counts["source"], published["source"])]
    rows = [("nothing", *map(label_right, nothing))]
    predicted = {features: probe for (target, features), probe in found.items() if target == "label"}
    rows += [(features, probe.scores["accuracy"].mean(), np.nan) for features, probe in predicted.items()]
    rows += [(unit.replace("_", " "), label_right(counts[unit]), label_right(published[unit])) for unit in counts]
    frame = pd.DataFrame(rows, columns=["known", "here (%)", "Table 1 (%)"])
    return frame.assign(**{name: frame[name] * PERCENT for name in frame.columns[1:]})


def clue_sentence(clues: pd.DataFrame) -> str:
    """Return how often the label is right for those who know nothing, most of colour and size, or the data set."""
    here, printed = (clues.set_index("known")[name] for name in ("here (%)", "Table 1 (%)"))
    probed = here.drop(["nothing", "source", "data set"])
    seen = f"colour and size name it for up to {number(probed.max())} %; " if len(probed) else ""
    return (
        f"Always naming the larger class is right for {number(here['nothing'])} % of images; {seen}the data set's name "
        f"alone for {number(here['data set'])} % (in Table 1's rows {number(printed['data set'])} %). "
        "None of these looks at a cell."
    )


def label_levels(clues):
    """Draw `label_clues`: how often the label is predicted correctly by what is known."""
    with language():
        fig, ax = plt.subplots(figsize=(8, 0.42 * len(clues) + 1.5))
        _predicted(ax, clues["here (%)"], "this cohort", "o", "#0072B2", -0.17)
        _predicted(ax, clues["Table 1 (%)"], "Table 1, as published", "D", "#E69F00", 0.17)
        low = min(45, clues[["here (%)", "Table 1 (%)"]].min(axis=None) - 3)
        ax.axvline(50, color="#777777", linestyle=":", linewidth=1)
        ax.set(yticks=range(len(clues)), yticklabels=clues["known"], ylim=(len(clues) - 0.4, -0.6), xlim=(low, 104))
        ax.set(xlabel="label predicted correctly (% of images)", ylabel="known")
        ax.grid(axis="x")
        ax.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def _predicted(ax, values, label, marker, colour, shift):
    style = {"color": colour, "markeredgecolor": "black", "markeredgewidth": 0.6, "markersize": 8}
    ax.plot(values, np.arange(len(values)) + shift, marker, linestyle="", label=label, **style)
    for row, value in values.dropna().items():
        at = {"xytext": (8, 0), "textcoords": "offset points", "va": "center", "fontsize": 9}
        ax.annotate(f"{value:.1f}", (value, row + shift), **at)


def real_statistics() -> pd.DataFrame:
    """Return colour and size of real data sets, as ``bench/real_statistics.py`` measured them at 224 px.

    Returns
    -------
    pandas.DataFrame
        ``data_set``, ``images``, ``fitted`` (whether the synthetic looks were fitted to it), ``statistic``, ``mean``,
        ``sd`` (over images).
    """
    with files("leuknet.data").joinpath("resources", "real_statistics.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


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
        A pair of rows for each data set that is both real and drawn, a row for each other real one, and the range of
        the data sets' means of either kind. Colours are grey levels (0 to 255), saturation 0 to 1, sizes px.
    """
    real, drawn = real_statistics(), spread(statistics)
    rows = []
    for name in table_order(real["data_set"]):
        part = real[real["data_set"] == name]
        rows.append(_described(name, "real, fitted to" if part["fitted"].all() else "real, not used in the fit", part))
        if (drawn["data_set"] == name).any():
            rows.append(_described(name, "synthetic", drawn[drawn["data_set"] == name]))
    rows += [
        _range(f"{part['data_set'].nunique()} data sets", kind, part)
        for kind, part in (("real", real), ("synthetic", drawn))
    ]
    return pd.DataFrame(rows)


def _described(name: str, kind: str, part: pd.DataFrame) -> dict[str, int | str]:
    of = part.set_index("statistic")
    texts = {c: f"{of.loc[c, 'mean']:.{_digits(c)}f} ± {of.loc[c, 'sd']:.{_digits(c)}f}" for c in COMPARED}
    return {"data set": name, "images are": kind, "n": int(of["images"].iloc[0]), **_headed(texts)}


def _range(name: str, kind: str, part: pd.DataFrame) -> dict[str, int | str]:
    of = part.groupby("statistic")["mean"].agg(["min", "max"])
    texts = {c: f"{of.loc[c, 'min']:.{_digits(c)}f} to {of.loc[c, 'max']:.{_digits(c)}f}" for c in COMPARED}
    total = int(part.groupby("data_set")["images"].first().sum())
    return {"data set": name, "images are": f"{kind}, range of means", "n": total, **_headed(texts)}


def _digits(statistic: str) -> int:
    return 2 if statistic == "saturation" else 0


def _headed(texts: dict[str, str]) -> dict[str, str]:
    return {name.removesuffix("_mean"): text for name, text in texts.items()}
