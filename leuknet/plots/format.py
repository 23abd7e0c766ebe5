"""Formatting of numbers for all figures, tables and sentences: decimals supported by n, and real minus signs.

Also renders templates to HTML, so user-supplied text is escaped in one place.
"""

import math
import re
from collections.abc import Iterable
from typing import Any

import jinja2
import pandas as pd

MINUS = "−"
TEMPLATES = jinja2.Environment(loader=jinja2.PackageLoader("leuknet.plots"), autoescape=True)
FEW, MANY = 30, 1000  # images: below FEW a share is shown as a count, below MANY with one decimal
PERCENT_METRICS = ("A", "P", "R", "S", "MCC")
METRIC_NAMES = {"A": "accuracy", "P": "precision", "R": "recall", "S": "specificity", "Kappa": "kappa"}
LETTER = re.compile(rf"\b({'|'.join(METRIC_NAMES)})\b")
NUMBER = re.compile(r"[<≤]?\s?[+−-]?\d[\d.,:/]*(e-?\d+)?( ?(%|±|\(|–|to|of|runs|\)|[+−-]?\d[\d.,]*))*")


def decimals(n: float | None = None) -> int:
    """Return the number of decimals of a percentage of `n` images: 0 below 30, 1 below 1000 or if unknown, else 2."""
    if n is None:
        return 1
    return 0 if n < FEW else 1 if n < MANY else 2


def number(value: float, digits: int = 1, sign: bool = False) -> str:
    """Format a number with `digits` decimals and a real minus sign; "" for NaN, no minus sign before zero.

    Examples
    --------
    >>> number(-3.71), number(3.71, sign=True), number(-0.04)
    ('−3.7', '+3.7', '0.0')
    """
    if math.isnan(value):
        return ""
    text = f"{value:{'+' if sign else ''}.{digits}f}"
    if not float(text):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def rate(hits: float, n: int) -> str:
    """Format a share of `n` images: the count "10/12" below 30 images, else per cent with the decimals for `n`.

    Examples
    --------
    >>> rate(10, 12), rate(108, 127), rate(3200, 3415)
    ('10/12', '85.0', '93.70')
    """
    return f"{hits:g}/{n}" if n < FEW else number(100 * hits / n, decimals(n))


def interval(low: float, high: float, digits: int = 1) -> str:
    """Return "low to high", or "" if a limit is NaN."""
    return "" if math.isnan(low + high) else f"{number(low, digits)} to {number(high, digits)}"


def estimate(value: float, low: float, high: float, n: float | None = None, sign: bool = False) -> str:
    """Format "value (low to high)" in per cent or points, with the decimals for `n` images."""
    digits = decimals(n)
    limits = interval(low, high, digits)
    return number(value, digits, sign) + (f" ({limits})" if limits else "")


def mean_sd(values: Iterable[float], metric: str, n: float | None = None, undefined: float | None = None) -> str:
    """Format "mean ± s.d." of a metric over runs; for a single run the mean alone.

    Parameters
    ----------
    values
        Fractions, one per run; NaN if the metric is undefined for the run.
    metric
        In per cent if the paper prints it so (`PERCENT_METRICS`) or for the balanced accuracy, else on its own scale.
    n
        Number of test images of a run, which determines the decimals; if unknown, two decimals as in the paper.
    undefined
        Value assigned to undefined runs. By default they are excluded, and the text gives the number of runs averaged.

    Examples
    --------
    >>> mean_sd([0.8, 0.9], "A", 127), mean_sd([0.5, float("nan")], "P", 127), mean_sd([0.5, float("nan")], "P", 127, 0)
    ('85.0 ± 7.1', '50.0 (1 of 2 runs)', '25.0 ± 35.4')
    """
    every = pd.Series(list(values), dtype=float)
    known = every.dropna() if undefined is None else every.fillna(undefined)
    if known.empty:
        return ""
    percent = metric in PERCENT_METRICS or metric == "balanced accuracy"
    digits = (2 if n is None else decimals(n)) if percent else 2
    known = known * (100 if percent else 1)
    spread = f" ± {number(known.std(ddof=1), digits)}" if len(known) > 1 else ""
    partial = f" ({len(known)} of {len(every)} runs)" if len(known) < len(every) else ""
    return number(known.mean(), digits) + spread + partial


def p_value(p: float) -> str:
    """Format a p-value with three decimals, or "< 0.001"."""
    return "" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def cell(value: object, column: str = "", n: float | None = None) -> str:
    """Format a table cell for display; missing values are empty.

    Columns titled "p" or "p, …" contain p-values; columns with "(%)" or "(points)" use the decimals for `n`.
    """
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return ""
    if value == "-":  # printed in the paper for missing values
        return "–"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)
    if column == "p" or column.startswith("p, "):
        return p_value(value)
    return number(value, decimals(n) if column.endswith(("(%)", "(points)")) else 2)


def is_number(text: str) -> bool:
    """Return whether a cell is a number, possibly with ±, an interval or a unit, and is therefore right-aligned."""
    return NUMBER.fullmatch(text) is not None


def metric_name(metric: str) -> str:
    """Return the name of a metric: "accuracy" for A."""
    return METRIC_NAMES.get(metric, metric)


def heading(column: str) -> str:
    """Return a column's display name: words instead of the paper's abbreviations and of underscores.

    Examples
    --------
    >>> heading("A, published"), heading("LODOCV P (%)"), heading("data_set"), heading("MCC")
    ('accuracy, published', 'LODOCV precision (%)', 'data set', 'MCC')
    """
    return LETTER.sub(lambda match: metric_name(match[0]), column.replace("_", " "))


def fold_name(fold: str) -> str:
    """Return a fold's display name: "r0f0" is "fold 1", "r2f0" is "repeat 3, fold 1"; other names are unchanged.

    Examples
    --------
    >>> fold_name("r0f4"), fold_name("r1f0"), fold_name("UFG")
    ('fold 5', 'repeat 2, fold 1', 'UFG')
    """
    match = re.fullmatch(r"r(\d+)f(\d+)", fold)
    if not match:
        return fold
    repeat, part = (int(group) + 1 for group in match.groups())
    return f"fold {part}" if repeat == 1 else f"repeat {repeat}, fold {part}"


def listed(words: Iterable[str]) -> str:
    """Join words as in a sentence: "a, b and c"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def rendered(template: str, **values: Any) -> str:
    """Return a template of ``leuknet/plots/templates`` rendered with `values`, which are escaped."""
    return TEMPLATES.get_template(f"{template}.html.j2").render(values)
