"""Widgets: each draws the same figure as its static counterpart, with the same function."""

from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd

from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError
from leuknet.plots.axes import png
from leuknet.plots.interactive.explorers import ALL, COLOURS, browse_card, embedding_card, filtered, thumbnails
from leuknet.plots.style import CLASS_NAMES, table_order


def slide(draw: Callable, *, words: dict[str, str] | None = None, **controls: Any) -> ipywidgets.VBox:
    """Return one control for each argument of `draw`, and the figure that it returns.

    Parameters
    ----------
    draw : callable
        Takes keyword arguments and returns a matplotlib figure.
    words : dict of str to str, optional
        Label of each control, if different from the name of the argument.
    **controls : tuple (low, high, step, start), list, or dict
        A tuple creates a slider, with integer steps if its limits and step are integers; a list creates a menu of its
        values, starting with the first; a dictionary creates a menu of its keys, which select its values.

    Returns
    -------
    ipywidgets.VBox
        Displayed as the last expression of a cell.
    """
    image = _picture()
    shown = {name: _control((words or {}).get(name, name), limits) for name, limits in controls.items()}

    def update(_: Any = None) -> None:
        image.value = png(draw(**{name: control.value for name, control in shown.items()}))

    for control in shown.values():
        control.observe(update, names="value")
    update()
    return ipywidgets.VBox([*shown.values(), image])


def browser(cohort: Cohort) -> ipywidgets.VBox:
    """Return a browser of a cohort by data set, source, class and copies, which shows the images most similar to each.

    Returns
    -------
    ipywidgets.VBox
        Displayed as the last expression of a cell.
    """
    table, small = cohort.table, thumbnails(cohort.images)
    limits: dict[str, Any] = {unit: [ALL, *table_order(table[unit])] for unit in ("data_set", "source")}
    limits |= {"label": {ALL: ALL} | {name: label for label, name in CLASS_NAMES.items()}}
    limits |= {"copies": {"all images": False, "only images that share file, slide or patient": True}}
    menus = {name: _control(name, values) for name, values in limits.items()}
    slider, message, image = _control("image", (0, len(cohort) - 1, 1, 0)), ipywidgets.Label(), _picture()

    def places() -> np.ndarray:
        return filtered(table, **{name: menu.value for name, menu in menus.items()})

    def draw(_: Any = None) -> None:
        if len(shown := places()):
            image.value = png(browse_card(cohort, int(shown[slider.value]), small))

    def narrow(_: Any = None) -> None:
        n = len(places())
        message.value = f"{n} of {len(cohort)} images" if n else "no image has all of these: change a menu"
        slider.disabled = not n
        slider.max, before = max(n - 1, 0), slider.value
        slider.value = 0
        if before == 0:
            draw()

    for menu in menus.values():
        menu.observe(narrow, names="value")
    slider.observe(draw, names="value")
    narrow()
    return ipywidgets.VBox([*menus.values(), slider, message, image])


def embedding(points: pd.DataFrame, images: np.ndarray, error: np.ndarray) -> ipywidgets.VBox:
    """Return planes of features and the slide of one point, selected by name, from left to right, or by proximity.

    Parameters
    ----------
    points, images, error
        See `leuknet.plots.interactive.explorers.embedding_card`.

    Returns
    -------
    ipywidgets.VBox
        Displayed as the last expression of a cell.
    """
    planes = {name: of[["x", "y"]].to_numpy() for name, of in points.groupby("method", sort=False)}
    order = {name: at[:, 0].argsort(kind="stable") for name, at in planes.items()}
    ids = points["image_id"].iloc[: len(images)]
    plane, colour = _control("plane", list(planes)), _control("colour", list(COLOURS))
    menu = _control("slide", {name: i for i, name in enumerate(ids)})
    slider = _control("point", (0, len(images) - 1, 1, int(order[plane.value].argsort()[0])))
    buttons = [ipywidgets.Button(description=words) for words in ("nearest", "second nearest", "third nearest")]
    image = _picture()

    def draw(_: Any = None) -> None:
        image.value = png(embedding_card(points, images, error, plane.value, colour.value, slider.value))

    def slid(_: Any) -> None:
        chosen = int(order[plane.value][slider.value])
        if menu.value == chosen:
            draw()
        else:
            menu.value = chosen  # triggers `named`, which draws

    def named(_: Any) -> None:
        before, slider.value = slider.value, int(order[plane.value].argsort()[menu.value])
        if before == slider.value:
            draw()

    def near(rank: int) -> None:
        at = planes[plane.value]
        menu.value = int(((at - at[menu.value]) ** 2).sum(axis=1).argsort(kind="stable")[rank])

    slider.observe(slid, names="value")
    colour.observe(draw, names="value")
    for control in (menu, plane):
        control.observe(named, names="value")
    for rank, button in enumerate(buttons, 1):
        button.on_click(lambda _, rank=rank: near(rank))
    draw()
    return ipywidgets.VBox([plane, colour, menu, slider, ipywidgets.HBox(buttons), image])


def upload(draw: Callable, label: str = "your slide") -> ipywidgets.VBox:
    """Return a button that uploads one image file, and the figure that `draw` makes of it, or an error message.

    Parameters
    ----------
    draw : callable
        Maps (file name, content as bytes) to a matplotlib figure; a `LeuknetError` is shown as text.
    label : str
        Label of the button.

    Returns
    -------
    ipywidgets.VBox
        Displayed as the last expression of a cell.
    """
    wide = ipywidgets.Layout(width="max-content")
    button = ipywidgets.FileUpload(accept="image/*", multiple=False, description=label, layout=wide)
    message = ipywidgets.Label("No file is sent anywhere but to this notebook's own kernel.")
    image = _picture()
    image.layout.visibility = "hidden"

    def update(change: Any) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        try:
            image.value = png(draw(file["name"], bytes(file["content"])))
            message.value, image.layout.visibility = file["name"], "visible"
        except LeuknetError as error:
            message.value, image.layout.visibility = f"{file['name']}: {error}", "hidden"

    button.observe(update, names="value")
    return ipywidgets.VBox([button, message, image])


def _picture() -> ipywidgets.Image:
    return ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width="100%"))


def _control(name: str, limits: Any) -> ipywidgets.Widget:
    """Return a slider for ``(low, high, step, start)``, a menu for a list or a dictionary; see `slide`."""
    if isinstance(limits, tuple):
        *span, start = limits
        control = ipywidgets.interactive.widget_from_abbrev(tuple(span), start)
        control.continuous_update = False
    else:
        control = ipywidgets.Dropdown(options=limits, layout={"width": "max-content", "max_width": "100%"})
    control.description, control.style.description_width = name.replace("_", " "), "initial"
    return control
