"""Page 12: what generalises, step by step; a cell's path; and thresholds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from leuknet.cells.classifier import ImageClassifier
from leuknet.cells.extract import outlined
from leuknet.cells.generalisation import STEPS
from leuknet.cells.natives import diameters, native
from leuknet.plots.style import language


def generalisation_steps(summary: pd.DataFrame) -> Figure:
    """Draw accuracy with its interval by step, one bar a protocol; `summary` is `generalisation.summary`'s."""
    protocols = list(summary["protocol"].unique())
    with language():
        fig, ax = plt.subplots(figsize=(7, 3.2))
        for k, protocol in enumerate(protocols):
            part = summary[summary["protocol"] == protocol].set_index("step").loc[list(STEPS)]
            middle = 100 * part["accuracy"]
            reach = np.abs(100 * part[["low", "high"]].to_numpy().T - middle.to_numpy())
            places = np.arange(len(part)) + (k - (len(protocols) - 1) / 2) * 0.8 / len(protocols)
            ax.bar(places, middle, 0.8 / len(protocols), yerr=reach, capsize=3, label=protocol)
        ax.axhline(50, color="0.5", linewidth=0.8, linestyle=":")
        ax.set(ylabel="Accuracy (%)", ylim=(0, 100), xticks=range(len(STEPS)), xticklabels=STEPS)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(protocols))
    return fig


def outlined_cells(image: np.ndarray, nominal: float, model: ImageClassifier):
    """Return an image's cells with outlines (`leuknet.cells.extract.Outlined`) and P(blast) of each, float32."""
    found = outlined(image, nominal)
    return found, model.cell.predict(found.cells)


def cell_path(cohort, model: ImageClassifier, i: int) -> Figure:
    """Draw image `i` with each cell outlined and scored, and the picture of its highest cell."""
    image = native(cohort, i)
    found, p = outlined_cells(image, float(diameters(cohort, np.array([i]))[0]), model)
    with language():
        fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3.4), width_ratios=(2, 1))
        left.imshow(image)
        for line, score in zip(found.nuclei, p, strict=True):
            closed = np.vstack([line, line[:1]])
            left.plot(*closed.T, color="black", linewidth=2.4)
            left.plot(*closed.T, color="white" if score < 0.5 else "yellow", linewidth=1.2)
            left.annotate(f"{score:.2f}", line.max(axis=0), fontsize=8, bbox={"facecolor": "white", "pad": 1})
        left.set_title(f"{len(p)} cells; red cell {found.scale.diameter:.0f} px", fontsize=9)
        right.set_title("the highest cell, as a network sees it", fontsize=9)
        if len(p):
            right.imshow(found.cells.crops[int(p.argmax())], cmap="gray", vmin=0, vmax=255)
        for ax in (left, right):
            ax.axis("off")
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
