"""What a cohort holds: Table 1 next to it, and pictures of it (Figures 1 and 2)."""

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from leuknet._random import rng
from leuknet.data.cohort import Cohort
from leuknet.data.registry import DATA_SETS, lookup, registry_table, totals
from leuknet.exceptions import LeuknetError
from leuknet.plots.style import CLASS_COLOURS, CLASS_HATCHES, CLASS_NAMES, language, table_order

CLASS_SIGNS = {0: "−", 1: "+"}
CLASS_LINES = {0: "-", 1: "--"}
COLUMNS_A_ROW = 6


def class_counts(table: pd.DataFrame, unit: str = "data_set") -> pd.DataFrame:
    """Return ``negative`` and ``positive`` images (int) for each data set or source (index, Table 1's order)."""
    counts = pd.crosstab(table[unit], table["label"]).reindex(columns=[0, 1], fill_value=0)
    return counts.set_axis(["negative", "positive"], axis=1).reindex(table_order(counts.index))


def published_counts(unit: str = "data_set") -> pd.DataFrame:
    """Return Table 1 as `class_counts` returns a cohort."""
    table = registry_table().rename(columns={"name": "data_set", "negatives": "negative", "positives": "positive"})
    return table.groupby(unit, sort=False)[["negative", "positive"]].sum()


def table_1(table: pd.DataFrame) -> pd.DataFrame:
    """Return Table 1 as published next to what a cohort holds.

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.

    Returns
    -------
    pandas.DataFrame
        One row a data set in Table 1's order, then data sets that are not in Table 1, then the totals as printed and as
        the rows sum. Text where something is absent: empty.
    """
    here = class_counts(table)
    names = {getattr(lookup(name), "name", name): name for name in here.index}
    rows = [_row(name, here.loc[names[name]] if name in names else None) for name in [*DATA_SETS, *_others(names)]]
    printed = totals().query("place == 'Table 1, line Total'").set_index("count")["published"]
    sums = [int(published_counts()[column].sum()) for column in ("negative", "positive")]
    of = ["negatives", "positives", "total"]
    rows.append(_line("Total, as printed", [int(printed[name]) for name in of], ["", ""]))
    rows.append(_line("Total, as the rows sum", [*sums, sum(sums)], here.sum().tolist()))
    return pd.DataFrame(rows)


def _others(names: dict[str, str]) -> list[str]:
    return [name for name in table_order(names) if name not in DATA_SETS]


def _row(name: str, here: pd.Series | None) -> dict[str, int | str]:
    known = DATA_SETS.get(name)
    published = [known.negatives, known.positives, known.total] if known else ["", "", ""]
    described = {"source": known.source if known else name, "cells": (known.cells if known else "") or ""}
    return _line(name, published, ["", ""] if here is None else here.tolist()) | described


def _line(name: str, published: list[int | str], here: list[int | str]) -> dict[str, int | str]:
    headers = ("non-pathological", "pathological", "total", "here: negative", "here: positive")
    values = zip(headers, [*published, *here], strict=True)
    return {"data set": name, "source": "", "cells": "", **dict(values)}


def class_balance(counts: dict[str, pd.DataFrame]) -> Figure:
    """Draw negative images to the left and positive images to the right, one bar a data set.

    Parameters
    ----------
    counts : dict of str to pandas.DataFrame
        Title of each panel, and what `class_counts` or `published_counts` returns.
    """
    with language():
        height = 0.26 * max(map(len, counts.values())) + 1.9
        fig, axes = plt.subplots(1, len(counts), figsize=(8, height), squeeze=False)
        for ax, (title, frame) in zip(axes[0], counts.items(), strict=True):
            single = int((frame.min(axis=1) == 0).sum())
            ax.set_title(f"{title}\n{single} of {len(frame)} data sets hold one class", loc="left", fontsize=10)
            _diverging(ax, frame)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, ncols=2, loc="outside upper center")
    return fig


def _diverging(ax: Axes, frame: pd.DataFrame) -> None:
    rows = np.arange(len(frame))
    widest = max(int(frame.to_numpy().max()), 1)
    for label, side in ((0, -1), (1, 1)):
        values = frame.iloc[:, label].to_numpy()
        style = {"color": CLASS_COLOURS[label], "hatch": CLASS_HATCHES[label], "edgecolor": "white"}
        ax.barh(rows, side * values, height=0.72, label=CLASS_NAMES[label], **style)
        for row, value in zip(rows[values > 0], values[values > 0], strict=True):
            place, ha = side * (value + 0.03 * widest), "left" if side > 0 else "right"
            ax.text(place, row, str(value), ha=ha, va="center", fontsize=9)
    ax.axvline(0, color="black", linewidth=1)
    ax.set(yticks=rows, yticklabels=frame.index, ylim=(len(frame) - 0.4, -0.6), xlim=(-1.35 * widest, 1.35 * widest))
    ax.xaxis.set_major_locator(plt.MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    ax.set_xlabel("images")
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x")


def strip(ax: Axes, images: np.ndarray, labels: Sequence[int], titles: list[str] | None = None) -> None:
    """Lay `images` side by side on `ax`, each framed and signed by its class (− solid, + dashed), titles above."""
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        ax.imshow(image, extent=(place, place + 0.92, 0, 0.92), interpolation="antialiased")
        colour = CLASS_COLOURS[label]
        frame = {"fill": False, "edgecolor": colour, "linewidth": 2.5, "linestyle": CLASS_LINES[label]}
        ax.add_patch(Rectangle((place, 0), 0.92, 0.92, **frame))
        box = {"facecolor": "white", "edgecolor": colour, "boxstyle": "square,pad=0.15"}
        ax.text(place + 0.06, 0.1, CLASS_SIGNS[label], fontsize=9, weight="bold", color="black", bbox=box)
        if titles is not None:
            ax.text(place + 0.46, 0.98, titles[place], ha="center", va="bottom", fontsize=9)
    ax.set(xlim=(-0.03, len(images)), ylim=(-0.05, 0.97), aspect="equal")
    ax.axis("off")


def examples(table: pd.DataFrame, n: int, seed: int = 0) -> dict[str, list[int]]:
    """Return positions of up to `n` images a data set, evenly of both classes where it has both.

    Returns
    -------
    dict of str to list of int
        By data set, in Table 1's order; negative images first.
    """
    chosen = {}
    for name in table_order(table["data_set"]):
        of = table["data_set"].to_numpy() == name
        classes = [np.flatnonzero(of & (table["label"].to_numpy() == label)) for label in (0, 1)]
        classes = [places for places in classes if len(places)]
        share = max(n // len(classes), 1)
        generator = rng("survey", seed, name)
        picked = [sorted(generator.choice(places, min(share, len(places)), replace=False)) for places in classes]
        chosen[name] = [int(place) for part in picked for place in part]
    return chosen


def contact_sheet(cohort: Cohort, n: int = 4, seed: int = 0) -> Figure:
    """Draw `n` images of each data set, signed by class (paper, Figure 2)."""
    chosen = examples(cohort.table, n, seed)
    labels = cohort.table["label"].to_numpy()
    columns = min(2, len(chosen))
    rows = -(-len(chosen) // columns)
    with language():
        fig, axes = plt.subplots(rows, columns, figsize=(8, 8 / columns / n * 1.28 * rows + 0.5), squeeze=False)
        for ax in axes.ravel():
            ax.axis("off")
        for ax, (name, places) in zip(axes.ravel(), chosen.items(), strict=False):
            strip(ax, cohort.images[places], labels[places])
            ax.set(xlim=(-0.03, n))
            ax.set_title(name, loc="left", fontsize=9.5, pad=2)
    return fig


def first_look(cohort: Cohort, seed: int = 0) -> Figure:
    """Draw one image of each data set that has the class: negative images above, positive below; rows wrap at six."""
    blocks = [(label, _one_each(cohort.table, label, seed)) for label in (0, 1)]
    blocks = [(label, chosen) for label, chosen in blocks if chosen]
    lines = [(label, row, part) for label, chosen in blocks for row, part in enumerate(_wrapped(chosen))]
    columns = max(len(part) for _, _, part in lines)
    with language():
        fig, axes = plt.subplots(len(lines), 1, figsize=(8, (8 / columns * 1.3) * len(lines) + 0.4), squeeze=False)
        for ax, (label, row, part) in zip(axes[:, 0], lines, strict=True):
            titles = ["\n".join(textwrap.wrap(cohort.table["data_set"].iloc[place], 14)) for place in part]
            strip(ax, cohort.images[part], [label] * len(part), titles)
            ax.set(xlim=(-0.03, columns), ylim=(-0.05, 1.3))
            if row == 0:
                ax.set_title(CLASS_NAMES[label], loc="left", weight="bold")
    return fig


def _wrapped(places: list[int]) -> list[list[int]]:
    return [places[start : start + COLUMNS_A_ROW] for start in range(0, len(places), COLUMNS_A_ROW)]


def _one_each(table: pd.DataFrame, label: int, seed: int) -> list[int]:
    chosen = examples(table[table["label"] == label].reset_index(drop=True), 1, seed)
    positions = np.flatnonzero(table["label"].to_numpy() == label)
    return [int(positions[places[0]]) for places in chosen.values()]


def smears(cohort: Cohort, n: int = 3, seed: int = 0) -> Figure:
    """Draw `n` negative and `n` positive images of one data set that has both classes (paper, Figure 1).

    Without such a data set the classes come from different ones; the title says which.
    """
    table = cohort.table
    counts = class_counts(table)
    both = counts.index[counts.min(axis=1) > 0]
    part = table["data_set"].to_numpy() == both[0] if len(both) else np.ones(len(table), bool)
    with language():
        fig, axes = plt.subplots(2, 1, figsize=(8, 8 / n * 2 + 1.0))
        for ax, label in zip(axes, (0, 1), strict=True):
            places = np.flatnonzero(part & (table["label"].to_numpy() == label))
            if not len(places):
                raise LeuknetError(f"cohort {cohort.name} has no {CLASS_NAMES[label]} image: add a data set that has")
            places = np.sort(rng("smears", seed, label).choice(places, min(n, len(places)), replace=False))
            strip(ax, cohort.images[places], [label] * len(places))
            ax.set(xlim=(-0.03, n))
            names = ", ".join(table_order(table["data_set"].iloc[places]))
            ax.set_title(f"({'ab'[label]}) {CLASS_NAMES[label]}: {names}", loc="left")
    return fig


def cell_kinds(table: pd.DataFrame) -> list[str]:
    """Return the kinds of leukocyte that single-cell images show, normal ones first; empty where none are known."""
    if "kind" not in table:
        return []
    one = table[~table["kind"].isin(["field", ""])]
    return one.groupby("kind", sort=True)["label"].mean().sort_values(kind="stable").index.tolist()


def cells_and_masks(cohort: Cohort, seed: int = 0) -> Figure:
    """Draw one image of each kind of leukocyte above the same image with its masks outlined.

    Under each stands the nucleus' share of the cell's area: median over the kind's images, and their number.

    Raises
    ------
    LeuknetError
        If the cohort has no masks, or its table does not say the kinds.
    """
    found = cell_kinds(cohort.table)
    if cohort.masks is None or not found:
        raise LeuknetError(f"cohort {cohort.name} has no masks or kinds of cells: only the synthetic cohort has them")
    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    with language():
        fig, axes = plt.subplots(2 * rows, columns, figsize=(8, 8 / columns * 2 * rows + 0.8 * rows), squeeze=False)
        for ax in axes.ravel():
            ax.axis("off")
        for k, kind in enumerate(found):
            row, column = 2 * (k // columns), k % columns
            _cell(axes[row, column], axes[row + 1, column], cohort, kind, seed)
    return fig


def _cell(plain: Axes, outlined: Axes, cohort: Cohort, kind: str, seed: int) -> None:
    places = np.flatnonzero(cohort.table["kind"].to_numpy() == kind)
    place = int(rng("cells", seed, kind).choice(places))
    image, mask = cohort.images[place], cohort.masks[place]
    for ax in (plain, outlined):
        ax.imshow(image, interpolation="antialiased")
    for least, line in ((1, "-"), (2, "--")):
        outlined.contour(mask >= least, [0.5], colors="black", linewidths=2.6)
        outlined.contour(mask >= least, [0.5], colors="white", linewidths=1.3, linestyles=line)
    shares = [share for share in (nucleus_share(cohort.masks[at]) for at in places) if share is not None]
    sign = CLASS_SIGNS[int(cohort.table["label"].iloc[place])]
    plain.set_title(f"{sign} {kind}", fontsize=10)
    outlined.set_title(f"nucleus {100 * np.median(shares):.0f} % of cell\n(n = {len(shares)})", fontsize=9)


def nucleus_share(mask: np.ndarray) -> float:
    """Return nucleus area / cell area (0 to 1) of all cells in a mask, or None if it shows none."""
    cell = int((mask > 0).sum())
    return int((mask == 2).sum()) / cell if cell else None
