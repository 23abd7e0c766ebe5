"""Relations between printed numbers: accuracy with recall and specificity, spreads, and class-weighted averages."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding, finding
from leuknet.paper.consistency.grim import CLASSES, RUN_TABLES, denominators, matrices, printed_rows, totals
from leuknet.paper.consistency.printed import bounds, could_print, split, spread_bounds
from leuknet.paper.consistency.sprite import matthews, precision, scale, spread_possible
from leuknet.paper.consistency.sums import counts, stated_classes

Interval = tuple[Fraction, Fraction]
Texts = Mapping[str, str]


def accuracy_bounds(recall: str, specificity: str, negatives: int, positives: int) -> Interval:
    """Return the lowest and highest accuracy (percent) compatible with the printed R and S and the class counts."""
    ends = zip(bounds(recall), bounds(specificity), strict=True)
    low, high = ((positives * r + negatives * s) / (negatives + positives) for r, s in ends)
    return low, high


def overlap(first: Interval, second: Interval) -> bool:
    """Return whether two closed intervals overlap."""
    return max(first[0], second[0]) <= min(first[1], second[1])


def means(texts: Texts) -> dict[str, str]:
    """Return the printed means of A, R and S without their spreads."""
    return {m: split(texts[m])[0] for m in "ARS"}


def accuracy_fits(texts: Texts, negatives: int, positives: int, n: int) -> bool:
    """Return whether the printed means of A, R and S are compatible, using whole image counts if R and S permit."""
    mean = means(texts)
    hits, correct = totals(mean["R"], positives * n), totals(mean["S"], negatives * n)
    if hits and correct:
        allowed = totals(mean["A"], (negatives + positives) * n)
        return any(h + c in allowed for h in hits for c in correct)
    return overlap(accuracy_bounds(mean["R"], mean["S"], negatives, positives), bounds(mean["A"]))


def spreads_fit(texts: Texts, negatives: int, positives: int, factors: Mapping[str, int] | None = None) -> bool:
    """Return whether the spread of A lies between difference and sum of the weighted spreads of R and S (any ddof)."""
    (a0, a1), (r0, r1), (s0, s1) = (spread_bounds(split(texts[m])[1], (factors or {}).get(m, 1)) for m in "ARS")
    p, q, images = positives, negatives, positives + negatives
    apart = max(p * r0 - q * s1, q * s0 - p * r1, Fraction(0))
    return apart <= images * a1 and images * a0 <= p * r1 + q * s1


def accusations(texts: Texts, negatives: int, positives: int, n: int = 1) -> list[str]:
    """Return the checks that one printed row of a table fails; empty if no inconsistency is detected.

    Parameters
    ----------
    texts : dict of str to str
        Printed cells. For a single run, A, P and R in percent and Kappa as a fraction, ``{"A": "96.30", ...}``; for
        several runs, A, R and S as ``"mean ± spread"`` in percent.
    negatives, positives : int
        Class counts of the test set.
    n : int
        Number of runs.

    Returns
    -------
    list of str
        Any of ``"granularity A"`` (R, S), ``"matrix"``, ``"accuracy"``, ``"spread A"`` (R, S), ``"spreads"``.
    """
    items = {m: k for m, k in denominators(negatives, positives).items() if m in texts}
    wrong = [f"granularity {m}" for m, k in items.items() if not totals(split(texts[m])[0], k * n)]
    if n == 1:
        return wrong + ["matrix"] * (not matrices(dict(texts), negatives, positives))
    wrong += ["accuracy"] * (not accuracy_fits(texts, negatives, positives, n))
    wrong += [f"spread {m}" for m, k in items.items() if not spread_possible(texts[m], k, n)]
    return wrong + ["spreads"] * (not spreads_fit(texts, negatives, positives))


def check_runs() -> Iterator[Finding]:
    """Check accuracy against recall and specificity, for means and spreads, in Tables 3-7 and 9."""
    rows = list(printed_rows(RUN_TABLES))
    bad = [row for row in rows if not accuracy_fits(row[3], *CLASSES[row[1]], 5)]
    even = sum(spreads_fit(texts, *CLASSES[block], scale(texts)) for _, block, _, texts in rows)
    for number, block, row, texts in bad:
        mean, classes = means(texts), CLASSES[block]
        limits = accuracy_bounds(mean["R"], mean["S"], *classes)
        yield finding("accuracy", number, block, row, limits=limits, of=classes, images=sum(classes), **mean)
    yield finding("accuracy-runs", holds=True, good=len(rows) - len(bad))
    yield finding("spread-runs", holds=True, even=even)


def check_table12() -> Iterator[Finding]:
    """Check the accuracy in Table 12 against its recall and specificity, for both counts of the development set."""
    cells = tables.table(12).set_index(["row", "column"])["text"]
    rows = {row: {m: split(cells[row, m]) for m in ("A", "P", "R", "S", "MCC")} for row in ("VGG-16 *", "LeukNet")}
    for row, texts in rows.items():
        ranges = [accuracy_bounds(texts["R"][0], texts["S"][0], *c) for c in development_classes()]
        if not any(overlap(r, bounds(texts["A"][0])) for r in ranges):
            yield _table12_gap(row, texts, ranges)
    yield _ordering(*rows.values())


def _table12_gap(row: str, texts: dict[str, tuple[str, str]], ranges: list[Interval]) -> Finding:
    """Return the finding on an inconsistent accuracy in Table 12: the size of the gap and possible explanations.

    mean(A) = mean(w) mean(R) + (1 - mean(w)) mean(S) + cov(w, R - S), where w is the fraction of positives in a fold
    and cov is within ± sd(w) (sd(R) + sd(S)).
    """
    (negatives, positives), (_, fewer) = development_classes()
    mean = {m: text for m, (text, _) in texts.items()}
    images, stated = negatives + fewer, stated_classes()
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    other = accuracy_bounds(mean["R"], mean["S"], *stated)
    gap, near = low - bounds(mean["A"])[1], overlap(other, bounds(mean["A"]))
    share = 100 * gap / sum(spread_bounds(texts[m][1])[1] for m in "RS")
    chance = 100 * (negatives * fewer / images**2 / (images / 5)) ** 0.5
    words: dict[str, Any] = {"quoted": "; abstract and section 4.4" * (row == "LeukNet"), **mean}
    words |= {"fits": ", which fits," * near, "caption": "; the 3415 images that the caption names" * near}
    words |= {"implied": [implied(mean["R"], mean["S"], *c) for c in ((negatives, positives), stated)]}
    numbers = {"low": low, "high": high, "gap": gap, "share": share, "chance": chance, "other": other}
    sizes = {"positives": positives, "fewer": fewer, "negatives": negatives, "stated": stated}
    return finding("accuracy-table12", row, **words, **numbers, **sizes)


def implied(recall: str, specificity: str, negatives: int, positives: int) -> str:
    """Return P and MCC of a single confusion matrix with these rates (percent), as text."""
    tp, tn = positives * float(recall) / 100, negatives * float(specificity) / 100
    fp, fn = negatives - tn, positives - tp
    return f"P {float(precision(tp, fp)):.2f} and MCC {float(matthews(tp, tn, fp, fn)):.2f}"


def _ordering(scratch: dict[str, tuple[str, str]], ours: dict[str, tuple[str, str]]) -> Finding:
    ahead = all(bounds(ours[m][0])[0] > bounds(scratch[m][0])[1] for m in "RS")
    gaps = {m: Fraction(ours[m][0]) - Fraction(scratch[m][0]) for m in "ARS"}
    return finding("order-table12", holds="inconsistent" if ahead and gaps["A"] < 0 else "not decidable", **gaps)


def development_classes() -> list[tuple[int, int]]:
    """Return ``[(negatives, positives), ...]`` of the development set, from the totals and from the rows of Table 1."""
    frame = counts()[["Non-Pathological", "Pathological"]]
    readings = frame.loc["Total"] - frame.loc["UFG"], frame.drop(index=["Total", "UFG"]).sum()
    return [(int(negatives), int(positives)) for negatives, positives in readings]


def weighted(tp: int, tn: int, negatives: int, positives: int) -> dict[str, Fraction] | None:
    """Return P, R and S in percent as averages over both classes weighted by class size, or None if undefined.

    WEKA prints such averages (Hall et al., SIGKDD Explor. 2009, 11, 10); the weighted R equals the accuracy.
    """
    called, images = tp + negatives - tn, negatives + positives
    if called in (0, images):
        return None
    p = Fraction(positives * tp, called) + Fraction(negatives * tn, images - called)
    s = Fraction(positives * tn, negatives) + Fraction(negatives * tp, positives)
    return {"P": 100 * p / images, "R": Fraction(100 * (tp + tn), images), "S": 100 * s / images}


def weighted_matrices(texts: Texts, negatives: int, positives: int) -> list[tuple[int, int]]:
    """Return every ``(TP, TN)`` whose A and class-weighted P, R and S are compatible with the printed `texts`."""

    def fits(tp: int, tn: int) -> bool:
        values = weighted(tp, tn, negatives, positives)
        return values is not None and all(could_print(values[m], texts[m]) for m in "PRS")

    correct = totals(texts["A"], negatives + positives)
    pairs = [(tp, c - tp) for c in correct for tp in range(positives + 1)]
    return [(tp, tn) for tp, tn in pairs if 0 <= tn <= negatives and fits(tp, tn)]


def coarse(text: str) -> str:
    """Return a percentage without a trailing zero, since 52.10 may have been computed as 0.521 times 100."""
    return text.rstrip("0").rstrip(".")


def check_competitor() -> Iterator[Finding]:
    """Check the accuracy of Vogado et al. [22] in Tables 12 and 13 against its recall and specificity."""
    own = tables.published(13, "LeukNet", "R")
    for number, (negatives, positives) in ((12, development_classes()[0]), (13, (57, 64))):
        cells = tables.table(number)
        texts = cells[cells["row"] == "Vogado et al. [22]"].set_index("column")["text"].to_dict()
        limits = accuracy_bounds(texts["R"], texts["S"], negatives, positives)
        rough = {m: coarse(texts[m]) for m in "PRS"} | {"A": texts["A"]}
        single = matrices({m: rough[m] for m in "APR"}, negatives, positives)
        fitting = weighted_matrices(rough, negatives, positives)
        tp, tn = fitting[0] if fitting else (0, 0)
        rates = {"recall": 100 * tp / positives, "specificity": 100 * tn / negatives, "own": own}
        case = {0: "none", 1: "one"}.get(len(fitting), "")
        kept = "" if number == 13 else "folds with the classes' shares nearly kept"
        words = {"single": len(single), "depends_on": kept, "limits": limits, "tp": tp, "tn": tn, **rates}
        yield finding("weighted", number, case=case, of=(negatives, positives), text=texts, **words)


def check_table13() -> Iterator[Finding]:
    """Check the accuracy in Table 13 against recall and specificity of the 100 models on 57 + 64 images."""
    cells = tables.table(13).set_index(["row", "column"])["text"]
    for row in ("VGG-16 *", "LeukNet"):
        mean = means(cells[row])
        limits = accuracy_bounds(mean["R"], mean["S"], 57, 64)
        good = overlap(limits, bounds(mean["A"])) and spreads_fit(cells[row], 57, 64)
        yield finding("accuracy-table13", row, holds=good, limits=limits, **mean)
