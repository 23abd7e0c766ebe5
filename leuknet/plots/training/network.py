"""Diagrams of networks, generated from the model objects (paper, Figures 4, 5 and 8)."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from leuknet.plots.axes import name_rows, subplots
from leuknet.plots.style import COLUMN
from leuknet.study.study import Study

SHADES = {"frozen": ("#BFD7EA", ""), "trained": ("#3B8E5A", "////"), "new": ("#8A5FBF", "....")}
WORDS = {"frozen": "transferred, frozen", "trained": "transferred, trained", "new": "new, random start"}
DROPPED: dict[str, Any] = {"facecolor": "white", "edgecolor": "#777777", "linestyle": "--"}
INK = {"bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.8}, "fontsize": 9, "ha": "center", "va": "center"}


def state(layers: pd.DataFrame) -> np.ndarray:
    """Return "frozen", "trained" or "new" for each row of `leuknet.models.networks.layer_table`."""
    return np.select([layers["part"] == "new", layers["trainable"]], ["new", "trained"], "frozen")


def bars(layers: pd.DataFrame) -> dict[str, Any]:
    """Return options of `Axes.barh` for layers by their `state`."""
    colours, hatches = zip(*(SHADES[name] for name in state(layers)), strict=True)
    return {"color": colours, "hatch": hatches, "edgecolor": "white"}


def legend_keys(states: Collection[str] = tuple(SHADES)) -> list[Patch]:
    """Return legend handles for layers in `states`, in the order of `SHADES`."""
    looks = {name: look for name, look in SHADES.items() if name in states}
    return [Patch(facecolor=c, hatch=h, edgecolor="white", label=WORDS[name]) for name, (c, h) in looks.items()]


def network_diagram(layers: pd.DataFrame, most: int = 40) -> Figure:
    """Draw the layers as bars, top to bottom: kind, output shape, parameters (log scale), and origin of the weights.

    Parameters
    ----------
    layers : pandas.DataFrame
        From `leuknet.models.networks.layer_table`.
    most : int
        Maximum number of layers; deeper networks show their largest layers with weights, in order.
    """
    heavy = layers[layers["parameters"] > 0].nlargest(most, "parameters").sort_index()
    shown = layers if len(layers) <= most else heavy
    ends = shown["parameters"].clip(lower=1)
    with subplots(figsize=(7.5, 0.26 * len(shown) + 1.4)) as (fig, ax):
        ax.barh(range(len(shown)), ends - 1, 0.76, left=1, **bars(shown))
        for place, row in enumerate(shown.itertuples()):
            words = f"{row.output_shape}   " + (f"{row.parameters:,}" if row.parameters else row.kind)
            ax.text(ends.iloc[place] * 1.25, place, words, va="center", fontsize=9)
        name_rows(ax, shown["layer"], ylim=(len(shown) - 0.4, -0.6), xscale="log")
        ax.xaxis.set_major_formatter(lambda value, _: short(round(value)))
        ax.set_xlim(1, max(float(ends.max()), 10) * 400)
        ax.set_xlabel("parameters (log scale; layers without weights have no bar)")
        ax.grid(axis="y", visible=False)
        ax.legend(handles=legend_keys(set(state(shown))), ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def transfer_diagram(pretrained: pd.DataFrame, layers: pd.DataFrame) -> Figure:
    """Draw how a pretrained network becomes another: layers copied with their weights, dropped, and new (Figure 4).

    Parameters
    ----------
    pretrained, layers : pandas.DataFrame
        From `leuknet.models.networks.layer_table`: the network with its own dense layers (approach DFT), and the
        network derived from it.
    """
    old = pretrained[(pretrained["parameters"] > 0) & (pretrained["layer"] != "probability")].reset_index(drop=True)
    new = layers[layers["parameters"] > 0].reset_index(drop=True)
    taken, longest = old["layer"].isin(new["layer"]), max(len(old), len(new))
    with subplots(figsize=(COLUMN, 0.27 * longest + 1.3)) as (fig, ax):
        ax.barh(old.index[taken], 1, color="#EEEEEE", edgecolor="#777777")
        ax.barh(old.index[~taken], 1, **DROPPED)
        ax.barh(new.index, 1, left=1.3, **bars(new))
        for x, title, part in ((0, "pretrained network", old), (1.3, "network for slides", new)):
            ax.text(x, -1, title, fontsize=11)
            for place, row in part.iterrows():
                size = f"{row['output_shape']}  {short(row['parameters'])}"
                ax.text(x + 0.5, place, f"{row['layer'].removeprefix('head_')}  {size}", **INK)
        for place, source in new["layer"].map(dict(zip(old["layer"], old.index, strict=True))).dropna().items():
            ax.annotate("", (1.29, place), (1.01, source), arrowprops={"arrowstyle": "-|>", "color": "#444444"})
        ax.set(xlim=(-0.02, 2.32), ylim=(longest - 0.4, -1.7))
        ax.axis("off")
        keys = [*legend_keys(), Patch(label="not taken over", **DROPPED)]
        fig.legend(handles=keys, ncols=4, loc="outside upper left", columnspacing=1)
    return fig


def approach_layers(study: Study) -> pd.DataFrame:
    """Return the layers with weights of VGG-16 under each approach, from the model objects."""
    from leuknet.models.networks import build, layer_table
    from leuknet.models.training import network_spec

    settings = {approach: study.profile.settings("VGG16", approach) for approach in ("SFT", "mSFT", "DFT", "mDFT")}
    specs = {approach: network_spec(of, study.cohort.size) for approach, of in settings.items()}
    frames = [layer_table(build(spec), spec).assign(approach=approach) for approach, spec in specs.items()]
    return pd.concat(frames, ignore_index=True).query("parameters > 0").reset_index(drop=True)


def approach_diagram(layers: pd.DataFrame) -> Figure:
    """Draw the approaches side by side, input at the bottom, with frozen, trained and new layers (Figure 5).

    The axis, or the box if approaches differ, shows each layer's output shape and parameter count.
    """
    groups = list(layers.groupby("approach", sort=False))
    labels = [part["output_shape"] + "  " + part["parameters"].map(short) for _, part in groups]
    sizes = [set(row) for row in zip(*labels, strict=False)]
    with subplots(figsize=(COLUMN, 0.26 * len(sizes) + 1.6)) as (fig, ax):
        for x, (_, part) in enumerate(groups):
            ax.barh(range(len(part)), 0.86, 0.84, left=x, **bars(part))
            for y, (name, label) in enumerate(zip(part["layer"].str.removeprefix("head_"), labels[x], strict=True)):
                ax.text(x + 0.43, y, name if len(sizes[y]) == 1 else f"{name}  {label}", **INK)
        ax.set_xticks(np.arange(len(groups)) + 0.43, [f"{name}\n{trained_words(part)}" for name, part in groups])
        ax.set_yticks(range(len(sizes)), ["" if len(size) > 1 else min(size) for size in sizes])
        ax.tick_params(length=0)
        ax.grid(False)
        ax.spines["left"].set_visible(False)
        ax.legend(handles=legend_keys(), ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def trained_words(layers: pd.DataFrame) -> str:
    """Return the number of trained and total parameters as text."""
    trained = layers.loc[layers["trainable"], "parameters"].sum()
    return f"{trained:,} of\n{layers['parameters'].sum():,} trained"


def short(count: int) -> str:
    """Abbreviate a parameter count: 584, 37k, 2.4M."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.3g}{letter}"
    return str(count)
