"""What "an image dataset 20 times larger" (section 3.2) can mean, given the training times of Table 8."""

import itertools

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from leuknet.data.registry import DATA_SETS
from leuknet.paper import tables
from leuknet.paper.consistency import timing
from leuknet.plots.axes import name_rows, whisker
from leuknet.plots.format import listed
from leuknet.plots.style import APPROACH_COLOURS, language


def stated(name: str) -> str:
    """Return a setting as the paper states it, e.g. ``stated("epochs")``, as text."""
    return tables.settings().set_index("name").loc[name, "value"]


def readings() -> dict[int, str]:
    """Return the readings of "20 times larger" (section 3.2) as ``{images an epoch for each image: words}``."""
    factor = int(stated("augmentation factor"))
    return {1: "each image once an epoch, drawn again", factor: f"{factor} fixed variants of each, all in every epoch"}


def training_sizes() -> dict[str, int]:
    """Return the training images of one fold by reading of the paper's counts, ``{words: n}``."""
    printed = int(stated("development images"))
    rows = sum(found.total for name, found in DATA_SETS.items() if name != "UFG")
    return {
        "development set as stated": printed,
        "Table 1's rows without UFG, added": rows,
        "development set less ALL-IDB 1": printed - DATA_SETS["ALL-IDB 1"].total,
    }


def needed(network: str, images: int) -> tuple[float, float]:
    """Return what training on `images` (images times epochs) needs of the card in Table 8's time, as two shares.

    The first counts every operation at the card's stated peak; the second is the least that can be argued: a clock
    above the stated one, and 3 x 3 convolutions by Winograd's algorithm (see `leuknet.paper.consistency.timing`).
    """
    seconds = timing.stated()[network]
    least = timing.seconds_needed(network, images, timing.CEILING, timing.WINOGRAD)
    return timing.seconds_needed(network, images) / seconds, least / seconds


def verdict(usual: float, least: float) -> str:
    """Return "possible", "impossible" or "not decidable" from the shares of `needed`."""
    return "impossible" if least > 1 else "possible" if usual <= 1 else "not decidable"


def twenty_times(copies: int = 0, network: str = "VGG-16") -> pd.DataFrame:
    """Return what each reading of "20 times larger" needs of a TITAN Xp in Table 8's time (ALL-IDB 1).

    Parameters
    ----------
    copies : int
        The profile's `TrainSettings.copies`, to mark its row: 0 is each image once an epoch.
    network : str
        As in Table 2.

    Returns
    -------
    pandas.DataFrame
        One row for each reading and size of the training set.
    """
    columns = ["reading", "training images", "images/s needed", "TFLOP/s needed", "share of the peak (%)"]
    columns += ["at the very least (%)", "verdict", "this profile"]
    epochs, seconds = int(stated("epochs")), timing.stated()[network]
    rows = []
    for (times, words), (counted, n) in itertools.product(readings().items(), training_sizes().items()):
        usual, least = needed(network, n * times * epochs)
        used = "used" if copies == (times if times > 1 else 0) else ""
        speed = n * times * epochs / seconds, usual * timing.PEAK / 1e12
        rows.append((words, f"{n} ({counted})", *speed, 100 * usual, 100 * least, verdict(usual, least), used))
    return pd.DataFrame(rows, columns=columns)


def twenty_times_sentence(table: pd.DataFrame) -> str:
    """Return which reading of "20 times larger" Table 8's minutes allow for VGG-16."""
    parts = [f"{reading}: {listed(part['verdict'].unique())}" for reading, part in table.groupby("reading", sort=False)]
    return f"In the stated time on the stated card, VGG-16 could be trained as follows. {'; '.join(parts)}."


def twenty_times_view() -> Figure:
    """Draw, for the five networks of Table 8, the computing that both readings need as a share of the card's.

    The marker counts every operation at the stated clock; the line reaches down to the least that can be argued.
    """
    names, n = list(timing.stated()), training_sizes()["development set less ALL-IDB 1"]
    looks = ((APPROACH_COLOURS["mDFT"], "o"), (APPROACH_COLOURS["SFT"], "s"))
    with language():
        fig, ax = plt.subplots(figsize=(7, 3.4))
        for (times, words), (colour, marker), lift in zip(readings().items(), looks, (-0.12, 0.12), strict=True):
            for row, name in enumerate(names):
                usual, least = (100 * share for share in needed(name, n * times * int(stated("epochs"))))
                look = {"color": colour, "marker": marker, "label": "" if row else words}
                whisker(ax, usual, least, usual, row + lift, line=colour, linewidth=3, **look)
        ax.axvline(100, color="black", linestyle="--")
        ax.annotate("peak", (100, -0.3), xytext=(4, 0), textcoords="offset points", fontsize=9)
        name_rows(ax, names, xscale="log", xlabel="computing needed in the stated time (% of a TITAN Xp's peak)")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=1)
    return fig
