"""The 18 data sets of Table 1, with information stated by the paper or the providers only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

RESOURCES = Path(__file__).parent / "resources"


@dataclass(frozen=True)
class DataSet:
    """One row of Table 1 (Sensors 2021, 21, 2989).

    Attributes
    ----------
    name : str
        As printed in Table 1.
    negatives, positives, total : int
        Published numbers of images per class, and their total.
    cells : {"single", "multi", "both"} or None
        Leukocytes per image; None if stated by neither the paper nor the provider.
    source : str
        Independent origin; data sets from the same slides share a source.
    origin : str
        Country and institution; empty if not stated.
    reference : int or None
        Number in the paper's list of references.
    url : str
        URL as printed in the paper; empty if none is printed.
    citation, note : str
        Short form of the reference; uncertainties about `cells` and `source`, with reasons.
    """

    name: str
    negatives: int
    positives: int
    total: int
    cells: str | None
    source: str
    origin: str
    reference: int | None
    url: str
    citation: str
    note: str

    @property
    def two_class(self) -> bool:
        """Whether both classes occur; LODOCV tests only such data sets (section 3.5)."""
        return self.negatives > 0 and self.positives > 0

    @property
    def classes(self) -> list[tuple[str, int, int]]:
        """The classes that occur, as (folder name, label, published count)."""
        both = [("negative", 0, self.negatives), ("positive", 1, self.positives)]
        return [row for row in both if row[2]]


def _data_set(row: Mapping[Any, Any]) -> DataSet:
    numbers = {name: int(row[name]) for name in ("negatives", "positives", "total")}
    reference = int(row["reference"]) if row["reference"] else None
    return DataSet(**{**row, **numbers, "cells": row["cells"] or None, "reference": reference})


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(RESOURCES / name, dtype=str, keep_default_na=False)


DATA_SETS = {row["name"]: _data_set(row) for row in _read("registry.csv").to_dict("records")}


def plain(name: str) -> str:
    """Return `name` in lower case without spaces and punctuation, for matching data sets."""
    return re.sub(r"[\W_]+", "", name.casefold())


_BY_PLAIN_NAME = {plain(name): data_set for name, data_set in DATA_SETS.items()}


@cache
def lookup(name: str) -> DataSet | None:
    """Return the data set of Table 1 named `name`, or None.

    Case, spaces and punctuation are ignored, e.g. ``CellaVision2`` matches CellaVision 2.
    """
    return _BY_PLAIN_NAME.get(plain(name))


def canonical(data_set: str) -> str:
    """Return a data set's name as in Table 1; other names are returned unchanged."""
    return getattr(lookup(data_set), "name", data_set)


def source_of(data_set: str) -> str:
    """Return the source of a data set by name; a data set that is not in Table 1 is its own source."""
    return getattr(lookup(data_set), "source", data_set)


def registry_table() -> pd.DataFrame:
    """Return Table 1 as a DataFrame, one row per data set, in the paper's order."""
    table = pd.DataFrame([vars(data_set) for data_set in DATA_SETS.values()])
    return table.astype({"reference": "Int64"})


def totals() -> pd.DataFrame:
    """Compare the totals printed in the paper with the sums of the rows of Table 1.

    Returns
    -------
    pandas.DataFrame
        One row per printed total: ``place`` (str, in the paper), ``covers`` (str, rows of the table), ``count``
        (negatives, positives or total), ``published``, ``computed``, ``difference`` (int, published - computed).
    """
    table = registry_table().set_index("name")
    covered = {"18 data sets": table, "17 data sets (all but UFG)": table.drop(index="UFG")}
    covered["the 13 data sets above UFG in Table 1"] = table.iloc[: table.index.get_loc("UFG")]
    long = _read("published_totals.csv").melt(["place", "covers"], var_name="count", value_name="published")
    long = long[long["published"] != ""].astype({"published": int}).reset_index(drop=True)
    long["computed"] = [covered[of][count].sum() for of, count in zip(long["covers"], long["count"], strict=True)]
    return long.assign(difference=long["published"] - long["computed"])
