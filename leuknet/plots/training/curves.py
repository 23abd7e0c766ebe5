"""Figures of runs: learning curves (Figure 7), protocols side by side, confusion matrices, thresholds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet.evaluation.intervals import bootstrap, wilson
from leuknet.evaluation.metrics import count, scores
from leuknet.plots.style import (
    CLASS_COLOURS,
    CLASS_HATCHES,
    CLASS_NAMES,
    PROTOCOL_COLOURS,
    PROTOCOL_MARKERS,
    card,
    language,
)

PERCENT = 100


def learning_curves(histories):
    """Draw accuracy and loss against epochs, mean and range over runs (paper, Figure 7).

    Parameters
    ----------
    histories : pandas.DataFrame
        ``epoch``, ``accuracy``, ``loss``, ``validation_accuracy``, ``validation_loss``, ``run``.
    """
    with language():
        fig, axes = plt.subplots(1, 2, figsize=(7, 3.4))
        for ax, name, label in zip(axes, ("accuracy", "loss"), ("accuracy (%)", "binary cross-entropy"), strict=True):
            scale = PERCENT if name == "accuracy" else 1
            for column, words in ((name, "training"), (f"validation_{name}", "validation")):
                at = histories.groupby("epoch")[column].agg(["mean", "min", "max"]) * scale
                (line,) = ax.plot(at.index, at["mean"], label=words, marker="o" if words == "training" else "s")
                ax.fill_between(at.index, at["min"], at["max"], alpha=0.15, color=line.get_color(), linewidth=0)
            ax.set(xlabel="epoch", ylabel=label)
            ax.xaxis.get_major_locator().set_params(integer=True)
        axes[0].legend()
        axes[0].set_title("mean; band: range over seeds", fontsize=9, loc="left")
    return fig


def confusion(predictions, threshold=0.5):
    """Draw the confusion matrix of `predictions` (columns ``y``, ``p``): counts and share of the row."""
    tn, fp, fn, tp = (
        int(mask.sum()) for mask in count(predictions["y"].to_numpy(), predictions["p"].to_numpy(), threshold)
    )
    table = np.array([[tn, fp], [fn, tp]])
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    with language():
        fig, ax = plt.subplots(figsize=(3.6, 3.3))
        ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
        ax.grid(False)
        for row in range(2):
            for column in range(2):
                ink = "white" if share[row, column] > 0.55 else "black"
                text = f"{table[row, column]}\n{share[row, column]:.0%}"
                ax.text(column, row, text, ha="center", va="center", color=ink, fontsize=11)
        names = ["negative", "positive"]
        ax.set(xticks=[0, 1], xticklabels=names, yticks=[0, 1], yticklabels=names, xlabel="predicted", ylabel="label")
        ax.set_title(f"threshold {threshold:.2f}", loc="left", fontsize=10)
    return fig


def threshold_view(predictions, threshold=0.5):
    """Draw the probabilities of both classes with a threshold, and what it gives: A, P, R, S, MCC (%)."""
    y, p = predictions["y"].to_numpy(), predictions["p"].to_numpy()
    with language():
        fig, ax = card(1, (7, 3.1), left=0.7, right=0.3, bottom=0.8)
        histogram(ax, y, p, threshold)
        ax.set_title(metrics_line(y, p, threshold), loc="left", fontsize=10)
    return fig


def metrics_line(y, p, threshold):
    """Return n and A, P, R, S, MCC (%) at a threshold as one line; "–" where undefined."""
    found = scores(y, p, threshold)
    said = "  ".join(f"{k} {100 * found[k]:.1f}" if k in found else f"{k} –" for k in ("A", "P", "R", "S", "MCC"))
    return f"{len(y)} images, threshold {threshold:.2f}:  {said}  (%)   ECE {100 * found['ECE']:.1f} %"


def histogram(ax, y, p, threshold):
    """Draw how many images of each class get which probability, and the threshold."""
    for label in (0, 1):
        style = {"color": CLASS_COLOURS[label], "hatch": CLASS_HATCHES[label], "alpha": 0.7, "edgecolor": "white"}
        name = CLASS_NAMES[label].split()[0]
        ax.hist(p[y == label], bins=np.linspace(0, 1, 21), label=name, histtype="stepfilled", **style)
    ax.axvline(threshold, color="black", linestyle="--")
    ax.set(xlabel="probability of leukaemia", ylabel="images", xlim=(0, 1), xticks=[0, 0.25, 0.5, 0.75, 1])
    ax.yaxis.get_major_locator().set_params(integer=True, nbins=4)
    ax.legend(loc="upper left", frameon=True, framealpha=0.8, edgecolor="none", borderpad=0.2)


def protocol_accuracies(predictions):
    """Return accuracy by protocol, fold and seed, one row a run, in percent, in the order of the predictions."""
    by = ["protocol", "fold", "seed"]
    hit = (predictions["p"] >= 0.5) == predictions["y"]
    return hit.groupby([predictions[name] for name in by], sort=False).mean().mul(PERCENT).rename("A").reset_index()


def protocols(predictions):
    """Draw every run's accuracy under each protocol, with the mean and its 95 % group bootstrap interval.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Test predictions of one network under several protocols.
    """
    points = protocol_accuracies(predictions)
    names = list(dict.fromkeys(points["protocol"]))
    with language():
        fig, ax = plt.subplots(figsize=(7, 0.9 * len(names) + 1.6))
        for row, name in enumerate(names):
            of = points[points["protocol"] == name]
            jitter = np.linspace(-0.22, 0.22, len(of)) if len(of) > 1 else [0]
            colour, marker = PROTOCOL_COLOURS[row % 4], PROTOCOL_MARKERS[row % 4]
            ax.plot(of["A"], row + np.asarray(jitter), marker, color=colour, alpha=0.6, markersize=5)
            part = predictions[predictions["protocol"] == name]
            low, high = (PERCENT * v for v in bootstrap(part))
            mean = PERCENT * float(((part["p"] >= 0.5) == part["y"]).mean())
            ax.plot([low, high], [row, row], "-", color="black", linewidth=2.5, solid_capstyle="butt")
            ax.plot(mean, row, "|", color="black", markersize=16, markeredgewidth=2.5)
            ax.annotate(f"{mean:.1f}", (mean, row), xytext=(0, 12), textcoords="offset points", ha="center", fontsize=9)
        ax.axvline(50, color="#777777", linestyle=":", linewidth=1)
        ax.set(
            yticks=range(len(names)),
            yticklabels=names,
            xlabel="accuracy on test images (%)",
            ylim=(len(names) - 0.4, -0.6),
        )
        ax.grid(axis="x")
        ax.grid(axis="y", visible=False)
        ax.set_title("points: runs; bar: mean over images, 95 % interval (groups resampled)", loc="left", fontsize=9)
    return fig


def by_test_set(predictions):
    """Draw accuracy, recall and specificity for each fold of each protocol, mean ± s.d. over seeds."""
    rows = [
        {"where": f"{protocol}: {fold}", "seed": seed, **scores(part["y"], part["p"])}
        for (protocol, fold, seed), part in predictions.groupby(["protocol", "fold", "seed"], sort=False)
    ]
    frame = pd.DataFrame(rows)
    wheres = list(dict.fromkeys(frame["where"]))
    with language():
        fig, ax = plt.subplots(figsize=(7, 0.55 * len(wheres) + 1.5))
        for offset, (metric, marker) in enumerate((("A", "o"), ("R", "^"), ("S", "s"))):
            at = frame.groupby("where", sort=False)[metric].agg(["mean", "std"]).reindex(wheres) * PERCENT
            y = np.arange(len(wheres)) + 0.22 * (offset - 1)
            ax.errorbar(at["mean"], y, xerr=at["std"].fillna(0), fmt=marker, capsize=3, label=metric)
        ax.set(
            yticks=range(len(wheres)),
            yticklabels=wheres,
            xlim=(-2, 102),
            ylim=(len(wheres) - 0.5, -0.5),
            xlabel="% (mean ± s.d. over seeds)",
        )
        ax.grid(axis="x")
        ax.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def accuracy_table(predictions):
    """Return one row a protocol: runs, test images, accuracy over runs (mean, s.d.) and over images, intervals (in %).

    The mean of runs weighs test sets alike. ``interval`` is of all images and resamples groups; ``Wilson`` takes the
    images as independent, and is given beside it for one seed.
    """
    points = protocol_accuracies(predictions)
    rows = []
    for name, part in predictions.groupby("protocol", sort=False):
        runs = points.loc[points["protocol"] == name, "A"]
        low, high = bootstrap(part)
        first = part[part["seed"] == part["seed"].iloc[0]]
        hits = int(((first["p"] >= 0.5) == first["y"]).sum())
        w_low, w_high = wilson(hits, len(first))
        rows.append(
            {
                "protocol": name,
                "runs": len(runs),
                "test images": part["image_id"].nunique(),
                "A, mean of runs": runs.mean(),
                "s.d. of runs": runs.std(ddof=1) if len(runs) > 1 else np.nan,
                "A, all images": PERCENT * ((part["p"] >= 0.5) == part["y"]).mean(),
                "95 % interval (groups)": f"{PERCENT * low:.1f} to {PERCENT * high:.1f}",
                "Wilson, first seed": f"{PERCENT * w_low:.1f} to {PERCENT * w_high:.1f}",
            }
        )
    return pd.DataFrame(rows)
