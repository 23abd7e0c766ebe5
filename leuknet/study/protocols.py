"""The protocols that page 06 compares, and the subset that a cohort allows."""

import pandas as pd

from leuknet.evaluation.named import make_split
from leuknet.evaluation.splits import Split
from leuknet.exceptions import LeuknetError
from leuknet.study.study import Study

COMPARED = ("pooled", "LODOCV as published", "leave-one-source-out")
EVERY = "every source left out"


# Names in tables and captions for the protocols of `leuknet.evaluation.named`; all others are named alike in both.
NAMED = {
    "pooled": "k-fold-by-image",
    "grouped": "k-fold",
    "LODOCV as published": "lodocv-as-published",
    EVERY: "every-source-out",
}
ONE_CLASS = "Each data set holds one class, so its name gives the label: no accuracy here shows that cells were used."
GROUPED = "Instead, folds that keep groups (slides or patients) whole are shown: no group is in training and test."
MIXED = "Instead, random folds of images are shown: images of one group may be in training and in test."


def possible_splits(study: Study, *names: str, table: pd.DataFrame | None = None) -> tuple[dict[str, Split], list[str]]:
    """Return the possible splits of a study's cohort by protocol, and sentences that explain why others are impossible.

    Parameters
    ----------
    study : Study
    *names : str
        Members of `NAMED` or of `leuknet.evaluation.named`. Defaults to `COMPARED`. If only pooled folds are possible,
        folds that preserve groups are added.
    table : pandas.DataFrame, optional
        Defaults to the study's table.
    """
    names, table = names or COMPARED, study.cohort.table if table is None else table
    possible, notes = {}, []
    for name in names:
        try:
            possible[name] = _split(name, table, study.profile.folds, study.seed)
        except LeuknetError as reason:
            notes.append(f"Not possible here: {reason}.")
    if names[0] != "pooled":
        return possible, notes
    notes += _one_class(table)
    if len(names) > 1 and not possible.keys() - {"pooled"}:
        grouped, reasons = possible_splits(study, "grouped", table=table)
        possible, notes = possible | grouped, [*notes, GROUPED, *reasons]
    return possible, notes


def _split(name: str, table: pd.DataFrame, folds: int, seed: int) -> Split:
    if name == "grouped":  # at most as many folds as the rarer class has groups, so that each tests both classes
        folds = max(2, min(folds, int(table.groupby("label")["group"].nunique().min())))
    return make_split(NAMED.get(name, name), table, seed, k=folds)


def first_possible(study: Study, *names: str, table: pd.DataFrame | None = None) -> tuple[Split, list[str]]:
    """Return the split of the first of `names` that the cohort allows, and sentences on why earlier ones fail.

    Raises
    ------
    LeuknetError
        If the cohort allows none of them.
    """
    notes: list[str] = []
    table = study.cohort.table if table is None else table
    for name in names:
        possible, reasons = possible_splits(study, name, table=table)
        if possible:
            instead = [GROUPED if name == "grouped" else MIXED, *_one_class(table)]
            return possible[name], notes + instead if notes else []
        notes += reasons
    raise LeuknetError(" ".join(notes))


def _one_class(table: pd.DataFrame) -> list[str]:
    return [ONE_CLASS] if table.groupby("data_set")["label"].nunique().max() == 1 else []
