"""The protocols that page 06 compares, and which of them a cohort can have."""

import pandas as pd

from leuknet.evaluation.splits import Split, k_fold, leave_one_source_out, lodocv
from leuknet.exceptions import LeuknetError
from leuknet.study.study import Study

COMPARED = ("pooled", "LODOCV as published", "leave-one-source-out")
EVERY = "every source left out"


def _grouped(table: pd.DataFrame, folds: int, seed: int) -> Split:
    """Return k-fold by group, with no more folds than the rarer class has groups: each can then test both classes."""
    groups = table.groupby("label")["group"].nunique().min()
    return k_fold(table, max(2, min(folds, int(groups))), seed=seed, by="group")


MAKERS = {
    "pooled": lambda table, folds, seed: k_fold(table, folds, seed=seed),
    "grouped": _grouped,
    "LODOCV as published": lambda table, folds, seed: lodocv(table),
    "leave-one-source-out": lambda table, folds, seed: leave_one_source_out(table),
    EVERY: lambda table, folds, seed: leave_one_source_out(table, tested="all"),
}
ONE_CLASS = "Each data set holds one class, so its name gives the label: no accuracy here shows that cells were used."
GROUPED = "Instead, folds that keep groups (slides or patients) whole are shown: no group is in training and test."
MIXED = "Instead, random folds of images are shown: images of one group may be in training and in test."


def possible_splits(study: Study, *names: str, table: pd.DataFrame | None = None) -> tuple[dict[str, Split], list[str]]:
    """Return the splits of a study's cohort by protocol, and sentences that say why others cannot be had.

    Parameters
    ----------
    study : Study
    *names : str
        Of `MAKERS`, `COMPARED` if none is given. If a cohort can have none but pooled folds, folds that keep groups
        whole join them.
    table : pandas.DataFrame, optional
        The study's own if not given.
    """
    names, table = names or COMPARED, study.cohort.table if table is None else table
    found, notes = {}, []
    for name in names:
        try:
            found[name] = MAKERS[name](table, study.profile.folds, study.seed)
        except LeuknetError as reason:
            notes.append(f"Not possible here: {reason}.")
    if names[0] != "pooled":
        return found, notes
    notes += _one_class(table)
    if len(names) > 1 and not found.keys() - {"pooled"}:
        grouped, reasons = possible_splits(study, "grouped", table=table)
        found, notes = found | grouped, [*notes, GROUPED, *reasons]
    return found, notes


def first_possible(study: Study, *names: str, table: pd.DataFrame | None = None) -> tuple[Split, list[str]]:
    """Return the split of the first of `names` that a cohort can have, and sentences on why not an earlier one.

    Raises
    ------
    LeuknetError
        If the cohort can have none of them.
    """
    notes: list[str] = []
    table = study.cohort.table if table is None else table
    for name in names:
        found, reasons = possible_splits(study, name, table=table)
        if found:
            instead = [GROUPED if name == "grouped" else MIXED, *_one_class(table)]
            return found[name], notes + instead if notes else []
        notes += reasons
    raise LeuknetError(" ".join(notes))


def _one_class(table: pd.DataFrame) -> list[str]:
    return [ONE_CLASS] if table.groupby("data_set")["label"].nunique().max() == 1 else []
