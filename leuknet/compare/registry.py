"""All comparison systems by key, in the order of Table 11."""

from dataclasses import dataclass
from importlib import import_module

from leuknet.errors import LeuknetError

FAMILIES = ("handcrafted", "network", "features", "control")


@dataclass(frozen=True)
class Entry:
    """One system of the comparison.

    Attributes
    ----------
    key : str
        What `SystemSettings.system` names.
    work : str
        Its name in tables: as Table 11 prints it, and what kind it is where an article has several.
    family : {"handcrafted", "network", "features", "control"}
    place : str
        ``"<file of this room>:<class>"``.
    reference : int or None
        Number in the paper's references.
    row : str or None
        Its row in Table 11; None if the article's own figure is another kind's, or there is none.
    size : {"gallery", "profile"}
        Which size of the images it works on: handmade features need the larger one.
    options : tuple of (str, value)
        Of the class.
    """

    key: str
    work: str
    family: str
    place: str
    reference: int | None = None
    row: str | None = None
    size: str = "profile"
    options: tuple = ()


_ENTRIES = (
    Entry("mean-colour", "nearest mean colour", "control", "controls:MeanColour"),
    Entry("format", "image size and format", "control", "controls:SizeAndFormat"),
)
SYSTEMS = {entry.key: entry for entry in _ENTRIES}


def lookup(key):
    """Return the `Entry` called `key`, or raise LeuknetError."""
    if key not in SYSTEMS:
        raise LeuknetError(f"comparison system {key!r} is unknown: choose {', '.join(SYSTEMS)}")
    return SYSTEMS[key]


def make(settings):
    """Return the unfitted system that `settings` name."""
    entry = lookup(settings.system)
    module, name = entry.place.split(":")
    return getattr(import_module(f"leuknet.compare.{module}"), name)(settings, **dict(entry.options))
