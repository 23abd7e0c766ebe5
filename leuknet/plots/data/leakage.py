"""What data sets share, what names their labels, and what that costs: pictures and tables of the leakage audit."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from leuknet.data.leakage.shortcuts import ALL
from leuknet.evaluation.metrics import scores_by
from leuknet.plots.style import PROTOCOL_COLOURS, PROTOCOL_MARKERS, language, table_order

PERCENT = 100
SHOWN = 320  # px, longest edge of a holder as drawn
KIND_WORDS = {
    "exact": "the same pixels",
    "near": "the same image again",
    "contained": "a crop of it",
    "overlap": "a part of the same field",
}


def pair_counts(pairs):
    """Return how many pairs of each kind two data sets share: data set, with, and one column a kind."""
    sides = np.sort(pairs[["data_set_a", "data_set_b"]].to_numpy(str), axis=1)
    frame = pd.DataFrame({"data set": sides[:, 0], "with": sides[:, 1], "kind": pairs["kind"].to_numpy()})
    frame["with"] = frame["with"].where(frame["with"] != frame["data set"], "itself")
    counts = frame.groupby(["data set", "with", "kind"]).size().unstack(fill_value=0)
    return counts.reindex(columns=list(KIND_WORDS), fill_value=0).reset_index()


def strongest(pairs, n):
    """Return up to `n` pairs to show: of each kind and couple of data sets in turn, those of highest detail."""
    if pairs.empty:
        return pairs
    ranked = pairs.sort_values(["detail", "a", "b"], ascending=[False, True, True])
    turn = ranked.groupby(["kind", "data_set_a", "data_set_b"]).cumcount()
    return ranked.assign(turn_of=turn).sort_values(["turn_of", "kind", "a"]).head(n).drop(columns="turn_of")


def pair_pictures(pictures, pairs, n=4):
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


def _pair(axes, pair, crop, holder):
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


def pair_table(pairs, n=20):
    """Return the pairs drawn by `pair_pictures` and more of them, with correlations at full size."""
    frame = strongest(pairs, n)[["kind", "a", "b", "left", "top", "width", "height", "score", "detail"]]
    boxes = frame[["left", "top", "width", "height"]].round().astype(int)
    return frame.assign(**boxes).rename(columns={"a": "image", "b": "is in"})


def shortcut_levels(found):
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


def _levels(ax, part, title, words):
    for row, of in enumerate(part.itertuples()):
        ax.plot([PERCENT * of.low, PERCENT * of.high], [row, row], "-", color="black", linewidth=2)
        ax.plot(PERCENT * of.score, row, "o", color="#0072B2", markersize=7)
    ax.axvline(50, color="#555555", linestyle=":")
    ax.set(yticks=range(len(words)), yticklabels=words, ylim=(len(words) - 0.5, -0.5), xlim=(-3, 103))
    ax.set_title(title, fontsize=9.5, loc="left")
    ax.grid(axis="x")


def shortcut_table(found):
    """Return `shortcuts` in per cent: data set, named by, images, different values, score and interval."""
    span = [
        f"{PERCENT * low:.0f} to {PERCENT * high:.0f}" for low, high in zip(found["low"], found["high"], strict=True)
    ]
    frame = found.assign(score=found["score"] * PERCENT, interval=span)[
        ["data_set", "named by", "images", "values", "score", "interval"]
    ]
    return frame.set_axis(
        ["data set", "named by", "images", "different values", "balanced accuracy (%)", "95 % interval (%)"], axis=1
    )


def marked_table(table, facts):
    """Return how many images of each data set carry a drawn outline or a scale bar; only data sets that have some."""
    counts = facts[["outline", "scale_bar"]].astype(int).groupby(table["data_set"].to_numpy()).agg("sum")
    counts = counts.assign(images=table["data_set"].value_counts())
    counts = counts[(counts[["outline", "scale_bar"]] > 0).any(axis=1)]
    return counts.rename_axis("data set").reset_index().rename(columns={"scale_bar": "scale bar"})


def price(predictions):
    """Draw accuracy under each protocol as distributions: a point for every test fold.

    Parameters
    ----------
    predictions : pandas.DataFrame
        ``protocol``, ``fold``, ``seed``, ``y``, ``p``.
    """
    scores = price_scores(predictions)
    names = list(dict.fromkeys(scores["protocol"]))
    with language():
        fig, ax = plt.subplots(figsize=(8, 0.75 * len(names) + 1.5))
        for row, name in enumerate(names):
            values = PERCENT * scores.loc[scores["protocol"] == name, "A"].to_numpy()
            heights = row + np.linspace(-0.24, 0.24, len(values)) if len(values) > 1 else [row]
            style = {"color": PROTOCOL_COLOURS[row % 4], "markeredgecolor": "black", "markeredgewidth": 0.4}
            ax.plot(values, heights, PROTOCOL_MARKERS[row % 4], linestyle="", markersize=6, alpha=0.8, **style)
            if len(values) > 2:
                ax.boxplot(values, positions=[row], orientation="horizontal", widths=0.7, showfliers=False)
            what = "median" if len(values) > 1 else "one fold"
            ax.annotate(f"{what} {np.median(values):.1f}", (1.01, row), xycoords=("axes fraction", "data"), fontsize=9)
        ax.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
        ax.set_xlabel("accuracy of one test fold (%)")
        ax.grid(axis="x")
    return fig


def price_scores(predictions):
    """Return A of each protocol, fold and repeat."""
    return scores_by(predictions, ["protocol", "fold", "seed"])


def price_table(predictions):
    """Return each protocol's accuracy over its test folds: folds, median, quartiles, least (%)."""
    values = price_scores(predictions).groupby("protocol", sort=False)["A"]
    rows = []
    for name, part in values:
        low, middle, high = np.quantile(part * PERCENT, [0.25, 0.5, 0.75])
        rows.append((name, len(part), middle, f"{low:.1f} to {high:.1f}", PERCENT * part.min()))
    return pd.DataFrame(rows, columns=["protocol", "test folds", "median (%)", "middle half (%)", "least (%)"])
