"""Which runs can stand behind a printed mean ± spread: exhaustive search, in the manner of SPRITE and CORVIDS."""

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
import pandas as pd

from leuknet import _random
from leuknet.paper.consistency.finding import Finding
from leuknet.paper.consistency.grim import CLASSES, RUN_TABLES, denominators, printed_rows, slug, totals
from leuknet.paper.consistency.printed import bounds, split, spread_bounds

METHOD = (
    "search of all runs (SPRITE: Heathers et al., PeerJ Preprints 2018, 26968; CORVIDS: Wilner, Wood & Simons, "
    "PsyArXiv 2018, 7shr8; GRIMMER: Anaya, PeerJ Preprints 2016, 2400)"
)
_SLACK = 1e-7  # floating point, in percentage points; widens what is allowed


def square_window(total, n, spread, top, ddof):
    """Return the lowest and highest sum of squares of `n` counts that add to `total`.

    Parameters
    ----------
    total, n : int
    spread : tuple of Fraction
        Lowest and highest standard deviation, in percent of `top`.
    top : int
        Highest count.
    ddof : int
        1: divided by n - 1; 0: by n.

    Returns
    -------
    tuple of int
    """
    low, high = (Fraction(total * total, n) + (s * top / 100) ** 2 * (n - ddof) for s in spread)
    return math.ceil(low), math.floor(high)


def multisets(total, top, n, low, high, start=0):
    """Yield every sorted tuple of `n` >= 2 counts in start..top with that total and a sum of squares in low..high."""
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


def spread_possible(text, top, n, factor=1):
    """Return whether `n` counts of 0..top can have the printed mean and spread (percent), with n or n - 1.

    Exact for whole numbers. Reference: Anaya 2016 (GRIMMER); Allard 2018 (A-GRIMMER); Heathers et al. 2018 (SPRITE).
    """
    mean, spread = split(text)
    windows = [
        (total, square_window(total, n, spread_bounds(spread, factor), top, ddof))
        for total in totals(mean, top * n)
        for ddof in (1, 0)
    ]
    return any(next(multisets(total, top, n, *window), None) for total, window in windows)


@dataclass(frozen=True)
class Recovery:
    """What `recover` found: sets of runs ``((TP, TN), ...)``, pairs tried, and whether all were tried."""

    runs: tuple
    tried: int
    complete: bool


def candidates(text, top, n, ddof, factor):
    """Return an int array (m, n) of all sorted counts that print as the cell `text`, by total."""
    mean, spread = split(text)
    found = {}
    for total in totals(mean, top * n):
        window = square_window(total, n, spread_bounds(spread, factor), top, ddof)
        rows = list(multisets(total, top, n, *window))
        if rows:
            found[total] = np.array(rows)
    return found


def _fits(values, text, ddof, factor):
    """Return for each row of `values` (m, n), in percent, whether mean and spread may be printed as `text`."""
    mean, spread = split(text)
    low, high = (float(b) for b in bounds(mean))
    centre = values.mean(axis=1)
    good = (centre >= low - _SLACK) & (centre <= high + _SLACK)
    if spread:
        low, high = (float(b) for b in spread_bounds(spread, factor))
        width = values.std(axis=1, ddof=ddof)
        good &= (width >= low - _SLACK) & (width <= high + _SLACK)
    return good


def precision(tp, fp):
    """Return precision in percent; 0 without positive calls, as the ResNet50 rows of Table 7 have it."""
    return 100 * np.where(tp + fp > 0, tp / np.maximum(tp + fp, 1), 0.0)


def matthews(tp, tn, fp, fn):
    """Return MCC in percent (Matthews 1975); 0 where a margin is empty."""
    product = 1.0 * (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return 100 * np.where(product > 0, (tp * tn - fp * fn) / np.sqrt(np.maximum(product, 1.0)), 0.0)


def _matching(left, right, texts, classes, ddof, factors):
    """Return the rows ``(TP, TN)`` of all orders of `right` against `left` that print as A, P and MCC say."""
    negatives, positives = classes
    n, images = left.shape[1], negatives + positives
    orders = right[:, list(itertools.permutations(range(n)))].reshape(-1, n)
    low, high = square_window(0, n, spread_bounds(split(texts["A"])[1], factors["A"]), images, ddof)
    a, b = left - left.mean(axis=1, keepdims=True), orders - orders.mean(axis=1, keepdims=True)
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) + 2 * a @ b.T
    i, j = np.nonzero((squares >= low - 1 - _SLACK) & (squares <= high + 1 + _SLACK))
    tp, tn = left[i], orders[j]
    for metric in ("A", "P", "MCC"):
        fp, fn = negatives - tn, positives - tp
        values = (
            {"A": 100 * (tp + tn) / images}
            if metric == "A"
            else {metric: precision(tp, fp) if metric == "P" else matthews(tp, tn, fp, fn)}
        )
        good = _fits(values[metric], texts[metric], ddof, factors[metric])
        tp, tn = tp[good], tn[good]
    return squares.size, zip(tp.tolist(), tn.tolist(), strict=True)


def recover(texts, classes, n=5, ddof=1, factors=None, budget=3 * 10**7, first=False):
    """Search the runs behind one printed row.

    Parameters
    ----------
    texts : dict of str to str
        Cells ``"mean ± spread"`` of A, P, R, S and MCC, in percent.
    classes : tuple of int
        Negatives and positives of the test set.
    n : int
        Runs.
    ddof : int
        1: spreads with n - 1; 0: with n.
    factors : dict of str to int, optional
        100 for a metric whose spread is printed as a fraction.
    budget : int
        Pairs of orders to try at most.
    first : bool
        Stop at the first set found.

    Returns
    -------
    Recovery
    """
    negatives, positives = classes
    factors = dict.fromkeys(("A", "P", "R", "S", "MCC"), 1) | (factors or {})
    rights = candidates(texts["S"], negatives, n, ddof, factors["S"])
    allowed = totals(split(texts["A"])[0], (negatives + positives) * n)
    found, tried = set(), 0
    for hits, others in candidates(texts["R"], positives, n, ddof, factors["R"]).items():
        for correct, right in rights.items():
            if hits + correct not in allowed:
                continue
            for left, part in _chunks(others, right, first):
                if tried > budget or (first and found):
                    return Recovery(tuple(sorted(found)), tried, False)
                size, rows = _matching(left, part, texts, classes, ddof, factors)
                tried += size
                found |= {tuple(sorted(zip(*row, strict=True))) for row in rows}
    return Recovery(tuple(sorted(found)), tried, not (first and found))


def _chunks(left, right, shuffled):
    """Yield parts of both arrays, small enough for memory; shuffled, so that a first hit comes early."""
    if shuffled:
        left, right = (_random.rng("recover", len(x)).permutation(x) for x in (left, right))
    for a, b in itertools.product(range(0, len(left), 300), range(0, len(right), 20)):
        yield left[a : a + 300], right[b : b + 20]


def scale(texts):
    """Return the factors of `recover`: 100 for spreads that are impossible as percent and printed below 0.1."""
    small = {m: split(t)[1] for m, t in texts.items()}
    tiny = [m for m in ("A", "P", "R", "S") if small[m] and Fraction(small[m]) < Fraction(1, 10)]
    return dict.fromkeys(tiny, 100) if {"A", "R", "S"} <= set(tiny) else {}


@cache
def recoveries():
    """Return ``(table, block, row, texts, factors, Recovery)`` for every row of five runs, spreads with n - 1."""
    found = []
    for number, block, row, texts in printed_rows(RUN_TABLES):
        factors = scale(texts)
        budget = 10**9 if factors else 3 * 10**7
        behind = recover(texts, CLASSES[block], factors=factors, first=bool(factors), budget=budget)
        found.append((number, block, row, texts, factors, behind))
    return found


def recovered():
    """Return the runs behind the rows that only one set of runs can print.

    Returns
    -------
    DataFrame
        ``table, block, row, run`` (1 to 5, in no known order), ``tp, tn, negatives, positives``.
    """
    lines = [
        (number, block, row, run, tp, tn, *CLASSES[block])
        for number, block, row, _, factors, found in recoveries()
        if len(found.runs) == 1 and not factors
        for run, (tp, tn) in enumerate(found.runs[0], 1)
    ]
    return pd.DataFrame(lines, columns=["table", "block", "row", "run", "tp", "tn", "negatives", "positives"])


def as_text(runs):
    """Return runs as text, e.g. ``46+58, 48+55``: true positives + true negatives of each run."""
    return ", ".join(f"{tp}+{tn}" for tp, tn in runs)


def check() -> list[Finding]:
    """Search the five runs behind every row of Tables 3-7 and 9."""
    unique, several, other, findings = [], [], [], []
    for number, block, row, texts, factors, found in recoveries():
        name = f"Table {number} {block} {row}"
        if factors:
            findings.append(_fraction(number, block, row, texts, found))
        elif len(found.runs) == 1 and found.complete:
            unique.append(f"{name}: {as_text(found.runs[0])}")
            other += [name] * bool(recover(texts, CLASSES[block], ddof=0).runs)
        elif found.runs:
            several.append(f"{name}: {len(found.runs)} sets, e.g. {as_text(found.runs[0])}")
        elif all(totals(split(texts[m])[0], 5 * top) for m, top in denominators(*CLASSES[block]).items()):
            findings.append(_none(number, block, row, texts, found))
    findings.append(
        Finding(
            "runs-recovered",
            "Tables 3-7 and 9",
            METHOD,
            "consistent",
            "",
            f"{len(unique)} rows of mean ± spread are those of exactly one set of five confusion matrices, "
            f"{len(several)} of a few: A, P, R, S and MCC, means and spreads, all fit, spreads with n - 1; with n, "
            f"{len(other) or 'none'} of the former fit{'s' * (len(other) < 2)}.",
            "true positives + true negatives of the five runs (P and MCC of a run without positive calls are 0): "
            + "; ".join([*unique, *several])
            + ". Every order of every candidate was tried.",
        )
    )
    return findings


def _none(number, block, row, texts, found):
    other = recover(texts, CLASSES[block], ddof=0)
    complete = found.complete and other.complete and not other.runs
    return Finding(
        slug("runs", f"table{number}", block, row),
        f"Table {number}, {block}, {row}",
        METHOD,
        "inconsistent" if complete else "not decidable",
        "changes a number",
        "No five confusion matrices give the printed means and spreads together."
        if complete
        else "The search ended before five confusion matrices were found.",
        f"{found.tried + other.tried} pairs of orders tried, spreads with n - 1 and with n.",
        "precision of a run without positive calls counted as 0",
    )


def _fraction(number, block, row, texts, found):
    """Judge a row whose spreads of A, P, R and S are printed as fractions while the means are percentages."""
    spreads = ", ".join(f"{m} {texts[m]}" for m in ("A", "P", "R", "S"))
    literal = [recover(texts, CLASSES[block], ddof=ddof) for ddof in (1, 0)]
    top = sum(CLASSES[block])
    step = 100 / top * 0.4
    witness = f"e.g. five runs {as_text(found.runs[0])} print the whole row" if found.runs else "no such runs found"
    return Finding(
        slug("spread-scale", f"table{number}", block, row),
        f"Table {number}, {block}, {row}",
        METHOD,
        "inconsistent" if not any(r.runs for r in literal) else "not decidable",
        "changes a number",
        f"Spreads of {spreads} cannot be percentage points; the MCC's spread next to them is.",
        f"five unequal runs of {top} images differ by at least {step:.2f} points (spread with n; more with n - 1); "
        f"equal runs would give a mean that is a multiple of 1/{top}. Read as fractions (1 to 9 points): {witness}.",
        "",
        "The spreads times 100: fractions of 1 next to percentages.",
    )
