"""Pieces that several figures are made of: grids of pictures, named rows, values with intervals, shaded matrices."""

from collections.abc import Iterable
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leuknet.plots.style import SMALLEST


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


def whisker(
    ax: Axes,
    value: float,
    low: float,
    high: float,
    row: float,
    line: str = "black",
    linewidth: float = 2.4,
    **mark: Any,
) -> None:
    """Draw a value as a mark on the line of its interval at height `row`; `mark` is for `Axes.plot`."""
    ax.plot([low, high], [row, row], linestyle="-", color=line, linewidth=linewidth)
    ax.plot(value, row, **{"marker": "o", "color": "#0072B2", "markersize": 8, "linestyle": "none"} | mark)


def matrix(ax: Axes, share: np.ndarray, texts: np.ndarray, size: float = 9) -> None:
    """Shade the cells of a matrix by `share` (0 to 1), and write `texts` (same shape) into them; "" for none."""
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ax.grid(False)
    for (row, column), text in np.ndenumerate(texts):
        ink = "white" if share[row, column] > 0.55 else "black"
        ax.text(column, row, text, ha="center", va="center", color=ink, fontsize=size)


def png(fig: Figure, dpi: int = 100) -> bytes:
    """Return `fig` as PNG bytes, drawn once and lightly packed, and close it."""
    fig.set_dpi(dpi)
    if (engine := fig.get_layout_engine()) is not None:
        engine.execute(fig)
        fig.set_layout_engine("none")
    fig.canvas.draw()
    pixels = cv2.cvtColor(np.asarray(fig.canvas.buffer_rgba()), cv2.COLOR_RGBA2BGR)
    plt.close(fig)
    return cv2.imencode(".png", pixels)[1].tobytes()
