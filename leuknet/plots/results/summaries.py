"""Tables of settings and of scores, in percent as the paper prints them."""

from dataclasses import fields

import pandas as pd

from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.study import profiles

PERCENT_METRICS = ("A", "P", "R", "S", "MCC")


def percent_summary(scores, by, metrics=("A", "P", "R", "S", "MCC", "Kappa", "balanced accuracy", "AUC")):
    """Return mean ± s.d. over runs, in percent, one row for each value of `by`; kappa and AUC keep their own scale.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row a run, from `Results.scores`.
    by : list of str
        Columns to keep apart.
    metrics : sequence of str
        Those that no run defines are left out.
    """
    rows = []
    for values, part in scores.groupby(list(by), sort=False):
        row = dict(zip(by, values, strict=True)) | {"runs": len(part)}
        rows.append(
            row | {name: mean_sd(part[name], name) for name in metrics if name in part and part[name].notna().any()}
        )
    return pd.DataFrame(rows).fillna("")


def mean_sd(values, metric):
    """Return "mean ± s.d." of a metric over runs, in percent where the paper prints percent; one run has no s.d."""
    values = values.dropna() * (100 if metric in PERCENT_METRICS or metric == "balanced accuracy" else 1)
    digits = 2 if metric in PERCENT_METRICS or metric == "balanced accuracy" else 3
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"


def settings_table(settings):
    """Return each training setting beside the paper's value (the default of `TrainSettings`)."""
    rows = [(f.name, getattr(TrainSettings(), f.name), getattr(settings, f.name)) for f in fields(TrainSettings)]
    texts = [
        (name, words(published), words(used), "" if published == used else "changed") for name, published, used in rows
    ]
    return pd.DataFrame(texts, columns=["setting", "paper", "here", ""])


def words(value):
    """Return a setting's value as a table prints it."""
    if value is None:
        return "as the network says"
    return str(value).removeprefix("Policy") if not isinstance(value, tuple) else "–".join(map(str, value))


def profiles_table():
    """Return the profiles' fields, one column a profile."""
    columns = {}
    for name in profiles.names():
        p = profiles.profile(name)
        s = p.settings()
        columns[name] = {
            "images": "the synthetic cohort in full"
            if p.fraction == 1
            else f"{100 * p.fraction:g} % of Table 1, at least {p.floor} a class",
            "size (px)": p.size,
            "LeukNet": s.backbone,
            "begins from": s.weights,
            "epochs": s.epochs,
            "learning rate": f"{s.learning_rate:g}",
            "seeds": p.seeds,
            "k-fold": f"{p.folds} folds, {p.repeats} times",
            "says": p.banner,
        }
    return pd.DataFrame(columns).rename_axis("").reset_index()


def tested(test, *samples):
    """Return the line that a statistical test prints, or why it cannot be done on these samples."""
    try:
        return str(test(*samples))
    except LeuknetError as error:
        return f"not tested: {error}"
