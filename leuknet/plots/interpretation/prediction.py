"""Prediction of a saved run for a user's slide, as a figure and as a page."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet.data.decode import decode
from leuknet.plots.axes import picture, png, subplots
from leuknet.plots.format import number, rendered
from leuknet.plots.interpretation.activation_maps import overlay
from leuknet.plots.style import CLASS_BARS, CLASS_NAMES, COLUMN

METHOD = "Grad-CAM"


def prediction_card(kept: Any, image: np.ndarray, row: Mapping[str, Any], name: str = "") -> plt.Figure:
    """Draw an image, its activation map, its probability, and its distance from the training images.

    Parameters
    ----------
    kept : leuknet.inference.predict.SavedRun
    image : numpy.ndarray, uint8, shape (size, size, 3)
    row : dict
        From `leuknet.inference.predict.described`.
    name : str
        Title of the image.
    """
    from leuknet.models.interpretation.activation_maps import activation_maps

    heat = activation_maps(kept.model, image[None], METHOD, batch=1)[0]
    with subplots(1, 4, figsize=(COLUMN, 2.9), width_ratios=[1, 1, 0.5, 1.25]) as (fig, axes):
        picture(axes[0], image)
        overlay(axes[1], image, heat)
        axes[1].set_title(f"{METHOD}\nfor: {row['class']}", fontsize=10, loc="left")
        _probability(axes[2], row)
        _distance(axes[3], kept.training_features.unseen_distances, row)
        fig.suptitle(f"{name}\n{row['words']}" if name else row["words"], fontsize=9, x=0.01, ha="left", wrap=True)
    return fig


def read_slide(kept: Any, path: Path) -> np.ndarray:
    """Return an image file as preprocessed for the network of `kept`, uint8 (size, size, 3)."""
    return decode(Path(path).read_bytes(), kept.model.input_shape[1])[0]


def slide_card(kept: Any, name: str, content: bytes) -> plt.Figure:
    """Return `prediction_card` for the content of a file (bytes), as shown by the upload button."""
    from leuknet.inference.predict import described

    image = decode(content, kept.model.input_shape[1])[0]
    return prediction_card(kept, image, described(kept, image[None])[0], name)


def prediction_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return predictions formatted for display: file name, class, probability, distance, its percentile, words."""
    frame = pd.DataFrame(rows).assign(file=[Path(row["file"]).name for row in rows])
    looks_like = [f"{row['looks_like']} ({100 * row['share']:.0f} %)" for row in rows]
    shown = frame[["file", "class", "probability", "threshold", "distance", "percentile"]]
    return shown.rename(columns={"percentile": "farther than (%)"}).assign(**{"looks like": looks_like})


def distance_table(rows: list[dict[str, Any]], labels: list[int]) -> pd.DataFrame:
    """Return the share of correct predictions (%) in the nearer and the farther half of images with known `labels`."""
    frame = pd.DataFrame(rows)
    frame["right"] = 100 * ((frame["class"] == "positive") == np.asarray(labels, bool))
    half = np.where(frame["distance"].rank(method="first") <= len(frame) / 2, "nearer half", "farther half")
    found = frame.groupby(half).agg(images=("right", "size"), right=("right", "mean"), distance=("distance", "mean"))
    names = {"right": "right calls (%)", "distance": "mean distance"}
    return found.rename(columns=names).loc[["nearer half", "farther half"]].rename_axis("unseen images").reset_index()


def distance_sentence(table: pd.DataFrame) -> str:
    """Return whether correct classifications are more frequent in the nearer half, with counts."""
    near, far = (row for _, row in table.iterrows())
    shares = [f"{number(row['right calls (%)'], 0)} % of {row['images']}" for row in (near, far)]
    return f"Right in the nearer half: {shares[0]} images; in the farther half: {shares[1]}."


def _probability(ax: plt.Axes, row: Mapping[str, Any]) -> None:
    label = int(row["class"] == "positive")
    ax.bar([0], [row["probability"]], 0.6, **CLASS_BARS[label])
    ax.axhline(row["threshold"], color="black", linestyle="--", linewidth=1.2)
    ax.set(ylim=(0, 1), xlim=(-0.6, 0.6), xticks=[], ylabel="probability of leukaemia")
    ax.set_title(f"{row['probability']:.2f}\n{CLASS_NAMES[label].split()[0]}", fontsize=10, loc="left")


def _distance(ax: plt.Axes, unseen: np.ndarray, row: Mapping[str, Any]) -> None:
    ax.hist(unseen, bins=20, color="#BFD7EA", edgecolor="white")
    ax.axvline(row["distance"], color="black", linewidth=2)
    ax.set(xlabel="distance to training", ylabel="unseen images")
    ax.set_title(f"farther than {row['percentile']:.0f} %", fontsize=10, loc="left")


def overlay_png(image: np.ndarray, heat: np.ndarray, pixels: int = 160) -> bytes:
    """Return an image next to its activation map as PNG bytes, each `pixels` wide."""
    edges = {"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": 0.02}
    fig, (left, right) = plt.subplots(1, 2, figsize=(pixels / 40, pixels / 80), gridspec_kw=edges)
    picture(left, image)
    overlay(right, image, heat)
    return png(fig, 80)


def prediction_page(
    kept: Any, rows: list[dict[str, Any]], failed: list[dict[str, str]], cells: Sequence[Any] = ()
) -> str:
    """Return predictions as one self-contained HTML page: images, maps, numbers, limitations.

    Parameters
    ----------
    kept : leuknet.inference.predict.SavedRun
    rows, failed : list of dict
        From `leuknet.inference.predict.predict`; the files are read again.
    cells : sequence, optional
        From `leuknet.inference.cells.scored`, one per image; if given, outlines are drawn.
    """
    from leuknet.inference.predict import as_record
    from leuknet.models.interpretation.activation_maps import activation_maps
    from leuknet.plots.interpretation.cells import outlined_png

    images = [read_slide(kept, row["file"]) for row in rows]
    maps = [activation_maps(kept.model, image[None], METHOD, batch=1)[0] for image in images]
    drawn = {"pictures": map(overlay_png, images, maps), "outlines": (outlined_png(*one) for one in cells)}
    texts = {name: [base64.b64encode(png).decode() for png in pngs] for name, pngs in drawn.items()}
    return rendered("prediction", **as_record(kept, rows, failed), **texts, method=METHOD)
