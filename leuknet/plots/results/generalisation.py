"""Page 12: what generalises, step by step; a cell's path; and thresholds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leuknet.cells.classifier import ImageClassifier
from leuknet.cells.extract import Outlined, diameters, native, outlined
from leuknet.cells.generalisation import STEPS
from leuknet.data.cohort import Cohort
from leuknet.plots.axes import picture, png
from leuknet.plots.style import language


def generalisation_steps(summary: pd.DataFrame) -> Figure:
    """Draw accuracy with its interval by step, one bar a protocol; `summary` is `generalisation.summary`'s."""
    names, wide = [step for step in STEPS if step in set(summary["step"])], 0.8 / summary["protocol"].nunique()
    with language():
        fig, ax = plt.subplots(figsize=(7, 3.2))
        for k, (protocol, part) in enumerate(summary.groupby("protocol", sort=False)):
            values = 100 * part.set_index("step").loc[names, ["accuracy", "low", "high"]].to_numpy().T
            places = np.arange(len(names)) + (k + 0.5) * wide - 0.4
            ax.bar(places, values[0], wide, yerr=np.abs(values[1:] - values[0]), capsize=3, label=protocol)
        ax.axhline(50, color="0.5", linewidth=0.8, linestyle=":")
        ax.set(ylabel="Accuracy (%)", ylim=(0, 100), xticks=range(len(names)), xticklabels=names)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return fig


def outlined_cells(ax: Axes, image: np.ndarray, found: Outlined, p: np.ndarray) -> None:
    """Draw an image with the nucleus of each cell outlined (yellow from P(blast) 0.5 on, else white) and its score."""
    picture(ax, image)
    for line, score in zip(found.outlines, p, strict=True):
        closed = np.vstack([line, line[:1]])
        ax.plot(*closed.T, "-", color="black", linewidth=2.4)
        ax.plot(*closed.T, "-", color="white" if score < 0.5 else "yellow", linewidth=1.2)
        ax.annotate(f"{score:.2f}", line.max(axis=0), fontsize=8, bbox={"facecolor": "white", "pad": 1})


def outlined_png(image: np.ndarray, found: Outlined, p: np.ndarray) -> bytes:
    """Return `outlined_cells` as PNG bytes."""
    with language():
        fig, ax = plt.subplots(figsize=(4, 4 * image.shape[0] / image.shape[1]))
        outlined_cells(ax, image, found, p)
    return png(fig, 160)


def cell_path(cohort: Cohort, model: ImageClassifier, i: int) -> Figure:
    """Draw image `i` with each cell outlined and scored, and the picture of its highest cell."""
    image = native(cohort, i)
    found = outlined(image, float(diameters(cohort, np.array([i]))[0]))
    p = model.cell.predict(found.cells)
    with language():
        fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4), width_ratios=(2, 1))
        outlined_cells(left, image, found, p)
        left.set_title(f"{len(p)} cells; red cell {found.scale.diameter:.0f} px", fontsize=9)
        right.set_title("the highest cell, as a network sees it", fontsize=9)
        right.axis("off")
        if len(p):
            right.imshow(found.cells.crops[int(p.argmax())], cmap="gray", vmin=0, vmax=255)
    return fig


def threshold_curve(frame: pd.DataFrame, threshold: float = 0.5) -> Figure:
    """Draw recall, specificity and accuracy against the threshold, and mark one; `frame` has ``y`` and ``p``."""
    cuts, y, p = np.linspace(0, 1, 101), frame["y"].to_numpy(), frame["p"].to_numpy()
    calls = p[None] >= cuts[:, None]
    curves = {"recall": calls[:, y == 1].mean(axis=1), "specificity": (~calls)[:, y == 0].mean(axis=1)}
    curves["accuracy"] = (calls == (y == 1)).mean(axis=1)
    with language():
        fig, ax = plt.subplots(figsize=(7, 3))
        for (name, values), style in zip(curves.items(), ("-", "--", ":"), strict=True):
            ax.plot(cuts, 100 * values, style, label=name)
        ax.axvline(threshold, color="0.4", linewidth=1)
        at = {name: 100 * np.interp(threshold, cuts, values) for name, values in curves.items()}
        words = ", ".join(f"{name} {value:.0f} %" for name, value in at.items())
        ax.set(xlabel="Threshold", ylabel="%", ylim=(0, 101), title=f"at {threshold:.2f}: {words}")
        ax.legend()
    return fig
