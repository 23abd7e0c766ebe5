"""Visual style: classes, approaches and data sets look the same on every page.

The colours are those of Okabe and Ito (2008), which are distinguishable for colour-blind readers; every colour is
paired with a marker, hatch or line style, so figures remain legible in greyscale.
"""

import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import as_file, files
from itertools import groupby
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import colormaps, font_manager
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

from leuknet.data.registry import DATA_SETS, canonical

CLASS_NAMES = {0: "negative", 1: "positive (leukaemia)"}
CLASS_COLOURS = {0: "#56B4E9", 1: "#B23A00"}
CLASS_MARKERS = {0: "o", 1: "^"}
CLASS_LOOKS = {label: (CLASS_COLOURS[label], CLASS_MARKERS[label]) for label in CLASS_NAMES}
CLASS_HATCHES = {0: "", 1: "////"}
CLASS_BARS: dict[int, dict[str, Any]] = {
    label: {"color": CLASS_COLOURS[label], "hatch": CLASS_HATCHES[label], "edgecolor": "white"} for label in CLASS_NAMES
}
APPROACH_COLOURS = {"SFT": "#E69F00", "mSFT": "#CC79A7", "DFT": "#009E73", "mDFT": "#0072B2", "scratch": "#4D4D4D"}
APPROACH_MARKERS = {"SFT": "s", "mSFT": "D", "DFT": "^", "mDFT": "o", "scratch": "X"}
PROTOCOL_COLOURS = ("#999999", "#E69F00", "#0072B2", "#009E73")
PROTOCOL_MARKERS = ("s", "D", "o", "^")
MARKERS = "os^Dv<>PX*hp"
CJK_FONTS = ["Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei"]
CJK_FONTS += ["Droid Sans Fallback", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "Arial Unicode MS"]
COLUMN = 7.3
SMALLEST = 9
LEADING, OTHER = 7, ("#BBBBBB", ".")  # sources named in a legend; style of the others
LETTER = 0.0078  # width of a caption letter divided by its font size in points, inches


@contextmanager
def language() -> Iterator[None]:
    """Draw in the project's style: ``with language(): fig, ax = plt.subplots()``.

    A ``matplotlibrc``, which Matplotlib also reads from the working directory, has no effect.
    """
    look = files("leuknet.plots").joinpath("leuknet.mplstyle")
    with as_file(look) as path, plt.style.context(["default", path, {"font.family": families()}]):
        yield


@cache
def families() -> list[str]:
    """Return the fonts to use: the style's, then one with Chinese, Japanese and Korean glyphs if available."""
    installed = set(font_manager.get_font_names())
    return ["sans-serif", *[name for name in CJK_FONTS if name in installed][:1]]


@cache
def can_draw(character: str) -> bool:
    """Return whether one of the fonts in use contains a glyph for `character`."""
    fonts = (font_manager.get_font(font_manager.findfont(FontProperties(family=[name]))) for name in families())
    return not character.isprintable() or any(font.get_char_index(ord(character)) for font in fonts)


def drawable(text: str) -> str:
    """Return `text` with code points in place of characters without a glyph, so that different names remain different.

    Examples
    --------
    >>> drawable("lab µ"), drawable("\U0001fbf9 lab")
    ('lab µ', '[1FBF9] lab')
    """
    runs = groupby(text, key=can_draw)
    return "".join("".join(run) if good else f"[{' '.join(f'{ord(c):04X}' for c in run)}]" for good, run in runs)


def make_drawable(fig: plt.Figure) -> None:
    """Apply `drawable` to every text of `fig`, including tick labels, which axes would set again when drawn."""
    for axis in (axis for ax in fig.axes for axis in (ax.xaxis, ax.yaxis)):
        labels = [label.get_text() for label in axis.get_ticklabels()]
        if (texts := [drawable(label) for label in labels]) != labels:
            axis.set_ticks(axis.get_ticklocs(), texts)
    for text in fig.findobj(Text):
        if (written := drawable(text.get_text())) != text.get_text():
            text.set_text(written)


def captioned(fig: plt.Figure, line: str) -> None:
    """Put the wrapped caption `line` below `fig`, and shrink `fig` to a printed page's width, `COLUMN` (inches).

    Font sizes are unchanged, so 9 pt on the screen are 9 pt in print. For figures with images of slides the height is
    scaled too, which avoids gaps between them.
    """
    width, height = fig.get_size_inches()
    narrower = min(1, COLUMN / width)
    fig.set_size_inches(width * narrower, height * (narrower if any(ax.images for ax in fig.axes) else 1))
    letters = int(fig.get_figwidth() / (LETTER * SMALLEST))
    words = textwrap.fill(line.replace(" %", "\u00a0%"), letters, break_on_hyphens=False)
    fig.supxlabel(words, fontsize=SMALLEST, color="#444444", x=0.01, ha="left")


def table_order(names: Iterable[str]) -> list[str]:
    """Return the distinct `names` of data sets or sources in Table 1's order, followed by others sorted by name.

    Data sets are matched by `registry.lookup`; a source takes the position of its first data set.
    """
    places: dict[str, int] = {}
    for place, data_set in enumerate(DATA_SETS.values()):
        places.setdefault(data_set.source, place)
        places[data_set.name] = place
    known = {name: canonical(name) for name in set(names)}
    return sorted(known, key=lambda name: (places.get(known[name], len(places)), name))


def data_set_styles(names: Iterable[str]) -> dict[str, tuple[tuple[float, ...], str]]:
    """Return (colour, marker) of each data set in `names`; fixed for Table 1's, assigned in order for others."""
    known = list(DATA_SETS)
    places = known + sorted(set(names) - set(known))
    shades = colormaps["turbo"]
    span = max(len(places) - 1, 1)
    return {n: (shades(0.05 + 0.9 * places.index(n) / span), MARKERS[places.index(n) % len(MARKERS)]) for n in names}


def source_styles(table: pd.DataFrame) -> dict[str, tuple[tuple[float, ...], str]]:
    """Return (colour, marker) of each source: its first data set's, or evenly spread if any is not in Table 1."""
    first = table.drop_duplicates("data_set").set_index("data_set")["source"]
    leading = first[table_order(first.index)].drop_duplicates()
    if set(first.index) <= set(DATA_SETS):
        return dict(zip(leading, data_set_styles(leading.index).values(), strict=True))
    shades = colormaps["turbo"](np.linspace(0.05, 0.95, len(leading)))
    return {source: (tuple(shades[i]), MARKERS[i % len(MARKERS)]) for i, source in enumerate(leading)}


def leading_sources(table: pd.DataFrame) -> tuple[pd.Series, dict]:
    """Return the source of each image, reduced to a readable number for a legend, and the (colour, marker) of each.

    The `LEADING` sources with the most images keep their names; the others are merged into a grey "n other sources".
    """
    looks, counts = source_styles(table), table["source"].value_counts()
    kept = sorted(looks, key=lambda name: -counts[name])[:LEADING] if len(looks) > LEADING + 1 else list(looks)
    rest = f"{len(looks) - len(kept)} other sources"
    named: dict[str, tuple] = {name: look for name, look in looks.items() if name in kept}
    named |= {rest: OTHER} if len(kept) < len(looks) else {}
    return table["source"].where(table["source"].isin(kept), rest), named
