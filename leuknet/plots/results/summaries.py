"""Tables of settings and of scores, in percent as the paper prints them."""

from collections.abc import Callable, Sequence

import pandas as pd

from leuknet._config import describe
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.plots.format import METRIC_NAMES, PERCENT_METRICS, fold_name, mean_sd
from leuknet.study import profiles

SCALES = {name: "%" for name in (*PERCENT_METRICS, "balanced accuracy")} | {"Kappa": "−1 to 1", "AUC": "0 to 1"}


def percent_summary(scores: pd.DataFrame, by: Sequence[str], metrics: Sequence[str] = tuple(SCALES)) -> pd.DataFrame:
    """Return mean ± s.d. over runs, one row for each value of `by`; each metric's scale stands in its heading.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row a run, from `Results.scores`, with ``n`` test images.
    by : list of str
        Columns to keep apart.
    metrics : sequence of str
        Those that no run defines are left out; where some runs leave one undefined, its cell says how many define it.
    """
    rows = []
    for values, part in scores.groupby(list(by), sort=False):
        row = {name: fold_name(str(value)) for name, value in zip(by, values, strict=True)}
        row |= {"runs": len(part), "n": int(part["n"].max())}
        known = [name for name in metrics if name in part and part[name].notna().any()]
        rows.append(row | {heading(name): mean_sd(part[name], name, part["n"].max()) for name in known})
    return pd.DataFrame(rows).fillna("")


def heading(metric: str) -> str:
    """Return a metric's name with its scale, e.g. "accuracy (%)"."""
    return f"{METRIC_NAMES.get(metric, metric)} ({SCALES[metric]})"


def settings_table(settings: TrainSettings) -> pd.DataFrame:
    """Return each training setting next to the paper's value (the default of `TrainSettings`)."""
    rows = [(known.name, known.default, getattr(settings, known.name)) for known in describe(TrainSettings)]
    texts = [
        (name, words(published), words(used), "" if published == used else "changed") for name, published, used in rows
    ]
    return pd.DataFrame(texts, columns=["setting", "paper", "here", ""])


def words(value: object) -> str:
    """Return a setting's value as a table prints it."""
    if value is None:
        return "as the network says"
    return str(value) if not isinstance(value, tuple) else "–".join(map(str, value))


def profiles_table() -> pd.DataFrame:
    """Return the profiles' fields, one column a profile."""
    columns = {}
    for name in profiles.names():
        p = profiles.profile(name)
        s = p.settings(precision="float32")  # no table measures which is faster
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


def tested(test: Callable, *samples) -> str:
    """Return the line that a statistical test prints, or why it cannot be done on these samples."""
    try:
        return str(test(*samples))
    except LeuknetError as error:
        return f"not tested: {error}"
