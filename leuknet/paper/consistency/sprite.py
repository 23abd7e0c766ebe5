"""Exhaustive search for runs compatible with a printed mean ± spread, similar to SPRITE and CORVIDS."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from leuknet import _random
from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding, finding
from leuknet.paper.consistency.grim import CLASSES, RUN_TABLES, denominators, printed_rows, totals
from leuknet.paper.consistency.printed import bounds, could_print, split, spread_bounds

_SLACK = 1e-7  # percentage points; tolerance for floating-point errors
Runs = tuple[tuple[int, int], ...]
Texts = dict[str, str]


def square_window(total: int, n: int, spread: tuple[Fraction, Fraction], top: int, ddof: int) -> tuple[int, int]:
    """Return the lowest and highest sum of squares of `n` counts that sum to `total`.

    Parameters
    ----------
    total, n : int
    spread : tuple of Fraction
        Lowest and highest standard deviation, in percent of `top`.
    top : int
        Maximum count.
    ddof : int
        1 for a standard deviation with n - 1, 0 with n.

    Returns
    -------
    tuple of int
    """
    low, high = (Fraction(total * total, n) + (s * top / 100) ** 2 * (n - ddof) for s in spread)
    return math.ceil(low), math.floor(high)


def multisets(total: int, top: int, n: int, low: int, high: int, start: int = 0) -> Iterator[tuple[int, ...]]:
    """Yield all sorted tuples of `n` >= 2 counts in start..top with this total and a sum of squares in low..high."""
    if n == 2:
        floor, ceiling = 2 * low - total * total, 2 * high - total * total
        if ceiling < 0:
            return
        first = math.isqrt(max(floor - 1, 0)) + (floor > 0)
        for gap in range(first + (first + total) % 2, math.isqrt(ceiling) + 1, 2):
            small, large = (total - gap) // 2, (total + gap) // 2
            if start <= small and large <= top:
                yield small, large
        return
    for count in range(max(start, total - top * (n - 1)), total // n + 1):
        rest, squares = total - count, count * count
        if (n - 1) * (high - squares) >= rest * rest:
            for others in multisets(rest, top, n - 1, low - squares, high - squares, count):
                yield count, *others


def spread_possible(text: str, top: int, n: int) -> bool:
    """Return whether `n` counts in 0..top can have the printed mean and spread (percent), with n or n - 1.

    The search is exact. References: Anaya 2016 (GRIMMER); Allard 2018 (A-GRIMMER); Heathers et al. 2018 (SPRITE).
    """
    every = (counts_of(total, text, top, n, ddof) for total in totals(split(text)[0], top * n) for ddof in (1, 0))
    return any(next(some, None) for some in every)


def counts_of(total: int, text: str, top: int, n: int, ddof: int, factor: int = 1) -> Iterator[tuple[int, ...]]:
    """Yield the sorted counts that add to `total` and whose spread prints as that of the cell `text`."""
    window = square_window(total, n, spread_bounds(split(text)[1], factor), top, ddof)
    return multisets(total, top, n, *window)


@dataclass(frozen=True)
class Recovery:
    """Result of `recover`: sets of runs ``((TP, TN), ...)``, number of pairs tried, and whether all were tried."""

    runs: tuple[Runs, ...]
    tried: int
    complete: bool


def candidates(text: str, top: int, n: int, ddof: int, factor: int) -> dict[int, np.ndarray]:
    """Return all sorted counts that may be printed as the cell `text`, as int arrays (m, n) by total."""
    every = totals(split(text)[0], top * n)
    rows = {total: np.array(list(counts_of(total, text, top, n, ddof, factor))) for total in every}
    return {total: counts for total, counts in rows.items() if len(counts)}


def _fits(values: np.ndarray, text: str, ddof: int, factor: int) -> np.ndarray:
    """Return whether the mean and spread of each row of `values`, (m, n) in percent, may be printed as `text`."""
    mean, spread = split(text)
    good = _between(values.mean(axis=1), bounds(mean))
    return good & _between(values.std(axis=1, ddof=ddof), spread_bounds(spread, factor)) if spread else good


def _between(values: np.ndarray, limits: tuple[Fraction, Fraction]) -> np.ndarray:
    low, high = map(float, limits)
    return (values >= low - _SLACK) & (values <= high + _SLACK)


def precision(tp: Any, fp: Any) -> Any:
    """Return precision in percent; 0 without positive predictions, as in the ResNet50 rows of Table 7."""
    return 100 * np.where(tp + fp > 0, tp / np.maximum(tp + fp, 1), 0.0)


def matthews(tp: Any, tn: Any, fp: Any, fn: Any) -> Any:
    """Return MCC in percent (Matthews 1975); 0 if a margin of the matrix is empty."""
    product = 1.0 * (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return 100 * np.where(product > 0, (tp * tn - fp * fn) / np.sqrt(np.maximum(product, 1.0)), 0.0)


def _matching(
    left: np.ndarray, right: np.ndarray, texts: Texts, classes: tuple[int, int], ddof: int, factors: dict[str, int]
) -> tuple[int, Iterator[tuple[list[int], list[int]]]]:
    """Return the number of pairs tried and the runs ``(TP, TN)`` over all orders of `right` that fit A, P and MCC."""
    negatives, positives = classes
    n, images = left.shape[1], negatives + positives
    orders = right[:, list(itertools.permutations(range(n)))].reshape(-1, n)
    low, high = square_window(0, n, spread_bounds(split(texts["A"])[1], factors["A"]), images, ddof)
    a, b = left - left.mean(axis=1, keepdims=True), orders - orders.mean(axis=1, keepdims=True)
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) + 2 * a @ b.T
    i, j = np.nonzero((squares >= low - 1 - _SLACK) & (squares <= high + 1 + _SLACK))
    tp, tn = left[i], orders[j]
    measures = {
        "A": lambda tp, tn: 100 * (tp + tn) / images,
        "P": lambda tp, tn: precision(tp, negatives - tn),
        "MCC": lambda tp, tn: matthews(tp, tn, negatives - tn, positives - tp),
    }
    for metric, measure in measures.items():
        good = _fits(measure(tp, tn), texts[metric], ddof, factors[metric])
        tp, tn = tp[good], tn[good]
    return squares.size, zip(tp.tolist(), tn.tolist(), strict=True)


def recover(
    texts: Texts,
    classes: tuple[int, int],
    n: int = 5,
    ddof: int = 1,
    factors: dict[str, int] | None = None,
    budget: int = 3 * 10**7,
    first: bool = False,
) -> Recovery:
    """Search for the runs behind one printed row.

    Parameters
    ----------
    texts : dict of str to str
        Cells ``"mean ± spread"`` of A, P, R, S and MCC, in percent.
    classes : tuple of int
        Negatives and positives of the test set.
    n : int
        Number of runs.
    ddof : int
        1 for spreads with n - 1, 0 with n.
    factors : dict of str to int, optional
        Factor by metric; 100 if the spread is printed as a fraction.
    budget : int
        Maximum number of pairs of orders to try.
    first : bool
        Whether to stop at the first compatible set.

    Returns
    -------
    Recovery
    """
    negatives, positives = classes
    factors = dict.fromkeys(("A", "P", "R", "S", "MCC"), 1) | (factors or {})
    rights = candidates(texts["S"], negatives, n, ddof, factors["S"])
    allowed = totals(split(texts["A"])[0], (negatives + positives) * n)
    sets: set[Runs] = set()
    tried = 0
    for hits, others in candidates(texts["R"], positives, n, ddof, factors["R"]).items():
        for correct, right in rights.items():
            if hits + correct not in allowed:
                continue
            for left, part in _chunks(others, right, first):
                if tried > budget or (first and sets):
                    return Recovery(tuple(sorted(sets)), tried, False)
                size, rows = _matching(left, part, texts, classes, ddof, factors)
                tried += size
                sets |= {tuple(sorted(zip(*row, strict=True))) for row in rows}
    return Recovery(tuple(sorted(sets)), tried, not (first and sets))


def _chunks(left: np.ndarray, right: np.ndarray, shuffled: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield chunks of both arrays that fit into memory; shuffling shortens the search for the first match."""
    if shuffled:
        left, right = (_random.rng("recover", len(x)).permutation(x) for x in (left, right))
    for a, b in itertools.product(range(0, len(left), 300), range(0, len(right), 20)):
        yield left[a : a + 300], right[b : b + 20]


def scale(texts: Texts) -> dict[str, int]:
    """Return `factors` for `recover`: 100 for spreads that are impossible as percentages and printed below 0.1."""
    small = {m: split(t)[1] for m, t in texts.items()}
    tiny = [m for m in ("A", "P", "R", "S") if small[m] and Fraction(small[m]) < Fraction(1, 10)]
    return dict.fromkeys(tiny, 100) if {"A", "R", "S"} <= set(tiny) else {}


@cache
def recoveries() -> list[tuple[int, str, str, Texts, dict[str, int], Recovery]]:
    """Return ``(table, block, row, texts, factors, Recovery)`` for every row of five runs, with spreads using n - 1."""
    rows = []
    for number, block, row, texts in printed_rows(RUN_TABLES):
        factors = scale(texts)
        budget = 10**9 if factors else 3 * 10**7
        behind = recover(texts, CLASSES[block], factors=factors, first=bool(factors), budget=budget)
        rows.append((number, block, row, texts, factors, behind))
    return rows


def recovered() -> pd.DataFrame:
    """Return the runs behind the rows that are compatible with exactly one set of runs.

    Returns
    -------
    DataFrame
        ``table, block, row, run`` (1 to 5, in unknown order), ``tp, tn, negatives, positives``.
    """
    lines = [
        (number, block, row, run, tp, tn, *CLASSES[block])
        for number, block, row, _, factors, recovery in recoveries()
        if len(recovery.runs) == 1 and not factors
        for run, (tp, tn) in enumerate(recovery.runs[0], 1)
    ]
    return pd.DataFrame(lines, columns=["table", "block", "row", "run", "tp", "tn", "negatives", "positives"])


def as_text(runs: Runs) -> str:
    """Format runs as text, e.g. ``46+58, 48+55``: true positives + true negatives of each run."""
    return ", ".join(f"{tp}+{tn}" for tp, tn in runs)


def debit(mean: float | Fraction, n: int, ddof: int = 1) -> float:
    """Return the standard deviation of `n` runs with values 0 or 1 and this `mean`, which determines it (fractions).

    Reference: Heathers & Brown 2019 (DEBIT).
    """
    return math.sqrt(float(mean * (1 - mean)) * n / (n - ddof))


def check_recovered() -> Iterator[Finding]:
    """Search for the five runs behind every row of Tables 3-7 and 9."""
    unique, several, other = [], [], []
    for number, block, row, texts, factors, recovery in recoveries():
        name, classes = f"Table {number} {block} {row}", CLASSES[block]
        if factors:
            yield _fraction(number, block, row, texts, recovery)
        elif len(recovery.runs) == 1 and recovery.complete:
            unique.append(f"{name}: {as_text(recovery.runs[0])}")
            other += [name] * bool(recover(texts, classes, ddof=0).runs)
        elif recovery.runs:
            several.append(f"{name}: {len(recovery.runs)} sets, e.g. {as_text(recovery.runs[0])}")
        elif all(totals(split(texts[m])[0], 5 * top) for m, top in denominators(*classes).items()):
            again = recover(texts, classes, ddof=0)
            impossible = recovery.complete and again.complete and not again.runs
            holds, tried = "inconsistent" if impossible else "not decidable", recovery.tried + again.tried
            yield finding("runs", number, block, row, holds=holds, tried=tried)
    counts = {"unique": len(unique), "several": len(several), "other": len(other) or "none"}
    rows, fit = "; ".join([*unique, *several]), f"fit{'s' * (len(other) < 2)}"
    yield finding("runs-recovered", holds=True, rows=rows, fit=fit, **counts)


def _fraction(number: int, block: str, row: str, texts: Texts, recovery: Recovery) -> Finding:
    """Return the finding on a row whose means are percentages but whose spreads of A, P, R and S are fractions."""
    possible = any(recover(texts, CLASSES[block], ddof=ddof).runs for ddof in (1, 0))
    top = sum(CLASSES[block])
    runs = [as_text(found) for found in recovery.runs[:1]]
    witness = f"e.g. five runs {runs[0]} print the whole row" if runs else "no such runs found"
    words = {"spreads": ", ".join(f"{m} {texts[m]}" for m in "APRS"), "witness": witness}
    holds = "not decidable" if possible else "inconsistent"
    return finding("spread-scale", number, block, row, holds=holds, top=top, step=100 / top * 0.4, **words)


def check_greatest() -> Iterator[Finding]:
    """Check for maximum spreads: runs with values of 0 or 1 only in Table 7, and the 100 models of Table 13."""
    text = tables.cell(7, "mSFT", "R", "ALL-IDB 1")["text"]
    mean, spread = split(text)
    one, other = (100 * debit(Fraction(mean) / 100, 5, ddof) for ddof in (1, 0))
    good = any(could_print(x, spread) for x in (one, other))
    rows = tables.table(13)
    rows = rows[rows["spread"].notna() & (rows["column"] != "MCC")]
    rows = rows.assign(most=[100 * debit(value / 100, 100) for value in rows["value"]])
    cells = [f"{r['row']} {r['column']} {r['text']} (at most {r['most']:.2f})" for _, r in rows.iterrows()]
    yield finding("debit-table7", holds=good, text=text, mean=mean, one=one, other=other)
    yield finding("debit-table13", holds=bool((rows["spread"] <= rows["most"]).all()), cells="; ".join(cells))
