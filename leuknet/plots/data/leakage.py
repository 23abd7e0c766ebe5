"""What data sets share, and what names their labels: pictures and tables of the leakage audit."""

from collections.abc import Sequence
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from leuknet.data.leakage.shortcuts import ALL
from leuknet.plots.format import estimate, listed
from leuknet.plots.style import language, table_order

PERCENT = 100
SHOWN = 320  # px, longest edge of a holder as drawn
KIND_WORDS = {
    "exact": "the same pixels",
    "near": "the same image again",
    "contained": "a crop of it",
    "overlap": "a part of the same field",
}


def pair_counts(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return how many pairs of each kind two data sets share: data set, with, and one column a kind."""
    sides = np.sort(pairs[["data_set_a", "data_set_b"]].to_numpy(str), axis=1)
    frame = pd.DataFrame({"data set": sides[:, 0], "with": sides[:, 1], "kind": pairs["kind"].to_numpy()})
    frame["with"] = frame["with"].where(frame["with"] != frame["data set"], "itself")
    counts = frame.groupby(["data set", "with", "kind"]).size().unstack(fill_value=0)
    return counts.reindex(columns=list(KIND_WORDS), fill_value=0).reset_index()


def pair_sentence(pairs: pd.DataFrame, images: int) -> str:
    """Return in words how many pairs there are of each kind, and how many of them join two data sets."""
    if pairs.empty:
        return f"No two of {images} images share pixels, as far as this search can find."
    counts = [f"{(pairs['kind'] == kind).sum()} {kind}" for kind in KIND_WORDS if (pairs["kind"] == kind).any()]
    across = pairs[pairs["data_set_a"] != pairs["data_set_b"]]
    names = sorted(set(across["data_set_a"]) | set(across["data_set_b"]))
    joined = f"{len(across)} join different data sets: {listed(names)}" if names else "none joins different data sets"
    return f"Among {images} images: {listed(counts)} pairs; {joined}."


def shortcut_sentence(found: pd.DataFrame) -> str:
    """Return the fact that is not biology and predicts the label best over all data sets, and how many beat chance."""
    if found.empty:
        return "Too few groups of both classes for a cross-validated score."
    whole = found[found["data_set"] == ALL] if (found["data_set"] == ALL).any() else found
    top, clear = whole.loc[whole["score"].idxmax()], int((whole["low"] > 0.5).sum())
    score = estimate(*(PERCENT * top[name] for name in ("score", "low", "high")), top["images"])
    return (
        f"Without looking at a cell, {top['named by']} predicts the label with a balanced accuracy of {score} % in "
        f"{top['data_set']}; {clear} of {len(whole)} facts there have an interval above chance."
    )


def strongest(pairs: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return up to `n` pairs to show: of each kind and couple of data sets in turn, those of highest detail."""
    if pairs.empty:
        return pairs
    ranked = pairs.sort_values(["detail", "a", "b"], ascending=[False, True, True])
    turn = ranked.groupby(["kind", "data_set_a", "data_set_b"]).cumcount()
    return ranked.assign(turn_of=turn).sort_values(["turn_of", "kind", "a"]).head(n).drop(columns="turn_of")


def pair_pictures(pictures: Any, pairs: pd.DataFrame, n: int = 4) -> Figure:
    """Draw pairs: to the left the whole image with the box, in the middle the box cut out, right the other image.

    Parameters
    ----------
    pictures : Pictures
    pairs : pandas.DataFrame
        From the audit; `strongest` of them are drawn.
    n : int
    """
    chosen = strongest(pairs, n)
    place = {image_id: at for at, image_id in enumerate(pictures.table["image_id"])}
    with language():
        fig, axes = plt.subplots(len(chosen), 3, figsize=(8, 2.15 * len(chosen) + 0.5), squeeze=False)
        for row, pair in zip(axes, chosen.itertuples(), strict=True):
            _pair(row, pair, pictures.read(place[pair.a]), pictures.read(place[pair.b]))
    return fig


def _pair(axes: Sequence[Axes], pair: Any, crop: np.ndarray, holder: np.ndarray) -> None:
    left, top, width, height = pair.left, pair.top, pair.width, pair.height
    box = [max(0, round(edge)) for edge in (left, top, left + width, top + height)]
    cut = holder[box[1] : box[3], box[0] : box[2]]
    scale = min(1, SHOWN / max(holder.shape))
    shown = cv2.resize(holder, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    turned = f", {pair.turn}" if pair.turn else ""
    titles = (pair.b, f"the box, {round(width)} × {round(height)} px", f"{pair.a}\n{KIND_WORDS[pair.kind]}{turned}")
    for ax, image, title in zip(axes, (shown, cut, crop), titles, strict=True):
        ax.imshow(image, interpolation="antialiased")
        ax.set_title(title, fontsize=9, loc="left")
        ax.axis("off")
    corner = (left * scale, top * scale)
    frame = {"fill": False, "edgecolor": "black", "linewidth": 3}
    axes[0].add_patch(Rectangle(corner, width * scale, height * scale, **frame))
    axes[0].add_patch(
        Rectangle(corner, width * scale, height * scale, **frame | {"edgecolor": "white", "linewidth": 1.2})
    )
    axes[2].set_xlabel(f"{pair.score:.3f}")


def pair_table(pairs: pd.DataFrame, n: int = 20) -> pd.DataFrame:
    """Return the pairs drawn by `pair_pictures` and more of them, with correlations at full size."""
    frame = strongest(pairs, n)[["kind", "a", "b", "left", "top", "width", "height", "score", "detail"]]
    boxes = frame[["left", "top", "width", "height"]].round().astype(int)
    return frame.assign(**boxes).rename(
        columns={"a": "image", "b": "is in", "score": "correlation", "detail": "correlation of detail"}
    )


def shortcut_levels(found: pd.DataFrame) -> Figure:
    """Draw how well each kind of fact that is not biology names the label, by data set, with 95 % intervals."""
    names = [name for name in table_order(set(found["data_set"]) - {ALL})] + [ALL]
    names = [name for name in names if (found["data_set"] == name).any()]
    words = list(dict.fromkeys(found["named by"]))
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    with language():
        fig, axes = plt.subplots(rows, columns, figsize=(8, 2.3 * rows + 0.6), sharex=True, sharey=True, squeeze=False)
        for ax in axes.ravel()[len(names) :]:
            ax.axis("off")
        for ax, name in zip(axes.ravel(), names, strict=False):
            part = found[found["data_set"] == name].set_index("named by").reindex(words)
            _levels(ax, part, f"{name} (n = {int(part['images'].max())})", words)
        for ax in axes[-1]:
            ax.set_xlabel("balanced accuracy (%)")
    return fig


def _levels(ax: Axes, part: pd.DataFrame, title: str, words: list[str]) -> None:
    for row, of in enumerate(part.itertuples()):
        ax.plot([PERCENT * of.low, PERCENT * of.high], [row, row], "-", color="black", linewidth=2)
        ax.plot(PERCENT * of.score, row, "o", color="#0072B2", markersize=7)
    ax.axvline(50, color="#555555", linestyle=":")
    ax.set(yticks=range(len(words)), yticklabels=words, ylim=(len(words) - 0.5, -0.5), xlim=(-3, 103))
    ax.set_title(title, fontsize=9.5, loc="left")
    ax.grid(axis="x")


def shortcut_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `shortcuts` in per cent: data set, named by, images, different values, score and interval."""
    span = [
        f"{PERCENT * low:.0f} to {PERCENT * high:.0f}" for low, high in zip(found["low"], found["high"], strict=True)
    ]
    frame = found.assign(score=found["score"] * PERCENT, interval=span)[
        ["data_set", "named by", "images", "values", "score", "interval"]
    ]
    return frame.set_axis(
        ["data set", "label predicted by", "images", "different values", "balanced accuracy (%)", "95 % interval (%)"],
        axis=1,
    )


def marked_table(table: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """Return how many images of each data set carry a drawn outline or a scale bar; only data sets that have some."""
    counts = facts[["outline", "scale_bar"]].astype(int).groupby(table["data_set"].to_numpy()).agg("sum")
    counts = counts.assign(images=table["data_set"].value_counts())
    counts = counts[(counts[["outline", "scale_bar"]] > 0).any(axis=1)]
    return counts.rename_axis("data set").reset_index().rename(columns={"scale_bar": "scale bar"})
