"""Rules on the set apart: approaches within the folds of one pool and on an unseen data set (Tables 12, 13)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from leuknet.baselines.registry import BASELINES
from leuknet.verdicts import results
from leuknet.verdicts.claim_rules.sources import Rule, Sources, learnt
from leuknet.verdicts.evidence import CANNOT, DEPENDS, SUPPORTED, Evidence, partly, together
from leuknet.verdicts.judgement import across_folds, ahead_of, equivalence, signed


@dataclass(frozen=True)
class SetApart:
    """Approaches tested within the folds of one pool and on a set apart, limited to those that learnt within the folds.

    Attributes
    ----------
    inside, outside : dict of str to pandas.Series
        Maps each approach to its accuracies by fold.
    overlap : float
        Ratio of test to training images of a fold.
    note : str
        LeukNet's initial weights, the excluded approaches, and the name and number of images of the set apart.
    """

    inside: dict[str, pd.Series]
    outside: dict[str, pd.Series]
    overlap: float
    note: str

    def compare(self, a: pd.Series, b: pd.Series) -> Any:
        """Return the difference by fold as a function of the level, corrected for shared training images."""
        return partial(across_folds, a, b, self.overlap)


def set_apart(sources: Sources, names: Sequence[str]) -> SetApart | None:
    """Return the approaches `names` that were run on a set apart; None without LeukNet or without any other.

    If there are several sets apart, the one with the most approaches is used, since each has a separate pool of folds.
    """
    runs = sources.runs
    if runs.empty:
        return None
    ours = runs["approach"].isin(names) & (runs["dense"] == "") & runs["backbone"].isin(("VGG16", ""))
    outside = runs[ours & (runs["role"] == "external")]
    sets = outside.groupby("tested").agg(approaches=("approach", "nunique"), images=("images", "max"))
    tested = sets["approaches"].idxmax() if len(sets) else ""
    outside = outside[outside["tested"] == tested]
    inside = runs[(runs["role"] == "test") & runs["run"].isin(outside["run"])]
    by_name = dict(list(inside.groupby("approach", sort=False)))
    idle = [name for name, rows in by_name.items() if not learnt(rows)]
    good = [name for name in by_name if name not in idle]
    if "mDFT" not in good or len(good) < 2:
        return None
    accuracy = [frame.groupby(["approach", "fold"])["A"].mean() for frame in (inside, outside)]
    by_fold, apart = ({name: values[name] for name in good} for values in accuracy)
    notes = [f"LeukNet from {', '.join(by_name['mDFT']['weights'].unique())} weights"]
    notes += [f"left out, as not shown to beat the larger class: {', '.join(idle)}"] * bool(idle)
    which = f"one of {len(sets)} sets" if len(sets) > 1 else "one set"
    notes += [f"{which} apart, {tested}, {sets.loc[tested, 'images']} images (intervals are over folds, not images)"]
    return SetApart(by_fold, apart, results.overlap(inside), "; ".join(notes))


NO_RUNS = (
    "no runs of LeukNet and another on a set apart in this folder that are shown to beat the larger class within the "
    "folds"
)


def transfer(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether LeukNet and random weights are equivalent and beat Vogado et al., within the folds and outside."""
    compared = set_apart(sources, ("mDFT", "scratch", "vogado"))
    if compared is None or "scratch" not in compared.inside:
        return Evidence(CANNOT, NO_RUNS if compared is None else f"{compared.note}; random weights are not compared")
    inside = {"LeukNet": compared.inside["mDFT"], "VGG-16 *": compared.inside["scratch"]}
    alike = equivalence([("within folds", compared.compare(*inside.values()))])
    superior = Evidence(CANNOT, "Vogado et al. was not run, or is not shown to beat the larger class")
    if (theirs := compared.inside.get("vogado")) is not None:
        superior = ahead_of([(f"{name} over Vogado et al.", compared.compare(a, theirs)) for name, a in inside.items()])
    gap, bounds = compared.compare(compared.outside["mDFT"], compared.outside["scratch"])(0.95)
    number = f"{compared.note}; {alike.number}; {superior.number}; on the set apart {signed(gap, bounds)}"
    verdict = together(alike.verdict, superior.verdict)
    apart = bounds is not None and (bounds[0] > 0 or bounds[1] < 0)
    return Evidence(DEPENDS if verdict == SUPPORTED and apart else verdict, number)


def decay(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether LeukNet drops less from the folds to the set apart than random weights and Vogado et al."""
    compared = set_apart(sources, ("mDFT", "scratch", "vogado"))
    if compared is None:
        return Evidence(CANNOT, NO_RUNS)
    fall = {name: compared.inside[name] - compared.outside[name] for name in compared.inside}
    judged = ahead_of(
        [(f"smaller than {name} by", compared.compare(fall[name], fall["mDFT"])) for name in fall if name != "mDFT"]
    )
    means = ", ".join(f"{name} {100 * values.mean():.1f}" for name, values in fall.items())
    missing = [f"not compared: {', '.join(names)}" for names in [sorted({"scratch", "vogado"} - set(fall))] if names]
    return partly(Evidence(judged.verdict, f"falls (points): {means}; {judged.number}; {compared.note}"), missing)


def rivals(rule: Rule, sources: Sources) -> Evidence:
    """Judge LeukNet against every work of Table 11 on the set apart; controls are excluded."""
    works = {key: entry.work.partition(",")[0] for key, entry in sorted(BASELINES.items()) if entry.reference}
    compared = set_apart(sources, ("mDFT", *works))
    if compared is None:
        return Evidence(CANNOT, NO_RUNS)
    run = [name for name in works if name in compared.outside]
    judged = ahead_of(
        [(f"over {name}", compared.compare(compared.outside["mDFT"], compared.outside[name])) for name in run]
    )
    missing = sorted(set(works.values()) - {works[name] for name in run})
    notes = [f"{len(missing)} of {len(set(works.values()))} works not compared there: {', '.join(missing)}"]
    return partly(Evidence(judged.verdict, f"{judged.number}; {compared.note}"), notes if missing else [])
