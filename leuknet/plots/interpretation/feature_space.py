"""Figures and tables of feature spaces (paper, section 4.3: Table 10, Figures 10 to 12)."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from skimage.transform import resize

from leuknet import _escape
from leuknet.evaluation.metrics import scores
from leuknet.exceptions import LeuknetError
from leuknet.models.interpretation.feature_space import METRICS, separator
from leuknet.paper import tables
from leuknet.plots.axes import card, name_rows, subplots
from leuknet.plots.format import listed, number
from leuknet.plots.style import CLASS_COLOURS, CLASS_LOOKS, CLASS_NAMES, COLUMN, leading_sources, table_order

SCENARIOS = ("LODOCV", "k-fold")
PAPER_NAMES = {"ImageNet": "no fine-tuning"}
SCENARIO_LOOKS = {"LODOCV": ("#0072B2", "o"), "k-fold": ("#E69F00", "s")}


def published10() -> pd.DataFrame:
    """Return the printed Table 10 with the columns of `feature_space.separability` (A, P, R as fractions)."""
    cells = tables.table(10).pivot(index=["block", "row"], columns="column", values="value")
    parts = []
    for scenario in SCENARIOS:
        part = cells[[f"{scenario} {metric}" for metric in METRICS]].set_axis(list(METRICS), axis=1)
        part[["A", "P", "R"]] /= 100
        parts.append(part.assign(components=cells["Num. of Features"].astype(int), scenario=scenario))
    names = {"block": "data_set", "row": "features"}
    return pd.concat(parts).reset_index().rename(columns=names).replace({"features": PAPER_NAMES})


def table10(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` next to the printed Table 10: one line per data set, feature space and author ("here" or "paper").

    Parameters
    ----------
    rows : pandas.DataFrame
        From `feature_space.separability`.

    Returns
    -------
    pandas.DataFrame
        ``data set``, ``features``, ``who``, ``number`` (of features given to the SVM), then A, P, R (%) and Kappa for
        each scenario as text; "–" if undefined. The paper's data sets are always included.
    """
    both = pd.concat([rows.assign(who="here"), published10().assign(who="paper")], ignore_index=True)
    names, data_sets = list(dict.fromkeys(both["features"])), table_order(both["data_set"])
    lines = []
    for (data_set, name, who), part in both.groupby(["data_set", "features", "who"], sort=False):
        of = part.set_index("scenario").loc[list(SCENARIOS)]
        number = " / ".join(of["components"].astype(int).astype(str).unique())
        line = {"data set": data_set, "features": name, "who": who, "number": number}
        for scenario in SCENARIOS:
            line |= {f"{scenario} {metric}": text for metric, text in as_text(of.loc[scenario]).items()}
        lines.append(line)
    lines.sort(key=lambda of: (data_sets.index(of["data set"]), names.index(of["features"]), of["who"]))
    return pd.DataFrame(lines)


def as_text(found: pd.Series) -> dict[str, str]:
    """Format A, P, R (%) and Kappa given as fractions; "–" if undefined."""
    texts = {}
    for metric in METRICS:
        value, percent = found.get(metric, np.nan), metric != "Kappa"
        text = f"{100 * value:.2f}" if percent else f"{value:.3f}"
        texts[metric + (" (%)" if percent else "")] = "–" if np.isnan(value) else text
    return texts


def calls_table(y: np.ndarray, calls: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return A, P, R (%) and Kappa of several classifiers on the same images.

    Parameters
    ----------
    y : array of int, shape (n,)
    calls : dict of str to array of float, shape (n,)
        Maps the name of each classifier to its probabilities, or predictions 0 and 1.
    """
    return pd.DataFrame([{"classifier": name, "images": len(y)} | as_text(scores(y, p)) for name, p in calls.items()])


def separability(rows: pd.DataFrame) -> plt.Figure:
    """Draw the accuracy of the linear SVM in each feature space, held out and within the data set, next to the paper's.

    Parameters
    ----------
    rows : pandas.DataFrame
        From `feature_space.separability`.
    """
    printed, data_sets = published10(), table_order(rows["data_set"])
    names = list(dict.fromkeys(rows["features"]))
    with subplots(1, len(data_sets), figsize=(7, 0.42 * len(names) + 1.9), sharey=True, squeeze=False) as (fig, axes):
        for ax, data_set in zip(axes[0], data_sets, strict=True):
            for frame, who, shift in ((rows, "here", -0.27), (printed, "paper", 0.09)):
                of = frame[frame["data_set"] == data_set]
                for step, (scenario, (colour, marker)) in enumerate(SCENARIO_LOOKS.items() if len(of) else ()):
                    at = of[of["scenario"] == scenario].set_index("features")["A"].reindex(names) * 100
                    look = {"color": colour, "markersize": 7} | ({"markerfacecolor": "white"} if who == "paper" else {})
                    ax.plot(at, np.arange(len(names)) + shift + 0.18 * step, marker, label=f"{scenario}, {who}", **look)
            name_rows(ax, names, xlabel="accuracy (%)")
            ax.set_title(data_set, loc="left")
        fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return fig


def decision_regions(points: pd.DataFrame, seed: int = 0) -> plt.Figure:
    """Draw points of the plane with the decision regions of a linear SVM fitted to them, one panel per feature space.

    Parameters
    ----------
    points : pandas.DataFrame
        From `feature_space.coordinates`; if there is a column ``role``, the SVM is fitted to "train" only.
    seed : int
    """
    names = list(dict.fromkeys(points["features"]))
    width = 7 if len(names) == 1 else 3.1 * len(names)
    with subplots(1, len(names), figsize=(width, 5.6 if len(names) == 1 else 3.9), squeeze=False) as (fig, axes):
        for ax, name in zip(axes[0], names, strict=True):
            _panel(ax, points[points["features"] == name], name, seed)
        fig.legend(*axes[0][0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return fig


def _panel(ax: plt.Axes, points: pd.DataFrame, name: str, seed: int) -> None:
    apart = "role" in points
    fitted, shown = (points[points["role"] == role] if apart else points for role in ("train", "test"))
    svm = separator(fitted, seed)
    _regions(ax, points, svm)
    for label in (0, 1):
        look: dict[str, Any] = {"color": CLASS_COLOURS[label], "marker": CLASS_LOOKS[label][1], "linewidth": 0.5}
        if apart:
            faint = fitted[fitted["label"] == label]
            ax.scatter(faint["x"], faint["y"], s=12, alpha=0.45, label=f"{CLASS_NAMES[label]}, training", **look)
        of, role = shown[shown["label"] == label], ", test" if apart else ""
        ax.scatter(of["x"], of["y"], s=34, edgecolor="black", label=CLASS_NAMES[label] + role, **look)
    right = svm.score(shown[["x", "y"]].to_numpy(), shown["label"])
    ax.set_title(f"{name}\nSVM right on {'the test' if apart else 'these'} points: {right:.0%}", fontsize=9, loc="left")
    bare(ax, points["method"].iloc[0])


def _regions(ax: plt.Axes, points: pd.DataFrame, svm: Any, steps: int = 200) -> None:
    """Shade the regions that the SVM predicts as negative and positive, and draw the decision boundary."""
    rims = [(v.min(), v.max(), 0.06 * np.ptp(v)) for v in (points["x"], points["y"])]
    sides = [np.linspace(low - rim, high + rim, steps) for low, high, rim in rims]
    x, y = np.meshgrid(*sides)
    height = svm.decision_function(np.c_[x.ravel(), y.ravel()]).reshape(x.shape)
    tints = ListedColormap([CLASS_COLOURS[0], CLASS_COLOURS[1]])
    ax.pcolormesh(x, y, height > 0, cmap=tints, vmin=0, vmax=1, alpha=0.16, shading="nearest", rasterized=True)
    ax.contour(x, y, height, levels=[0], colors="black", linewidths=1)


def bare(ax: plt.Axes, method: str) -> None:
    """Remove ticks and grid, because a projection has no units."""
    ax.grid(False)
    ax.set(xticks=[], yticks=[], xlabel=f"{method} 1 (no unit)", ylabel=f"{method} 2 (no unit)")


def image_map(points: pd.DataFrame, images: np.ndarray, cells: int = 22, pixels: int = 40) -> plt.Figure:
    """Draw images at their position in the projection, at most one in each cell of a grid (Figure 12a).

    Parameters
    ----------
    points : pandas.DataFrame, n rows
        From `feature_space.coordinates`, one feature space.
    images : array, uint8, shape (n, size, size, 3)
        In the order of `points`.
    cells : int
        Number along each side.
    pixels : int
        Edge of a drawn image.
    """
    if len(points) != len(images):
        raise LeuknetError(f"{len(points)} points but {len(images)} images: give one image per point")
    chosen = one_a_cell(points[["x", "y"]].to_numpy(), cells)
    canvas = np.full((cells * pixels, cells * pixels, 3), 255, np.uint8)
    for (column, row), image in chosen.items():
        small = resize(np.asarray(images[image]), (pixels, pixels), anti_aliasing=True, preserve_range=True)
        top = (cells - 1 - row) * pixels
        canvas[top : top + pixels, column * pixels : (column + 1) * pixels] = small.astype(np.uint8)
    with subplots(figsize=(7, 7.2)) as (fig, ax):
        ax.imshow(canvas, interpolation="antialiased")
        bare(ax, points["method"].iloc[0])
        words = f"{len(chosen)} of {len(points)} images: the one nearest to each cell's middle"
        ax.set_title(words, fontsize=9, loc="left")
    return fig


def one_a_cell(xy: np.ndarray, cells: int) -> dict[tuple[int, int], int]:
    """Return the point of `xy` (n, 2) closest to the centre of each occupied cell (column, row) of a square grid."""
    low, span = xy.min(axis=0), np.ptp(xy, axis=0)
    place = (xy - low) / np.where(span > 0, span, 1) * cells
    cell = np.minimum(place.astype(int), cells - 1)
    farthest = np.argsort(-((place - cell - 0.5) ** 2).sum(axis=1), kind="stable")
    return {(column, row): i for i, (column, row) in zip(farthest.tolist(), cell[farthest].tolist(), strict=True)}


def class_and_source(points: pd.DataFrame) -> plt.Figure:
    """Draw each projection twice: coloured by class and by source.

    Parameters
    ----------
    points : pandas.DataFrame
        From `feature_space.coordinates`, with one or more feature spaces and methods, one row each.
    """
    sources, looks = leading_sources(points)
    points = points.assign(source=sources)
    views = list(points.groupby(["features", "method"], sort=False))
    height = max(3.3 * len(views), 0.21 * len(looks)) + 0.9
    names = 0.085 * max(map(len, looks)) + 0.45
    margins = {"left": 0.35, "right": names, "bottom": 0.55, "top": 0.65, "gap": 0.12}
    with card(2, (COLUMN, height), rows=len(views), squeeze=False, **margins) as (fig, axes):
        for pair, ((name, method), of) in zip(axes, views, strict=True):
            scatter(pair[0], of, of["label"], CLASS_LOOKS, CLASS_NAMES)
            scatter(pair[1], of, of["source"], looks)
            pair[0].set_title(f"{name}, {method}, by class", fontsize=10, loc="left")
            pair[1].set_title(f"{name}, {method}, by source", fontsize=10, loc="left")
        fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="upper left", ncols=2)
        fig.legend(*axes[0, 1].get_legend_handles_labels(), loc="center right", handletextpad=0.2)
    return fig


def scatter(
    ax: plt.Axes,
    points: pd.DataFrame,
    values: pd.Series,
    looks: Mapping[Any, tuple],
    names: Mapping[Any, str] | None = None,
) -> None:
    """Draw points of a plane with the (colour, marker) of their values; `names` maps values to legend labels."""
    edge: dict[str, Any] = {"markersize": 4.5, "mec": "#333333", "mew": 0.4, "linestyle": "none"}
    for value, (colour, marker) in looks.items():
        at = points[values == value][["x", "y"]].to_numpy().T
        ax.plot(*at, marker, color=colour, label=_escape.label((names or {}).get(value, value)), **edge)
    bare(ax, points["method"].iloc[0])


def neighbour_table(tables: dict[str, pd.DataFrame], probes: dict[str, tuple[float, float]]) -> pd.DataFrame:
    """Return, for each feature space, the share of nearest neighbours with the same source or class, and the probe (%).

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        Maps the name of the space to the result of `feature_space.neighbours`.
    probes : dict of str to (accuracy, chance)
        Maps the name of the space to the result of `feature_space.named_source`.

    Returns
    -------
    pandas.DataFrame
        The last line, "chance", is the expected value for uninformative features.
    """
    lines = {name: frame.set_index("question")["share"] for name, frame in tables.items()}
    last, frame = list(tables.items())[-1]
    lines["chance"] = frame.set_index("question")["chance"]
    named = {name: probes[name][0] for name in tables} | {"chance": probes[last][1]}
    found = 100 * pd.DataFrame(lines).T.assign(**{"source named": pd.Series(named)})
    return found.add_suffix(" (%)").rename_axis("features").reset_index().rename_axis(columns=None)


def neighbour_sentence(table: pd.DataFrame, features: str = "LeukNet") -> str:
    """Return how often nearest neighbours share source and class in one feature space, each next to chance."""
    rows = table.set_index("features")
    own, chance = rows.loc[features].dropna(), rows.loc["chance"]
    words = "{} {} % (chance {} %)".format
    parts = [words(name.removesuffix(" (%)"), number(own[name]), number(chance[name])) for name in own.index]
    return f"Features of {features}, five nearest images: {listed(parts)}."
