"""The visual language: classes, approaches and data sets look the same on every page.

Colours are Okabe and Ito's (2008), which differ for colour-blind people; what a colour says, a marker, hatch or line
style says too, so that greyscale print keeps it.
"""

import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import as_file, files
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps, font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leuknet.data.registry import DATA_SETS, lookup

CLASS_NAMES = {0: "negative", 1: "positive (leukaemia)"}
CLASS_COLOURS = {0: "#56B4E9", 1: "#B23A00"}
CLASS_MARKERS = {0: "o", 1: "^"}
CLASS_HATCHES = {0: "", 1: "////"}
APPROACH_COLOURS = {"SFT": "#E69F00", "mSFT": "#CC79A7", "DFT": "#009E73", "mDFT": "#0072B2", "scratch": "#4D4D4D"}
APPROACH_MARKERS = {"SFT": "s", "mSFT": "D", "DFT": "^", "mDFT": "o", "scratch": "X"}
PROTOCOL_COLOURS = ("#999999", "#E69F00", "#0072B2", "#009E73")
PROTOCOL_MARKERS = ("s", "D", "o", "^")
MARKERS = "os^Dv<>PX*hp"
CJK_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei")
CJK_FONTS += ("Droid Sans Fallback", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "Arial Unicode MS")
COLUMN = 7.3
SMALLEST = 9
LETTER = 0.0078  # width of a letter of the caption line over its size in points, inches


@contextmanager
def language() -> Iterator[None]:
    """Draw in the project's style: ``with language(): fig, ax = plt.subplots()``."""
    look = files("leuknet.plots").joinpath("leuknet.mplstyle")
    with as_file(look) as path, plt.style.context([path, {"font.family": families()}]):
        yield


@cache
def families() -> list[str]:
    """Return the fonts to draw with: the style's, then one with Chinese, Japanese and Korean glyphs if there is any."""
    installed = set(font_manager.get_font_names())
    return ["sans-serif", *[name for name in CJK_FONTS if name in installed][:1]]


def card(
    columns: int,
    size: tuple[float, float],
    left: float = 0.1,
    right: float = 0.1,
    bottom: float = 0.3,
    top: float = 0.5,
    gap: float = 0.3,
    rows: int = 1,
    **options: Any,
) -> tuple[Figure, Any]:
    """Return a figure and its axes, side by side in one or more rows, laid out by hand: what widgets redraw.

    Constrained layout takes half of a redraw's time, and the picture would jump under a slider.

    Parameters
    ----------
    columns : int
    size : (width, height)
        In inches.
    left, right, bottom, top : float
        Margins in inches; the caption line of a page takes the lowest 0.25.
    gap : float
        Between the axes, as a share of their mean width.
    **options
        For `matplotlib.pyplot.subplots`, such as ``width_ratios``.
    """
    width, height = size
    grid = {"left": left / width, "right": 1 - right / width, "bottom": bottom / height, "top": 1 - top / height}
    return plt.subplots(rows, columns, figsize=size, layout="none", gridspec_kw=grid | {"wspace": gap}, **options)


def picture_grid(rows: int, columns: int, size: tuple[float, float], **options: Any) -> tuple[Figure, np.ndarray]:
    """Return a figure of `size` inches and its axes, shape (rows, columns), all without ticks, frame and grid."""
    fig, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **options)
    for ax in axes.flat:
        ax.axis("off")
    return fig, axes


def picture(ax: Axes, image: np.ndarray, title: str = "", **look: Any) -> None:
    """Draw an image (for `Axes.imshow`, with `look`) under a title to its left, without an axis."""
    ax.imshow(image, **look)
    ax.set_title(title, fontsize=SMALLEST, loc="left")
    ax.axis("off")


def name_rows(ax: Axes, names: Iterable[str], **options: Any) -> None:
    """Name the rows of `ax`, the first on top at y = 0, and rule it by value; `options` are for `Axes.set`."""
    labels = list(names)
    ax.set(**{"yticks": range(len(labels)), "yticklabels": labels, "ylim": (len(labels) - 0.5, -0.5)} | options)
    ax.grid(axis="x")


def whisker(ax: Axes, value: float, low: float, high: float, row: float, **look: Any) -> None:
    """Draw a value as a mark on the line of its interval, at height `row`; `look` as `Axes.plot` takes it."""
    line = {"color": "black", "linewidth": 2.4, "marker": "o", "markersize": 8} | look
    ax.plot([low, high], [row, row], linestyle="-", color=line["color"], linewidth=line["linewidth"])
    ax.plot(value, row, **line)


def matrix(ax: Axes, share: np.ndarray, texts: np.ndarray, size: float = 9) -> None:
    """Shade the cells of a matrix by `share` (0 to 1), and write `texts` (same shape) into them; "" for none."""
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ax.grid(False)
    for (row, column), text in np.ndenumerate(texts):
        ink = "white" if share[row, column] > 0.55 else "black"
        ax.text(column, row, text, ha="center", va="center", color=ink, fontsize=size)


def captioned(fig: Figure, line: str) -> None:
    """Put the caption `line` under `fig`, broken to its width, and bring `fig` to the width of a printed page at most.

    Text keeps its size, so what has 9 points on the screen has them in print. `COLUMN` is that width in inches. With
    pictures of slides in it the height follows, or gaps would open between them.
    """
    width, height = fig.get_size_inches()
    narrower = min(1, COLUMN / width)
    fig.set_size_inches(width * narrower, height * (narrower if any(ax.images for ax in fig.axes) else 1))
    letters = int(fig.get_figwidth() / (LETTER * SMALLEST))
    words = textwrap.fill(line.replace(" %", "\u00a0%"), letters, break_on_hyphens=False)
    fig.supxlabel(words, fontsize=SMALLEST, color="#444444", x=0.01, ha="left")


def table_order(names: Iterable[str]) -> list[str]:
    """Return the distinct `names` of data sets or sources in Table 1's order, others behind them by name.

    Data sets are matched as `registry.lookup` does; a source stands where its first data set does.
    """
    places: dict[str, int] = {}
    for place, data_set in enumerate(DATA_SETS.values()):
        places.setdefault(data_set.source, place)
        places[data_set.name] = place
    known = {name: getattr(lookup(name), "name", name) for name in set(names)}
    return sorted(known, key=lambda name: (places.get(known[name], len(places)), name))


def data_set_styles(names: Iterable[str]) -> dict[str, tuple[tuple[float, ...], str]]:
    """Return (colour, marker) of each data set in `names`; Table 1's are always the same, others follow in order."""
    known = list(DATA_SETS)
    places = known + sorted(set(names) - set(known))
    shades = colormaps["turbo"]
    span = max(len(places) - 1, 1)
    return {n: (shades(0.05 + 0.9 * places.index(n) / span), MARKERS[places.index(n) % len(MARKERS)]) for n in names}
