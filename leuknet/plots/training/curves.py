"""Figures of runs: learning curves (Figure 7), confusion matrices, thresholds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet.evaluation.metrics import count, scores
from leuknet.plots.axes import band, card, matrix, subplots
from leuknet.plots.format import PERCENT_METRICS, decimals, estimate, listed, metric_name, number
from leuknet.plots.results.protocols import accuracy
from leuknet.plots.style import CLASS_BARS, CLASS_NAMES


def learning_curves(histories: pd.DataFrame) -> plt.Figure:
    """Draw accuracy and loss against epochs, mean and range over runs (paper, Figure 7).

    Parameters
    ----------
    histories : pandas.DataFrame
        ``epoch``, ``accuracy``, ``loss``, ``validation_accuracy``, ``validation_loss``, ``run``.
    """
    with subplots(1, 2, figsize=(7, 3.4)) as (fig, axes):
        for ax, name, label in zip(axes, ("accuracy", "loss"), ("accuracy (%)", "binary cross-entropy"), strict=True):
            scale = 100 if name == "accuracy" else 1
            for column, words in ((name, "training"), (f"validation_{name}", "validation")):
                at = histories.groupby("epoch")[column].agg(["mean", "min", "max"]) * scale
                band(ax, at.index, at, 0.15, label=words, marker="o" if words == "training" else "s")
            ax.set(xlabel="epoch", ylabel=label)
            ax.locator_params("x", integer=True)
        look = {"ncols": 2, "title": "band: range over seeds"}
        fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper left", **look)
    return fig


def confusion(predictions: pd.DataFrame, threshold: float = 0.5) -> plt.Figure:
    """Draw the confusion matrix of `predictions` (columns ``y``, ``p``): counts and share of the row."""
    with subplots(figsize=(3.6, 3.3)) as (fig, ax):
        calls(ax, predictions["y"].to_numpy(), predictions["p"].to_numpy(), threshold)
        ax.set_title(f"threshold {threshold:.2f}", loc="left", fontsize=10)
    return fig


def calls(ax: plt.Axes, y: np.ndarray, p: np.ndarray, threshold: float, small: bool = False) -> None:
    """Draw the number of images by class (rows) and prediction (columns); if not `small`, also the row's shares."""
    tn, fp, fn, tp = (int(mask.sum()) for mask in count(y, p, threshold))
    table = np.array([[tn, fp], [fn, tp]])
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    texts = np.char.mod("%d", table)
    texts = texts if small else np.char.add(texts, np.char.mod("\n%.0f%%", 100 * share))
    matrix(ax, share, texts, 10 if small else 11)
    names = ["neg.", "pos."] if small else ["negative", "positive"]
    ax.set(xticks=[0, 1], xticklabels=names, yticks=[0, 1], yticklabels=names, xlabel="predicted", ylabel="label")


def threshold_view(predictions: pd.DataFrame, threshold: float = 0.5) -> plt.Figure:
    """Draw the probabilities of both classes with a threshold, and the resulting A, P, R, S, MCC (%)."""
    y, p = predictions["y"].to_numpy(), predictions["p"].to_numpy()
    with card(1, (7.3, 3.4), left=0.7, right=0.3, bottom=0.8, top=0.8) as (fig, ax):
        histogram(ax, y, p, threshold)
        fig.suptitle(metrics_line(y, p, threshold), x=0.01, ha="left", fontsize=9)
    return fig


def metrics_line(y: np.ndarray, p: np.ndarray, threshold: float) -> str:
    """Return n, the threshold, calibration error and the paper's five metrics in two lines; "–" if undefined."""
    found, digits = scores(y, p, threshold), decimals(len(y))
    names = [f"{metric_name(k)} {number(100 * found[k], digits) if k in found else '–'}" for k in PERCENT_METRICS]
    head = f"{len(y)} images, threshold {threshold:.2f}, calibration error {number(100 * found['ECE'], digits)} %"
    return f"{head}\n{', '.join(names)} (%)"


def histogram(ax: plt.Axes, y: np.ndarray, p: np.ndarray, threshold: float) -> None:
    """Draw the distribution of probabilities for each class, and the threshold."""
    for label in (0, 1):
        look = CLASS_BARS[label] | {"label": CLASS_NAMES[label].split()[0], "alpha": 0.7}
        ax.hist(p[y == label], bins=20, range=(0, 1), histtype="stepfilled", **look)
    ax.axvline(threshold, color="black", linestyle="--")
    ax.set(xlabel="probability of leukaemia", ylabel="images", xlim=(0, 1), xticks=[0, 0.25, 0.5, 0.75, 1])
    ax.locator_params("y", integer=True, nbins=4)
    ax.legend(loc="lower right", bbox_to_anchor=(1.03, 1), borderpad=0.2, labelspacing=0.2)


def curve_sentence(histories: pd.DataFrame) -> str:
    """Return the last epoch's mean accuracy on training and validation images, and their difference over the runs."""
    last = histories.loc[histories.groupby("run")["epoch"].idxmax()]
    seen, unseen = 100 * last["accuracy"], 100 * last["validation_accuracy"]
    gap = seen - unseen
    means = f"training {number(seen.mean())} %, validation {number(unseen.mean())} % (mean of {len(last)} runs)"
    span = f"{number(gap.min(), sign=True)} to {number(gap.max(), sign=True)} points over the runs"
    return f"After {int(last['epoch'].max())} epochs: {means}; training minus validation is {span}."


def accuracy_sentence(predictions: pd.DataFrame, where: str) -> str:
    """Return accuracy with its 95 % interval (groups resampled), recall and specificity, and n."""
    n, seeds = predictions["image_id"].nunique(), predictions["seed"].nunique()
    found = scores(predictions["y"], predictions["p"])
    value = estimate(*accuracy(predictions), n)
    known = [(name, found[key]) for key, name in (("R", "recall"), ("S", "specificity")) if key in found]
    rest = [f"{name} {number(100 * share, decimals(n))} %" for name, share in known]
    return f"Accuracy on {where}: {value} % of {n} images, {seeds} seed{'s' * (seeds > 1)}; {listed(rest)}."
