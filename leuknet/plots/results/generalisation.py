"""Tables and sentences of page 12: gains of the steps, and performance of the controls."""

import numpy as np
import pandas as pd

from leuknet.plots.format import estimate, interval, listed, number, rate

BLIND = ("number of cells alone", "mean colour alone")  # controls without access to any cell


def _shares(rows: pd.DataFrame) -> list[str]:
    columns = [100 * rows["accuracy"], 100 * rows["low"], 100 * rows["high"], rows["images"]]
    return [estimate(a, low, high, n) for a, low, high, n in zip(*columns, strict=True)]


def steps_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Return `generalisation.summary` formatted for display: accuracy in per cent with its interval, and the AUC."""
    columns = {"step": summary["step"], "accuracy (%)": _shares(summary), "AUC (0 to 1)": summary["AUC"]}
    return pd.DataFrame({"protocol": summary["protocol"], **columns, "images": summary["images"]})


def steps_sentence(summary: pd.DataFrame) -> str:
    """Return the accuracy of the first and the last step under each protocol, strictest first."""
    parts = []
    for protocol, part in reversed(list(summary.groupby("protocol", sort=False))):
        ends = _shares(part.iloc[[0, -1]])
        parts.append(f"{protocol} {ends[0]} → {ends[1]} % of {part['images'].iloc[-1]} images")
    return f"From {summary['step'].iloc[0]} to {summary['step'].iloc[-1]}: {'; '.join(parts)}."


def controls_sentence(checks: pd.DataFrame) -> str:
    """Return the AUC within sources of the method and of the controls without access to cells."""
    shown = checks[(checks["control"].isin(BLIND) | (np.arange(len(checks)) == 0)) & checks["AUC"].notna()]
    if shown.empty:
        return "No source that was left out holds both classes, so there is no AUC within sources."
    cells = [f"{row.control} {number(row.AUC, 2)} ({interval(row.low, row.high, 2)})" for row in shown.itertuples()]
    return f"AUC within sources, where {listed(BLIND)} see no cell: {listed(cells)}."


def specificity_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return `generalisation.specificity` in per cent, or as a count below 30 images."""
    shares = [rate(round(s * n), n) for s, n in zip(found["specificity"], found["images"], strict=True)]
    return found.drop(columns="specificity").assign(**{"specificity (%; of few images the count)": shares})
