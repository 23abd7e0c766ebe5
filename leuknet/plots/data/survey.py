"""What a cohort holds: Table 1 next to it, and pictures of it (Figures 1 and 2)."""

import textwrap
from collections.abc import Sequence
from typing import Any

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
from leuknet.plots.axes import name_rows, picture, picture_grid
from leuknet.plots.style import CLASS_COLOURS, CLASS_HATCHES, CLASS_NAMES, language, table_order

CLASS_SIGNS = {0: "−", 1: "+"}
CLASS_LINES = {0: "-", 1: "--"}
WRAPPED = 6  # pictures in a row


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
    here = class_counts(table).rename(index=lambda name: getattr(lookup(name), "name", name)).groupby(level=0).sum()
    rows = [_line(one.name, one.source, one.cells, (one.negatives, one.positives, one.total), here)
            for one in DATA_SETS.values()]  # fmt: skip
    rows += [_line(name, name, "", ("", "", ""), here) for name in table_order(set(here.index) - set(DATA_SETS))]
    printed = totals().query("place == 'Table 1, line Total'").set_index("count")["published"]
    sums = published_counts().sum()
    of = tuple(int(printed[name]) for name in ("negatives", "positives", "total"))
    rows.append(_line("Total, as printed", "", "", of, here))
    rows.append(
        _line("Total, as the rows sum", "", "", (*sums, sums.sum()), here.sum().to_frame("Total, as the rows sum").T)
    )
    return pd.DataFrame(rows)


def _line(name: str, source: str, cells: str | None, published: Sequence[Any], here: pd.DataFrame) -> dict[str, Any]:
    found = here.loc[name].tolist() if name in here.index else ["", ""]
    line = {"data set": name, "source": source, "cells": cells or ""}
    headers = ("non-pathological", "pathological", "total", "here: negative", "here: positive")
    return line | dict(zip(headers, [*published, *found], strict=True))


def class_balance(counts: dict[str, pd.DataFrame]) -> Figure:
    """Draw negative images to the left and positive images to the right, one bar a data set.

    Parameters
    ----------
    counts : dict of str to pandas.DataFrame
        Title of each panel, and what `class_counts` or `published_counts` returns.
    """
    with language():
        size = (8, 0.26 * max(map(len, counts.values())) + 1.9)
        fig, axes = plt.subplots(1, len(counts), figsize=size, squeeze=False)
        for ax, (title, frame) in zip(axes[0], counts.items(), strict=True):
            single = int((frame.min(axis=1) == 0).sum())
            ax.set_title(f"{title}\n{single} of {len(frame)} data sets hold one class", loc="left", fontsize=10)
            _diverging(ax, frame)
        fig.legend(*axes[0, 0].get_legend_handles_labels(), ncols=2, loc="outside upper center")
    return fig


def _diverging(ax: Axes, frame: pd.DataFrame) -> None:
    rows = np.arange(len(frame))
    widest = max(int(frame.to_numpy().max()), 1)
    for label, side in ((0, -1), (1, 1)):
        values, ha = frame.iloc[:, label].to_numpy(), "left" if side > 0 else "right"
        style = {"color": CLASS_COLOURS[label], "hatch": CLASS_HATCHES[label], "edgecolor": "white"}
        ax.barh(rows, side * values, height=0.72, label=CLASS_NAMES[label], **style)
        for row in np.flatnonzero(values):
            ax.text(side * (values[row] + 0.03 * widest), row, values[row], ha=ha, va="center", fontsize=9)
    ax.axvline(0, color="black", linewidth=1)
    name_rows(ax, frame.index, ylim=(len(frame) - 0.4, -0.6), xlim=(-1.35 * widest, 1.35 * widest), xlabel="images")
    ax.xaxis.set_major_locator(plt.MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    ax.grid(axis="y", visible=False)


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
        parts = [np.flatnonzero((table["data_set"] == name) & (table["label"] == label)) for label in (0, 1)]
        share, generator = max(n // sum(len(part) > 0 for part in parts), 1), rng("survey", seed, name)
        picked = [np.sort(generator.choice(part, min(share, len(part)), replace=False)) for part in parts if len(part)]
        chosen[name] = np.concatenate(picked).tolist()
    return chosen


def contact_sheet(cohort: Cohort, n: int = 4, seed: int = 0) -> Figure:
    """Draw `n` images of each data set, signed by class (paper, Figure 2)."""
    chosen = examples(cohort.table, n, seed)
    labels = cohort.table["label"].to_numpy()
    columns = min(2, len(chosen))
    rows = -(-len(chosen) // columns)
    with language():
        fig, axes = picture_grid(rows, columns, (8, 8 / columns / n * 1.28 * rows + 0.5))
        for ax, (name, places) in zip(axes.flat, chosen.items(), strict=False):
            strip(ax, cohort.images[places], labels[places])
            ax.set(xlim=(-0.03, n))
            ax.set_title(name, loc="left", fontsize=9.5, pad=2)
    return fig


def first_look(cohort: Cohort, seed: int = 0) -> Figure:
    """Draw one image of each data set that has the class: negative images above, positive below; rows wrap at six."""
    lines = []
    for label in (0, 1):
        places = np.flatnonzero(cohort.table["label"] == label)
        chosen = [places[at[0]] for at in examples(cohort.table.iloc[places], 1, seed).values()]
        lines += [(label, start, chosen[start : start + WRAPPED]) for start in range(0, len(chosen), WRAPPED)]
    columns = max(len(part) for _, _, part in lines)
    with language():
        fig, axes = picture_grid(len(lines), 1, (8, (8 / columns * 1.3) * len(lines) + 0.4))
        for ax, (label, start, part) in zip(axes.flat, lines, strict=True):
            titles = ["\n".join(textwrap.wrap(cohort.table["data_set"].iloc[place], 14)) for place in part]
            strip(ax, cohort.images[part], [label] * len(part), titles)
            ax.set(xlim=(-0.03, columns), ylim=(-0.05, 1.3))
            if not start:
                ax.set_title(CLASS_NAMES[label], loc="left", weight="bold")
    return fig


def smears(cohort: Cohort, n: int = 3, seed: int = 0) -> Figure:
    """Draw `n` negative and `n` positive images of one data set that has both classes (paper, Figure 1).

    Without such a data set the classes come from different ones; the title says which.
    """
    table, counts = cohort.table, class_counts(cohort.table)
    both = counts.index[counts.min(axis=1) > 0]
    part = (table["data_set"] == both[0]) if len(both) else table["data_set"].notna()
    with language():
        fig, axes = plt.subplots(2, 1, figsize=(8, 8 / n * 2 + 1.0))
        for label, ax in enumerate(axes):
            places = np.flatnonzero(part & (table["label"] == label))
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
        fig, axes = picture_grid(2 * rows, columns, (8, 8 / columns * 2 * rows + 0.8 * rows))
        for k, kind in enumerate(found):
            row, column = 2 * (k // columns), k % columns
            _cell(axes[row, column], axes[row + 1, column], cohort, kind, seed)
    return fig


def _cell(plain: Axes, outlined: Axes, cohort: Cohort, kind: str, seed: int) -> None:
    places = np.flatnonzero(cohort.table["kind"].to_numpy() == kind)
    place = int(rng("cells", seed, kind).choice(places))
    image, mask = cohort.images[place], cohort.masks[place]
    sign, shares = CLASS_SIGNS[int(cohort.table["label"].iloc[place])], list(map(nucleus_share, cohort.masks[places]))
    shares = [share for share in shares if share is not None]
    picture(plain, image, interpolation="antialiased")
    picture(outlined, image, interpolation="antialiased")
    for least, line in ((1, "-"), (2, "--")):
        outlined.contour(mask >= least, [0.5], colors="black", linewidths=2.6)
        outlined.contour(mask >= least, [0.5], colors="white", linewidths=1.3, linestyles=line)
    plain.set_title(f"{sign} {kind}", fontsize=10)
    outlined.set_title(f"nucleus {100 * np.median(shares):.0f} % of cell\n(n = {len(shares)})", fontsize=9)


def nucleus_share(mask: np.ndarray) -> float | None:
    """Return nucleus area / cell area (0 to 1) of all cells in a mask, or None if it shows none."""
    cell = int((mask > 0).sum())
    return int((mask == 2).sum()) / cell if cell else None
