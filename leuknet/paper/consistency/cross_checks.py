"""What must hold between printed numbers: accuracy between recall and specificity, spreads, averages by class."""

from fractions import Fraction

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding
from leuknet.paper.consistency.grim import CLASSES, RUN_TABLES, denominators, matrices, printed_rows, slug, totals
from leuknet.paper.consistency.printed import bounds, could_print, split, spread_bounds
from leuknet.paper.consistency.sprite import matthews, precision, scale, spread_possible

LINEAR = "A = (positives x R + negatives x S) / images, linear and so true of means"
TRIANGLE = "the spread of a sum (Minkowski's inequality)"
WEIGHTED = "enumeration of confusion matrices, averages weighted by class"


def accuracy_bounds(recall, specificity, negatives, positives):
    """Return lowest and highest accuracy (percent) of test sets of these classes with the printed R and S (texts)."""
    (r0, r1), (s0, s1) = bounds(recall), bounds(specificity)
    images = negatives + positives
    return (positives * r0 + negatives * s0) / images, (positives * r1 + negatives * s1) / images


def overlap(first, second):
    """Return whether two closed intervals meet."""
    return max(first[0], second[0]) <= min(first[1], second[1])


def accuracy_fits(texts, negatives, positives, n):
    """Return whether the printed means of A, R and S can belong together, in whole images where R and S can."""
    mean = {m: split(texts[m])[0] for m in ("A", "R", "S")}
    hits, correct = totals(mean["R"], positives * n), totals(mean["S"], negatives * n)
    if hits and correct:
        allowed = totals(mean["A"], (negatives + positives) * n)
        return any(h + c in allowed for h in hits for c in correct)
    return overlap(accuracy_bounds(mean["R"], mean["S"], negatives, positives), bounds(mean["A"]))


def spreads_fit(texts, negatives, positives, factors=None):
    """Return whether the spread of A lies between difference and sum of its parts' spreads, with n or n - 1 alike."""
    (a0, a1), (r0, r1), (s0, s1) = (spread_bounds(split(texts[m])[1], (factors or {}).get(m, 1)) for m in "ARS")
    p, q, images = positives, negatives, positives + negatives
    apart = max(p * r0 - q * s1, q * s0 - p * r1, 0)
    return apart <= images * a1 and images * a0 <= p * r1 + q * s1


def accusations(texts, negatives, positives, n=1):
    """Return what cannot be true of one printed row of any table; an empty list accuses nothing.

    Parameters
    ----------
    texts : dict of str to str
        Printed cells: for one run percentages of A, P and R and the fraction Kappa, ``{"A": "96.30", ...}``; for
        several runs A, R and S as ``"mean ± spread"`` in percent.
    negatives, positives : int
        Class counts of the test set.
    n : int
        Runs.

    Returns
    -------
    list of str
        Any of ``"granularity A"`` (R, S), ``"matrix"``, ``"accuracy"``, ``"spread A"`` (R, S), ``"spreads"``.
    """
    items = {m: k for m, k in denominators(negatives, positives).items() if m in texts}
    found = [f"granularity {m}" for m, k in items.items() if not totals(split(texts[m])[0], k * n)]
    if n == 1:
        return found + ["matrix"] * (not matrices(texts, negatives, positives))
    found += ["accuracy"] * (not accuracy_fits(texts, negatives, positives, n))
    found += [f"spread {m}" for m, k in items.items() if not spread_possible(texts[m], k, n)]
    return found + ["spreads"] * (not spreads_fit(texts, negatives, positives))


def check_runs() -> list[Finding]:
    """Accuracy against recall and specificity, means and spreads, in Tables 3-7 and 9."""
    findings, good, even = [], 0, 0
    for number, block, row, texts in printed_rows(RUN_TABLES):
        classes = CLASSES[block]
        even += spreads_fit(texts, *classes, scale(texts))
        if accuracy_fits(texts, *classes, 5):
            good += 1
            continue
        mean = {m: split(texts[m])[0] for m in ("A", "R", "S")}
        low, high = (float(b) for b in accuracy_bounds(mean["R"], mean["S"], *classes))
        findings.append(
            Finding(
                slug("accuracy", f"table{number}", block, row),
                f"Table {number}, {block}, {row}",
                LINEAR,
                "inconsistent",
                "changes a number",
                f"A {mean['A']} does not fit R {mean['R']} and S {mean['S']} on {classes[0]} + {classes[1]} images.",
                f"({classes[1]} x {mean['R']} + {classes[0]} x {mean['S']}) / {sum(classes)} lies in "
                f"{low:.3f}..{high:.3f}.",
                "",
                "A is possible by itself, R and S are not: those two may be the cells to look at.",
            )
        )
    findings.append(
        Finding(
            "accuracy-runs",
            "Tables 3-7 and 9",
            LINEAR,
            "consistent",
            "",
            f"{good} rows: accuracy is what recall and specificity give, to the image.",
            "correct positives + correct negatives = correct images, over five runs.",
        )
    )
    findings.append(
        Finding(
            "spread-runs",
            "Tables 3-7 and 9",
            TRIANGLE,
            "consistent",
            "",
            f"{even} rows: the spread of A lies between the difference and the sum of its parts' spreads.",
            "|p sd(R) - q sd(S)| <= (p + q) sd(A) <= p sd(R) + q sd(S); spreads of the two rows as fractions x 100.",
        )
    )
    return findings


def needed_share_spread(gap, spread_recall, spread_specificity):
    """Return how much (standard deviation, 0-1) the share of positives must vary between folds to hide `gap`.

    mean(A) = mean(w) mean(R) + (1 - mean(w)) mean(S) + cov(w, R - S), where cov is within ± sd(w) (sd(R) + sd(S)).
    """
    return float(gap) / float(spread_recall + spread_specificity)


def _table12(row):
    cells = tables.table(12).set_index(["row", "column"])["text"]
    return {m: cells[row, m] for m in ("A", "P", "R", "S", "MCC")}


def check_table12() -> list[Finding]:
    """Accuracy of Table 12 against its recall and specificity, for both counts of the development set."""
    findings, rows = [], {}
    for row in ("VGG-16 *", "LeukNet"):
        texts = rows[row] = {m: split(t) for m, t in _table12(row).items()}
        ranges = [accuracy_bounds(texts["R"][0], texts["S"][0], *c) for c in development_classes()]
        printed = bounds(texts["A"][0])
        if not any(overlap(r, printed) for r in ranges):
            findings.append(_table12_gap(row, texts, ranges, min(low for low, _ in ranges) - printed[1]))
    return [*findings, _ordering(rows)]


def stated_classes():
    """Return negatives and positives of the development set as section 3.2 states them."""
    value = tables.settings().set_index("name")["value"]
    return tuple(int(value[f"development {kind} images"]) for kind in ("non-pathological", "pathological"))


def _table12_gap(row, texts, ranges, gap):
    (negatives, positives), (_, fewer) = development_classes()
    recall, specificity = texts["R"][0], texts["S"][0]
    images = negatives + fewer
    low, high = float(min(r[0] for r in ranges)), float(max(r[1] for r in ranges))
    share = 100 * needed_share_spread(gap, *(spread_bounds(texts[m][1])[1] for m in ("R", "S")))
    chance = 100 * (negatives * fewer / images**2 / (images / 5)) ** 0.5
    stated = stated_classes()
    other = accuracy_bounds(recall, specificity, *stated)
    near = overlap(other, bounds(texts["A"][0]))
    return Finding(
        slug("accuracy", "table12", row),
        f"Table 12, {row}" + ("; abstract and section 4.4" if row == "LeukNet" else ""),
        LINEAR,
        "inconsistent",
        "changes a number",
        f"R {recall} and S {specificity} on {positives} (or {fewer}) + {negatives} images give an accuracy "
        f"of {low:.2f} to {high:.2f}, not {texts['A'][0]}.",
        f"the gap is {float(gap):.3f} points at least; to hide it, the share of positives would have to vary by "
        f"{share:.0f} points (standard deviation) between test folds; random folds vary by {chance:.1f} at most. "
        f"Section 3.2's {stated[1]} + {stated[0]} images would give {float(other[0]):.3f} to {float(other[1]):.3f}"
        f"{', which fits,' * near} but {implied(recall, specificity, *stated)}.",
        "spreads taken over folds; folds drawn at random or with the classes' shares kept"
        + "; the 3415 images that the caption names" * near,
        f"R, S and the class counts give {implied(recall, specificity, negatives, positives)}, close to the "
        f"printed {texts['P'][0]} and {texts['MCC'][0]}; so A may come from another set of runs.",
    )


def implied(recall, specificity, negatives, positives):
    """Return, as text, the P and MCC of one confusion matrix with these rates (texts, percent)."""
    tp, tn = positives * float(recall) / 100, negatives * float(specificity) / 100
    fp, fn = negatives - tn, positives - tp
    return f"P {float(precision(tp, fp)):.2f} and MCC {float(matthews(tp, tn, fp, fn)):.2f}"


def _ordering(rows):
    a, b = rows["VGG-16 *"], rows["LeukNet"]
    ahead = {m: bounds(b[m][0])[0] - bounds(a[m][0])[1] for m in ("R", "S")}
    difference = {m: float(Fraction(b[m][0]) - Fraction(a[m][0])) for m in ("A", "R", "S")}
    certain = all(v > 0 for v in ahead.values()) and difference["A"] < 0
    return Finding(
        "order-table12",
        "Table 12, VGG-16 * and LeukNet",
        LINEAR,
        "inconsistent" if certain else "not decidable",
        "changes a number",
        "LeukNet's recall and specificity are both above those of VGG-16 from random weights, yet its accuracy is "
        "below.",
        ", ".join(f"{m} {v:+.2f}" for m, v in difference.items())
        + "; whatever the class counts, A lies between R and S with the same weights for both.",
        "the same folds for both networks, classes' shares nearly kept",
        "A, or R and S, of one row may come from another set of runs.",
    )


def development_classes():
    """Return ``[(negatives, positives), ...]`` of the development set: by Table 1's totals, and by its rows."""
    frame = tables.table(1).pivot(index="row", columns="column", values="value")[["Non-Pathological", "Pathological"]]
    totals_, rows = frame.loc["Total"] - frame.loc["UFG"], frame.drop(index=["Total", "UFG"]).sum()
    return [(int(negatives), int(positives)) for negatives, positives in (totals_, rows)]


def weighted(tp, tn, negatives, positives):
    """Return P, R and S in percent as averages of both classes weighted by their size (Fractions), or None.

    Such averages are what WEKA prints (Hall et al., SIGKDD Explor. 2009, 11, 10); the weighted R is the accuracy.
    """
    called, images = tp + negatives - tn, negatives + positives
    if called in (0, images):
        return None
    p = Fraction(positives * tp, called) + Fraction(negatives * tn, images - called)
    s = Fraction(positives * tn, negatives) + Fraction(negatives * tp, positives)
    return {"P": 100 * p / images, "R": Fraction(100 * (tp + tn), images), "S": 100 * s / images}


def weighted_matrices(texts, negatives, positives):
    """Return every ``(TP, TN)`` whose A and class-weighted P, R and S may be printed as `texts`."""

    def fits(tp, tn):
        found = weighted(tp, tn, negatives, positives)
        return found and all(could_print(found[m], texts[m]) for m in "PRS")

    correct = totals(texts["A"], negatives + positives)
    pairs = [(tp, c - tp) for c in correct for tp in range(positives + 1)]
    return [(tp, tn) for tp, tn in pairs if 0 <= tn <= negatives and fits(tp, tn)]


def coarse(text):
    """Return a percentage without a trailing zero: 52.10 may be 0.521 times 100."""
    return text.rstrip("0").rstrip(".")


def check_competitor() -> list[Finding]:
    """Accuracy of Vogado et al. [22] in Tables 12 and 13 against its recall and specificity."""
    findings, own = [], tables.published(13, "LeukNet", "R")
    for number, (negatives, positives) in ((12, development_classes()[0]), (13, (57, 64))):
        cells = tables.table(number)
        texts = cells[cells["row"] == "Vogado et al. [22]"].set_index("column")["text"]
        low, high = (float(b) for b in accuracy_bounds(texts["R"], texts["S"], negatives, positives))
        single = matrices({"A": texts["A"], "P": coarse(texts["P"]), "R": coarse(texts["R"])}, negatives, positives)
        rough = {m: coarse(texts[m]) for m in "PRS"} | {"A": texts["A"]}
        found = weighted_matrices(rough, negatives, positives)
        meant = "R is nearly A in both tables, as an average of both classes weighted by size always is."
        if not found:
            meant += f" In Table {number} no one matrix fits all four so; means over folds need not."
        if len(found) == 1:
            tp, tn = found[0]
            meant += (
                f" In Table {number} one matrix fits so: TP {tp}, TN {tn}; its recall of leukaemia is "
                f"{100 * tp / positives:.2f} % and its specificity {100 * tn / negatives:.2f} %, so the bold recall "
                f"of LeukNet ({own:.2f} %) is not the best of the column."
            )
        findings.append(
            Finding(
                slug("weighted", f"table{number}", "vogado"),
                f"Table {number}, Vogado et al. [22]",
                WEIGHTED,
                "inconsistent",
                "changes a number",
                f"A {texts['A']} does not belong to R {texts['R']} and S {texts['S']} as recall and specificity of "
                f"leukaemia on {positives} + {negatives} images.",
                f"they would give A in {low:.2f}..{high:.2f}; {len(single)} matrices fit A, P and R together.",
                "" if number == 13 else "folds with the classes' shares nearly kept",
                meant,
            )
        )
    return findings


def check_table13() -> list[Finding]:
    """Accuracy of Table 13 against recall and specificity of the 100 models on 57 + 64 images."""
    findings = []
    for row in ("VGG-16 *", "LeukNet"):
        texts = tables.table(13).set_index(["row", "column"])["text"][row]
        mean = {m: split(texts[m])[0] for m in ("A", "R", "S")}
        low, high = accuracy_bounds(mean["R"], mean["S"], 57, 64)
        good = overlap((low, high), bounds(mean["A"])) and spreads_fit(texts, 57, 64)
        findings.append(
            Finding(
                slug("accuracy", "table13", row),
                f"Table 13, {row}",
                LINEAR,
                "consistent" if good else "inconsistent",
                "" if good else "changes a number",
                f"A {mean['A']} {'belongs' if good else 'does not belong'} to R {mean['R']} and S {mean['S']} on UFG.",
                f"(64 R + 57 S) / 121 lies in {float(low):.3f}..{float(high):.3f}; the spreads were tried likewise.",
            )
        )
    return findings


def check() -> list[Finding]:
    """Return the findings of this module."""
    return check_runs() + check_table12() + check_competitor() + check_table13()
