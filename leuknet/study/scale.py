"""Size of the paper's experiments: the runs that a profile plans for each table, next to the paper's counts.

Nothing is loaded or trained: the cohort is generated from Table 1's counts, so fold sizes equal those of the real
images.
"""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from leuknet.data.registry import DATA_SETS
from leuknet.runs.spec import RunSpec
from leuknet.study import experiments
from leuknet.study.profiles import profile
from leuknet.study.study import Study

COLUMNS = ["runs", "networks and baselines", "test sets or folds", "seeds", "trained on", "tested on"]


def counted_cohort() -> pd.DataFrame:
    """Return a cohort table with one row per image counted in Table 1; each image is a separate group."""
    rows = [
        (f"{one.name}/{kind}/{number:04}", one.name, one.source, label)
        for one in DATA_SETS.values()
        for kind, label, count in one.classes
        for number in range(count)
    ]
    frame = pd.DataFrame(rows, columns=["image_id", "data_set", "source", "label"])
    return frame.assign(group=frame["image_id"], sha256=frame["image_id"], path="")


def counted_study(name: str = "paper", **changes: Any) -> Study:
    """Return a study of `counted_cohort` under a profile, for planning only (it contains no images)."""
    study = Study("scale", profile(name, **changes), None, Path("runs") / name)
    table = counted_cohort()
    for size in ("cohort", "gallery"):
        setattr(study, size, SimpleNamespace(table=table, key="counts", size=study.profile.size))
    return study


def planned(study: Study) -> pd.DataFrame:
    """Return the number of runs planned for each of Tables 3 to 13, next to the paper's.

    Returns
    -------
    pandas.DataFrame
        ``table``; for this study ``runs`` (without duplicates), ``networks and baselines``, ``test sets or folds``,
        ``seeds`` (distinct), ``trained on`` and ``tested on`` (images, minimum to maximum over folds; a set apart
        follows a plus sign); for the paper ``paper: runs`` (summed over the table's rows), ``paper: trained on`` and
        ``paper: tested on`` (from the printed totals of Table 1).
    """
    plans = {int(name.removeprefix("table")): plan for name, plan in experiments.EXPERIMENTS.items()}
    counts = {plan: _counts(plan(study)) for plan in dict.fromkeys(plans.values())}  # Tables 12 and 13 share one plan
    published = pd.read_csv(Path(__file__).with_name("published_counts.csv"))
    return pd.DataFrame([{"table": number} | counts[plan] for number, plan in plans.items()]).merge(published, "left")


def _counts(specs: Sequence[RunSpec]) -> dict[str, Any]:
    splits = {spec.split.protocol: spec.split.table for spec in specs}
    counted = {name: table.groupby(["fold", "role"]).size().unstack() for name, table in splits.items()}
    folds = dict.fromkeys((spec.split.protocol, spec.fold) for spec in specs)
    sizes = pd.DataFrame([counted[protocol].loc[fold] for protocol, fold in folds])
    names = {(spec.settings.approach, spec.settings.backbone, str(spec.settings.dense)) for spec in specs}
    tested = _span(sizes["test"]) + (f" + {_span(sizes['external'])}" if "external" in sizes else "")
    numbers = len(specs), len(names), len(folds), len({spec.seed for spec in specs}), _span(sizes["train"]), tested
    return dict(zip(COLUMNS, numbers, strict=True))


def _span(values: pd.Series) -> str:
    return f"{values.min():.0f}" if values.nunique() == 1 else f"{values.min():.0f} to {values.max():.0f}"
