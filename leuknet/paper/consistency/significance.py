"""Student's t-tests that can be done again from means, spreads and n, with Holm's correction."""

import itertools

import numpy as np
from scipy import stats

from leuknet._statistics import holm
from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding
from leuknet.paper.consistency.grim import CLASSES, RUN_TABLES, denominators, matrices, printed_rows, totals
from leuknet.paper.consistency.printed import bounds, split, spread_bounds
from leuknet.paper.consistency.sprite import scale

STUDENT = (
    "Student's t-test from means, spreads and n (Student, Biometrika 1908, 6, 1), Holm's correction (Holm, Scand. J. "
    "Stat. 1979, 6, 65)"
)
AFTER_HOLM = "p after Holm, the highest over all roundings"
RESAMPLED = f"{STUDENT}, runs that share training data (Nadeau & Bengio, Mach. Learn. 2003, 52, 239)"
MCNEMAR = (
    "McNemar's exact test (Psychometrika 1947, 12, 153) over every pairing that the two rows' confusion matrices "
    "allow, Holm's correction"
)


def p_range(first, second, n, factors=(1, 1), correction=0.0, known=False):
    """Return the lowest and highest two-sided p of Student's t over every way the two cells may have been rounded.

    Parameters
    ----------
    first, second : str
        Cells ``"mean ± spread"``.
    n : int
        Runs behind each.
    factors : tuple of int
        100 for a spread printed as a fraction.
    correction : float
        Added to 1/n for runs that share training data: test over training share (Nadeau & Bengio, Mach. Learn. 2003,
        52, 239).
    known : bool
        The spreads are known to be with n - 1, as the runs behind Tables 3-7 and 9 show (`runs`); else with n as well.

    Returns
    -------
    tuple of float
        The widest range.
    """
    (a0, a1), (b0, b1) = (map(float, bounds(split(c)[0])) for c in (first, second))
    spreads = [tuple(map(float, spread_bounds(split(c)[1], f))) for c, f in zip((first, second), factors, strict=True)]
    far, near = max(abs(a1 - b0), abs(b1 - a0)), max(0.0, a0 - b1, b0 - a1)
    wide = float(np.hypot(spreads[0][1], spreads[1][1]) * (1 if known else np.sqrt(n / (n - 1))))
    narrow = float(np.hypot(spreads[0][0], spreads[1][0]))
    scale_ = np.sqrt(1 / n + correction)
    ends = []
    for gap, spread in ((far, narrow), (near, wide)):
        t = gap / (spread * scale_) if spread else (np.inf if gap else 0.0)
        ends.append(float(2 * stats.t.sf(t, 2 * n - 2)))
    return tuple(ends)


def winners():
    """Return ``[(table, block, metric, best, next, texts, factors)]``: best and second mean of A in each block."""
    found = []
    for _, rows in itertools.groupby(printed_rows(RUN_TABLES), key=lambda r: r[:2]):
        ranked = sorted(rows, key=lambda r: -float(split(r[3]["A"])[0]))[:2]
        (number, block, best, a), (_, _, second, b) = ranked
        found.append((number, block, best, second, (a["A"], b["A"]), tuple(scale(t).get("A", 1) for t in (a, b))))
    return found


def check_winners() -> list[Finding]:
    """Which winners in accuracy are separable from the next at 5 %, one family of all tables."""
    rows = winners()
    low, high = (holm(p) for p in zip(*(p_range(*r[4], 5, r[5], known=True) for r in rows), strict=True))
    found_by = {"separable": [], "not separable": [], "depends on rounding": []}
    for (number, block, best, second, texts, _), a, b in zip(rows, low, high, strict=True):
        kind = "separable" if b < 0.05 else "not separable" if a >= 0.05 else "depends on rounding"
        images = 5 * denominators(*CLASSES[block])["A"] * (float(split(texts[0])[0]) - float(split(texts[1])[0])) / 100
        found_by[kind].append(
            f"Table {number} {block}: {best} over {second}, {images:.0f} of {5 * sum(CLASSES[block])} images, p = "
            f"{b:.2g}"
        )
    undecided = found_by["not separable"] + found_by["depends on rounding"]
    return [
        Finding(
            "winners-separable",
            "Tables 3-7 and 9, accuracy",
            STUDENT,
            "consistent",
            "",
            f"{len(found_by['separable'])} of {len(rows)} highest mean accuracies are separable from the next at 5 %.",
            f"{AFTER_HOLM}: " + ("; ".join(found_by["separable"]) or "none") + ".",
        ),
        Finding(
            "winners-not-separable",
            "Tables 3-7 and 9, accuracy; sections 4.1, 4.2 and 5",
            STUDENT,
            "not decidable",
            "changes a conclusion",
            f"{len(undecided)} of {len(rows)} highest mean accuracies are not separable from the next by five runs (5 "
            f"%, corrected for {len(rows)} comparisons)"
            + (
                f"; with {len(found_by['depends on rounding'])} it depends on rounding."
                if found_by["depends on rounding"]
                else "."
            ),
            f"{AFTER_HOLM}: " + "; ".join(undecided) + ". The runs differ in their random numbers, not in the images.",
            "runs taken as independent; spreads with n - 1; those of the fraction-scale rows times 100",
            "A best value, without a claim that it would be best again.",
        ),
    ]


def mcnemar_range(
    first: tuple[int, int], second: tuple[int, int], negatives: int, positives: int
) -> tuple[float, float]:
    """Return the lowest and highest exact p of McNemar's test of two classifiers by their ``(TP, TN)``.

    Which images each called rightly is not known. Within each class the images that only the weaker one has right are
    between those that the counts force and those that they allow; the more of them, the higher is p.
    """
    (tp, tn), (other_tp, other_tn) = max(first, second, key=sum), min(first, second, key=sum)
    gap = tp + tn - other_tp - other_tn
    least = max(0, other_tp - tp) + max(0, other_tn - tn)
    most = min(positives - tp, other_tp) + min(negatives - tn, other_tn)
    low, high = (min(1.0, float(2 * stats.binom.cdf(only, 2 * only + gap, 0.5))) for only in (least, most))
    return low, high


Single = tuple[str, str, str, str, list[tuple[int, int]], list[tuple[int, int]]]


def single_winners() -> list[Single]:
    """Return ``[(block, scenario, best, next, matrices of both)]`` of Table 10's accuracies."""
    found = []
    for block, classes in CLASSES.items():
        rows = [(row, texts) for _, _, row, texts in printed_rows((10,), [block])]
        for scenario in ("LODOCV", "k-fold"):
            printed = {row: {m: t[f"{scenario} {m}"] for m in ("A", "P", "R", "Kappa")} for row, t in rows}
            correct = {row: totals(texts["A"], sum(classes))[0] for row, texts in printed.items()}
            best, second = sorted(correct, key=lambda row: correct[row], reverse=True)[:2]
            found.append(
                (block, scenario, best, second, *(matrices(printed[name], *classes) for name in (best, second)))
            )
    return found


def check_single() -> list[Finding]:
    """Which of Table 10's highest accuracies are separable from the next, whichever images were called rightly."""
    rows = single_winners()
    ranges = [[mcnemar_range(a, b, *CLASSES[block]) for a in ours for b in theirs] for block, *_, ours, theirs in rows]
    low, high = holm([min(p)[0] for p in ranges]), holm([max(q for _, q in p) for p in ranges])
    lines = [
        f"{block}, {scenario}: {best} over {second}, {sum(ours[0])} against {sum(theirs[0])} of {sum(CLASSES[block])} "
        f"images, p = {p:.2g} to {q:.2g}"
        for (block, scenario, best, second, ours, theirs), p, q in zip(rows, low, high, strict=True)
    ]
    sure, never = (high < 0.05).sum(), (low >= 0.05).sum()
    return [
        Finding(
            "winners-table10",
            "Table 10, accuracy; section 4.3",
            MCNEMAR,
            "consistent" if sure == len(rows) else "not decidable",
            "" if sure == len(rows) else "changes a conclusion",
            f"Of the {len(rows)} highest accuracies in Table 10, {sure} are separable from the next at 5 % whichever "
            f"images were called rightly, {never} in no case; with the others it depends on the images.",
            "; ".join(lines) + ". Each row is one run.",
            "one run a row; pooled folds" if sure < len(rows) else "",
            "The order of the accuracies in this one run." if sure < len(rows) else "",
        )
    ]


def check_networks() -> list[Finding]:
    """VGG networks against the deeper ones, mDFT, in accuracy."""
    names = {3: "VGG-16", 4: "VGG-19", 5: "InceptionV3", 6: "Xception", 7: "ResNet50"}
    cells = {(names[n], b): (t["A"], scale(t).get("A", 1)) for n, b, r, t in printed_rows(names) if r == "mDFT"}
    pairs = [(v, d, b) for b in CLASSES for v in ("VGG-16", "VGG-19") for d in ("InceptionV3", "Xception", "ResNet50")]
    p = [p_range(cells[v, b][0], cells[d, b][0], 5, (cells[v, b][1], cells[d, b][1]), known=True) for v, d, b in pairs]
    low, high = (holm(x) for x in zip(*p, strict=True))
    sure = [f"{v} over {d}, {b}: {x:.2g}" for (v, d, b), x in zip(pairs, high, strict=True) if x < 0.05]
    open_ = [f"{v} and {d}, {b}: {x:.2g}" for (v, d, b), x in zip(pairs, high, strict=True) if x >= 0.05]
    return [
        Finding(
            "vgg-over-deeper",
            "section 4.1, Tables 3-7",
            STUDENT,
            "not decidable" if open_ else "consistent",
            "changes a conclusion" if open_ else "",
            f"With mDFT, {len(sure)} of {len(pairs)} comparisons of a VGG network with a deeper one are separable in "
            "accuracy, with the VGG network ahead.",
            f"{AFTER_HOLM}: " + "; ".join(sure) + (". Not: " + "; ".join(open_) if open_ else "") + ".",
            "runs taken as independent; spreads with n - 1; one learning rate and one head for each network",
            "The order of the means, which is the same throughout." if open_ else "",
        )
    ]


def check_equivalence() -> list[Finding]:
    """The t-test of VGG-16 and VGG-19 in section 4.1."""
    lines, ranges = [], []
    for block in CLASSES:
        a, b = tables.cell(3, "mDFT", "A", block)["text"], tables.cell(4, "mDFT", "A", block)["text"]
        factors = (100 if block == "ALL-IDB 2" else 1, 1)
        ranges.append(p_range(a, b, 5, factors, known=True))
        width = stats.t.ppf(0.95, 8) * np.sqrt(
            sum((float(split(c)[1]) * f) ** 2 for c, f in zip((a, b), factors, strict=True)) / 5
        )
        gap = float(split(a)[0]) - float(split(b)[0])
        lines.append(
            f"{block}: {a} against {b}, p = {ranges[-1][0]:.2g} to {ranges[-1][1]:.2g}, 90 % interval of the "
            f"difference {gap - width:.1f} to {gap + width:.1f} points"
        )
    return [
        Finding(
            "vgg-equivalent",
            "section 4.1, Tables 3 and 4",
            STUDENT,
            "not decidable",
            "changes a conclusion",
            "The test named for VGG-16 and VGG-19 comes out as said on ALL-IDB 2; not significant is not equivalent, "
            "and on ALL-IDB 1 the same test separates them (at 5 %, uncorrected).",
            "; ".join(lines) + ".",
            "on ALL-IDB 1: 5 % for each test; with Holm over both it does not",
            "No difference was found on ALL-IDB 2.",
        )
    ]


def check_kfold() -> list[Finding]:
    """Table 12: VGG-16 from random weights, LeukNet and Vogado et al."""
    a, b = (tables.cell(12, row, "A")["text"] for row in ("LeukNet", "VGG-16 *"))
    lines = [f"n = {n}: p = {p_range(a, b, n)[0]:.2g} to {p_range(a, b, n)[1]:.2g}" for n in (20, 100)]
    good = all(p_range(a, b, n)[0] >= 0.05 for n in (20, 100))
    return [
        Finding(
            "ttest-table12",
            "section 4.4, Table 12",
            STUDENT,
            "consistent" if good else "not decidable",
            "" if good else "changes a conclusion",
            "LeukNet and VGG-16 from random weights are not separable within k-fold.",
            f"{a} against {b}; " + "; ".join(lines) + ".",
        )
    ]


def check_external() -> list[Finding]:
    """Table 13: LeukNet and VGG-16 from random weights on UFG."""
    a, b = (tables.cell(13, row, "A")["text"] for row in ("LeukNet", "VGG-16 *"))
    readings = {
        "20 independent runs": (20, 0.0),
        "100 independent runs": (100, 0.0),
        "100 runs that share training data": (100, 0.25),
    }
    ranges = {k: p_range(a, b, n, correction=c) for k, (n, c) in readings.items()}
    agree = len({tuple(p < 0.05 for p in r) for r in ranges.values()}) == 1
    gap = float(split(a)[0]) - float(split(b)[0])
    share = tables.published(13, "LeukNet", "A") / 100
    half = 196 * (share * (1 - share) / 121) ** 0.5
    return [
        Finding(
            "ttest-table13",
            "section 4.4, Table 13",
            RESAMPLED,
            "consistent" if agree else "not decidable",
            "" if agree else "changes a conclusion",
            "Whether LeukNet is better on UFG than VGG-16 from random weights depends on how the runs are counted.",
            f"{a} against {b}: "
            + "; ".join(f"{k}: p = {r[0]:.2g} to {r[1]:.2g}" for k, r in ranges.items())
            + f". The difference is {gap * 121 / 100:.1f} of 121 images; with 121 images one accuracy is known to "
            f"{half:.0f} points either way.",
            ""
            if agree
            else "what n is, and whether runs are independent; the last reading was made for "
            "tests within k-fold and is a rough guide on a set apart",
            "" if agree else "The order of the means on this data set.",
        )
    ]


def check() -> list[Finding]:
    """Return the findings of this module."""
    return [
        *check_winners(),
        *check_single(),
        *check_networks(),
        *check_equivalence(),
        *check_kfold(),
        *check_external(),
    ]
