"""Registry of all baselines by key, in the order of Table 11, read from ``baselines.csv``."""

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
        The value of `BaselineSettings.baseline`.
    work : str
        Its name in tables, as in Table 11. For articles with several variants, those without a figure in Table 11 have
        a comma and the variant after the name.
    family : {"handcrafted", "network", "features", "control"}
    place : str
        ``"<module of this package>:<class>"``.
    reference : str
        Number in the paper's references; empty if it is not from an article.
    size : {"gallery", "profile"}
        Image size that it uses; handcrafted features need the larger one.
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
    """Return the `Entry` with the key `key`, or raise LeuknetError."""
    if key not in BASELINES:
        raise LeuknetError(f"baseline {key!r} is unknown: choose {', '.join(BASELINES)}")
    return BASELINES[key]


def make(settings: Any) -> Any:
    """Return the unfitted `Baseline` for `settings`, a `BaselineSettings` (neither class is imported here)."""
    entry = lookup(settings.baseline)
    module, name = entry.place.split(":")
    return getattr(import_module(f"leuknet.baselines.{module}"), name)(settings)
