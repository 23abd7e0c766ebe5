"""Networks drawn from the model objects themselves (paper, Figures 4, 5 and 8)."""

import matplotlib.pyplot as plt
from matplotlib.patches import Patch, Rectangle

from leuknet.show.style import language

SHADES = {"frozen": ("#BFD7EA", ""), "trained": ("#3B8E5A", "////"), "new": ("#8A5FBF", "....")}
WORDS = {"frozen": "transferred, frozen", "trained": "transferred, trained", "new": "new, random start"}


def state(row):
    """Return "frozen", "trained" or "new" of a row of `leuknet.learn.networks.layer_table`."""
    if row["part"] == "new":
        return "new"
    return "trained" if row["trainable"] else "frozen"


def network_diagram(layers, most=40):
    """Draw the layers as bars, top to bottom: kind, output shape, parameters (log scale), and where weights come from.

    Parameters
    ----------
    layers : pandas.DataFrame
        From `leuknet.learn.networks.layer_table`.
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
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.set_yticks(range(len(shown)), shown["layer"])
        ax.set_xscale("log")
        ax.set_xlim(1, max(float(shown["parameters"].max()), 10) * 400)
        ax.set_xlabel("parameters (log scale; layers without weights have no bar)")
        ax.grid(axis="x")
        ax.grid(axis="y", visible=False)
        used = [name for name in SHADES if name in {state(row) for _, row in shown.iterrows()}]
        keys = [Patch(facecolor=SHADES[k][0], hatch=SHADES[k][1], edgecolor="white", label=WORDS[k]) for k in used]
        ax.legend(handles=keys, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def _draw_layer(ax, place, row):
    colour, hatch = SHADES[state(row)]
    if row["parameters"]:
        bar = Rectangle(
            (1, place - 0.38), row["parameters"] - 1, 0.76, facecolor=colour, hatch=hatch, edgecolor="white"
        )
        ax.add_patch(bar)
    text = f"{row['output_shape']}" + (f"   {row['parameters']:,}" if row["parameters"] else f"   {row['kind']}")
    ax.text(max(row["parameters"], 1) * 1.25, place, text, va="center", fontsize=9)
