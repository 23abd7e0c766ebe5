"""The augmentation by hand: a variant, its eight numbers next to the policy's ranges, and the sliders that set them."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leuknet._random import rng
from leuknet.models.policy import COLUMNS, PAPER, Policy, draw
from leuknet.plots.axes import card, name_rows, picture
from leuknet.plots.data.augmentation import FLIPS, SMOOTH, WORDS, change, outside, ranges, vary
from leuknet.plots.style import COLUMN, language


def variant_card(image: np.ndarray, policy: Policy = PAPER, **numbers: Any) -> Figure:
    """Draw an image, its variant by the eight `numbers` (see `COLUMNS`), and where they lie in the policy's ranges.

    A number outside its range is drawn hollow.
    """
    row = change(**numbers)
    with language():
        fig, axes = card(3, (COLUMN, 2.6), right=0.6, bottom=0.6, gap=0.35, width_ratios=[1.1, 1.5, 1])
        picture(axes[0], image, "original", **SMOOTH)
        share = outside(row, len(image), policy.shear_unit).mean()
        picture(axes[1], vary(image, row, policy.shear_unit)[0], f"variant, {share:.1%} reflected", **SMOOTH)
        for ax, side in zip(axes, "EW", strict=False):
            ax.set_anchor(side)
        _ranges(axes[2], policy, row[0])
    return fig


def _ranges(ax: Axes, policy: Policy, row: np.ndarray) -> None:
    for place, (value, (low, high)) in enumerate(zip(row, ranges(policy).values(), strict=True)):
        inside = low - 1e-6 <= value <= high + 1e-6
        ax.plot([0, 1], [place, place], color="#999999", linewidth=4, solid_capstyle="butt", linestyle="-")
        at = np.clip((value - low) / (high - low or 1), -0.25, 1.25)
        ax.plot(at, place, "o", color="#0072B2", markerfacecolor="#0072B2" if inside else "white", markersize=8)
        ax.text(1.32, place, f"{value:.3g}", va="center", ha="left", fontsize=9)
    name_rows(ax, slider_words(policy).values(), xticks=[0, 1], xticklabels=["low", "high"], xlim=(-0.3, 1.3))
    ax.set_title("in the policy's range", fontsize=9)
    ax.grid(False)


def slider_words(policy: Policy = PAPER) -> dict[str, str]:
    """Return what the eight numbers of a variant are called, with their units, by column."""
    return WORDS | {"theta": "rotation (°)", "shear": f"shear ({policy.shear_unit})"}


def sliders(policy: Policy = PAPER, seed: int = 0) -> dict[str, tuple[float, ...]]:
    """Return ``{column: (low, high, step, start)}`` for `slide`: twice the policy's reach, begun at one draw of it."""
    start = dict(zip(COLUMNS, draw(policy, 1, rng("card", seed))[0].astype(float).round(2).tolist(), strict=True))
    found: dict[str, tuple[float, ...]] = {}
    for name, (low, high) in ranges(policy).items():
        middle, reach = (low + high) / 2, (high - low) or 0.2
        found[name] = (round(middle - reach, 2), round(middle + reach, 2), reach / 40, start[name])
    return found | {name: (0, 1, 1, int(start[name])) for name in FLIPS}
