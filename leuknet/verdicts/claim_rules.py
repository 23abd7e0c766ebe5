"""The rules of the claims ledger: what this study's runs show for a claim.

Each rule takes its entry of ``ledger.toml`` and the study's `Sources`, and returns `Evidence`, whose verdict depends on
an interval (`leuknet.verdicts.judgement`). In every rule a network that does not beat the larger class takes no part:
what it gains or loses between two test sets is a difference of prevalences.

`ahead`, `equal`, `heads` and `spread` compare networks that began from weights of one kind only. `transfer`, `decay`
and `rivals` compare different starts, because their claims do; the number says what LeukNet began from.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from leuknet.baselines.registry import BASELINES
from leuknet.evaluation.intervals import nested_difference
from leuknet.runs.record import read
from leuknet.verdicts import results, verdicts
from leuknet.verdicts.judgement import (
    CANNOT,
    DEPENDS,
    NOT_SUPPORTED,
    SUPPORTED,
    UNDECIDED,
    Bounds,
    Evidence,
    across_folds,
    ahead_of,
    equivalence,
    signed,
    together,
    welch,
    within,
)

POOLED, HOLD_OUT = r"\d+-fold(?! by)", "hold-out"
LEFT_OUT = {"lodocv": "LODOCV", "source_out": "leave-one-source-out"}  # column of `results` -> its name

Rule = dict[str, Any]
Pairs = Sequence[tuple[str, pd.DataFrame, pd.DataFrame]]


@dataclass(frozen=True)
class Sources:
    """What rules read: `results` of the runs, and the result folder (tables of pages, histories of runs)."""

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


def groups(frame: pd.DataFrame, query: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the LODOCV rows that fit `query`, with the usual head, by ``(tested, backbone approach)``."""
    if frame.empty:
        return {}
    part = frame.query(query)
    part = part[part["lodocv"] & (part["dense"] == "")]
    return dict(list(part.groupby([part["tested"], part["backbone"] + " " + part["approach"]], sort=False)))


def learnt(rows: pd.DataFrame) -> bool:
    """Whether runs beat, on average, a classifier that calls every image of their test set the larger class."""
    return bool(rows["A"].mean() > rows["majority"].mean())


def fair(pairs: Pairs, judge: Callable[..., Evidence] = ahead_of) -> Evidence:
    """Judge pairs of runs on one test set each, of networks that learnt and that began from one kind of weights."""
    sides = [side for _, *both in pairs for side in both]
    idle = [f"{r['backbone']} {r['approach']} on {r['tested']}" for s in sides if not learnt(s) for r in [s.iloc[0]]]
    kept = [(name, a, b) for name, a, b in pairs if learnt(a) and learnt(b)]
    if idle and not kept:
        return Evidence(CANNOT, f"no better than the larger class: {', '.join(dict.fromkeys(idle))}")
    found = judge([(name, welch(a["A"], b["A"])) for name, a, b in kept])
    if idle:
        note = f"; left out, as no better than the larger class: {', '.join(dict.fromkeys(idle))}"
        found = Evidence(found.verdict, found.number + note)
    return found if found.verdict == CANNOT else _begun_alike(kept, found)


def _begun_alike(pairs: Pairs, found: Evidence) -> Evidence:
    part = pd.concat([side for _, *both in pairs for side in both])
    kinds = part.drop_duplicates(["backbone", "weights"]).groupby("weights", sort=False)["backbone"].agg(", ".join)
    if len(kinds) < 2:
        return found
    begun = "; ".join(f"{names} from {kind}" for kind, names in kinds.items())
    return Evidence(CANNOT, f"not begun alike ({begun}): {found.number}")


def ahead(rule: Rule, sources: Sources) -> Evidence:
    """Judge each network of `first` against each of `rest` on every test set left out."""
    ours = groups(sources.tests, rule["first"])
    pairs = []
    for query in rule["rest"].values():
        theirs = groups(sources.tests, query)
        pairs += [
            (f"{tested}, {a} over {b}", ours[tested, a], theirs[other, b])
            for (tested, a), (other, b) in itertools.product(ours, theirs)
            if tested == other
        ]
    return fair(pairs)


def equal(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether two networks are equivalent on every test set: the 90 % interval within the tolerance."""
    ours, theirs = (
        {tested: rows for (tested, _), rows in groups(sources.tests, query).items()}
        for query in (rule["first"], *rule["rest"].values())
    )
    return fair([(tested, ours[tested], theirs[tested]) for tested in ours if tested in theirs], equivalence)


def heads(rule: Rule, sources: Sources) -> Evidence:
    """Judge the chosen head against each other one, on every test set."""
    if sources.tests.empty:
        return ahead_of([])
    parts = dict(list(results.head_rows(sources.tests).groupby(["tested", "head"], sort=False)))
    chosen = "1024–256"
    return fair(
        [
            (f"{tested}, over {head}", parts[tested, chosen], rows)
            for (tested, head), rows in parts.items()
            if head != chosen and (tested, chosen) in parts
        ]
    )


def spread(rule: Rule, sources: Sources) -> Evidence:
    """Judge the best approach of VGG-16 against the worst, on every test set."""
    parts = groups(sources.tests, "backbone == 'VGG16' and approach in ['SFT', 'mSFT', 'DFT', 'mDFT']")
    pairs, tried = [], len({name for _, name in parts})
    for tested in dict.fromkeys(tested for tested, _ in parts):
        ranked = sorted(
            (name for place, name in parts if place == tested), key=lambda name: parts[tested, name]["A"].mean()
        )
        if len(ranked) > 1:
            best, worst = ranked[-1], ranked[0]
            pairs.append((f"{tested}, {best} over {worst}", parts[tested, best], parts[tested, worst]))
    return fair(pairs, partial(ahead_of, picked=tried * (tried - 1) // 2))


def leuknet(frame: pd.DataFrame) -> pd.DataFrame:
    """Return LeukNet's rows in role test."""
    if frame.empty:
        return frame
    network = (frame["backbone"] == "VGG16") & (frame["approach"] == "mDFT") & (frame["dense"] == "")
    return frame[network & (frame["role"] == "test")]


def on_the_same_images(inside: pd.DataFrame, outside: pd.DataFrame) -> dict[str, tuple[list[float], list[float]]]:
    """Return accuracies of two protocols on the images that both test, by test set of the second.

    Parameters
    ----------
    inside : pandas.DataFrame
        Rows of runs over pooled images; the folds of one repeat and seed count as one run.
    outside : pandas.DataFrame
        Rows of runs that left a data set or source out.

    Returns
    -------
    dict of str to tuple of list of float
        Percent, one value a run of each; only test sets that both test.
    """
    repeat = inside["fold"].str.extract(r"^(r\d+)f\d+$")[0].fillna("")
    place = inside.sort_values("seed").groupby("fold").cumcount()  # seeds may differ from fold to fold
    whole = [pd.concat(list(part["right"])) for _, part in inside.groupby([repeat, place.reindex(inside.index)])]
    found = {}
    for tested, rows in outside.groupby("fold", sort=False):
        images = [run.index.intersection(rows["right"].iloc[0].index) for run in whole]
        most = max((len(part) for part in images), default=0)  # a seed whose folds are not all run tests fewer
        complete = [run for run, part in zip(whole, images, strict=True) if len(part) == most > 0]
        if complete:
            common = sorted(set.intersection(*(set(run.index) for run in complete)) & set(rows["right"].iloc[0].index))
            found[tested] = tuple(
                [100 * float(right.loc[common].mean()) for right in side] for side in (complete, rows["right"])
            )
    return {tested: pair for tested, pair in found.items() if not np.isnan(pair[0][0])}


def nested(pairs: dict[str, tuple[list[float], list[float]]], level: float) -> tuple[float, Bounds]:
    """Return `nested_difference` as judgements take it: None where there is no interval."""
    gap, low, high = nested_difference(pairs, level=level)
    return gap, None if np.isnan(low) else (low, high)


def falls(inside: pd.DataFrame, outside: pd.DataFrame) -> list[tuple[str, Any]]:
    """Return a comparison for each way of leaving out: accuracy within pooled images over accuracy left out."""
    compared = []
    for column, name in LEFT_OUT.items():
        pairs = on_the_same_images(inside, outside[outside[column]])
        if pairs:
            sets = f"{len(pairs)} test set{'s' * (len(pairs) > 1)}"
            compared.append((f"pooled over {name} (the same images of {sets})", partial(nested, pairs)))
    return compared


def protocols(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether pooled folds give higher accuracies than data sets and sources left out, on the same images."""
    rows = leuknet(sources.runs)
    if rows.empty:
        return ahead_of([])
    return ahead_of(falls(rows[rows["protocol"].str.match(POOLED)], rows))


def shared(rule: Rule, sources: Sources) -> Evidence:
    """Count training images of the tested source under LODOCV."""
    runs = sources.tests
    runs = runs[runs["lodocv"] & (runs["trained_on"] > 0)] if len(runs) else runs
    if runs.empty:
        return Evidence(CANNOT, "no LODOCV run with its split in this folder")
    worst = runs.groupby("tested", sort=False)[["shared", "trained_on"]].max()
    number = "training images of the tested source: " + "; ".join(
        f"{tested} {row['shared']} of {row['trained_on']}" for tested, row in worst.iterrows()
    )
    return Evidence(NOT_SUPPORTED if (worst["shared"] > 0).any() else SUPPORTED, number)


def unseen(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether LODOCV is harder than pooled folds, and whether the sources that it tests are unseen."""
    harder, apart = protocols(rule, sources), shared(rule, sources)
    mixed = harder.verdict == SUPPORTED and apart.verdict == NOT_SUPPORTED
    return Evidence(DEPENDS if mixed else harder.verdict, f"{harder.number}; {apart.number}")


def overfitting(rule: Rule, sources: Sources) -> Evidence:
    """Judge the rise of the validation loss, then the fall from a random hold-out to what is left out."""
    rows = leuknet(sources.runs)
    rises = (
        [rise for run in dict.fromkeys(rows["run"]) if (rise := _rise(sources.out, run)) is not None]
        if len(rows)
        else []
    )
    if not rises:
        return Evidence(CANNOT, "no run with a validation curve in this folder")
    limit, mean = results.tolerances()["loss_rise"], float(np.mean(rises))
    bounds = stats.t.interval(0.95, len(rises) - 1, mean, max(stats.sem(rises), 1e-12)) if len(rises) > 1 else None
    interval = f" ({100 * bounds[0]:.0f} to {100 * bounds[1]:.0f})" if bounds else ""
    number = f"validation loss ends {100 * mean:.0f} %{interval} above its lowest epoch (mean of {len(rises)} runs)"
    if (verdict := within(bounds, high=limit)) != SUPPORTED:
        return Evidence(verdict, f"{number}, {100 * limit:.0f} % allowed")
    compared = falls(rows[rows["protocol"].str.match(HOLD_OUT)], rows)
    if not compared:
        return Evidence(CANNOT, f"{number}; no run on the same images with their data set left out")
    tolerance, found = results.tolerances()["equivalent"], [(name, *interval(0.95)) for name, interval in compared]
    number += "; " + "; ".join(f"{name.replace('pooled', 'hold-out')}: {signed(*gap)}" for name, *gap in found)
    fall = together(*(within(bounds, high=tolerance) for *_, bounds in found))
    return Evidence(DEPENDS if fall == NOT_SUPPORTED else fall, number)


def _rise(out: Path, run: str) -> float | None:
    """Return by which share a run's validation loss ends above its lowest; None if it validated nothing."""
    folder = results.trainings(out) / run
    history = read(folder).history() if (folder / "done.json").is_file() else pd.DataFrame()
    if "validation_loss" not in history:
        return None
    return history["validation_loss"].iloc[-1] / history["validation_loss"].min() - 1


@dataclass(frozen=True)
class SetApart:
    """Approaches tested within the folds of one pool and on a set apart, those that learnt within the folds.

    Attributes
    ----------
    inside, outside : dict of str to pandas.Series
        Approach to accuracies by fold.
    overlap : float
        Test images over training images of a fold.
    note : str
        Which approaches were left out, and what LeukNet began from.
    """

    inside: dict[str, pd.Series]
    outside: dict[str, pd.Series]
    overlap: float
    note: str

    def compare(self, a: pd.Series, b: pd.Series) -> Any:
        """Return the difference by fold as a function of the level, corrected for shared training images."""
        return partial(across_folds, a, b, self.overlap)


def set_apart(sources: Sources, names: Sequence[str]) -> SetApart | None:
    """Return those of the approaches `names` that were run on a set apart; None without LeukNet or any other."""
    runs = sources.runs
    outside = runs[(runs["role"] == "external") & (runs["dense"] == "")] if len(runs) else runs
    outside = outside[outside["approach"].isin(names)] if len(outside) else outside
    inside = runs[(runs["role"] == "test") & runs["run"].isin(outside["run"])] if len(outside) else outside
    by_name = dict(list(inside.groupby("approach", sort=False))) if len(inside) else {}
    idle = [name for name, rows in by_name.items() if not learnt(rows)]
    good = [name for name in by_name if name not in idle]
    if "mDFT" not in good or len(good) < 2:
        return None
    accuracy = [frame.groupby(["approach", "fold"])["A"].mean() for frame in (inside, outside)]
    tables = [{name: values[name] for name in good if name in values.index.levels[0]} for values in accuracy]
    overlap = float((inside["images"] / inside["trained_on"].where(inside["trained_on"] > 0)).mean())
    weights = ", ".join(by_name["mDFT"]["weights"].unique())
    note = (
        f"LeukNet from {weights} weights"
        + f"; left out, as no better than the larger class: {', '.join(idle)}" * bool(idle)
    )
    return SetApart(*tables, 0.25 if np.isnan(overlap) else overlap, note)


def transfer(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether LeukNet and random weights are equivalent and ahead of Vogado et al. in the folds, and outside."""
    found = set_apart(sources, ("mDFT", "scratch", "vogado"))
    if found is None or "scratch" not in found.inside:
        return Evidence(
            CANNOT, "no runs of both with a set apart in this folder, or one no better than the larger class"
        )
    ours, scratch, theirs = (found.inside.get(name) for name in ("mDFT", "scratch", "vogado"))
    alike = equivalence([("within folds", found.compare(ours, scratch))])
    rival = (
        []
        if theirs is None
        else [
            (f"{name} over Vogado et al.", found.compare(values, theirs))
            for name, values in (("LeukNet", ours), ("VGG-16 *", scratch))
        ]
    )
    superior = (
        ahead_of(rival)
        if rival
        else Evidence(CANNOT, "Vogado et al. was not run, or is no better than the larger class")
    )
    gap, bounds = found.compare(found.outside["mDFT"], found.outside["scratch"])(0.95)
    number = f"{found.note}; {alike.number}; {superior.number}; on the set apart {signed(gap, bounds)}"
    verdict = together(alike.verdict, superior.verdict)
    apart = bounds is not None and (bounds[0] > 0 or bounds[1] < 0)
    return Evidence(DEPENDS if verdict == SUPPORTED and apart else verdict, number)


def decay(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether LeukNet falls less from the folds to the set apart than random weights and Vogado et al."""
    found = set_apart(sources, ("mDFT", "scratch", "vogado"))
    if found is None:
        return Evidence(CANNOT, "no runs with a set apart in this folder that beat the larger class within the folds")
    fall = {name: found.inside[name] - found.outside[name] for name in found.inside}
    judged = ahead_of(
        [(f"smaller than {name} by", found.compare(fall[name], fall["mDFT"])) for name in fall if name != "mDFT"]
    )
    missing = {"scratch", "vogado"} - set(fall)
    verdict = together(judged.verdict, CANNOT) if missing else judged.verdict
    means = ", ".join(f"{name} {100 * values.mean():.1f}" for name, values in fall.items())
    not_run = f"; not compared: {', '.join(sorted(missing))}" * bool(missing)
    return Evidence(verdict, f"falls (points): {means}; {judged.number}; {found.note}{not_run}")


def rivals(rule: Rule, sources: Sources) -> Evidence:
    """Judge LeukNet against every work of Table 11 that was run on the set apart; controls are no rivals."""
    works = sorted(key for key, entry in BASELINES.items() if entry.reference)
    found = set_apart(sources, ("mDFT", *works))
    if found is None:
        return Evidence(CANNOT, "no baseline that beats the larger class was run on the set apart in this folder")
    ours = found.outside["mDFT"]
    judged = ahead_of(
        [(f"over {name}", found.compare(ours, found.outside[name])) for name in works if name in found.outside]
    )
    return Evidence(judged.verdict, f"{judged.number}; {found.note}")


def cell(rule: Rule, sources: Sources) -> Evidence:
    """Judge one published accuracy: is the interval of the difference within the fixed points?"""
    number, block, row = rule["cell"]
    cells = verdicts.compare(sources.runs)
    keep = (cells["table"] == number) & (cells["block"] == block) & (cells["row"] == row) & (cells["metric"] == "A")
    line = cells[keep].iloc[0]
    words = f"{verdicts.plus_minus(line['here'], line['spread here']) or 'no run'}, published {line['published']:.2f}: "
    if line["verdict"].startswith("not comparable"):
        return Evidence(CANNOT, words + line["verdict"])
    half, points = results.tolerances()["standard_errors"] * line["error"], results.tolerances()["points"]["A"]
    bounds = (line["difference"] - half, line["difference"] + half)
    return Evidence(within(bounds, -points, points), f"{words}{line['verdict']}; {signed(line['difference'], bounds)}")


def separable(rule: Rule, sources: Sources) -> Evidence:
    """Judge page 07's linear SVM: has the named approach the highest accuracy on every test set?"""
    table = sources.table("07_feature_space-table10")
    if table is None:
        return Evidence(CANNOT, "page 07 has not been run into this folder")
    column, first = f"{rule['scenario']} A (%)", rule["first"]
    here = table[table["who"] == "here"]
    values = here.assign(a=pd.to_numeric(here[column], errors="coerce")).pivot(
        index="data set", columns="features", values="a"
    )
    others = values.drop(columns=first).max(axis=1)
    number = "; ".join(
        f"{name}: {first} {values.loc[name, first]:.1f}, best other {others[name]:.1f}" for name in values.index
    )
    images = [_images(sources.tests, name) for name in values.index]
    return _one_run(values[first] - others, images, f"{number} (%)")


def _images(tests: pd.DataFrame, name: str) -> float:
    """Return how many images of a data set were tested; infinite where it is not known."""
    found = tests.loc[tests["tested"] == name, "images"].max() if len(tests) else np.nan
    return np.inf if np.isnan(found) else found


def _one_run(gaps: pd.Series, images: Sequence[float], number: str) -> Evidence:
    """Judge whether gaps (points) between single runs are positive, given the images each accuracy is a share of.

    The interval is 1.96 standard errors of a difference of two proportions near one half.
    """
    half = 196 * np.sqrt(0.5 / np.asarray(images))
    equal_ = results.tolerances()["equivalent"]
    low, high = gaps - half, gaps + half
    verdict = SUPPORTED if (low > 0).all() else NOT_SUPPORTED if ((high < equal_) & (low <= 0)).any() else UNDECIDED
    return Evidence(verdict, f"{number}; single runs on these images show gaps above {half.max():.0f} points only")


def linear(rule: Rule, sources: Sources) -> Evidence:
    """Judge page 07's classifiers on the same images: is the network ahead of a linear one on its features?"""
    table = sources.table("07_feature_space-linear")
    if table is None:
        return Evidence(CANNOT, "page 07 has not been run into this folder")
    values = table.set_index("classifier")["A (%)"].astype(float)
    images = table["images"].max()
    number = "; ".join(f"{name} {value:.1f} %" for name, value in values.items()) + f" of {images} images"
    gap = pd.Series([values["the network itself"] - values["linear SVM on the features"]])
    return _one_run(gap, [images], number)


def nuclei(rule: Rule, sources: Sources) -> Evidence:
    """Judge by page 08's verdicts: each method's must be "supported"; one of "not supported" refutes."""
    table = sources.table("08_activation_maps-verdict")
    if table is None:
        return Evidence(CANNOT, "page 08 has not been run into this folder, or the cohort has no outlines")
    number = "; ".join(
        f"{row['method']}: {row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f}) times its area, {row['verdict']}"
        for row in table.to_dict("records")
    )
    kinds = {SUPPORTED: SUPPORTED} | {v: NOT_SUPPORTED for v in table["verdict"] if v.startswith(NOT_SUPPORTED)}
    return Evidence(together(*(kinds.get(verdict, UNDECIDED) for verdict in table["verdict"])), number)


RULES = {rule.__name__: rule for rule in (
    ahead, equal, heads, spread, protocols, shared, unseen, overfitting, transfer, decay, rivals, cell, separable,
    linear, nuclei,
)}  # fmt: skip
