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
from leuknet.paper import tables
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
        follows a plus sign); for the paper ``paper: runs``, ``paper: trained on``, ``paper: tested on`` (from its
        printed totals).
    """
    counts = {plan: _counts(plan(study)) for plan in dict.fromkeys(experiments.EXPERIMENTS.values())}
    rows = []
    for name, plan in experiments.EXPERIMENTS.items():  # Tables 12 and 13 share one plan
        number = int(name.removeprefix("table"))
        rows.append({"table": number} | counts[plan] | _published(number))
    return pd.DataFrame(rows)


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


def _published(number: int) -> dict[str, Any]:
    """Return the paper's runs and images: runs summed over rows, images from the printed totals of Table 1."""
    frame = tables.table(number)
    rows = frame.groupby(["block", "row"], sort=False)["n_runs"].first()
    stated, unstated = int(rows.sum()), int(rows.isna().sum())
    parts = [f"{stated}"] * (stated > 0) + [f"{unstated} row{'s' * (unstated > 1)} without a number"] * (unstated > 0)
    runs = " and ".join(parts)
    every, development, ufg = 3536, 3415, DATA_SETS["UFG"].total
    left_out = [DATA_SETS[name].total for name in ("ALL-IDB 1", "ALL-IDB 2")]
    if number < 11:
        by_section = [" and ".join(str(total - n) for n in left_out) for total in (development, every)]
        words = f"{by_section[0]} (section 4.1), {by_section[1]} (section 3.5)", " and ".join(map(str, left_out))
    elif number == 11:
        words = f"{4 * every // 5} (LeukNet)", f"{every // 5} a fold (LeukNet)"
    else:
        words = f"{4 * development // 5}", f"{development // 5} a fold" if number == 12 else f"{ufg}"
    return dict(zip(("paper: runs", "paper: trained on", "paper: tested on"), (runs, *words), strict=True))
