"""Figures and tables of feature spaces (paper, section 4.3: Table 10, Figures 10 to 12)."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from skimage.transform import resize

from leuknet import _escape
from leuknet.data.registry import DATA_SETS
from leuknet.evaluation.metrics import scores
from leuknet.exceptions import LeuknetError
from leuknet.models.interpretation.feature_space import METRICS, separator
from leuknet.paper import tables
from leuknet.plots.format import listed, number
from leuknet.plots.style import (
    CLASS_COLOURS,
    CLASS_MARKERS,
    CLASS_NAMES,
    COLUMN,
    MARKERS,
    card,
    data_set_styles,
    language,
    table_order,
)

LEADING, OTHER = 7, ("#BBBBBB", ".")  # sources named in a legend; how the rest looks
SCENARIOS = ("LODOCV", "k-fold")
PAPER_NAMES = {"ImageNet": "no fine-tuning"}
SCENARIO_LOOKS = {"LODOCV": ("#0072B2", "o"), "k-fold": ("#E69F00", "s")}


def published10() -> pd.DataFrame:
    """Return the printed Table 10 in the columns of `feature_space.separability` (A, P, R as fractions)."""
    cells = tables.table(10).pivot(index=["block", "row"], columns="column", values="value")
    rows = []
    for (data_set, name), cell in cells.iterrows():
        for scenario in SCENARIOS:
            row = {"data_set": data_set, "features": PAPER_NAMES.get(name, name), "scenario": scenario}
            row["components"] = int(cell["Num. of Features"])
            percent = {metric: cell[f"{scenario} {metric}"] / 100 for metric in ("A", "P", "R")}
            rows.append(row | percent | {"Kappa": cell[f"{scenario} Kappa"]})
    return pd.DataFrame(rows)


def table10(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` next to the printed Table 10: one line a data set, feature space and author ("here" or "paper").

    Parameters
    ----------
    rows : pandas.DataFrame
        From `feature_space.separability`.

    Returns
    -------
    pandas.DataFrame
        ``data set``, ``features``, ``who``, ``number`` (features given to the SVM), then
        A, P, R (%) and Kappa for each scenario as text; "–" where undefined. The paper's data sets are always there.
    """
    both = pd.concat([rows.assign(who="here"), published10().assign(who="paper")], ignore_index=True)
    names = list(dict.fromkeys(both["features"]))
    out = []
    for data_set in table_order(both["data_set"]):
        for name in names:
            for who in ("here", "paper"):
                part = both[(both["data_set"] == data_set) & (both["features"] == name) & (both["who"] == who)]
                if len(part):
                    line = {"data set": data_set, "features": name, "who": who, "number": _number(part)}
                    out.append(line | _cells(part.set_index("scenario")))
    return pd.DataFrame(out)


def _number(part: pd.DataFrame) -> str:
    """Return how many features the SVM was given, or "LODOCV / k-fold" where the two differ."""
    kept = part.set_index("scenario")["components"].astype(int)
    return " / ".join(dict.fromkeys(str(kept[scenario]) for scenario in SCENARIOS))


def _cells(part: pd.DataFrame) -> dict[str, str]:
    """Return the eight cells of one line of Table 10 as text."""
    lines = {scenario: as_text(part.loc[scenario]) for scenario in SCENARIOS}
    return {f"{scenario} {name}": text for scenario, line in lines.items() for name, text in line.items()}


def as_text(found: pd.Series) -> dict[str, str]:
    """Return A, P, R (%) and Kappa from fractions as text; "–" where undefined."""
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
        Name of the classifier to its probabilities, or calls 0 and 1.
    """
    return pd.DataFrame([{"classifier": name, "images": len(y)} | as_text(scores(y, p)) for name, p in calls.items()])


def separability(rows: pd.DataFrame) -> Figure:
    """Draw the accuracy of the linear SVM in each feature space, held out and within the data set, next to the paper's.

    Parameters
    ----------
    rows : pandas.DataFrame
        From `feature_space.separability`.
    """
    printed, data_sets = published10(), table_order(rows["data_set"])
    names = list(dict.fromkeys(rows["features"]))
    with language():
        fig, axes = plt.subplots(1, len(data_sets), figsize=(7, 0.42 * len(names) + 1.9), sharey=True, squeeze=False)
        for ax, data_set in zip(axes[0], data_sets, strict=True):
            for frame, who, filled in ((rows, "here", True), (printed, "paper", False)):
                of = frame[frame["data_set"] == data_set]
                if of.empty:
                    continue
                for step, (scenario, (colour, marker)) in enumerate(SCENARIO_LOOKS.items()):
                    at = of[of["scenario"] == scenario].set_index("features")["A"].reindex(names) * 100
                    y = np.arange(len(names)) + (-0.27 if filled else 0.09) + 0.18 * step
                    look = {"color": colour, "markerfacecolor": colour if filled else "white", "markersize": 7}
                    ax.plot(at, y, marker, label=f"{scenario}, {who}", **look)
            ax.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5), xlabel="accuracy (%)")
            ax.set_title(data_set, loc="left")
            ax.grid(axis="x")
        handles, labels = axes[0][0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper center", ncols=4)
    return fig


def decision_regions(points: pd.DataFrame, seed: int = 0) -> Figure:
    """Draw points of the plane with the regions of a linear SVM fitted to them, a panel for each feature space.

    Parameters
    ----------
    points : pandas.DataFrame
        From `feature_space.coordinates`; with a column ``role``, the SVM is fitted to "train" only.
    seed : int
    """
    names = list(dict.fromkeys(points["features"]))
    with language():
        width = 7 if len(names) == 1 else 3.1 * len(names)
        fig, axes = plt.subplots(1, len(names), figsize=(width, 5.6 if len(names) == 1 else 3.9), squeeze=False)
        for ax, name in zip(axes[0], names, strict=True):
            _panel(ax, points[points["features"] == name], name, seed)
        handles, labels = axes[0][0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper left", ncols=2)
    return fig


def _panel(ax: Axes, points: pd.DataFrame, name: str, seed: int) -> None:
    fitted = points if "role" not in points else points[points["role"] == "train"]
    shown = fitted if "role" not in points else points[points["role"] == "test"]
    svm = separator(fitted, seed)
    _regions(ax, points, svm)
    for label in (0, 1):
        look = {"color": CLASS_COLOURS[label], "marker": CLASS_MARKERS[label], "linewidth": 0.5}
        if "role" in points:
            faint = fitted[fitted["label"] == label]
            ax.scatter(faint["x"], faint["y"], s=12, alpha=0.45, label=f"{CLASS_NAMES[label]}, training", **look)
        of, role = shown[shown["label"] == label], ", test" if "role" in points else ""
        ax.scatter(of["x"], of["y"], s=34, edgecolor="black", label=CLASS_NAMES[label] + role, **look)
    right = svm.score(shown[["x", "y"]].to_numpy(), shown["label"])
    whom = "on the test points" if "role" in points else "on these points"
    ax.set_title(f"{name}\nSVM right {whom}: {right:.0%}", fontsize=9, loc="left")
    bare(ax, points["method"].iloc[0])


def _regions(ax: Axes, points: pd.DataFrame, svm: Any, steps: int = 200) -> None:
    """Shade what the SVM calls negative and positive, and draw the line between."""
    rims = [(v.min(), v.max(), 0.06 * np.ptp(v)) for v in (points["x"], points["y"])]
    sides = [np.linspace(low - rim, high + rim, steps) for low, high, rim in rims]
    x, y = np.meshgrid(*sides)
    height = svm.decision_function(np.c_[x.ravel(), y.ravel()]).reshape(x.shape)
    tints = ListedColormap([CLASS_COLOURS[0], CLASS_COLOURS[1]])
    ax.pcolormesh(x, y, height > 0, cmap=tints, vmin=0, vmax=1, alpha=0.16, shading="nearest", rasterized=True)
    ax.contour(x, y, height, levels=[0], colors="black", linewidths=1)


def bare(ax: Axes, method: str) -> None:
    """Take ticks and grid away: a projection has no units."""
    ax.grid(False)
    ax.set(xticks=[], yticks=[], xlabel=f"{method} 1 (no unit)", ylabel=f"{method} 2 (no unit)")


def image_map(points: pd.DataFrame, images: np.ndarray, cells: int = 22, pixels: int = 40) -> Figure:
    """Draw images where the projection puts them, at most one in each cell of a grid (Figure 12a).

    Parameters
    ----------
    points : pandas.DataFrame, n rows
        From `feature_space.coordinates`, one feature space.
    images : array, uint8, shape (n, size, size, 3)
        In the order of `points`.
    cells : int
        Along each side.
    pixels : int
        Edge of an image as drawn.
    """
    if len(points) != len(images):
        raise LeuknetError(f"{len(points)} points but {len(images)} images: give one image per point")
    chosen = one_a_cell(points[["x", "y"]].to_numpy(), cells)
    canvas = np.full((cells * pixels, cells * pixels, 3), 255, np.uint8)
    for (column, row), image in chosen.items():
        small = resize(np.asarray(images[image]), (pixels, pixels), anti_aliasing=True, preserve_range=True)
        top = (cells - 1 - row) * pixels
        canvas[top : top + pixels, column * pixels : (column + 1) * pixels] = small.astype(np.uint8)
    with language():
        fig, ax = plt.subplots(figsize=(7, 7.2))
        ax.imshow(canvas, interpolation="antialiased")
        bare(ax, points["method"].iloc[0])
        title = f"{len(chosen)} of {len(points)} images: the one nearest to each cell's middle"
        ax.set_title(title, fontsize=9, loc="left")
    return fig


def one_a_cell(xy: np.ndarray, cells: int) -> dict[tuple[int, int], int]:
    """Return the point of `xy` (n, 2) nearest to the middle of each occupied cell (column, row) of a square grid."""
    low, span = xy.min(axis=0), np.ptp(xy, axis=0)
    place = (xy - low) / np.where(span > 0, span, 1) * cells
    cell = np.minimum(place.astype(int), cells - 1)
    off = ((place - cell - 0.5) ** 2).sum(axis=1)
    chosen = {}
    for i in np.argsort(-off, kind="stable"):
        chosen[tuple(int(v) for v in cell[i])] = int(i)
    return chosen


def class_and_source(points: pd.DataFrame) -> Figure:
    """Draw each projection twice: coloured by class, and by source.

    Parameters
    ----------
    points : pandas.DataFrame
        From `feature_space.coordinates`, one or more feature spaces and methods: a row each.
    """
    sources, looks = leading_sources(points)
    points = points.assign(source=sources)
    views = list(points.groupby(["features", "method"], sort=False))
    classes = {label: (CLASS_COLOURS[label], CLASS_MARKERS[label]) for label in (0, 1)}
    with language():
        height = max(3.3 * len(views), 0.21 * len(looks)) + 0.9
        names = 0.085 * max(map(len, looks)) + 0.45
        margins = {"left": 0.35, "right": names, "bottom": 0.55, "top": 0.65, "gap": 0.12}
        fig, axes = card(2, (COLUMN, height), rows=len(views), squeeze=False, **margins)
        for pair, ((name, method), of) in zip(axes, views, strict=True):
            _scatter(pair[0], of, "label", classes, CLASS_NAMES)
            _scatter(pair[1], of, "source", looks, {name: name for name in looks})
            pair[0].set_title(f"{name}, {method}, by class", fontsize=10, loc="left")
            pair[1].set_title(f"{name}, {method}, by source", fontsize=10, loc="left")
        fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="upper left", ncols=2)
        fig.legend(*axes[0, 1].get_legend_handles_labels(), loc="center right", handletextpad=0.2)
    return fig


def _scatter(ax: Axes, points: pd.DataFrame, column: str, looks: Mapping[Any, tuple], names: Mapping[Any, str]) -> None:
    for value, (colour, marker) in looks.items():
        of = points[points[column] == value]
        look = {"color": colour, "markersize": 4.5, "markeredgecolor": "#333333", "markeredgewidth": 0.4}
        ax.plot(
            of["x"].to_numpy(), of["y"].to_numpy(), marker, linestyle="none", label=_escape.label(names[value]), **look
        )
    bare(ax, points["method"].iloc[0])


def source_styles(table: pd.DataFrame) -> dict[str, tuple[tuple[float, ...], str]]:
    """Return (colour, marker) of each source: its first data set's; evenly spread if any data set is not Table 1's."""
    first = table.drop_duplicates("data_set").set_index("data_set")["source"]
    leading = {}
    for data_set in table_order(first.index):
        leading.setdefault(first[data_set], data_set)
    if set(first.index) <= set(DATA_SETS):
        styles = data_set_styles(list(leading.values()))
        return {source: styles[data_set] for source, data_set in leading.items()}
    shades = colormaps["turbo"](np.linspace(0.05, 0.95, len(leading)))
    return {source: (tuple(shades[i]), MARKERS[i % len(MARKERS)]) for i, source in enumerate(leading)}


def leading_sources(table: pd.DataFrame) -> tuple[pd.Series, dict]:
    """Return the source of each image for a legend that can be read, and the (colour, marker) of each.

    The `LEADING` sources with the most images keep their names, all others are one grey "n other sources".
    """
    looks, counts = source_styles(table), table["source"].value_counts()
    kept = sorted(looks, key=lambda name: -counts[name])[:LEADING] if len(looks) > LEADING + 1 else list(looks)
    rest = f"{len(looks) - len(kept)} other sources"
    values = table["source"].where(table["source"].isin(kept), rest)
    return values, {name: looks[name] for name in looks if name in kept} | (
        {rest: OTHER} if len(kept) < len(looks) else {}
    )


def neighbour_table(tables: dict[str, pd.DataFrame], probes: dict[str, tuple[float, float]]) -> pd.DataFrame:
    """Return one line a feature space: what share of nearest neighbours share the source or class, and the probe (%).

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        Name of the space to `feature_space.neighbours`.
    probes : dict of str to (accuracy, chance)
        Name of the space to `feature_space.named_source`.

    Returns
    -------
    pandas.DataFrame
        The last line, "chance", is what features that know nothing would give.
    """
    lines = [
        {"features": name} | frame.set_index("question")["share"].to_dict() | {"source named": probes[name][0]}
        for name, frame in tables.items()
    ]
    last = next(reversed(tables))
    chance = tables[last].set_index("question")["chance"].to_dict()
    lines.append({"features": "chance"} | chance | {"source named": probes[last][1]})
    frame = pd.DataFrame(lines).set_index("features") * 100
    return frame.add_suffix(" (%)").reset_index()


def neighbour_sentence(table: pd.DataFrame, features: str = "LeukNet") -> str:
    """Return what the nearest images share in one feature space, each share next to chance."""
    rows = table.set_index("features")
    own, chance = rows.loc[features].dropna(), rows.loc["chance"]
    parts = [
        f"{name.removesuffix(' (%)')} {number(own[name])} % (chance {number(chance[name])} %)" for name in own.index
    ]
    return f"Features of {features}, five nearest images: {listed(parts)}."
