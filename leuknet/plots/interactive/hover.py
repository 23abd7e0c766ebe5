"""A plane of features whose points show their slides under the mouse: HTML and CSS alone, so it needs no kernel."""

import base64
from importlib.resources import files

import cv2
import numpy as np
import pandas as pd
from IPython.display import HTML, display
from matplotlib.colors import to_hex

from leuknet._io import hash_of
from leuknet.exceptions import LeuknetError
from leuknet.plots.interactive.explorers import COLOURS, colour_looks
from leuknet.plots.style import CLASS_NAMES

EDGE, MOST = 160, 600
SIGNS = {0: "●", 1: "▲"}


def hover_plane(points: pd.DataFrame, images: np.ndarray, error: np.ndarray) -> None:
    """Show planes of features as points that show their slide when pointed at; also in an exported page.

    Parameters
    ----------
    points, images, error
        See `explorers.embedding_card`. Of more than `MOST` images as many are drawn, evenly spread.
    """
    display(HTML(hover_html(points, images, error)))


def hover_html(points: pd.DataFrame, images: np.ndarray, error: np.ndarray) -> str:
    """Return what `hover_plane` shows, as HTML."""
    import jinja2

    views = [of.reset_index(drop=True) for _, of in points.groupby("method", sort=False)]
    if any(len(view) != len(images) for view in views) or len(error) != len(images):
        raise LeuknetError(f"each plane needs the same {len(images)} images")
    shown = np.unique(np.linspace(0, len(images) - 1, min(len(images), MOST)).round().astype(int))
    one, styles = views[0], _styles(views, error, shown)
    rows = []
    for i, style in zip(shown, styles, strict=True):
        words = ", ".join([one["image_id"][i], CLASS_NAMES[one["label"][i]], one["source"][i], error[i]])
        rows.append({"style": style, "sign": SIGNS[one["label"][i]], "picture": _jpeg(images[i]), "words": words})
    text = files("leuknet.plots").joinpath("templates", "hover.html.j2").read_text("utf-8")
    about = {"planes": [view["method"][0] for view in views], "colours": COLOURS, "points": rows}
    about |= {"name": f"hover-{hash_of(styles)[:8]}", "left_out": len(images) - len(shown)}
    return jinja2.Environment(autoescape=True).from_string(text).render(about)


def _styles(views: list[pd.DataFrame], error: np.ndarray, shown: np.ndarray) -> list[str]:
    """Return for each image shown its places in the planes (%) and its colours as CSS variables."""
    columns = {}
    for k, view in enumerate(views):
        for axis in "xy":
            at = view[axis].to_numpy(float)
            share = (at - at.min()) / max(float(np.ptp(at)), 1e-12)
            columns[f"{axis}{k}"] = [f"{2 + 96 * (s if axis == 'x' else 1 - s):.1f}%" for s in share]
    for k, colour in enumerate(COLOURS):
        values, looks, _ = colour_looks(views[0], error, colour)
        columns[f"c{k}"] = [to_hex(looks[value][0]) for value in values]
    return [";".join(f"--{name}:{column[i]}" for name, column in columns.items()) for i in shown]


def _jpeg(image: np.ndarray) -> str:
    small = cv2.resize(np.ascontiguousarray(image), (EDGE, EDGE), interpolation=cv2.INTER_AREA)
    content = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return base64.b64encode(content.tobytes()).decode()
