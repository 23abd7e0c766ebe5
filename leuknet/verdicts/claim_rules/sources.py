"""Input of the rules: results of the runs, tables of the pages, histories of the runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from leuknet.evaluation.significance import resampled_t
from leuknet.verdicts import results

Rule = dict[str, Any]


@dataclass(frozen=True)
class Sources:
    """Input of the rules: `leuknet.verdicts.results.results` of the runs, and the result folder."""

    runs: pd.DataFrame
    out: Path

    def table(self, name: str, *columns: str) -> pd.DataFrame | None:
        """Return a page's table, see `leuknet.verdicts.results.page_table`."""
        return results.page_table(self.out, name, *columns)

    @property
    def tests(self) -> pd.DataFrame:
        """The rows of `runs` with the role test."""
        return self.runs[self.runs["role"] == "test"] if len(self.runs) else self.runs


def learnt(rows: pd.DataFrame) -> bool:
    """Whether runs beat a classifier that always predicts the larger class of their test set.

    They do if the 95 % interval of their mean lead over it lies above 0: over folds, corrected for the training images
    that folds of one pool share, else over runs. A single run has no interval and is judged by its lead alone; the
    rules do not judge differences without an interval.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of `leuknet.verdicts.results.results`, of one network under one protocol.
    """
    lead, overlap = rows["A"] - rows["majority"], results.overlap(rows)
    if overlap:
        lead = lead.groupby(rows["fold"]).mean()  # seeds of a fold share all of its training images
    return bool(lead.iloc[0] > 0 if len(lead) == 1 else resampled_t(lead, overlap).low > 0)
