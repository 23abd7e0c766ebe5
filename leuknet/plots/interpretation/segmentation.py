"""How well nuclei and leukocytes are found: Dice and IoU where masks exist, successes and failures."""

import os
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from leuknet.baselines.handcrafted.segmentation import MASK_SETS, METHODS, mask_set, scored, summary
from leuknet.plots.style import language
from leuknet.study.study import Study

MOST = 60
NO_MASKS = "no masks here: only the synthetic cohort has its own; LEUKNET_MASKS may name the folder segmentation_WBC"


def mask_sets(study: Study, most: int = MOST) -> dict[str, tuple]:
    """Return what segmentation is scored on, name to (images, masks, ids, red cells' px), at most `most` of each.

    The synthetic cohort's own at the gallery's size, and, where ``LEUKNET_MASKS`` names the folder
    ``segmentation_WBC`` (Zheng et al., reference [33]), JTSC and CellaVision 2 at their native sizes.
    """
    found, gallery = {}, study.gallery
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
    """Return mean Dice and IoU by set, method and part; one line that says so where there are no masks."""
    if scores.empty:
        return pd.DataFrame({"images of": [NO_MASKS]})
    parts = scores.groupby("images of", sort=False)
    return pd.concat({name: summary(part) for name, part in parts}, names=["images of"]).reset_index("images of")


def segmentation_examples(sets: dict[str, tuple], scores: pd.DataFrame, count: int = 4) -> Figure:
    """Draw the best and worst nuclei of the first method in each set: true outline white, found one dashed."""
    rows = [(name, kind) for name in sets for kind in ("best", "worst")]
    with language():
        if not rows:
            fig, ax = plt.subplots(figsize=(7, 1))
            ax.axis("off")
            ax.text(0, 0.5, NO_MASKS, wrap=True)
            return fig
        fig, axes = plt.subplots(len(rows), count, figsize=(7, 1.95 * len(rows)), squeeze=False)
        for (name, kind), line in zip(rows, axes, strict=True):
            _examples(line, sets[name], scores[scores["images of"] == name], kind)
            line[0].set_ylabel(f"{name}\n{kind}", fontsize=9)
    return fig


def _examples(axes: np.ndarray, parts: tuple[Sequence, ...], scores: pd.DataFrame, kind: str) -> None:
    images, masks, ids, diameters = parts
    method = next(iter(METHODS))
    own = scores[(scores["method"] == method) & (scores["part"] == "nucleus")]
    chosen = own.sort_values("dice", ascending=kind == "worst", kind="stable").head(len(axes))
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
    for ax, image_id, dice in zip(axes, chosen["image_id"], chosen["dice"], strict=False):
        place = ids.index(image_id)
        core = METHODS[method](np.asarray(images[place]), diameters[place])[1]
        ax.imshow(images[place])
        ax.contour(masks[place] == 2, [0.5], colors="white", linewidths=1.6)
        if core.any():
            ax.contour(core, [0.5], colors="black", linewidths=1, linestyles="--")
        ax.set_title(f"Dice {dice:.2f}", fontsize=9)
