"""What the rules read: results of the runs, tables of the pages, histories of the runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

Rule = dict[str, Any]


@dataclass(frozen=True)
class Sources:
    """What rules read: `leuknet.verdicts.results.results` of the runs, and the result folder."""

    runs: pd.DataFrame
    out: Path

    def table(self, name: str) -> pd.DataFrame | None:
        """Return a page's table by its file's stem, or None if the page has not been run into this folder."""
        path = self.out / "tables" / f"{name}.csv"
        return pd.read_csv(path) if path.is_file() else None

    @property
    def tests(self) -> pd.DataFrame:
        """The rows of `runs` in role test."""
        return self.runs[self.runs["role"] == "test"] if len(self.runs) else self.runs


def learnt(rows: pd.DataFrame) -> bool:
    """Whether runs beat, on average, a classifier that calls every image of their test set the larger class."""
    return bool(rows["A"].mean() > rows["majority"].mean())
