"""Which averages are possible at all: GRIM for runs, full enumeration of confusion matrices for single runs."""

import math
from fractions import Fraction

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding
from leuknet.paper.consistency.printed import bounds, could_print, only_truncated, parse, split

GRIM = "GRIM (Brown & Heathers, Soc. Psychol. Personal. Sci. 2017, 8, 363)"
ENUMERATION = "enumeration of all confusion matrices"
CLASSES = {"ALL-IDB 1": (59, 49), "ALL-IDB 2": (130, 130)}
RUN_TABLES = (3, 4, 5, 6, 7, 9)


def totals(text, items, runs_rounded=False):
    """Return the whole numbers of successes among `items` trials whose percentage may be printed as `text`.

    Parameters
    ----------
    text : str
        A printed percentage.
    items : int
        Images times runs.

    Returns
    -------
    range
        Empty if the percentage is impossible. Reference: Brown & Heathers 2017 (GRIM).
    """
    low, high = bounds(text, runs_rounded)
    return range(max(0, math.ceil(low * items / 100)), min(items, math.floor(high * items / 100)) + 1)


def denominators(negatives, positives):
    """Return the number of images that A, R and S are shares of."""
    return {"A": negatives + positives, "R": positives, "S": negatives}


def rates(tp, tn, negatives, positives):
    """Return A, P, R, S in percent and Kappa of one confusion matrix, as Fractions; P is absent without positive calls.

    Kappa: Cohen, Educ. Psychol. Meas. 1960, 20, 37.
    """
    total, called = negatives + positives, tp + negatives - tn
    chance = Fraction(called * positives + (total - called) * negatives, total * total)
    accuracy = Fraction(tp + tn, total)
    found = {"A": 100 * accuracy, "R": Fraction(100 * tp, positives), "S": Fraction(100 * tn, negatives)}
    found["Kappa"] = (accuracy - chance) / (1 - chance)
    if called:
        found["P"] = Fraction(100 * tp, called)
    return found


def matrices(texts, negatives, positives):
    """Return every confusion matrix that may be printed as `texts`.

    Parameters
    ----------
    texts : dict of str to str
        Printed numbers by metric (any of A, P, R, S, Kappa).
    negatives, positives : int
        Class counts.

    Returns
    -------
    list of tuple
        ``(true positives, true negatives)``; empty if the numbers cannot belong together.
    """
    total = negatives + positives

    def fits(tp, tn):
        found = rates(tp, tn, negatives, positives)
        return all(m in found and could_print(found[m], text) for m, text in texts.items())

    hits = totals(texts["R"], positives) if "R" in texts else range(positives + 1)
    correct = totals(texts["A"], total) if "A" in texts else range(total + 1)
    return [(tp, c - tp) for tp in hits for c in correct if 0 <= c - tp <= negatives and fits(tp, c - tp)]


def printed_rows(numbers, blocks=CLASSES):
    """Yield ``(table, block, row, {column: text})`` for the tables of results on the two ALL-IDB test sets."""
    for number in numbers:
        frame = tables.table(number)
        for (block, row), lines in frame[frame["block"].isin(blocks)].groupby(["block", "row"], sort=False):
            yield number, block, row, dict(zip(lines["column"], lines["text"], strict=True))


def slug(*parts):
    """Return a short id from its parts."""
    return "-".join("".join(c for c in str(p).casefold().replace("–", "to") if c.isalnum()) for p in parts)


def nearest(text, items):
    """Return the two possible percentages around the printed one, as text with their counts."""
    low = math.floor(sum(bounds(text)) / 2 * items / 100)
    return " and ".join(f"{k}/{items} = {100 * k / items:.4f} %" for k in (low, low + 1))


def check_runs() -> list[Finding]:
    """GRIM on A, R and S of Tables 3-7 and 9: five runs on test sets of known class counts."""
    findings, possible, truncated = [], 0, []
    for number, block, row, texts in printed_rows(RUN_TABLES):
        bad = {}
        for metric, images in denominators(*CLASSES[block]).items():
            text, items = split(texts[metric])[0], 5 * images
            found = totals(text, items)
            possible += bool(found)
            truncated += (
                [f"Table {number} {block} {row} {metric} {text}"]
                * all(only_truncated(Fraction(100 * k, items), text) for k in found)
                * bool(found)
            )
            if not found:
                bad[metric] = (text, items)
        if bad:
            findings.append(_impossible(number, block, row, bad))
    findings.append(
        Finding(
            "grim-runs",
            "Tables 3-7 and 9",
            GRIM,
            "consistent",
            "",
            f"{possible} of the printed accuracies, recalls and specificities are possible means of five runs.",
            "mean x images x 5 is a whole number within rounding, for 59 + 49 and 130 + 130 images.",
        )
    )
    findings.append(_truncation(truncated + cut_off()))
    return findings


def cut_off():
    """Return the accuracies and recalls of Table 10 that can only have been cut off, as text."""
    return [
        f"Table 10 {block} {row} {column} {texts[column]}"
        for _, block, row, texts in printed_rows((10,))
        for scenario in ("LODOCV", "k-fold")
        for metric, items in denominators(*CLASSES[block]).items()
        if (column := f"{scenario} {metric}") in texts and (found := totals(texts[column], items))
        if all(only_truncated(Fraction(100 * k, items), texts[column]) for k in found)
    ]


def _impossible(number, block, row, bad):
    lines = "; ".join(f"{m} {text}: nearest possible {nearest(text, items)}" for m, (text, items) in bad.items())
    wide = [m for m, (text, items) in bad.items() if totals(text, items, runs_rounded=True)]
    return Finding(
        slug("grim", f"table{number}", block, row),
        f"Table {number}, {block}, {row}",
        GRIM,
        "inconsistent",
        "changes a number",
        f"No five runs on {block} can have the printed {' and '.join(bad)}.",
        lines + ".",
        f"{', '.join(wide)}: means taken before rounding" if wide else "",
        "Two cells may come from another data set, another number of runs or another version of the table.",
    )


def _truncation(cells):
    return Finding(
        "mixed-rounding",
        "Tables 3, 9 and 10",
        "last printed digit",
        "inconsistent",
        "typographical",
        f"{len(cells)} accuracies, recalls and specificities can only have been cut off after two decimals; the others "
        "that are possible fit rounding.",
        "; ".join(cells) + ".",
        "",
        "Some rows were copied from another program's output; no cell moves by more than 0.01.",
    )


def exchanged(texts):
    """Return the texts with the figures of R (percent) and Kappa (fraction) exchanged."""
    (recall, _), (kappa, _) = parse(texts["R"]), parse(texts["Kappa"])
    return texts | {"R": f"{float(100 * kappa):.2f}", "Kappa": f"{float(recall / 100):.4f}"}


def check_single() -> list[Finding]:
    """Enumerate the confusion matrices behind each row of Table 10 (A, P, R and Kappa together)."""
    findings, possible = [], 0
    for _, block, row, texts in printed_rows((10,)):
        for protocol in ("LODOCV", "k-fold"):
            wanted = {m: texts[f"{protocol} {m}"] for m in ("A", "P", "R", "Kappa")}
            if matrices(wanted, *CLASSES[block]):
                possible += 1
            else:
                findings.append(_no_matrix(block, row, protocol, wanted))
    findings.append(
        Finding(
            "matrices-table10",
            "Table 10",
            ENUMERATION,
            "consistent",
            "",
            f"{possible} of 20 rows have a confusion matrix that gives the printed A, P, R and Kappa together.",
            "every TP in 0..positives, TN in 0..negatives tried exactly; the k-fold rows fit pooled folds.",
        )
    )
    return findings


def _no_matrix(block, row, protocol, wanted):
    classes = CLASSES[block]
    items = denominators(*classes)
    alone = [
        f"{m} {wanted[m]} alone: nearest possible {nearest(wanted[m], items[m])}"
        for m in ("A", "R")
        if not totals(wanted[m], items[m])
    ]
    pairs = [f"TP {tp}, TN {tn}" for tp, tn in matrices({m: wanted[m] for m in ("A", "P")}, *classes)]
    swapped = exchanged(wanted)
    repaired = [f"TP {tp}, TN {tn}" for tp, tn in matrices(swapped, *classes)]
    return Finding(
        slug("matrix", "table10", block, row, protocol),
        f"Table 10, {block}, {row}, {protocol}",
        ENUMERATION,
        "inconsistent",
        "changes a number",
        "No confusion matrix gives " + ", ".join(f"{m} {t}" for m, t in wanted.items()) + f" on {block}.",
        "; ".join([*alone, f"A and P together fit {' or '.join(pairs) or 'nothing'}"]) + ".",
        "folds pooled, as every other row fits" if protocol == "k-fold" and not repaired else "",
        f"R {swapped['R']} % and Kappa {swapped['Kappa']}, exchanged in print: {' or '.join(repaired)} gives all four."
        if repaired
        else "",
    )


def fold_means_fit(text, images, folds=5):
    """Return whether `text` may be the mean of the accuracies of `folds` folds, as equal in size as `images` allow."""
    small, more = divmod(images, folds)
    return any(
        could_print(100 - 100 * (Fraction(a, small) + Fraction(b, small + 1)) / folds, text)
        for a in range(small * (folds - more) + 1)
        for b in range((small + 1) * more + 1)
    )


def check_folds() -> list[Finding]:
    """Whether Table 10's k-fold accuracies on ALL-IDB 1 are of pooled folds or means of folds of 21 and 22 images."""
    texts = {row: t["k-fold A"] for _, _, row, t in printed_rows((10,), ["ALL-IDB 1"])}
    pooled = [r for r, text in texts.items() if totals(text, 108)]
    means = [r for r, text in texts.items() if fold_means_fit(text, 108)]
    good = len(pooled) == len(texts)
    return [
        Finding(
            "folds-table10",
            "Table 10, ALL-IDB 1, k-fold",
            "means of folds that differ in size",
            "consistent" if good else "not decidable",
            "" if good else "changes a number",
            f"All {len(pooled)} accuracies fit pooled folds; {len(means)} of them fit a mean over folds of 21 and 22.",
            f"fit the mean: {', '.join(means) or 'none'}; not: "
            f"{', '.join(sorted(set(texts) - set(means))) or 'none'}; ALL-IDB 2's folds are of 52 images each, where "
            "both are the same.",
        )
    ]


def check() -> list[Finding]:
    """Return the findings of this module."""
    return check_runs() + check_single() + check_folds()
