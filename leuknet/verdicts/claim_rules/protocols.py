"""Rules on protocols: pooled folds against left-out data sets and sources, shared slides, and overfitting."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leuknet.evaluation.intervals import nested_difference
from leuknet.evaluation.significance import resampled_t
from leuknet.runs.record import read
from leuknet.verdicts import results
from leuknet.verdicts.claim_rules.sources import Rule, Sources, learnt
from leuknet.verdicts.evidence import CANNOT, DEPENDS, NOT_SUPPORTED, SUPPORTED, Evidence, together
from leuknet.verdicts.judgement import Bounds, ahead_of, signed, within

POOLED, HOLD_OUT = r"\d+-fold(?! by)", "hold-out"
LEFT_OUT = {"lodocv": "LODOCV", "source_out": "leave-one-source-out"}  # column of `results` -> its name
FEW = 6  # with fewer test sets, an interval is hardly more than the range of their differences
FEW_SETS = ", all there are: the interval is hardly more than the range of their differences"
IDLE = "LeukNet is not shown to beat the larger class where it was trained on the tested data sets"
REPEAT = r"^(r\d+)f\d+$"  # a fold of repeated k-fold


def leuknet(frame: pd.DataFrame) -> pd.DataFrame:
    """Return LeukNet's rows with the role test."""
    if frame.empty:
        return frame
    network = (frame["backbone"] == "VGG16") & (frame["approach"] == "mDFT") & (frame["dense"] == "")
    return frame[network & (frame["role"] == "test")]


def on_the_same_images(inside: pd.DataFrame, outside: pd.DataFrame) -> dict[str, tuple[list[float], list[float]]]:
    """Return accuracies of two protocols on the images that both test, by test set of the second.

    Parameters
    ----------
    inside : pandas.DataFrame
        Rows of runs over pooled images; the folds of one repeat and seed count as one run. If there are several pools
        (protocols, or hold-outs of different sizes), the one with the most test images is used.
    outside : pandas.DataFrame
        Rows of runs that left out a data set or source.

    Returns
    -------
    dict of str to tuple of list of float
        In percent, one value per run; only test sets that both test.
    """
    inside = widest_pool(inside)
    repeat = inside["fold"].str.extract(REPEAT)[0].fillna("")
    place = inside.sort_values("seed").groupby("fold").cumcount()  # seeds may differ from fold to fold
    whole = [pd.concat(list(part["right"])) for _, part in inside.groupby([repeat, place.reindex(inside.index)])]
    accuracies: dict[str, tuple[list[float], list[float]]] = {}
    for tested, rows in outside.groupby("fold", sort=False):
        images = [run.index.intersection(rows["right"].iloc[0].index) for run in whole]
        most = max((len(part) for part in images), default=0)  # a seed with unfinished folds tests fewer images
        complete = [run for run, part in zip(whole, images, strict=True) if len(part) == most > 0]
        if complete:
            common = sorted(set.intersection(*(set(run.index) for run in complete)) & set(rows["right"].iloc[0].index))
            ours, theirs = (
                [100 * float(right.loc[common].mean()) for right in side] for side in (complete, rows["right"])
            )
            accuracies[str(tested)] = ours, theirs
    return {tested: pair for tested, pair in accuracies.items() if not np.isnan(pair[0][0])}


def widest_pool(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the protocol, and of the hold-out size, with the most test images."""
    size = rows["trained_on"].where(~rows["fold"].str.match(REPEAT), 0)
    pools = [part for _, part in rows.groupby(["protocol", size], sort=False)]
    return max(pools, key=lambda part: len(set().union(*(right.index for right in part["right"]))), default=rows)


def _alike(inside: pd.DataFrame, outside: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that left something out of the pool's cohort; all runs if there are none."""
    same = outside[outside["cohort"].isin(widest_pool(inside)["cohort"])]
    return same if len(same) else outside


def nested(pairs: dict[str, tuple[list[float], list[float]]], level: float) -> tuple[float, Bounds]:
    """Return `nested_difference` in the form used by judgements: None if there is no interval."""
    gap, low, high = nested_difference(pairs, level=level)
    return gap, None if np.isnan(low) else (low, high)


def falls(inside: pd.DataFrame, outside: pd.DataFrame) -> list[tuple[str, Any]]:
    """Return one comparison per way of leaving out: accuracy within pooled images against left-out images."""
    compared = []
    for column, name in LEFT_OUT.items():
        pairs = on_the_same_images(inside, _alike(inside, outside[outside[column]]))
        if pairs:
            few = FEW_SETS * (len(pairs) < FEW and nested(pairs, 0.95)[1] is not None)
            sets = f"{len(pairs)} test set{'s' * (len(pairs) > 1)}{few}"
            compared.append((f"pooled over {name} (the same images of {sets})", partial(nested, pairs)))
    return compared


def protocols(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether pooled folds give higher accuracies than left-out data sets and sources on the same images."""
    rows = leuknet(sources.runs)
    if rows.empty:
        return ahead_of([])
    pooled = rows[rows["protocol"].str.match(POOLED)]
    return ahead_of(falls(pooled, rows)) if pooled.empty or learnt(widest_pool(pooled)) else Evidence(CANNOT, IDLE)


def shared(rule: Rule, sources: Sources) -> Evidence:
    """Count the training images from the tested source under LODOCV."""
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
    """Judge the rise of the validation loss, then the loss of accuracy from a random hold-out to left-out images."""
    rows = leuknet(sources.runs)
    runs = dict.fromkeys(rows["run"]) if len(rows) else ()
    rises = [rise for run in runs if (rise := _rise(sources.out, run)) is not None]
    if not rises:
        return Evidence(CANNOT, "no run with a validation curve in this folder")
    held = rows[rows["protocol"].str.match(HOLD_OUT)]
    if len(held) and not learnt(widest_pool(held)):
        return Evidence(CANNOT, IDLE)
    limit, mean = results.tolerances()["loss_rise"], float(np.mean(rises))
    test = resampled_t(rises, 0) if len(rises) > 1 else None
    bounds = (test.low, test.high) if test else None
    interval = f" ({100 * bounds[0]:.0f} to {100 * bounds[1]:.0f})" if bounds else ""
    number = f"validation loss ends {100 * mean:.0f} %{interval} above its lowest epoch (mean of {len(rises)} runs)"
    if (verdict := within(bounds, high=limit)) != SUPPORTED:
        return Evidence(verdict, f"{number}, {100 * limit:.0f} % allowed")
    compared = falls(held, rows)
    if not compared:
        return Evidence(CANNOT, f"{number}; no run on the same images with their data set left out")
    tolerance, intervals = results.tolerances()["equivalent"], [(name, *interval(0.95)) for name, interval in compared]
    number += "; " + "; ".join(f"{name.replace('pooled', 'hold-out')}: {signed(*gap)}" for name, *gap in intervals)
    fall = together(*(within(bounds, high=tolerance) for *_, bounds in intervals))
    return Evidence(DEPENDS if fall == NOT_SUPPORTED else fall, number)


def _rise(out: Path, run: str) -> float | None:
    """Return the relative rise of a run's validation loss from its minimum to its end; None without validation."""
    folder = results.trainings(out) / run
    history = read(folder).history() if (folder / "done.json").is_file() else pd.DataFrame()
    if "validation_loss" not in history:
        return None
    return history["validation_loss"].iloc[-1] / history["validation_loss"].min() - 1
