"""Contents of a cohort: comparison with Table 1, and example images (Figures 1 and 2)."""

import textwrap
from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from leuknet._random import rng
from leuknet.data.cohort import Cohort
from leuknet.data.registry import DATA_SETS, canonical, registry_table, totals
from leuknet.exceptions import LeuknetError
from leuknet.plots.axes import name_rows, picture, picture_grid, subplots
from leuknet.plots.style import CLASS_BARS, CLASS_COLOURS, CLASS_NAMES, table_order

CLASS_SIGNS = {0: "−", 1: "+"}
CLASS_LINES = {0: "-", 1: "--"}
WRAPPED = 6  # images per row


def class_counts(table: pd.DataFrame, unit: str = "data_set") -> pd.DataFrame:
    """Return ``negative`` and ``positive`` images (int) for each data set or source (index, Table 1's order)."""
    counts = pd.crosstab(table[unit], table["label"]).reindex(columns=[0, 1], fill_value=0)
    return counts.set_axis(["negative", "positive"], axis=1).reindex(table_order(counts.index))


def published_counts(unit: str = "data_set") -> pd.DataFrame:
    """Return Table 1 in the format of `class_counts`."""
    table = registry_table().rename(columns={"name": "data_set", "negatives": "negative", "positives": "positive"})
    return table.groupby(unit, sort=False)[["negative", "positive"]].sum()


def table_1(table: pd.DataFrame) -> pd.DataFrame:
    """Return Table 1 as published next to the counts of a cohort.

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.

    Returns
    -------
    pandas.DataFrame
        One row per data set in Table 1's order, then data sets that are not in Table 1, then the totals as printed and
        as the sum of the rows. As text; missing values are empty.
    """
    here = class_counts(table).rename(index=canonical).groupby(level=0).sum()
    columns = ["name", "source", "cells", "negatives", "positives", "total"]
    frame = registry_table()[columns].set_index("name")
    others = table_order(set(here.index) - set(DATA_SETS))
    frame = pd.concat([frame, pd.DataFrame({"source": others}, others)])
    printed = totals().query("place == 'Table 1, line Total'").set_index("count")["published"].astype(int)
    frame.loc["Total, as printed"] = printed
    frame.loc["Total, as the rows sum"] = frame[columns[3:]].head(len(DATA_SETS)).sum()
    here.loc["Total, as the rows sum"] = here.sum()
    joined = frame.join(here).convert_dtypes().astype(object).rename_axis("data set").reset_index()
    headers = ("source", "cells", "non-pathological", "pathological", "total", "here: negative", "here: positive")
    return joined.where(joined.notna(), "").set_axis(["data set", *headers], axis=1)


def class_balance(counts: dict[str, pd.DataFrame]) -> plt.Figure:
    """Draw negative images to the left and positive images to the right, one bar per data set.

    Parameters
    ----------
    counts : dict of str to pandas.DataFrame
        Maps the title of each panel to the result of `class_counts` or `published_counts`.
    """
    size = (8, 0.26 * max(map(len, counts.values())) + 1.9)
    with subplots(1, len(counts), figsize=size, squeeze=False) as (fig, axes):
        for ax, (title, frame) in zip(axes[0], counts.items(), strict=True):
            single = int((frame.min(axis=1) == 0).sum())
            ax.set_title(f"{title}\n{single} of {len(frame)} data sets hold one class", loc="left", fontsize=10)
            _diverging(ax, frame)
        fig.legend(*axes[0, 0].get_legend_handles_labels(), ncols=2, loc="outside upper center")
    return fig


def _diverging(ax: plt.Axes, frame: pd.DataFrame) -> None:
    rows = np.arange(len(frame))
    widest = max(int(frame.to_numpy().max()), 1)
    for label, side in ((0, -1), (1, 1)):
        values, ha = frame.iloc[:, label].to_numpy(), "left" if side > 0 else "right"
        ax.barh(rows, side * values, 0.72, label=CLASS_NAMES[label], **CLASS_BARS[label])
        for row in np.flatnonzero(values):
            ax.text(side * (values[row] + 0.03 * widest), float(row), values[row], ha=ha, va="center", fontsize=9)
    ax.axvline(0, color="black", linewidth=1)
    name_rows(ax, frame.index, ylim=(len(frame) - 0.4, -0.6), xlim=(-1.35 * widest, 1.35 * widest), xlabel="images")
    ax.xaxis.set_major_locator(plt.MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    ax.grid(axis="y", visible=False)


def strip(ax: plt.Axes, images: np.ndarray, labels: Iterable[int], titles: Iterable[str] = ()) -> None:
    """Draw `images` side by side on `ax`, each framed and marked by its class (− solid, + dashed), titles above."""
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        ax.imshow(image, extent=(place, place + 0.92, 0, 0.92), interpolation="antialiased")
        colour = CLASS_COLOURS[label]
        frame: dict[str, Any] = {"fill": False, "edgecolor": colour, "linewidth": 2.5, "linestyle": CLASS_LINES[label]}
        ax.add_patch(Rectangle((place, 0), 0.92, 0.92, **frame))
        box = {"facecolor": "white", "edgecolor": colour, "boxstyle": "square,pad=0.15"}
        ax.text(place + 0.06, 0.1, CLASS_SIGNS[label], fontsize=9, weight="bold", color="black", bbox=box)
    for place, title in enumerate(titles):
        ax.text(place + 0.46, 0.98, title, ha="center", va="bottom", fontsize=9)
    ax.set(xlim=(-0.03, len(images)), ylim=(-0.05, 0.97), aspect="equal")
    ax.axis("off")


def examples(table: pd.DataFrame, n: int, seed: int = 0) -> dict[str, list[int]]:
    """Return the positions of up to `n` images per data set, evenly split between its classes.

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


def sheet(
    cohort: Cohort,
    lines: list[tuple[str, list[int], list[str]]],
    width: int,
    size: tuple[float, float],
    columns: int = 1,
    **look: Any,
) -> plt.Figure:
    """Draw lines of at most `width` images: each a title, positions in the cohort, and titles of the images."""
    with picture_grid(-(-len(lines) // columns), columns, size) as (fig, axes):
        for ax, (title, places, titles) in zip(axes.flat, lines, strict=False):
            strip(ax, cohort.images[places], cohort.table["label"].iloc[places], titles)
            ax.set(xlim=(-0.03, width), ylim=(-0.05, 1.3 if titles else 0.97))
            ax.set_title(title, loc="left", **look)
    return fig


def contact_sheet(cohort: Cohort, n: int = 4, seed: int = 0) -> plt.Figure:
    """Draw `n` images of each data set, marked by class (paper, Figure 2)."""
    lines: list[tuple] = [(name, places, []) for name, places in examples(cohort.table, n, seed).items()]
    columns = min(2, len(lines))
    height = 8 / columns / n * 1.28 * -(-len(lines) // columns) + 0.5
    return sheet(cohort, lines, n, (8, height), columns, fontsize=9.5, pad=2)


def first_look(cohort: Cohort, seed: int = 0) -> plt.Figure:
    """Draw one image per class of each data set: negative images above, positive below; rows wrap at six."""
    lines = []
    for label in (0, 1):
        places = np.flatnonzero(cohort.table["label"] == label)
        chosen = [int(places[at[0]]) for at in examples(cohort.table.iloc[places], 1, seed).values()]
        names = ["\n".join(textwrap.wrap(name, 14)) for name in cohort.table["data_set"].iloc[chosen]]
        parts = [slice(start, start + WRAPPED) for start in range(0, len(chosen), WRAPPED)]
        lines += [("" if of.start else CLASS_NAMES[label], chosen[of], names[of]) for of in parts]
    columns = max(len(places) for _, places, _ in lines)
    return sheet(cohort, lines, columns, (8, (8 / columns * 1.3) * len(lines) + 0.4), weight="bold")


def smears(cohort: Cohort, n: int = 3, seed: int = 0) -> plt.Figure:
    """Draw `n` negative and `n` positive images of one data set that has both classes (paper, Figure 1).

    If there is no such data set, the classes come from different ones; the title names them.
    """
    table, counts = cohort.table, class_counts(cohort.table)
    both = counts.index[counts.min(axis=1) > 0]
    part = (table["data_set"] == both[0]) if len(both) else table["data_set"].notna()
    lines: list[tuple] = []
    for label, name in CLASS_NAMES.items():
        places = np.flatnonzero(part & (table["label"] == label))
        if not len(places):
            raise LeuknetError(f"cohort {cohort.name} has no {name} image: add a data set that has")
        places = np.sort(rng("smears", seed, label).choice(places, min(n, len(places)), replace=False))
        sets = ", ".join(table_order(table["data_set"].iloc[places]))
        lines.append((f"({'ab'[label]}) {name}: {sets}", places.tolist(), []))
    return sheet(cohort, lines, n, (8, 8 / n * 2 + 1.0))


def cell_kinds(table: pd.DataFrame) -> list[str]:
    """Return the types of leukocyte in single-cell images, normal ones first; empty if unknown."""
    if "kind" not in table:
        return []
    one = table[~table["kind"].isin(["field", ""])]
    return one.groupby("kind", sort=True)["label"].mean().sort_values(kind="stable").index.tolist()


def cells_and_masks(cohort: Cohort, seed: int = 0) -> plt.Figure:
    """Draw one image of each type of leukocyte above the same image with its masks outlined.

    The label below is the nucleus' share of the cell's area (median over the type's images) and the number of images.

    Raises
    ------
    LeuknetError
        If the cohort has no masks, or its table does not contain the cell types.
    """
    found = cell_kinds(cohort.table)
    if cohort.masks is None or not found:
        raise LeuknetError(f"cohort {cohort.name} has no masks or kinds of cells: only the synthetic cohort has them")
    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    with picture_grid(2 * rows, columns, (8, 8 / columns * 2 * rows + 0.8 * rows)) as (fig, axes):
        for kind, plain, outlined in zip(found, axes[::2].flat, axes[1::2].flat, strict=False):
            places = np.flatnonzero(cohort.table["kind"] == kind)
            place = int(rng("cells", seed, kind).choice(places))
            image, mask = cohort.images[place], cohort.masks[place]
            shares = nucleus_share(cohort.masks[places])
            sign, below = CLASS_SIGNS[cohort.table["label"].iloc[place]], f"(n = {np.isfinite(shares).sum()})"
            picture(plain, image, interpolation="antialiased")
            picture(outlined, image, interpolation="antialiased")
            for least, line in ((1, "-"), (2, "--")):
                outlined.contour(mask >= least, [0.5], colors="black", linewidths=2.6)
                outlined.contour(mask >= least, [0.5], colors="white", linewidths=1.3, linestyles=line)
            plain.set_title(f"{sign} {kind}", fontsize=10)
            outlined.set_title(f"nucleus {100 * np.nanmedian(shares):.0f} % of cell\n{below}", fontsize=9)
    return fig


def nucleus_share(masks: np.ndarray) -> np.ndarray:
    """Return nucleus area / cell area (0 to 1) over all cells in each mask (n, size, size); NaN if there are none."""
    cell = (masks > 0).sum(axis=(1, 2))
    return (masks == 2).sum(axis=(1, 2)) / np.where(cell, cell, np.nan)
