"""Figures and tables of the leakage audit (images shared between data sets, shortcuts to the label) and of splits."""

import textwrap
from collections.abc import Sequence
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patches import Rectangle

from leuknet._escape import shortened
from leuknet.data.leakage.shortcuts import ALL
from leuknet.evaluation.splits import Split
from leuknet.plots.axes import name_rows, picture, picture_grid, subplots, whisker
from leuknet.plots.format import estimate, fold_name, listed
from leuknet.plots.output import say
from leuknet.plots.style import table_order
from leuknet.study import protocols
from leuknet.study.study import Study

SHOWN = 320  # px, longest edge of the containing image as drawn
KIND_WORDS = {"exact": "the same pixels", "near": "the same image again"}
KIND_WORDS |= {"contained": "a crop of it", "overlap": "a part of the same field"}


def pair_counts(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the number of pairs shared by two data sets: data set, with, and one column per kind of pair."""
    sides = np.sort(pairs[["data_set_a", "data_set_b"]].to_numpy(str), axis=1)
    frame = pd.DataFrame({"data set": sides[:, 0], "with": sides[:, 1], "kind": pairs["kind"].to_numpy()})
    frame["with"] = frame["with"].where(frame["with"] != frame["data set"], "itself")
    counts = frame.groupby(["data set", "with", "kind"]).size().unstack(fill_value=0)
    return counts.reindex(columns=list(KIND_WORDS), fill_value=0).reset_index()


def pair_sentence(pairs: pd.DataFrame, images: int) -> str:
    """Return in words the number of pairs of each kind, and how many of them connect two data sets."""
    if pairs.empty:
        return f"No two of {images} images share pixels, as far as this search can find."
    counts = [f"{(pairs['kind'] == kind).sum()} {kind}" for kind in KIND_WORDS if (pairs["kind"] == kind).any()]
    across = pairs[pairs["data_set_a"] != pairs["data_set_b"]]
    names = sorted(set(across["data_set_a"]) | set(across["data_set_b"]))
    joined = f"{len(across)} join different data sets: {listed(names)}" if names else "none joins different data sets"
    return f"Among {images} images: {listed(counts)} pairs; {joined}."


def shortcut_sentence(found: pd.DataFrame) -> str:
    """Return which non-biological property predicts the label best over all data sets, and how many beat chance."""
    if found.empty:
        return "Too few groups of both classes for a cross-validated score."
    whole = found[found["data_set"] == ALL] if (found["data_set"] == ALL).any() else found
    top, clear = whole.loc[whole["score"].idxmax()], int((whole["low"] > 0.5).sum())
    score = estimate(100 * top["score"], 100 * top["low"], 100 * top["high"], top["images"])
    best = f"{top['named by']} predicts the label with a balanced accuracy of {score} % in {top['data_set']}"
    above = f"{clear} of {len(whole)} facts there have an interval above chance"
    return f"Without looking at a cell, {best}; {above}."


def strongest(pairs: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return up to `n` pairs to show: for each kind and pair of data sets in turn, those with the most detail."""
    if pairs.empty:
        return pairs
    ranked = pairs.sort_values(["detail", "a", "b"], ascending=[False, True, True])
    turn = ranked.groupby(["kind", "data_set_a", "data_set_b"]).cumcount()
    return ranked.assign(turn_of=turn).sort_values(["turn_of", "kind", "a"]).head(n).drop(columns="turn_of")


def pair_pictures(pictures: Any, pairs: pd.DataFrame, n: int = 4) -> plt.Figure:
    """Draw pairs: the whole image with the box on the left, the crop of the box in the middle, the other image right.

    Parameters
    ----------
    pictures : Pictures
    pairs : pandas.DataFrame
        From the audit; the `strongest` of them are drawn.
    n : int
    """
    chosen = strongest(pairs, n)
    place = {image_id: at for at, image_id in enumerate(pictures.table["image_id"])}
    with picture_grid(len(chosen), 3, (8, 2.15 * len(chosen) + 0.5)) as (fig, axes):
        for row, pair in zip(axes, chosen.itertuples(), strict=True):
            _pair(row, pair, pictures.read(place[pair.a]), pictures.read(place[pair.b]))
    return fig


def _pair(axes: Sequence[plt.Axes], pair: Any, crop: np.ndarray, holder: np.ndarray) -> None:
    box = np.array([pair.left, pair.top, pair.left + pair.width, pair.top + pair.height])
    x0, y0, x1, y1 = np.maximum(box.round().astype(int), 0)
    scale = min(1, SHOWN / max(holder.shape))
    shown = cv2.resize(holder, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    names = [shortened(name, 28) for name in (pair.a, pair.b)]
    titles = (names[1], f"the box, {pair.width:.0f} × {pair.height:.0f} px", f"{names[0]}\n{KIND_WORDS[pair.kind]}")
    turns = ("", "", f", {pair.turn}" if pair.turn else "")
    for ax, image, title, turn in zip(axes, (shown, holder[y0:y1, x0:x1], crop), titles, turns, strict=True):
        picture(ax, image, title + turn, interpolation="antialiased")
    for edge, width in (("black", 3), ("white", 1.2)):
        size = pair.width * scale, pair.height * scale
        axes[0].add_patch(Rectangle(box[:2] * scale, *size, fill=False, edgecolor=edge, linewidth=width))


def pair_table(pairs: pd.DataFrame, n: int = 20) -> pd.DataFrame:
    """Return the pairs drawn by `pair_pictures` and further ones, with correlations at full size."""
    columns = ["kind", "a", "b", "left", "top", "width", "height", "score", "detail"]
    frame = strongest(pairs, n)[columns]
    frame = frame.assign(**frame[columns[3:7]].round().astype(int))
    names = {"a": "image", "b": "is in", "score": "correlation", "detail": "correlation of detail"}
    return frame.rename(columns=names)


def shortcut_levels(found: pd.DataFrame) -> plt.Figure:
    """Draw how well each kind of non-biological property predicts the label, by data set, with 95 % intervals."""
    names = [*table_order(set(found["data_set"]) - {ALL}), *({ALL} & set(found["data_set"]))]
    words = found["named by"].unique()
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    with subplots(rows, columns, figsize=(8, 2.3 * rows + 0.6), sharex=True, sharey=True, squeeze=False) as (fig, axes):
        for ax in axes.flat[len(names) :]:
            ax.axis("off")
        for ax, name in zip(axes.flat, names, strict=False):
            part = found[found["data_set"] == name].set_index("named by").reindex(words)
            score, low, high = 100 * part[["score", "low", "high"]].to_numpy().T
            whisker(ax, score, low, high, np.arange(len(words)), linewidth=2, markersize=7)
            ax.axvline(50, color="#555555", linestyle=":")
            name_rows(ax, words, xlim=(-3, 103))
            ax.set_title(f"{name} (n = {int(part['images'].max())})", fontsize=9.5, loc="left")
        plt.setp(axes[-1], xlabel="balanced accuracy (%)")
    return fig


def shortcut_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `shortcuts` in per cent: data set, predictor, images, distinct values, score and interval."""
    columns = ["data set", "label predicted by", "images", "different values", "balanced accuracy (%)"]
    frame = found[["data_set", "named by", "images", "values", "score"]].set_axis(columns, axis=1)
    frame[columns[-1]] *= 100
    spans = [f"{100 * low:.0f} to {100 * high:.0f}" for low, high in found[["low", "high"]].to_numpy()]
    return frame.assign(**{"95 % interval (%)": spans})


def marked_table(table: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Return how many images of each data set contain a drawn outline or a scale bar; other data sets are omitted."""
    marks = ["outline", "scale_bar"]
    counts = facts[marks].astype(int).groupby(table["data_set"].to_numpy()).sum()
    counts = counts.assign(images=table["data_set"].value_counts())[counts.any(axis=1)]
    return counts.rename_axis("data set").reset_index().rename(columns={"scale_bar": "scale bar"})


def shares_tested(table: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Return the fraction of each data set (rows) that each fold (columns) tests, in [0, 1]."""
    data_set = table.set_index("image_id")["data_set"]
    tested = split.table[split.table["role"] == "test"]
    counts = pd.crosstab(tested["image_id"].map(data_set), tested["fold"])
    names = table_order(data_set)
    sizes = data_set.value_counts()
    return counts.reindex(index=names, columns=split.folds, fill_value=0).div(sizes.reindex(names), axis=0)


def split_map(table: pd.DataFrame, splits: list[Split]) -> plt.Figure:
    """Draw, for each split side by side, the fraction of each data set that is tested in each fold.

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.
    splits : list of Split
    """
    shares = [100 * shares_tested(table, split) for split in splits]
    widths = [max(part.shape[1], 2) for part in shares]
    lines = {"linewidths": 0.5, "linecolor": "#cccccc", "xticklabels": 1, "yticklabels": 1}
    size = (8, 0.24 * len(shares[0]) + 2.2)
    with subplots(1, len(splits), figsize=size, sharey=True, width_ratios=widths, squeeze=False) as (fig, axes):
        for ax, part, split in zip(axes[0], shares, splits, strict=True):
            sns.heatmap(part.rename(columns=fold_name), ax=ax, vmin=0, vmax=100, cmap="Blues", cbar=False, **lines)
            ax.set(xlabel="", ylabel="")
            ax.tick_params(axis="x", rotation=90)
            ax.set_title(textwrap.fill(split.protocol, 12), fontsize=9)
        fig.colorbar(axes[0, -1].collections[0], ax=axes[0], label="share tested (%)", shrink=0.6)
    return fig


def possible_splits(study: Study, *names: str, table: pd.DataFrame | None = None) -> dict[str, Split]:
    """Return the splits of `leuknet.study.protocols.possible_splits`, and show why others are impossible."""
    found, notes = protocols.possible_splits(study, *names, table=table)
    for note in notes:
        say(note)
    return found
