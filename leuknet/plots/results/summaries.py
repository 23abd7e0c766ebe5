"""Tables of settings and of scores, in percent as the paper prints them."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from leuknet.data.registry import DATA_SETS
from leuknet.exceptions import LeuknetError
from leuknet.models.policy import Policy
from leuknet.models.settings import TrainSettings
from leuknet.paper import tables
from leuknet.paper.consistency.cross_checks import development_classes
from leuknet.plots.format import PERCENT_METRICS, fold_name, listed, mean_sd, metric_name
from leuknet.study import profiles
from leuknet.study.ablation import ablation_counts
from leuknet.study.study import Study

SCALES = {name: "%" for name in (*PERCENT_METRICS, "balanced accuracy")} | {"Kappa": "−1 to 1", "AUC": "0 to 1"}


def percent_summary(scores: pd.DataFrame, by: Sequence[str], metrics: Sequence[str] = tuple(SCALES)) -> pd.DataFrame:
    """Return mean ± s.d. over runs, one row for each value of `by`; headings contain the scale of each metric.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row per run, from `Results.scores`, with ``n`` test images.
    by : list of str
        Columns to group by.
    metrics : sequence of str
        Metrics to include. A metric that no run defines is omitted; if only some define it, its cells give their
        number.
    """
    rows = []
    for values, part in scores.groupby(list(by), sort=False):
        row: dict[str, Any] = {name: fold_name(str(value)) for name, value in zip(by, values, strict=True)}
        row |= {"runs": len(part), "n": int(part["n"].max())}
        known = [name for name in metrics if name in part and part[name].notna().any()]
        rows.append(row | {heading(name): mean_sd(part[name], name, part["n"].max()) for name in known})
    return pd.DataFrame(rows).fillna("")


def heading(metric: str) -> str:
    """Return a metric's name with its scale, e.g. "accuracy (%)"."""
    return f"{metric_name(metric)} ({SCALES[metric]})"


def settings_table(settings: TrainSettings) -> pd.DataFrame:
    """Return, for each training setting, the paper's statement and section, the reading, its reason, and the value.

    The last column marks values that differ from the reading (the default of `TrainSettings`).
    """
    paper, rows = TrainSettings(), []
    for line in tables.training_settings().to_dict("records"):
        default, used = (_value(known, line["setting"]) for known in (paper, settings))
        stated = f"{line['stated']} (§{line['section']})" if line["stated"] else "not stated"
        why = "" if line["why"] == "stated" else f": {line['why']}"
        rows.append((line["setting"], stated, line["reading"] + why, words(used), "" if default == used else "changed"))
    return pd.DataFrame(rows, columns=["setting", "the paper states", "reading taken, and why", "here", ""])


def _value(settings: TrainSettings, name: str) -> object:
    """Return a setting, or for the prefix ``augmentation.`` one of its policy; None if there is no augmentation."""
    policy, _, field = name.rpartition(".")
    return getattr(settings.augmentation if policy else settings, field, None)


def training_images_sentence(study: Study) -> str:
    """Return the number of training images for each test set of Tables 3 to 10, here and by the paper's own counts."""
    try:
        counts = ablation_counts(study)
    except LeuknetError as reason:
        return f"Tables 3 to 10 cannot be run on this cohort: {reason}."
    words = "{} images (of {} data sets) to test {}'s {}".format
    parts = [words(trained, sets, fold, tested) for fold, sets, trained, tested in counts.itertuples(index=False)]
    (total, by_rows), left_out = map(sum, development_classes()), DATA_SETS["ALL-IDB 1"].total
    here = f"Tables 3 to 10 here (ablation_cohort: {study.profile.ablation_cohort}) train on {listed(parts)}"
    leaves = f"{by_rows - left_out} to train by Table 1's rows, {total - left_out} by its printed total"
    return f"{here}. For ALL-IDB 1 ({left_out}) the paper's development set leaves {leaves}."


def words(value: object) -> str:
    """Format a setting's value for a table."""
    if value is None or isinstance(value, Policy):
        return "none given" if value is None else "on, by the rows below"
    return str(value) if not isinstance(value, tuple) else "–".join(map(str, value))


def profiles_table() -> pd.DataFrame:
    """Return the profiles' fields, one column per profile."""
    columns = {}
    for name in profiles.names():
        p = profiles.profile(name)
        s = p.settings(precision="float32")  # tables do not measure which precision is faster
        share = f"{100 * p.fraction:g} % of Table 1, at least {p.floor} a class"
        rows = {"images": "the synthetic cohort in full" if p.fraction == 1 else share, "size (px)": p.size}
        rows |= {"own slides": f"{p.limit} a data set and class at most" if p.limit else "all"}
        rows |= {"LeukNet": f"{s.backbone} {s.approach}", "begins from": s.weights, "epochs": s.epochs}
        rows |= {"learning rate": f"{s.learning_rate:g}", "seeds": p.seeds}
        columns[name] = rows | {"k-fold": f"{p.folds} folds, {p.repeats} times", "says": p.banner}
    return pd.DataFrame(columns).rename_axis("").reset_index()


def tested(test: Callable, *samples: Any) -> str:
    """Return the printed result of a statistical test, or the reason why it cannot be applied to these samples."""
    try:
        return str(test(*samples))
    except LeuknetError as error:
        return f"not tested: {error}"
