"""Networks drawn from the model objects themselves (paper, Figures 4, 5 and 8)."""

from collections.abc import Collection
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from leuknet.plots.axes import name_rows
from leuknet.plots.style import COLUMN, language

SHADES = {"frozen": ("#BFD7EA", ""), "trained": ("#3B8E5A", "////"), "new": ("#8A5FBF", "....")}
WORDS = {"frozen": "transferred, frozen", "trained": "transferred, trained", "new": "new, random start"}
DROPPED = {"facecolor": "white", "edgecolor": "#777777", "linestyle": "--"}


def state(row: pd.Series) -> str:
    """Return "frozen", "trained" or "new" of a row of `leuknet.models.networks.layer_table`."""
    if row["part"] == "new":
        return "new"
    return "trained" if row["trainable"] else "frozen"


def legend_keys(states: Collection[str] = tuple(SHADES)) -> list[Patch]:
    """Return what a legend shows for layers in `states`, in the order of `SHADES`."""
    looks = {name: look for name, look in SHADES.items() if name in states}
    return [Patch(facecolor=c, hatch=h, edgecolor="white", label=WORDS[name]) for name, (c, h) in looks.items()]


def network_diagram(layers: pd.DataFrame, most: int = 40) -> Figure:
    """Draw the layers as bars, top to bottom: kind, output shape, parameters (log scale), and where weights come from.

    Parameters
    ----------
    layers : pandas.DataFrame
        From `leuknet.models.networks.layer_table`.
    most : int
        Deeper networks are drawn by their layers with weights, the largest `most` of them, in order.
    """
    shown = layers[layers["parameters"] > 0] if len(layers) > most else layers
    if len(shown) > most:
        shown = shown.loc[shown["parameters"].nlargest(most).index.sort_values()]
    with language():
        fig, ax = plt.subplots(figsize=(7.5, 0.26 * len(shown) + 1.4))
        for place, (_, row) in enumerate(shown.iterrows()):
            _draw_layer(ax, place, row)
        name_rows(ax, shown["layer"], ylim=(len(shown) - 0.4, -0.6), xscale="log")
        ax.xaxis.set_major_formatter(lambda value, _: short(round(value)))
        ax.set_xlim(1, max(float(shown["parameters"].max()), 10) * 400)
        ax.set_xlabel("parameters (log scale; layers without weights have no bar)")
        ax.grid(axis="y", visible=False)
        keys = legend_keys({state(row) for _, row in shown.iterrows()})
        ax.legend(handles=keys, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def _draw_layer(ax: Axes, place: float, row: Any) -> None:
    colour, hatch = SHADES[state(row)]
    if row["parameters"]:
        size = row["parameters"] - 1, 0.76
        ax.add_patch(Rectangle((1, place - 0.38), *size, facecolor=colour, hatch=hatch, edgecolor="white"))
    text = f"{row['output_shape']}" + (f"   {row['parameters']:,}" if row["parameters"] else f"   {row['kind']}")
    ax.text(max(row["parameters"], 1) * 1.25, place, text, va="center", fontsize=9)


def transfer_diagram(pretrained: pd.DataFrame, layers: pd.DataFrame) -> Figure:
    """Draw how a pretrained network becomes another: layers copied with their weights, dropped, and new (Figure 4).

    Parameters
    ----------
    pretrained, layers : pandas.DataFrame
        From `leuknet.models.networks.layer_table`: the network with its own dense layers (approach DFT), and the one
        made of it.
    """
    old = pretrained[(pretrained["parameters"] > 0) & (pretrained["layer"] != "probability")].reset_index(drop=True)
    new = layers[layers["parameters"] > 0].reset_index(drop=True)
    height = {name: place for place, name in enumerate(old["layer"])}
    with language():
        fig, ax = plt.subplots(figsize=(COLUMN, 0.27 * max(len(old), len(new)) + 1.3))
        for place, row in old.iterrows():
            dropped = row["layer"] not in set(new["layer"])
            _box(ax, 0, place, row, **DROPPED if dropped else {"facecolor": "#EEEEEE", "edgecolor": "#777777"})
        for place, row in new.iterrows():
            colour, hatch = SHADES[state(row)]
            _box(ax, 1.3, place, row, facecolor=colour, hatch=hatch, edgecolor="white")
            if row["layer"] in height:
                arrow = {"arrowstyle": "-|>", "color": "#444444"}
                ax.annotate("", (1.29, place), (1.01, height[row["layer"]]), arrowprops=arrow)
        ax.text(0, -1, "pretrained network", fontsize=11)
        ax.text(1.3, -1, "network for slides", fontsize=11)
        ax.set(xlim=(-0.02, 2.32), ylim=(max(len(old), len(new)) - 0.4, -1.7))
        ax.axis("off")
        keys = [*legend_keys(), Patch(label="not taken over", **DROPPED)]
        fig.legend(handles=keys, ncols=4, loc="outside upper left", columnspacing=1)
    return fig


def _box(ax: Axes, x: float, place: float, row: Any, **look: Any) -> None:
    ax.add_patch(Rectangle((x, place - 0.4), 1, 0.8, **look))
    text = f"{row['layer'].removeprefix('head_')}  {row['output_shape']}  {short(row['parameters'])}"
    ink = {"bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.8}, "fontsize": 9}
    ax.text(x + 0.5, place, text, ha="center", va="center", **ink)


def short(count: int) -> str:
    """Return a count of parameters in few letters: 584, 37k, 2.4M."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.3g}{letter}"
    return str(count)
