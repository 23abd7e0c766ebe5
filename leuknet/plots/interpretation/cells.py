"""The cells of an image (page 12): quality of the segmentation, processing steps of a cell, generalisation."""

import os
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet.baselines.handcrafted.segmentation import MASK_SETS, METHODS, mask_set, scored, summary
from leuknet.cells.classifier import ImageClassifier
from leuknet.cells.extract import Outlined, diameters, native, outlined
from leuknet.cells.generalisation import STEPS
from leuknet.data.cohort import Cohort
from leuknet.plots.axes import picture, png, subplots
from leuknet.study.study import Study

MOST = 60
HATCHES = ("", "///", "...")
LEGEND = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 3}
NO_MASKS = "no masks here: only the synthetic cohort has its own; LEUKNET_MASKS may name the folder segmentation_WBC"


def mask_sets(study: Study, most: int = MOST) -> dict[str, tuple]:
    """Return the sets that segmentation is scored on, name to (images, masks, ids, red cells' px), at most `most` each.

    Contains the synthetic cohort at the display resolution and, if ``LEUKNET_MASKS`` is set to the folder
    ``segmentation_WBC`` (Zheng et al., reference [33]), JTSC and CellaVision 2 at their native sizes.
    """
    found: dict[str, tuple] = {}
    gallery = study.gallery
    if gallery.masks is not None:
        table = gallery.table
        diameters = table["red_cell"] * gallery.size / np.sqrt(table["width"] * table["height"])
        found["synthetic cohort"] = gallery.images, gallery.masks, list(table["image_id"]), list(diameters)
    if folder := os.environ.get("LEUKNET_MASKS"):
        found |= {name: mask_set(folder, name) for name in MASK_SETS}
    return {name: tuple(_some(part, most) for part in parts) for name, parts in found.items()}


def _some(parts: Sequence, most: int) -> list:
    places = np.unique(np.linspace(0, len(parts) - 1, min(most, len(parts))).round().astype(int))
    return [parts[place] for place in places]


def segmentation_scores(sets: dict[str, tuple]) -> pd.DataFrame:
    """Return `leuknet.baselines.handcrafted.segmentation.scored` of each set, with ``images of``."""
    frames = [scored(*parts).assign(**{"images of": name}) for name, parts in sets.items()]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def segmentation_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return mean Dice and IoU by set, method and part; a single explanatory line if there are no masks."""
    if scores.empty:
        return pd.DataFrame({"images of": [NO_MASKS]})
    parts = scores.groupby("images of", sort=False)
    return pd.concat({name: summary(part) for name, part in parts}, names=["images of"]).reset_index("images of")


def segmentation_examples(sets: dict[str, tuple], scores: pd.DataFrame, count: int = 4) -> plt.Figure:
    """Draw the first method's best and worst nuclei in each set: true outline in white, predicted outline dashed."""
    if not sets:
        with subplots(figsize=(7, 1)) as (fig, ax):
            ax.axis("off")
            ax.text(0, 0.5, NO_MASKS, wrap=True)
        return fig
    rows = [(name, kind) for name in sets for kind in ("best", "worst")]
    options: dict[str, Any] = {"figsize": (7, 1.95 * len(rows)), "subplot_kw": {"xticks": [], "yticks": []}}
    with subplots(len(rows), count, squeeze=False, **options) as (fig, axes):
        for (name, kind), line in zip(rows, axes, strict=True):
            _examples(line, sets[name], scores[scores["images of"] == name], kind)
            line[0].set_ylabel(f"{name}\n{kind}", fontsize=9)
    return fig


def _examples(axes: np.ndarray, parts: tuple[Sequence, ...], scores: pd.DataFrame, kind: str) -> None:
    images, masks, ids, red_cells = parts
    method = next(iter(METHODS))
    own = scores[(scores["method"] == method) & (scores["part"] == "nucleus")]
    chosen = own.sort_values("dice", ascending=kind == "worst", kind="stable").head(len(axes))
    for ax, image_id, dice in zip(axes, chosen["image_id"], chosen["dice"], strict=False):
        place = ids.index(image_id)
        core = METHODS[method](np.asarray(images[place]), red_cells[place])[1]
        ax.imshow(images[place])
        ax.contour(masks[place] == 2, [0.5], colors="white", linewidths=1.6)
        if core.any():
            ax.contour(core, [0.5], colors="black", linewidths=1, linestyles="--")
        ax.set_title(f"Dice {dice:.2f}", fontsize=9)


def generalisation_steps(summary: pd.DataFrame) -> plt.Figure:
    """Draw accuracy with its interval by step, one bar per protocol; `summary` is that of `generalisation.summary`."""
    names, wide = [step for step in STEPS if step in set(summary["step"])], 0.8 / summary["protocol"].nunique()
    with subplots(figsize=(7, 3.2)) as (fig, ax):
        for k, (protocol, part) in enumerate(summary.groupby("protocol", sort=False)):
            values = 100 * part.set_index("step").loc[names, ["accuracy", "low", "high"]].to_numpy().T
            places = np.arange(len(names)) + (k + 0.5) * wide - 0.4
            look = {"hatch": HATCHES[k % 3], "edgecolor": "white", "linewidth": 0, "capsize": 3}
            ax.bar(places, values[0], wide, yerr=np.abs(values[1:] - values[0]), label=protocol, **look)
        ax.axhline(50, color="0.5", linewidth=0.8, linestyle=":")
        labels = [textwrap.fill(name, 68 // len(names)) for name in names]
        ax.set(ylabel="accuracy (%)", ylim=(0, 101), xticks=range(len(names)), xticklabels=labels)
        ax.legend(**LEGEND)
    return fig


def outlined_cells(ax: plt.Axes, image: np.ndarray, found: Outlined, p: np.ndarray) -> None:
    """Draw an image with the score and outlined nucleus of each cell (yellow if P(blast) >= 0.5, else white)."""
    picture(ax, image)
    for line, score in zip(found.outlines, p, strict=True):
        closed = np.vstack([line, line[:1]])
        ax.plot(*closed.T, "-", color="black", linewidth=2.4)
        ax.plot(*closed.T, "-", color="white" if score < 0.5 else "yellow", linewidth=1.2)
        ax.annotate(f"{score:.2f}", line.max(axis=0), fontsize=8, bbox={"facecolor": "white", "pad": 1})


def outlined_png(image: np.ndarray, found: Outlined, p: np.ndarray) -> bytes:
    """Return the figure of `outlined_cells` as PNG bytes."""
    with subplots(figsize=(4, 4 * image.shape[0] / image.shape[1])) as (fig, ax):
        outlined_cells(ax, image, found, p)
    return png(fig, 160)


def cell_path(cohort: Cohort, model: ImageClassifier, i: int) -> plt.Figure:
    """Draw image `i` with each cell outlined and scored, and the crop of its highest-scoring cell."""
    image = native(cohort, i)
    found = outlined(image, float(diameters(cohort, np.array([i]))[0]))
    p = model.cell.predict(found.cells)
    with subplots(1, 2, figsize=(7, 3.4), width_ratios=(2, 1)) as (fig, (left, right)):
        outlined_cells(left, image, found, p)
        left.set_title(
            f"{len(p)} {'cell' if len(p) == 1 else 'cells'}; red cell {found.scale.diameter:.0f} px", fontsize=9
        )
        right.set_title("the highest cell, as a network sees it", fontsize=9)
        right.axis("off")
        if len(p):
            right.imshow(found.cells.crops[int(p.argmax())], cmap="gray", vmin=0, vmax=255)
    return fig


def threshold_curve(frame: pd.DataFrame, threshold: float = 0.5) -> plt.Figure:
    """Draw recall, specificity and accuracy against the threshold, one marked; `frame` has columns ``y`` and ``p``."""
    cuts, y, p = np.linspace(0, 1, 101), frame["y"].to_numpy(), frame["p"].to_numpy()
    calls = p[None] >= cuts[:, None]
    curves = {"recall": calls[:, y == 1].mean(axis=1), "specificity": (~calls)[:, y == 0].mean(axis=1)}
    curves["accuracy"] = (calls == (y == 1)).mean(axis=1)
    with subplots(figsize=(7, 3)) as (fig, ax):
        for (name, values), style in zip(curves.items(), ("-", "--", ":"), strict=True):
            ax.plot(cuts, 100 * values, style, label=name)
        ax.axvline(threshold, color="0.4", linewidth=1)
        at = {name: 100 * np.interp(threshold, cuts, values) for name, values in curves.items()}
        words = ", ".join(f"{name} {value:.0f} %" for name, value in at.items())
        ax.set(xlabel="threshold", ylabel="%", ylim=(0, 101))
        ax.set_title(f"at {threshold:.2f}: {words}", loc="left", pad=24)
        ax.legend(**LEGEND)
    return fig
