"""The rules of the claims ledger: what this study's runs say of a claim.

Each rule takes its entry of ``ledger.toml`` and the study's `Sources`, and returns `Evidence`. Accuracies are compared
over runs by `leuknet.verdicts.judgement`. Networks that began from weights of different kinds are not compared with
each
other: the start would be compared as well.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leuknet.baselines.registry import BASELINES
from leuknet.verdicts import results, verdicts
from leuknet.verdicts.judgement import (
    CANNOT,
    DEPENDS,
    NOT_SUPPORTED,
    SUPPORTED,
    Evidence,
    ahead_of,
    difference,
    equivalence,
    told,
)

POOLED, LEFT_OUT, HOLD_OUT = r"\d+-fold(?! by)", r"LODOCV|leave-one-source-out", "hold-out"


@dataclass(frozen=True)
class Sources:
    """What rules look at: `results` of the runs, the result folder (tables of pages), the runs' folder."""

    runs: pd.DataFrame
    out: Path

    def table(self, name):
        """Return a page's table by its file's stem, or None if the page has not been run into this folder."""
        path = self.out / "tables" / f"{name}.csv"
        return pd.read_csv(path) if path.is_file() else None

    @property
    def tests(self):
        """The rows of `runs` in role test."""
        return self.runs[self.runs["role"] == "test"] if len(self.runs) else self.runs


def asked(frame, query):
    """Return the rows that fit `query`: LODOCV, the usual head."""
    part = frame.query(query)
    return part[results.by_lodocv(part) & (part["dense"] == "")]


def groups(frame, query):
    """Return accuracies by ``(fold, backbone approach)`` of the rows `asked` for."""
    if frame.empty:
        return {}
    part = asked(frame, query)
    names = part["backbone"] + " " + part["approach"]
    return {key: rows["A"].to_numpy() for key, rows in part.groupby([part["fold"], names])}


def fair(rule, sources, judged):
    """Return `judged`, but "cannot be tested" where the compared networks began from weights of different kinds."""
    if judged.verdict == CANNOT:
        return judged
    queries = (rule["first"], *rule["rest"].values())
    part = pd.concat([asked(sources.tests, query) for query in queries])
    kinds = part.drop_duplicates(["backbone", "weights"]).groupby("weights", sort=False)["backbone"].agg(", ".join)
    if len(kinds) < 2:
        return judged
    begun = "; ".join(f"{names} from {kind}" for kind, names in kinds.items())
    return Evidence(CANNOT, f"not begun alike ({begun}): {judged.number}")


def ahead(rule, sources):
    """Each network of `first` against each of `rest` on every test set left out."""
    ours = groups(sources.tests, rule["first"])
    pairs = []
    for query in rule["rest"].values():
        theirs = groups(sources.tests, query)
        pairs += [
            (f"{fold}, {a} over {b}", ours[fold, a], theirs[other, b])
            for (fold, a), (other, b) in itertools.product(ours, theirs)
            if fold == other
        ]
    return fair(rule, sources, ahead_of(pairs))


def equal(rule, sources):
    """Whether two networks are equivalent on every test set: the 90 % interval within the tolerance."""
    ours, theirs = (
        {fold: values for (fold, _), values in groups(sources.tests, query).items()}
        for query in (rule["first"], *rule["rest"].values())
    )
    compared = {fold: difference(ours[fold], theirs[fold], 0.9) for fold in ours if fold in theirs}
    return fair(rule, sources, equivalence(compared))


def heads(rule, sources):
    """The chosen head against each other one, on every test set."""
    if sources.tests.empty:
        return ahead_of([])
    frame = results.head_rows(sources.runs)
    values = {key: part["A"].to_numpy() for key, part in frame.groupby(["fold", "head"])}
    chosen = "1024–256"
    return ahead_of(
        [
            (f"{fold}, over {head}", values[fold, chosen], values[fold, head])
            for fold, head in values
            if head != chosen and (fold, chosen) in values
        ]
    )


def spread(rule, sources):
    """The best approach of VGG-16 against the worst, on every test set."""
    values = groups(sources.tests, "backbone == 'VGG16' and approach in ['SFT', 'mSFT', 'DFT', 'mDFT']")
    pairs, tried = [], len({name for _, name in values})
    for fold in dict.fromkeys(fold for fold, _ in values):
        ranked = sorted((name for place, name in values if place == fold), key=lambda name: values[fold, name].mean())
        if len(ranked) > 1:
            best, worst = ranked[-1], ranked[0]
            pairs.append((f"{fold}, {best} over {worst}", values[fold, best], values[fold, worst]))
    return ahead_of(pairs, picked=tried * (tried - 1) // 2)


def leuknet_by_protocol(frame, marks):
    """Return accuracies of LeukNet's runs under protocols whose names match `marks`."""
    part = frame[(frame["backbone"] == "VGG16") & (frame["approach"] == "mDFT") & (frame["dense"] == "")]
    return part.loc[part["protocol"].str.match(marks), "A"].to_numpy()


def protocols(rule, sources):
    """Pooled folds against data sets and sources left out: is the pooled number higher?"""
    if sources.tests.empty:
        return ahead_of([])
    pooled = leuknet_by_protocol(sources.tests, POOLED)
    marks = LEFT_OUT.split("|")
    pairs = [(f"pooled over {mark}", pooled, leuknet_by_protocol(sources.tests, mark)) for mark in marks]
    return ahead_of([pair for pair in pairs if len(pooled) and len(pair[2])])


def shared(rule, sources):
    """Training images of the tested source under LODOCV."""
    runs = sources.tests
    runs = runs[results.by_lodocv(runs) & (runs["trained_on"] > 0)] if len(runs) else runs
    if runs.empty:
        return Evidence(CANNOT, "no LODOCV run with its split in this folder")
    worst = runs.groupby("fold", sort=False)[["shared", "trained_on"]].max()
    number = "training images of the tested source: " + "; ".join(
        f"{fold} {row['shared']} of {row['trained_on']}" for fold, row in worst.iterrows()
    )
    return Evidence(NOT_SUPPORTED if (worst["shared"] > 0).any() else SUPPORTED, number)


def unseen(rule, sources):
    """Is LODOCV harder than pooled folds, and are the sources that it tests unseen?"""
    harder, apart = protocols(rule, sources), shared(rule, sources)
    mixed = harder.verdict == SUPPORTED and apart.verdict == NOT_SUPPORTED
    return Evidence(DEPENDS if mixed else harder.verdict, f"{harder.number}; {apart.number}")


def overfitting(rule, sources):
    """Validation loss at the end against its lowest, then the fall from a random hold-out to what is left out."""
    rises = []
    for path in sorted(results.trainings(sources.out).glob("*/history.csv")) if len(sources.runs) else []:
        history = pd.read_csv(path)
        if "validation_loss" in history and (path.parent / "done.json").is_file():
            rises.append(history["validation_loss"].iloc[-1] / history["validation_loss"].min() - 1)
    if not rises:
        return Evidence(CANNOT, "no run with a validation curve in this folder")
    number = f"validation loss ends {100 * np.mean(rises):.0f} % above its lowest epoch (mean of {len(rises)} runs)"
    if np.mean(rises) > results.tolerances()["loss_rise"]:
        return Evidence(NOT_SUPPORTED, number)
    inside, outside = (leuknet_by_protocol(sources.tests, marks) for marks in (HOLD_OUT, LEFT_OUT))
    if not len(inside) or not len(outside):
        return Evidence(CANNOT, f"{number}; page 06 has not been run into this folder")
    gap, bounds = difference(inside, outside)
    number += f"; hold-out over data sets and sources left out: {told(gap, bounds)}"
    return Evidence(DEPENDS if bounds and bounds[0] > 0 else SUPPORTED, number)


def external(sources):
    """Return the rows tested on a set apart, and the rows of the same runs within their folds."""
    runs = sources.runs
    if runs.empty or not (runs["role"] == "external").any():
        return runs.head(0), runs.head(0)
    outside = runs[runs["role"] == "external"]
    return outside, runs[(runs["role"] == "test") & runs["run"].isin(outside["run"])]


def of(frame, approach):
    """Return the rows of one approach by run; VGG-16 with the usual head where it is a network."""
    return frame[(frame["approach"] == approach) & (frame["dense"] == "")].set_index("run")["A"]


def transfer(rule, sources):
    """LeukNet against random weights: equivalent within the folds, and on the set apart?"""
    outside, inside = external(sources)
    pairs = [[of(frame, name) for name in ("mDFT", "scratch")] if len(frame) else [] for frame in (inside, outside)]
    if not all(len(values) > 1 for pair in pairs for values in pair) or not pairs[0]:
        return Evidence(CANNOT, "no runs of both with a set apart in this folder")
    within = equivalence({"within folds": difference(*pairs[0], 0.9)})
    gap, bounds = difference(*pairs[1])
    begun = ", ".join(outside.loc[outside["approach"] == "mDFT", "weights"].unique())
    number = f"LeukNet from {begun} weights: {within.number}; on the set apart {told(gap, bounds)}"
    if within.verdict == SUPPORTED and (bounds[0] > 0 or bounds[1] < 0):
        return Evidence(DEPENDS, number)
    return Evidence(within.verdict, number)


def decay(rule, sources):
    """Falls from the folds to the set apart: is LeukNet's smaller than those of random weights and Vogado et al.?"""
    outside, inside = external(sources)
    names = ("mDFT", "scratch", "vogado")
    falls = {name: (of(inside, name) - of(outside, name)).dropna() if len(inside) else [] for name in names}
    falls = {name: values for name, values in falls.items() if len(values) > 1}
    if not {"mDFT", "scratch"} <= set(falls):
        return Evidence(CANNOT, "no runs of both with a set apart in this folder")
    judged = ahead_of([(f"smaller than {name} by", falls[name], falls["mDFT"]) for name in falls if name != "mDFT"])
    means = ", ".join(f"{name} {100 * values.mean():.1f}" for name, values in falls.items())
    return Evidence(judged.verdict, f"falls (points): {means}; {judged.number}")


def rivals(rule, sources):
    """LeukNet against every work of Table 11 that was run on the set apart; controls are no rivals."""
    outside, _ = external(sources)
    works = {key for key, entry in BASELINES.items() if entry.reference}
    systems = sorted(works & set(outside["approach"])) if len(outside) else []
    if not systems or not len(of(outside, "mDFT")):
        return Evidence(CANNOT, "no comparison system was run on the set apart in this folder")
    return ahead_of([(f"over {name}", of(outside, "mDFT"), of(outside, name)) for name in systems])


def cell(rule, sources):
    """One published accuracy beside this study's runs, by the fixed tolerances."""
    number, block, row = rule["cell"]
    cells = verdicts.compare(sources.runs)
    keep = (cells["table"] == number) & (cells["block"] == block) & (cells["row"] == row) & (cells["metric"] == "A")
    line = cells[keep].iloc[0]
    words = f"{verdicts.plus_minus(line['here'], line['spread here']) or 'no run'}, published {line['published']:.2f}: "
    kinds = {verdicts.REPRODUCED: SUPPORTED, verdicts.HIGHER: NOT_SUPPORTED, verdicts.LOWER: NOT_SUPPORTED}
    return Evidence(kinds.get(line["verdict"], CANNOT), words + line["verdict"])


def separable(rule, sources):
    """Page 07's linear SVM: has the named approach the highest accuracy on every test set?"""
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
    gaps, least = values[first] - others, least_gap(sources.tests, values.index)
    if (gaps > least).all():
        return Evidence(SUPPORTED, f"{number} (%, one run)")
    verdict = NOT_SUPPORTED if (gaps < -least).any() else CANNOT
    return Evidence(verdict, f"{number} (%); one run tells gaps above {least.max():.0f} points only")


def least_gap(tests, names):
    """Return the gap (points) that one run on each tested data set can tell from chance; 0 where n is not known.

    1.96 standard errors of a difference of two proportions near one half, on the data set's images.
    """
    images = {name: tests.loc[tests["tested"] == name, "images"].max() for name in names} if len(tests) else {}
    return pd.Series({name: 196 * np.sqrt(0.5 / n) if (n := images.get(name, 0)) > 0 else 0.0 for name in names})


def linear(rule, sources):
    """Page 07's three classifiers on the same images: does a linear one on the features keep up with the network?"""
    table = sources.table("07_feature_space-linear")
    if table is None:
        return Evidence(CANNOT, "page 07 has not been run into this folder")
    values = table.set_index("classifier")["A (%)"].astype(float)
    number = "; ".join(f"{name} {value:.1f} %" for name, value in values.items())
    gap = values["the network itself"] - values["linear SVM on the features"]
    least = 196 * np.sqrt(0.5 / table["images"].max())
    number += f" of {table['images'].max()} images, which tell gaps above {least:.0f} points only"
    if gap > least:
        return Evidence(SUPPORTED, number)
    return Evidence(NOT_SUPPORTED if least <= results.tolerances()["widest"] else CANNOT, number)


def nuclei(rule, sources):
    """Page 08's verdict, by its own rule."""
    table = sources.table("08_activation_maps-verdict")
    if table is None:
        return Evidence(CANNOT, "page 08 has not been run into this folder, or the cohort has no outlines")
    number = "; ".join(
        f"{row['method']}: {row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f}) times its area, {row['verdict']}"
        for row in table.to_dict("records")
    )
    return Evidence(SUPPORTED if (table["verdict"] == "supported").all() else NOT_SUPPORTED, number)


RULES = {rule.__name__: rule for rule in (
    ahead, equal, heads, spread, protocols, shared, unseen, overfitting, transfer, decay, rivals, cell, separable,
    linear, nuclei,
)}  # fmt: skip
