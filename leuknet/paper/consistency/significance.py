"""Repeat Student's t-tests from printed means, spreads and numbers of runs, with Holm's correction."""

import itertools
from collections.abc import Iterator

import numpy as np
from scipy import stats

from leuknet._statistics import holm
from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding, finding
from leuknet.paper.consistency.grim import CLASSES, RUN_TABLES, SCENARIOS, matrices, printed_rows, single_rows, totals
from leuknet.paper.consistency.printed import bounds, split, spread_bounds
from leuknet.paper.consistency.sprite import scale

Range = tuple[float, float]


def p_range(
    first: str,
    second: str,
    n: int,
    factors: tuple[int, int] = (1, 1),
    correction: float = 0.0,
    known: bool = False,
) -> Range:
    """Return the lowest and highest two-sided p-value of Student's t-test over all possible roundings of two cells.

    Parameters
    ----------
    first, second : str
        Cells ``"mean ± spread"``.
    n : int
        Number of runs behind each cell.
    factors : tuple of int
        Factor of each spread; 100 if it is printed as a fraction.
    correction : float
        Term added to 1/n for runs that share training data: the ratio of test to training images (Nadeau & Bengio,
        Mach. Learn. 2003, 52, 239).
    known : bool
        Whether the spreads are known to use n - 1, as recovered for Tables 3-7 and 9 (`sprite`); if False, spreads
        with n are considered as well.

    Returns
    -------
    tuple of float
        Lowest and highest p-value.
    """
    cells = [split(cell) for cell in (first, second)]
    (a0, a1), (b0, b1) = (map(float, bounds(mean)) for mean, _ in cells)
    spreads = [map(float, spread_bounds(spread, f)) for (_, spread), f in zip(cells, factors, strict=True)]
    narrow, wide = (float(np.hypot(*ends)) for ends in zip(*spreads, strict=True))
    wide *= 1 if known else np.sqrt(n / (n - 1))
    far, near = max(abs(a1 - b0), abs(b1 - a0)), max(0.0, a0 - b1, b0 - a1)
    error = np.sqrt(1 / n + correction)
    return _two_sided(far, narrow * error, n), _two_sided(near, wide * error, n)


def _two_sided(gap: float, error: float, n: int) -> float:
    t = gap / error if error else (np.inf if gap else 0.0)
    return float(2 * stats.t.sf(t, 2 * n - 2))


def winners() -> Iterator[tuple[int, str, str, str, tuple[str, str], tuple[int, int]]]:
    """Yield ``(table, block, best, next, cells, factors)`` for the two highest mean accuracies of each block."""
    for (number, block), group in itertools.groupby(printed_rows(RUN_TABLES), key=lambda row: row[:2]):
        ranked = sorted(group, key=lambda row: -float(split(row[3]["A"])[0]))[:2]
        (best, a), (second, b) = ((row, texts) for _, _, row, texts in ranked)
        factors = scale(a).get("A", 1), scale(b).get("A", 1)
        yield number, block, best, second, (a["A"], b["A"]), factors


def check_winners() -> Iterator[Finding]:
    """Check which winners in accuracy differ from the runner-up at 5 %, corrected over all tables as one family."""
    rows = list(winners())
    low, high = (holm(p) for p in zip(*(p_range(*r[4], 5, r[5], known=True) for r in rows), strict=True))
    kinds: dict[str, list[str]] = {"separable": [], "not separable": [], "depends on rounding": []}
    for (number, block, best, second, texts, _), a, b in zip(rows, low, high, strict=True):
        kind = "separable" if b < 0.05 else "not separable" if a >= 0.05 else "depends on rounding"
        first, other = (float(split(text)[0]) for text in texts)
        of = 5 * sum(CLASSES[block])
        images = f"{of * (first - other) / 100:.0f} of {of} images"
        kinds[kind].append(f"Table {number} {block}: {best} over {second}, {images}, p = {b:.2g}")
    undecided = kinds["not separable"] + kinds["depends on rounding"]
    open_ = len(kinds["depends on rounding"])
    words = {"rounding": f"; with {open_} of these it depends on rounding" * bool(open_), "cells": "; ".join(undecided)}
    sure = kinds["separable"]
    yield finding("winners-separable", holds=True, n=len(sure), of=len(rows), cells="; ".join(sure) or "none")
    yield finding("winners-not-separable", n=len(undecided), of=len(rows), **words)


def mcnemar_range(first: tuple[int, int], second: tuple[int, int], negatives: int, positives: int) -> Range:
    """Return the lowest and highest exact p-value of McNemar's test for two classifiers given their ``(TP, TN)``.

    The counts do not determine which images each classifier predicts correctly. Within each class they only bound the
    number of images that the weaker classifier alone predicts correctly; p increases with this number.
    """
    (tp, tn), (other_tp, other_tn) = max(first, second, key=sum), min(first, second, key=sum)
    gap = tp + tn - other_tp - other_tn
    least = max(0, other_tp - tp) + max(0, other_tn - tn)
    most = min(positives - tp, other_tp) + min(negatives - tn, other_tn)
    low, high = (min(1.0, float(2 * stats.binom.cdf(only, 2 * only + gap, 0.5))) for only in (least, most))
    return low, high


def check_single() -> Iterator[Finding]:
    """Check which of Table 10's highest accuracies differ from the next for any assignment of correct images."""
    names, ranges = [], []
    for block, scenario in itertools.product(CLASSES, SCENARIOS):
        classes = CLASSES[block]
        printed = {row: texts for row, name, texts in single_rows(block) if name == scenario}
        correct = {row: totals(texts["A"], sum(classes))[0] for row, texts in printed.items()}
        best, second = sorted(correct, key=lambda row: correct[row], reverse=True)[:2]
        ours, theirs = (matrices(printed[name], *classes) for name in (best, second))
        images = f"{sum(ours[0])} against {sum(theirs[0])} of {sum(classes)} images"
        names.append(f"{block}, {scenario}: {best} over {second}, {images}")
        ranges.append([mcnemar_range(a, b, *classes) for a in ours for b in theirs])
    low, high = holm([min(p)[0] for p in ranges]), holm([max(q for _, q in p) for p in ranges])
    cells = "; ".join(f"{name}, p = {p:.2g} to {q:.2g}" for name, p, q in zip(names, low, high, strict=True))
    sure, never = (high < 0.05).sum(), (low >= 0.05).sum()
    yield finding("winners-table10", holds=sure == len(names), of=len(names), sure=sure, never=never, cells=cells)


def check_networks() -> Iterator[Finding]:
    """Test the accuracy of the VGG networks against the deeper networks (mDFT)."""
    names = {3: "VGG-16", 4: "VGG-19", 5: "InceptionV3", 6: "Xception", 7: "ResNet50"}
    cells = {(names[n], b): (t["A"], scale(t).get("A", 1)) for n, b, r, t in printed_rows(names) if r == "mDFT"}
    pairs = [(v, d, b) for b in CLASSES for v in ("VGG-16", "VGG-19") for d in ("InceptionV3", "Xception", "ResNet50")]
    both = [(*cells[v, b], *cells[d, b]) for v, d, b in pairs]
    high = holm([p_range(a, c, 5, (f, g), known=True)[1] for a, f, c, g in both])
    sure = [f"{v} over {d}, {b}: {x:.2g}" for (v, d, b), x in zip(pairs, high, strict=True) if x < 0.05]
    open_ = [f"{v} and {d}, {b}: {x:.2g}" for (v, d, b), x in zip(pairs, high, strict=True) if x >= 0.05]
    words = {"sure": "; ".join(sure), "others": f". Not: {'; '.join(open_)}." if open_ else "."}
    yield finding("vgg-over-deeper", holds=not open_, n=len(sure), of=len(pairs), **words)


def check_equivalence() -> Iterator[Finding]:
    """Check the t-test of VGG-16 and VGG-19 in section 4.1."""
    lines = []
    for block in CLASSES:
        a, b = tables.cell(3, "mDFT", "A", block)["text"], tables.cell(4, "mDFT", "A", block)["text"]
        factors = (100 if block == "ALL-IDB 2" else 1, 1)
        low, high = p_range(a, b, 5, factors, known=True)
        (mean, spread), (other, width) = ([float(text) for text in split(cell)] for cell in (a, b))
        half = stats.t.ppf(0.95, 8) * np.hypot(factors[0] * spread, factors[1] * width) / np.sqrt(5)
        gap = mean - other
        lines.append(
            f"{block}: {a} against {b}, p = {low:.2g} to {high:.2g}, 90 % interval of the "
            f"difference {gap - half:.1f} to {gap + half:.1f} points"
        )
    yield finding("vgg-equivalent", lines="; ".join(lines))


def check_kfold() -> Iterator[Finding]:
    """Test the differences between VGG-16 from random weights, LeukNet and Vogado et al. in Table 12."""
    a, b = (tables.cell(12, row, "A")["text"] for row in ("LeukNet", "VGG-16 *"))
    ranges = {n: p_range(a, b, n) for n in (20, 100)}
    lines = "; ".join(f"n = {n}: p = {low:.2g} to {high:.2g}" for n, (low, high) in ranges.items())
    yield finding("ttest-table12", holds=all(low >= 0.05 for low, _ in ranges.values()), a=a, b=b, lines=lines)


def check_external() -> Iterator[Finding]:
    """Test the difference between LeukNet and VGG-16 from random weights on UFG in Table 13."""
    a, b = (tables.cell(13, row, "A")["text"] for row in ("LeukNet", "VGG-16 *"))
    ranges = {
        "20 independent runs": p_range(a, b, 20),
        "100 independent runs": p_range(a, b, 100),
        "100 runs that share training data": p_range(a, b, 100, correction=0.25),
    }
    agree = len({tuple(p < 0.05 for p in r) for r in ranges.values()}) == 1
    gap = float(split(a)[0]) - float(split(b)[0])
    share = tables.published(13, "LeukNet", "A") / 100
    half = 196 * (share * (1 - share) / 121) ** 0.5
    listed = "; ".join(f"{name}: p = {low:.2g} to {high:.2g}" for name, (low, high) in ranges.items())
    yield finding("ttest-table13", holds=agree, a=a, b=b, ranges=listed, gap=gap * 121 / 100, half=half)
