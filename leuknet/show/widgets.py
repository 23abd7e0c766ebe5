"""Widgets: each draws what its static twin draws, by the same function."""

import io

import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import display


def png(fig):
    """Return `fig` as PNG bytes and close it."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=100)
    plt.close(fig)
    return buffer.getvalue()


def slide(draw, **ranges):
    """Show one slider for each argument of `draw`, and the figure it returns.

    Parameters
    ----------
    draw : callable
        Keyword arguments to a matplotlib figure.
    **ranges : tuple (low, high, step, start)
        Whole numbers give a slider of whole numbers.

    Returns
    -------
    ipywidgets.VBox
        For tests; it is displayed already.
    """
    image = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width="100%"))
    sliders = {name: _slider(name, *bounds) for name, bounds in ranges.items()}

    def update(_=None):
        image.value = png(draw(**{name: slider.value for name, slider in sliders.items()}))

    for slider in sliders.values():
        slider.observe(update, names="value")
    update()
    box = ipywidgets.VBox([*sliders.values(), image])
    display(box)
    return box


def _slider(name, low, high, step, start):
    whole = all(isinstance(value, int) for value in (low, high, step, start))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    style = {"description_width": "initial"}
    words = name.replace("_", " ")
    return kind(value=start, min=low, max=high, step=step, description=words, continuous_update=False, style=style)
