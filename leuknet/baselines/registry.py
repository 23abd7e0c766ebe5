"""All baselines by key, in the order of Table 11."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from leuknet.exceptions import LeuknetError

FAMILIES = ("handcrafted", "network", "features", "control")


@dataclass(frozen=True)
class Entry:
    """One baseline.

    Attributes
    ----------
    key : str
        What `BaselineSettings.baseline` names.
    work : str
        Its name in tables: as Table 11 prints it; where an article has several kinds, those whose figure Table 11 does
        not print have a comma and the kind after the name.
    family : {"handcrafted", "network", "features", "control"}
    place : str
        ``"<file of this room>:<class>"``.
    reference : int or None
        Number in the paper's references.
    size : {"gallery", "profile"}
        Which size of the images it works on: handmade features need the larger one.
    """

    key: str
    work: str
    family: str
    place: str
    reference: int | None = None
    size: str = "profile"


_ENTRIES = (
    Entry("putzu", "Putzu et al. [6]", "handcrafted", "handcrafted.putzu:Putzu", 6, size="gallery"),
    Entry("vincent", "Vincent et al. [7]", "handcrafted", "handcrafted.vincent:Vincent", 7, size="gallery"),
    Entry("patel", "Patel e Mishra [8]", "handcrafted", "handcrafted.patel:Patel", 8, size="gallery"),
    Entry("singhal", "Singhal et al. [9]", "handcrafted", "handcrafted.singhal:Patterns", 9, size="gallery"),
    Entry(
        "singhal-glcm", "Singhal et al. [9], GLCM", "handcrafted", "handcrafted.singhal:Cooccurrence", 9, size="gallery"
    ),
    Entry("thanh", "Thanh et al. [14]", "network", "networks.thanh:Thanh", 14),
    Entry("shafique", "Shafique et al. [16]", "network", "networks.shafique:Shafique", 16),
    Entry("shafique-hsv", "Shafique et al. [16], HSV", "network", "networks.shafique:HSV", 16),
    Entry("shafique-ycbcr", "Shafique et al. [16], YCbCr", "network", "networks.shafique:YCbCr", 16),
    Entry("rehman", "Rehman et al. [17]", "network", "networks.rehman:Rehman", 17),
    Entry("loey", "Loey et al. [18]", "network", "networks.loey:FineTuned", 18),
    Entry("loey-svm", "Loey et al. [18], features and SVM", "features", "networks.loey:Features", 18),
    Entry("pansombut", "Pansombut et al. [19]", "network", "networks.pansombut:Pansombut", 19),
    Entry("ahmed", "Ahmed et al. [20]", "network", "networks.ahmed:Ahmed", 20),
    Entry("vogado", "Vogado et al. [22]", "features", "features.vogado:Vogado", 22),
    Entry("sahlol", "Sahlol et al. [23]", "features", "features.sahlol:Sahlol", 23),
    Entry("linear", "VGG-16 features, linear SVM", "features", "features.linear:Linear"),
    Entry("cells-morphology", "cells, 16 numbers", "handcrafted", "cells_morphology:Morphology", size="gallery"),
    Entry("cells-embedding", "cells, ImageNet features", "features", "cells_embedding:Embedding", size="gallery"),
    Entry("mean-colour", "nearest mean colour", "control", "controls:MeanColour"),
    Entry("format", "image size and format", "control", "controls:SizeAndFormat"),
)
BASELINES = {entry.key: entry for entry in _ENTRIES}


def lookup(key: str) -> Entry:
    """Return the `Entry` called `key`, or raise LeuknetError."""
    if key not in BASELINES:
        raise LeuknetError(f"baseline {key!r} is unknown: choose {', '.join(BASELINES)}")
    return BASELINES[key]


def make(settings: Any) -> Any:
    """Return the unfitted `Baseline` that `settings`, a `BaselineSettings`, name (neither is imported from here)."""
    entry = lookup(settings.baseline)
    module, name = entry.place.split(":")
    return getattr(import_module(f"leuknet.baselines.{module}"), name)(settings)
