"""The 18 data sets of Table 1: what the paper and the providers state, and nothing else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

_DATA = Path(__file__).parent / "resources"


@dataclass(frozen=True)
class DataSet:
    """One row of Table 1 (Sensors 2021, 21, 2989).

    Attributes
    ----------
    name : str
        As printed in Table 1.
    negatives, positives, total : int
        Images per class and their total, as published.
    cells : {"single", "multi", "both"} or None
        Leukocytes an image; None where neither the paper nor the provider states it.
    source : str
        Independent origin; data sets cut from the same slides share one.
    origin : str
        Country and institution; empty where not stated.
    reference : int or None
        Number in the paper's list of references.
    url : str
        As the paper prints it; empty if it prints none.
    citation, note : str
        Short form of the reference; what is uncertain about `cells` and `source`, and why.
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
        """Whether both classes occur: only these data sets are tested in LODOCV (section 3.5)."""
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
    return pd.read_csv(_DATA / name, dtype=str, keep_default_na=False)


DATA_SETS = {row["name"]: _data_set(row) for row in _read("registry.csv").to_dict("records")}


def plain(name: str) -> str:
    """Return `name` in lower case without spaces and punctuation: how data sets are matched."""
    return re.sub(r"[\W_]+", "", name.casefold())


_BY_PLAIN_NAME = {plain(name): data_set for name, data_set in DATA_SETS.items()}


def lookup(name: str) -> DataSet | None:
    """Return the data set of Table 1 called `name`, or None.

    Case, spaces and punctuation are ignored: ``CellaVision2`` is CellaVision 2.
    """
    return _BY_PLAIN_NAME.get(plain(name))


def registry_table() -> pd.DataFrame:
    """Return Table 1 as a DataFrame, one row per data set, in the paper's order."""
    table = pd.DataFrame([vars(data_set) for data_set in DATA_SETS.values()])
    return table.astype({"reference": "Int64"})


def totals() -> pd.DataFrame:
    """Return the totals that the paper prints next to the sums of Table 1's rows.

    Returns
    -------
    pandas.DataFrame
        ``place`` (str, in the paper), ``covers`` (str, which rows), ``count`` (negatives, positives or total),
        ``published``, ``computed``, ``difference`` (int, published - computed). Only what the paper prints.
    """
    names = list(DATA_SETS)
    covered = {
        "18 data sets": names,
        "17 data sets (all but UFG)": [name for name in names if name != "UFG"],
        "the 13 data sets above UFG in Table 1": names[: names.index("UFG")],
    }
    long = _read("published_totals.csv").melt(["place", "covers"], var_name="count", value_name="published")
    long = long[long["published"] != ""].astype({"published": int}).reset_index(drop=True)
    long["computed"] = [
        sum(getattr(DATA_SETS[name], row["count"]) for name in covered[row["covers"]]) for _, row in long.iterrows()
    ]
    return long.assign(difference=long["published"] - long["computed"])
