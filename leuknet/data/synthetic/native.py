"""Redrawing of the synthetic images at their native size, with the true position and kind of each leukocyte."""

import json
from dataclasses import asdict
from functools import lru_cache
from threading import Lock
from typing import Any

from leuknet.data.synthetic.draw import Drawn, draw
from leuknet.data.synthetic.plan import Field, Slide

_ONE_AT_A_TIME = Lock()
_TASKS: dict[str, type[Slide] | type[Field]] = {"Slide": Slide, "Field": Field}


def spelled(task: Slide | Field, seed: int) -> str:
    """Return the JSON from which `drawn_from` redraws the images of a slide or field."""
    values = {k: [v.start, v.stop] if isinstance(v, range) else v for k, v in asdict(task).items()}
    return json.dumps([type(task).__name__, values, seed])


def drawn_from(drawing: str) -> list[Drawn]:
    """Return all images of one slide or field at their native size; `drawing` is a value of the cohort's table."""
    name, values, seed = json.loads(drawing)
    fields: dict[str, Any] = {k: range(*v) if isinstance(v, list) else v for k, v in values.items()}
    return draw(_TASKS[name](**fields), seed)


_recent = lru_cache(maxsize=8)(drawn_from)


def redrawn(drawing: str, image_id: str) -> Drawn:
    """Return one image of the cohort at its native size.

    Parameters
    ----------
    drawing, image_id : str
        Values of the cohort's table.
    """
    with _ONE_AT_A_TIME:
        return next(one for one in _recent(drawing) if one.row["image_id"] == image_id)
