"""One image of a data set as its provider ships it."""

from dataclasses import dataclass
from pathlib import PurePath

NEGATIVE, POSITIVE = 0, 1


@dataclass(frozen=True)
class Image:
    """One image of a native layout.

    Attributes
    ----------
    path : pathlib.PurePath
        Below the data set's folder.
    label : int or None
        Of the patient or the whole image: 1 = leukaemia, 0 = not; None where the layout does not say.
    group : str
        Patient; empty where the layout does not say.
    cell_type : str
        As the provider calls it; empty for images of many cells.
    cell_label : int or None
        Of the cell: 1 = blast, 0 = white cell as in normal blood; None for what is neither, and for many cells.
    """

    path: PurePath
    label: int | None
    group: str = ""
    cell_type: str = ""
    cell_label: int | None = None
