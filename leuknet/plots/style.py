"""The visual language: classes, approaches and data sets look the same on every page.

Colours are Okabe and Ito's (2008), which differ for colour-blind people; what a colour says, a marker, hatch or line
style says too, so that greyscale print keeps it.
"""

import textwrap
from contextlib import contextmanager
from functools import cache
from importlib.resources import as_file, files

import matplotlib.pyplot as plt
from matplotlib import colormaps, font_manager

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
def language():
    """Draw in the project's style: ``with language(): fig, ax = plt.subplots()``."""
    look = files("leuknet.plots").joinpath("leuknet.mplstyle")
    with as_file(look) as path, plt.style.context([path, {"font.family": families()}]):
        yield


@cache
def families():
    """Return the fonts to draw with: the style's, then one with Chinese, Japanese and Korean glyphs if there is any."""
    installed = set(font_manager.get_font_names())
    return ["sans-serif", *[name for name in CJK_FONTS if name in installed][:1]]


def card(columns, size, left=0.1, right=0.1, bottom=0.3, top=0.5, gap=0.3, rows=1, **options):
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


def captioned(fig, line):
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


def table_order(names):
    """Return the distinct `names` of data sets or sources in Table 1's order, others behind them by name.

    Data sets are matched as `registry.lookup` does; a source stands where its first data set does.
    """
    places = {}
    for place, data_set in enumerate(DATA_SETS.values()):
        places.setdefault(data_set.source, place)
        places[data_set.name] = place
    known = {name: getattr(lookup(name), "name", name) for name in set(names)}
    return sorted(known, key=lambda name: (places.get(known[name], len(places)), name))


def data_set_styles(names):
    """Return (colour, marker) of each data set in `names`; Table 1's are always the same, others follow in order."""
    known = list(DATA_SETS)
    places = known + sorted(set(names) - set(known))
    shades = colormaps["turbo"]
    span = max(len(places) - 1, 1)
    return {n: (shades(0.05 + 0.9 * places.index(n) / span), MARKERS[places.index(n) % len(MARKERS)]) for n in names}
