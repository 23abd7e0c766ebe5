"""All baselines by key, in the order of Table 11: ``baselines.csv`` as data classes."""

import csv
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from leuknet.exceptions import LeuknetError


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
    reference : str
        Number in the paper's references; empty if it is no article's.
    size : {"gallery", "profile"}
        Which size of the images it works on: handmade features need the larger one.
    """

    key: str
    work: str
    family: str
    place: str
    reference: str
    size: str


with Path(__file__).with_name("baselines.csv").open(encoding="utf-8", newline="") as _file:
    BASELINES = {row["key"]: Entry(**row) for row in csv.DictReader(_file)}


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
