"""Explorers: figures that are drawn for the static page and redrawn by its widget, without running a network.

The plane of features is also available as plain HTML and CSS: its points show their slides on hover without a kernel.
"""

import base64
import textwrap
from dataclasses import replace
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML, display
from matplotlib.colors import to_hex

from leuknet._escape import shortened
from leuknet._io import hash_of
from leuknet.data.cohort import Cohort
from leuknet.data.registry import DATA_SETS
from leuknet.evaluation.splits import Split
from leuknet.exceptions import LeuknetError
from leuknet.plots.axes import card, name_rows, picture
from leuknet.plots.data.survey import strip
from leuknet.plots.format import rendered
from leuknet.plots.interpretation.feature_space import scatter
from leuknet.plots.style import CLASS_HATCHES, CLASS_LOOKS, CLASS_NAMES, COLUMN, leading_sources, table_order
from leuknet.plots.training.curves import calls, histogram, metrics_line
from leuknet.study.study import Results

ALL = "all"
ROLE_COLOURS = {"train": "#BFD7EA", "test": "#0072B2", "external": "#E69F00"}
ERROR_LOOKS = {"right": ("#999999", "o"), "wrong": ("#B23A00", "X"), "not tested": ("#E3E3E3", ".")}
COLOURS = ("class", "source", "error")
THUMBNAIL = (8, 8)  # px
EDGE, MOST = 160, 600  # px; maximum number of images in a hover plane
SIGNS = {0: "●", 1: "▲"}


def filtered(
    table: pd.DataFrame, data_set: str = ALL, source: str = ALL, label: int | str = ALL, copies: bool = False
) -> np.ndarray:
    """Return the positions of a cohort's images that pass the filters on data set, class and name.

    ``copies`` selects images that share their file or group (slide, patient) with another image of the cohort.
    """
    keep = table.duplicated("sha256", keep=False) | table.duplicated("group", keep=False) | (not copies)
    for column, wanted in (("data_set", data_set), ("source", source), ("label", label)):
        keep &= (table[column] == wanted) | (wanted == ALL)
    order = table_order(table["data_set"])
    rows = table.assign(rank=table["data_set"].map(order.index), place=np.arange(len(table)))[keep]
    return rows.sort_values(["rank", "label", "image_id"])["place"].to_numpy()


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Return images as 8 x 8 px thumbnails, float32 (n, 192), which are similar for near copies despite compression."""
    small = [cv2.resize(image.astype(np.float32), THUMBNAIL, interpolation=cv2.INTER_AREA) for image in images]
    return np.stack(small).reshape(len(small), -1)


def browse_card(cohort: Cohort, place: int = 0, small: np.ndarray | None = None, n: int = 4) -> plt.Figure:
    """Draw one image next to the most similar ones; copies and neighbours on a slide come first.

    Parameters
    ----------
    cohort : Cohort
    place : int
        Position in the cohort.
    small : numpy.ndarray, optional
        From `thumbnails`; computed if not given.
    n : int
        Number of similar images.
    """
    if not 0 <= place < len(cohort):
        raise LeuknetError(f"image {place} of {len(cohort)}: count from 0 to {len(cohort) - 1}")
    small = thumbnails(cohort.images) if small is None else small
    table, row = cohort.table, cohort.table.iloc[place]
    far = np.sqrt(((small - small[place]) ** 2).mean(axis=1))
    far[place] = -1
    alike = [table[unit] == row[unit] for unit in ("sha256", "group", "source")]
    kin = np.select(alike, ["SAME FILE\n", "same group\n", "same source\n"], "\n") + table["data_set"].to_numpy(str)
    order = np.lexsort((far, np.select(alike[:2], [0, 1], 2)))[1 : n + 1]
    shown = [place, *order.tolist()]
    titles = [row["data_set"], *(f"{kin[i]}\nΔ {far[i]:.0f} grey levels" for i in order)]
    with card(1, (COLUMN, 2.7), top=0.4) as (fig, ax):
        strip(ax, cohort.images[shown], table["label"].iloc[shown], titles)
        ax.set_ylim(-0.05, 1.38)
        words = f"{CLASS_NAMES[row['label']]}; {row['width']} × {row['height']} px on disk; group {row['group']}"
        fig.suptitle(f"{row['image_id']}\n{words}", fontsize=10, x=0.01, ha="left")
    return fig


def split_card(table: pd.DataFrame, split: Split, fold: str) -> plt.Figure:
    """Draw, for one fold, the number of training and test images by data set and class, and list what both share.

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.
    split : Split
    fold : str
    """
    roles, names = split.indices(table, fold), table_order(table["data_set"])
    one = replace(split, table=split.table[split.table["fold"] == fold])
    size, words = (COLUMN, 0.24 * len(names) + 1.95), 0.08 * max(map(len, names)) + 0.2
    with card(2, size, words, right=0.2, bottom=0.75, top=1.05, gap=0.08) as (fig, axes):
        for label, ax in enumerate(axes):
            left = np.zeros(len(names))
            for role, where in roles.items():
                of = table.iloc[where].query("label == @label")["data_set"].value_counts()
                of = of.reindex(names, fill_value=0).to_numpy()
                look = {"color": ROLE_COLOURS[role], "hatch": CLASS_HATCHES[label], "edgecolor": "white"}
                ax.barh(range(len(names)), of, left=left, label=f"{role} ({of.sum()})", **look)
                left += of
            name_rows(ax, names, xlabel="images", ylim=(len(names) - 0.4, -0.6))
            ax.tick_params("y", left=False, labelleft=not label)
            ax.locator_params("x", integer=True, nbins=4)
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), title=CLASS_NAMES[label], alignment="left", ncols=3)
        fig.suptitle(textwrap.fill(f"fold {fold}. {one.leakage(table)}", 105), fontsize=9, x=0.01, ha="left")
    return fig


def run_names(results: Results) -> dict[str, str]:
    """Return ``{label: key}`` of finished runs for a menu: approach, protocol, fold, number of the seed."""
    numbers = {seed: i for i, seed in enumerate(dict.fromkeys(results.runs["seed"]))}
    rows = results.runs.itertuples()
    return {f"{r.backbone} {r.approach}, {r.protocol}, {r.fold}, seed {numbers[r.seed]}": r.run for r in rows}


def run_card(results: Results, run: str, threshold: float = 0.5) -> plt.Figure:
    """Draw one run: learning curve, confusion matrix and metrics at a threshold, probabilities, calibration.

    Parameters
    ----------
    results : leuknet.study.study.Results
    run : str
        Key of the run.
    threshold : float
        Threshold on the test images' probabilities.
    """
    history = results.histories[results.histories["run"] == run]
    frame = results.predictions.query("run == @run and split == 'test'")
    y, p = frame["y"].to_numpy(), frame["p"].to_numpy()
    widths = [1.1, 0.8, 1.1, 1]
    with card(4, (COLUMN, 3.4), 0.7, 0.25, bottom=0.8, top=1.0, gap=0.45, width_ratios=widths) as (fig, axes):
        _curve(axes[0], history)
        calls(axes[1], y, p, threshold, small=True)
        histogram(axes[2], y, p, threshold)
        axes[2].set_xticks([0, 0.5, 1])
        reliability(axes[3], y, p)
        fig.suptitle(metrics_line(y, p, threshold), fontsize=9, x=0.01, ha="left")
    return fig


def _curve(ax: plt.Axes, history: pd.DataFrame) -> None:
    for column, words, marker in (("accuracy", "training", "o"), ("validation_accuracy", "validation", "s")):
        if column in history and history[column].notna().any():
            ax.plot(history["epoch"], 100 * history[column], marker=marker, markersize=4, label=words)
    ax.set(xlabel="epoch", ylabel="accuracy (%)", ylim=(0, 102), yticks=[0, 50, 100])
    ax.locator_params("x", integer=True, nbins=4)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.1, 1), borderpad=0.2, labelspacing=0.2)


def reliability(ax: plt.Axes, y: np.ndarray, p: np.ndarray, bins: int = 10) -> None:
    """Draw the share of positives against the mean probability in `bins` equal bins, with the ideal diagonal."""
    at = np.minimum((p * bins).astype(int), bins - 1)
    groups = pd.DataFrame({"y": y, "p": p}).groupby(at).agg(y=("y", "mean"), p=("p", "mean"), n=("y", "size"))
    ax.plot([0, 1], [0, 1], color="#777777", linestyle=":", linewidth=1)
    ax.scatter(groups["p"], groups["y"], s=12 + 120 * groups["n"] / len(y), color="#0072B2")
    ax.set(xlim=(0, 1), ylim=(-0.04, 1.04), xlabel="mean probability", ylabel="share positive")
    ax.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])


def correctness(table: pd.DataFrame, predictions: pd.DataFrame) -> np.ndarray:
    """Return "right", "wrong" or "not tested" for each image of a cohort, at threshold 0.5, by its first prediction."""
    first = predictions.drop_duplicates("image_id").set_index("image_id")
    hit = ((first["p"] >= 0.5) == first["y"]).map({True: "right", False: "wrong"})
    return table["image_id"].map(hit).fillna("not tested").to_numpy()


def embedding_card(
    points: pd.DataFrame,
    images: np.ndarray,
    error: np.ndarray,
    method: str = "t-SNE",
    colour: str = "class",
    point: int = 0,
) -> plt.Figure:
    """Draw a plane of features with one point marked, and the corresponding slide.

    Parameters
    ----------
    points : pandas.DataFrame
        From `feature_space.coordinates`; each ``method`` has the same images in the same order.
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
        In the same order.
    error : array of str, shape (n,)
        From `correctness`.
    method : str
    colour : {"class", "source", "error"}
    point : int
        Index of the marked image, counted from left to right in the plane.
    """
    of = points[points["method"] == method].reset_index(drop=True)
    if of.empty or colour not in COLOURS:
        known = ", ".join(points["method"].unique())
        raise LeuknetError(f"no plane {method!r} by {colour!r}: methods {known}, {COLOURS}")
    marked = int(of["x"].argsort(kind="stable")[min(point, len(of) - 1)])
    row = of.iloc[marked]
    with card(2, (COLUMN, 3.7), left=0.35, bottom=0.6, gap=0.55, width_ratios=[1.7, 1]) as (fig, (ax, right)):
        values, looks, names = colour_looks(of, error, colour)
        scatter(ax, of, values, looks, names)
        ax.plot(row["x"], row["y"], "o", markersize=15, markerfacecolor="none", markeredgecolor="black", mew=2.2)
        if len(looks) <= len(DATA_SETS):
            ax.legend(loc="upper left", bbox_to_anchor=(1, 1.03), labelspacing=0.25, handletextpad=0.2)
        picture(
            right, images[marked], f"{shortened(row['image_id'], 30)}\n{CLASS_NAMES[row['label']]}, {error[marked]}"
        )
    return fig


def colour_looks(
    of: pd.DataFrame, error: np.ndarray, colour: str
) -> tuple[pd.Series, dict[Any, tuple], dict[Any, str]]:
    """Return each point's value, the (colour, marker) of each value, and legend labels that differ from the values."""
    if colour == "source":
        return *leading_sources(of), {}
    if colour == "class":
        short = {label: name.split()[0] for label, name in CLASS_NAMES.items()}
        return of["label"], CLASS_LOOKS, short
    return pd.Series(error), {k: v for k, v in ERROR_LOOKS.items() if k in set(error)}, {}


def hover_plane(points: pd.DataFrame, images: np.ndarray, error: np.ndarray) -> None:
    """Show planes of features whose points show their slide on hover, also in an exported page.

    Parameters
    ----------
    points, images, error
        See `embedding_card`. If there are more than `MOST` images, an evenly spaced subset is drawn.
    """
    display(HTML(hover_html(points, images, error)))


def hover_html(points: pd.DataFrame, images: np.ndarray, error: np.ndarray) -> str:
    """Return the content of `hover_plane` as HTML."""
    views = [of.reset_index(drop=True) for _, of in points.groupby("method", sort=False)]
    if any(len(view) != len(images) for view in views) or len(error) != len(images):
        raise LeuknetError(f"each plane needs the same {len(images)} images")
    shown = np.unique(np.linspace(0, len(images) - 1, min(len(images), MOST)).round().astype(int))
    one, styles = views[0], _styles(views, error, shown)
    rows = []
    for i, style in zip(shown, styles, strict=True):
        words = ", ".join([one["image_id"][i], CLASS_NAMES[one["label"][i]], one["source"][i], error[i]])
        rows.append({"style": style, "sign": SIGNS[one["label"][i]], "picture": _jpeg(images[i]), "words": words})
    about: dict[str, Any] = {"planes": [view["method"][0] for view in views], "colours": COLOURS, "points": rows}
    about |= {"name": f"hover-{hash_of(styles)[:8]}", "left_out": len(images) - len(shown)}
    return rendered("hover", **about)


def _styles(views: list[pd.DataFrame], error: np.ndarray, shown: np.ndarray) -> list[str]:
    """Return the positions of each image in the planes (%) and its colours as CSS variables."""
    columns = {}
    for k, view in enumerate(views):
        for axis in "xy":
            at = view[axis].to_numpy(float)
            share = (at - at.min()) / max(float(np.ptp(at)), 1e-12)
            columns[f"{axis}{k}"] = [f"{2 + 96 * (s if axis == 'x' else 1 - s):.1f}%" for s in share]
    for k, colour in enumerate(COLOURS):
        values, looks, _ = colour_looks(views[0], error, colour)
        columns[f"c{k}"] = [to_hex(looks[value][0]) for value in values]
    return [";".join(f"--{name}:{column[i]}" for name, column in columns.items()) for i in shown]


def _jpeg(image: np.ndarray) -> str:
    small = cv2.resize(np.ascontiguousarray(image), (EDGE, EDGE), interpolation=cv2.INTER_AREA)
    content = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return base64.b64encode(content.tobytes()).decode()
