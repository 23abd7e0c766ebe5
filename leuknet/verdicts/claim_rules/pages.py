"""Rules on published cells and on tables written by pages, such as the linear classifiers on features."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leuknet.verdicts import results, verdicts
from leuknet.verdicts.claim_rules.sources import Rule, Sources
from leuknet.verdicts.evidence import CANNOT, NOT_SUPPORTED, SUPPORTED, UNDECIDED, Evidence, partly, together
from leuknet.verdicts.judgement import is_level, signed, within

FEATURES = ("SFT", "mSFT", "DFT", "mDFT", "no fine-tuning")  # page 07's rows of Table 10
NETWORK, LINEAR = "the network itself", "linear SVM on the features"  # classifiers of its other table


def cell(rule: Rule, sources: Sources) -> Evidence:
    """Judge one published accuracy: is the interval of the difference within the specified points?"""
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
    """Judge page 07's linear SVM: does the named approach have the highest accuracy on every test set?"""
    column, first = f"{rule['scenario']} A (%)", rule["first"]
    table = sources.table("07_feature_space-table10", "who", "data set", "features", column)
    if table is None or table.empty:
        return Evidence(CANNOT, "page 07 has not been run into this folder")
    here = table[table["who"] == "here"].drop_duplicates(["data set", "features"])
    values = here.assign(a=pd.to_numeric(here[column], errors="coerce")).pivot(
        index="data set", columns="features", values="a"
    )
    values = values.reindex(columns=list(FEATURES))
    missing = [f"{name} on {place}" for place, row in values.iterrows() for name in FEATURES if np.isnan(row[name])]
    notes = [f"not run: {', '.join(missing)}"] * bool(missing)
    others = values.drop(columns=first).max(axis=1)
    gaps = (values[first] - others).dropna()
    if gaps.empty:
        return Evidence(CANNOT, "; ".join(notes))
    number = "; ".join(
        f"{name}: {first} {values.loc[name, first]:.1f}, best other {others[name]:.1f}" for name in gaps.index
    )
    images = [_images(sources.tests, name) for name in gaps.index]
    return partly(_one_run(gaps, images, f"{number} (%)"), notes)


def _images(tests: pd.DataFrame, name: str) -> float:
    """Return the number of tested images of a data set; NaN if unknown."""
    return tests.loc[tests["tested"] == name, "images"].max() if len(tests) else np.nan


def _one_run(gaps: pd.Series, images: Sequence[float], number: str) -> Evidence:
    """Judge whether the gaps (points) between single runs are positive, given the number of images of each accuracy.

    The interval is 1.96 standard errors of a difference of two proportions near one half.
    """
    if np.isnan(images).any():
        return Evidence(CANNOT, f"{number}; no run in this folder says on how many images")
    half = 196 * np.sqrt(0.5 / np.asarray(images))
    bounds = list(zip(gaps - half, gaps + half, strict=True))
    refuted = any(high < 0 or is_level((low, high)) for low, high in bounds)
    verdict = SUPPORTED if all(low > 0 for low, _ in bounds) else NOT_SUPPORTED if refuted else UNDECIDED
    return Evidence(verdict, f"{number}; single runs on these images show gaps above {half.max():.0f} points only")


def linear(rule: Rule, sources: Sources) -> Evidence:
    """Judge page 07's classifiers on the same images: is the network better than a linear one on its features?"""
    table = sources.table("07_feature_space-linear", "classifier", "A (%)", "images")
    if table is None or not {NETWORK, LINEAR} <= set(table["classifier"]):
        return Evidence(CANNOT, "page 07 has not been run into this folder")
    values = pd.to_numeric(table.drop_duplicates("classifier").set_index("classifier")["A (%)"], errors="coerce")
    images = pd.to_numeric(table["images"], errors="coerce").max()
    number = "; ".join(f"{name} {value:.1f} %" for name, value in values.items()) + f" of {images} images"
    gap = pd.Series([values[NETWORK] - values[LINEAR]])
    return _one_run(gap, [images], number)


def nuclei(rule: Rule, sources: Sources) -> Evidence:
    """Judge by page 08's verdicts: all methods must be "supported"; a single "not supported" refutes the claim."""
    numbers = ["value", "low", "high"]
    table = sources.table("08_activation_maps-verdict", "method", "verdict", *numbers)
    if table is None or table.empty:
        return Evidence(CANNOT, "page 08 has not been run into this folder, or the cohort has no outlines")
    table = table.assign(**{name: pd.to_numeric(table[name], errors="coerce") for name in numbers})
    table = table.astype({"verdict": str})
    number = "; ".join(
        f"{row['method']}: {row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f}) times its area, {row['verdict']}"
        for row in table.to_dict("records")
    )
    kinds = {SUPPORTED: SUPPORTED} | {v: NOT_SUPPORTED for v in table["verdict"] if v.startswith(NOT_SUPPORTED)}
    return Evidence(together(*(kinds.get(verdict, UNDECIDED) for verdict in table["verdict"])), number)
