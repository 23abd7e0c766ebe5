"""Building blocks shared by several figures: image grids, named rows, values with intervals, shaded matrices."""

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
    """Yield the result of `matplotlib.pyplot.subplots` in the project's style.

    Use as ``with subplots(1, 2, figsize=(7, 3)) as (fig, axes):``.
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
    """Like `subplots`, with axes in one or more rows and a fixed layout, for figures that widgets redraw.

    Constrained layout would take half of the time of a redraw and make the picture jump when a slider moves.

    Parameters
    ----------
    columns : int
    size : (width, height)
        In inches.
    left, right, bottom, top : float
        Margins in inches; a page's caption line takes the lowest 0.25.
    gap : float
        Gap between the axes, as a fraction of their mean width.
    **options
        Options of `matplotlib.pyplot.subplots`, such as ``width_ratios``.
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
    """Like `subplots` of `size` inches with axes of shape (rows, columns), all without ticks, frame and grid."""
    with subplots(rows, columns, figsize=size, squeeze=False, **options) as (fig, axes):
        for ax in axes.flat:
            ax.axis("off")
        yield fig, axes


def picture(ax: plt.Axes, image: np.ndarray, title: str = "", **look: Any) -> None:
    """Draw an image (with `Axes.imshow` and the options `look`) below a left-aligned title, without axis."""
    ax.imshow(image, **look)
    ax.set_title(title, fontsize=SMALLEST, loc="left")
    ax.axis("off")


def name_rows(ax: plt.Axes, names: Iterable[str], **options: Any) -> None:
    """Label the rows of `ax`, the first on top at y = 0, and draw grid lines by value; `options` go to `Axes.set`."""
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
    """Draw one or more values as marks on the line of their interval at height `row`; `mark` goes to `Axes.plot`."""
    look: dict[str, Any] = {"marker": "o", "color": "#0072B2", "markersize": 8, "linestyle": "none"}
    ax.plot(np.array([low, high]), np.array([row, row]), linestyle="-", color=line, linewidth=linewidth)
    ax.plot(value, row, **look | mark)


def band(ax: plt.Axes, x: ArrayLike, curve: pd.DataFrame, alpha: float, **line: Any) -> None:
    """Draw the first column of `curve` over the band between its second and third; `line` goes to `Axes.plot`."""
    value, low, high = curve.to_numpy().T
    (drawn,) = ax.plot(x, value, **line)
    ax.fill_between(x, low, high, alpha=alpha, color=drawn.get_color(), linewidth=0)


def matrix(ax: plt.Axes, share: np.ndarray, texts: np.ndarray, size: float = 9) -> None:
    """Shade the cells of a matrix by `share` (0 to 1), and write `texts` (same shape) into them; "" for no text."""
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ax.grid(False)
    for (row, column), text in np.ndenumerate(texts):
        ink = "white" if share[row, column] > 0.55 else "black"
        ax.text(column, row, text, ha="center", va="center", color=ink, fontsize=size)


def png(fig: plt.Figure, dpi: int = 100) -> bytes:
    """Return `fig` as PNG bytes with fast compression, and close it."""
    fig.set_dpi(dpi)
    if (engine := fig.get_layout_engine()) is not None:
        engine.execute(fig)
        fig.set_layout_engine("none")
    buffer = io.BytesIO()
    fig.savefig(buffer, dpi=dpi, pil_kwargs={"compress_level": 1})
    plt.close(fig)
    return buffer.getvalue()
