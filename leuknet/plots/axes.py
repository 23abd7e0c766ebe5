"""Pieces that several figures are made of: grids of pictures, named rows, values with intervals, shaded matrices."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from leuknet.plots.style import SMALLEST, language


@contextmanager
def subplots(*shape: int, **options: Any) -> Iterator[tuple[plt.Figure, Any]]:
    """Give what `matplotlib.pyplot.subplots` returns, to draw on in the project's style.

    ``with subplots(1, 2, figsize=(7, 3)) as (fig, axes):``.
    """
    with language():
        yield plt.subplots(*shape, **options)


@contextmanager
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
) -> Iterator[tuple[plt.Figure, Any]]:
    """As `subplots`, side by side in one or more rows, laid out by hand: what widgets redraw.

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
    grid |= {"wspace": gap}
    with subplots(rows, columns, figsize=size, layout="none", gridspec_kw=grid, **options) as drawn:
        yield drawn


@contextmanager
def picture_grid(
    rows: int, columns: int, size: tuple[float, float], **options: Any
) -> Iterator[tuple[plt.Figure, np.ndarray]]:
    """As `subplots` of `size` inches, axes in shape (rows, columns), all without ticks, frame and grid."""
    with subplots(rows, columns, figsize=size, squeeze=False, **options) as (fig, axes):
        for ax in axes.flat:
            ax.axis("off")
        yield fig, axes


def picture(ax: plt.Axes, image: np.ndarray, title: str = "", **look: Any) -> None:
    """Draw an image (for `Axes.imshow`, with `look`) under a title to its left, without an axis."""
    ax.imshow(image, **look)
    ax.set_title(title, fontsize=SMALLEST, loc="left")
    ax.axis("off")


def name_rows(ax: plt.Axes, names: Iterable[str], **options: Any) -> None:
    """Name the rows of `ax`, the first on top at y = 0, and rule it by value; `options` are for `Axes.set`."""
    labels = list(names)
    ax.set(**{"yticks": range(len(labels)), "yticklabels": labels, "ylim": (len(labels) - 0.5, -0.5)} | options)
    ax.grid(axis="x")


def whisker(
    ax: plt.Axes,
    value: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    row: ArrayLike,
    line: str = "black",
    linewidth: float = 2.4,
    **mark: Any,
) -> None:
    """Draw a value, or several, as a mark on the line of its interval at height `row`; `mark` is for `Axes.plot`."""
    look: dict[str, Any] = {"marker": "o", "color": "#0072B2", "markersize": 8, "linestyle": "none"}
    ax.plot(np.array([low, high]), np.array([row, row]), linestyle="-", color=line, linewidth=linewidth)
    ax.plot(value, row, **look | mark)


def band(ax: plt.Axes, x: ArrayLike, curve: pd.DataFrame, alpha: float, **line: Any) -> None:
    """Draw the first column of `curve` over the band from its second to its third; `line` is for `Axes.plot`."""
    value, low, high = curve.to_numpy().T
    (drawn,) = ax.plot(x, value, **line)
    ax.fill_between(x, low, high, alpha=alpha, color=drawn.get_color(), linewidth=0)


def matrix(ax: plt.Axes, share: np.ndarray, texts: np.ndarray, size: float = 9) -> None:
    """Shade the cells of a matrix by `share` (0 to 1), and write `texts` (same shape) into them; "" for none."""
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ax.grid(False)
    for (row, column), text in np.ndenumerate(texts):
        ink = "white" if share[row, column] > 0.55 else "black"
        ax.text(column, row, text, ha="center", va="center", color=ink, fontsize=size)


def png(fig: plt.Figure, dpi: int = 100) -> bytes:
    """Return `fig` as PNG bytes, drawn once and lightly packed, and close it."""
    fig.set_dpi(dpi)
    if (engine := fig.get_layout_engine()) is not None:
        engine.execute(fig)
        fig.set_layout_engine("none")
    buffer = io.BytesIO()
    fig.savefig(buffer, dpi=dpi, pil_kwargs={"compress_level": 1})
    plt.close(fig)
    return buffer.getvalue()
