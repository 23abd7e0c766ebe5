"""Check whether averages are possible: GRIM for repeated runs, enumeration of confusion matrices for single runs."""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding, finding
from leuknet.paper.consistency.printed import bounds, could_print, only_truncated, parse, split

CLASSES = {"ALL-IDB 1": (59, 49), "ALL-IDB 2": (130, 130)}
RUN_TABLES = (3, 4, 5, 6, 7, 9)
SCENARIOS = ("LODOCV", "k-fold")
Row = tuple[int, str, str, dict[str, str]]


def totals(text: str, items: int, runs_rounded: bool = False) -> range:
    """Return the numbers of successes among `items` trials whose percentage may be printed as `text`.

    Parameters
    ----------
    text : str
        A printed percentage.
    items : int
        Number of images times number of runs.
    runs_rounded : bool
        Whether the runs had been rounded before averaging.

    Returns
    -------
    range
        Empty if the percentage is impossible. Reference: Brown & Heathers 2017 (GRIM).
    """
    low, high = bounds(text, runs_rounded)
    return range(max(0, math.ceil(low * items / 100)), min(items, math.floor(high * items / 100)) + 1)


def denominators(negatives: int, positives: int) -> dict[str, int]:
    """Return the numbers of images in the denominators of A, R and S."""
    return {"A": negatives + positives, "R": positives, "S": negatives}


def rates(tp: int, tn: int, negatives: int, positives: int) -> dict[str, Fraction]:
    """Return A, P, R and S in percent, and Kappa, of one confusion matrix; P is omitted without positive predictions.

    Kappa: Cohen, Educ. Psychol. Meas. 1960, 20, 37.
    """
    total, called = negatives + positives, tp + negatives - tn
    chance = Fraction(called * positives + (total - called) * negatives, total * total)
    accuracy = Fraction(tp + tn, total)
    values = {"A": 100 * accuracy, "R": Fraction(100 * tp, positives), "S": Fraction(100 * tn, negatives)}
    values["Kappa"] = (accuracy - chance) / (1 - chance)
    return values | ({"P": Fraction(100 * tp, called)} if called else {})


def matrices(texts: dict[str, str], negatives: int, positives: int) -> list[tuple[int, int]]:
    """Return all confusion matrices compatible with the printed numbers.

    Parameters
    ----------
    texts : dict of str to str
        Printed numbers by metric (any of A, P, R, S, Kappa).
    negatives, positives : int
        Class counts.

    Returns
    -------
    list of tuple
        ``(true positives, true negatives)``; empty if the numbers are incompatible.
    """
    total = negatives + positives

    def fits(tp: int, tn: int) -> bool:
        values = rates(tp, tn, negatives, positives)
        return all(m in values and could_print(values[m], text) for m, text in texts.items())

    hits = totals(texts["R"], positives) if "R" in texts else range(positives + 1)
    correct = totals(texts["A"], total) if "A" in texts else range(total + 1)
    return [(tp, c - tp) for tp in hits for c in correct if 0 <= c - tp <= negatives and fits(tp, c - tp)]


def printed_rows(numbers: Iterable[int], blocks: Iterable[str] = CLASSES) -> Iterator[Row]:
    """Yield ``(table, block, row, {column: text})`` for tables with results on the two ALL-IDB test sets."""
    for number in numbers:
        frame = tables.table(number)
        for (block, row), lines in frame[frame["block"].isin(blocks)].groupby(["block", "row"], sort=False):
            yield number, block, row, dict(zip(lines["column"], lines["text"], strict=True))


def single_rows(block: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield ``(row, scenario, {metric: text})`` for one test set of Table 10, with A, P, R and Kappa of single runs."""
    for _, _, row, texts in printed_rows((10,), [block]):
        for scenario in SCENARIOS:
            yield row, scenario, {m: texts[f"{scenario} {m}"] for m in ("A", "P", "R", "Kappa")}


def nearest(text: str, items: int) -> str:
    """Return the two possible percentages closest to the printed one, as text with their counts."""
    low = math.floor(sum(bounds(text)) / 2 * items / 100)
    return " and ".join(f"{k}/{items} = {100 * k / items:.4f} %" for k in (low, low + 1))


def cut_off(text: str, items: int) -> bool:
    """Return whether a printed percentage is possible only by truncation, not by rounding."""
    counts = totals(text, items)
    return bool(counts) and all(only_truncated(Fraction(100 * k, items), text) for k in counts)


def check_runs() -> Iterator[Finding]:
    """Apply GRIM to A, R and S in Tables 3-7 and 9: five runs on test sets with known class counts."""
    possible, truncated = 0, []
    for number, block, row, texts in printed_rows(RUN_TABLES):
        cells = {m: (split(texts[m])[0], 5 * images) for m, images in denominators(*CLASSES[block]).items()}
        bad = {m: cell for m, cell in cells.items() if not totals(*cell)}
        possible += len(cells) - len(bad)
        truncated += [f"Table {number} {block} {row} {m} {cell[0]}" for m, cell in cells.items() if cut_off(*cell)]
        if bad:
            lines = [f"{m} {text}: nearest possible {nearest(text, items)}" for m, (text, items) in bad.items()]
            wide = [m for m, cell in bad.items() if totals(*cell, runs_rounded=True)]
            words = {"bad": " and ".join(bad), "lines": "; ".join(lines)}
            words["wide"] = f"{', '.join(wide)}: means taken before rounding" if wide else ""
            yield finding("grim", number, block, row, **words)
    for block, classes in CLASSES.items():
        items = {m: images for m, images in denominators(*classes).items() if m != "S"}  # Table 10 has no S
        for row, scenario, texts in single_rows(block):
            cut = [f"{m} {texts[m]}" for m in items if cut_off(texts[m], items[m])]
            truncated += [f"Table 10 {block} {row} {scenario} {cell}" for cell in cut]
    yield finding("grim-runs", holds=True, possible=possible)
    yield finding("mixed-rounding", n=len(truncated), cells="; ".join(truncated))


def exchanged(texts: dict[str, str]) -> dict[str, str]:
    """Return the texts with the digits of R (percent) and Kappa (fraction) exchanged."""
    (recall, _), (kappa, _) = parse(texts["R"]), parse(texts["Kappa"])
    return texts | {"R": f"{float(100 * kappa):.2f}", "Kappa": f"{float(recall / 100):.4f}"}


def check_single() -> Iterator[Finding]:
    """Enumerate the confusion matrices compatible with each row of Table 10 (A, P, R and Kappa jointly)."""
    rows = [(block, *row) for block in CLASSES for row in single_rows(block)]
    bad = [row for row in rows if not matrices(row[-1], *CLASSES[row[0]])]
    yield from (_no_matrix(*row) for row in bad)
    yield finding("matrices-table10", holds=True, possible=len(rows) - len(bad))


def _no_matrix(block: str, row: str, scenario: str, texts: dict[str, str]) -> Finding:
    classes = CLASSES[block]
    items = denominators(*classes)
    impossible = [m for m in "AR" if not totals(texts[m], items[m])]
    alone = [f"{m} {texts[m]} alone: nearest possible {nearest(texts[m], items[m])}; " for m in impossible]
    swapped, first = exchanged(texts), {m: texts[m] for m in "AP"}
    fitting = [matrices(some, *classes) for some in (first, swapped)]
    pairs, exchange = (" or ".join(f"TP {tp}, TN {tn}" for tp, tn in found) for found in fitting)
    words = {"printed": ", ".join(f"{m} {text}" for m, text in texts.items()), "alone": "".join(alone)}
    words |= {"pairs": pairs or "nothing", "exchange": exchange, "R": swapped["R"], "Kappa": swapped["Kappa"]}
    words["depends_on"] = "folds pooled, as every other row fits" * (scenario == "k-fold" and not exchange)
    return finding("matrix", block, row, scenario, case="exchanged" * bool(exchange), **words)


def fold_means_fit(text: str, images: int, folds: int = 5) -> bool:
    """Return whether `text` may be the mean accuracy over `folds` folds whose sizes are as equal as possible."""
    small, more = divmod(images, folds)
    return any(
        could_print(100 - 100 * (Fraction(a, small) + Fraction(b, small + 1)) / folds, text)
        for a in range(small * (folds - more) + 1)
        for b in range((small + 1) * more + 1)
    )


def check_folds() -> Iterator[Finding]:
    """Check whether Table 10's k-fold accuracies on ALL-IDB 1 are pooled or means over folds of 21 and 22 images."""
    texts = {row: t["A"] for row, scenario, t in single_rows("ALL-IDB 1") if scenario == "k-fold"}
    pooled = [row for row, text in texts.items() if totals(text, 108)]
    means = [row for row, text in texts.items() if fold_means_fit(text, 108)]
    words = {"pooled": len(pooled), "n": len(means), "means": ", ".join(means) or "none"}
    words["others"] = ", ".join(sorted(set(texts) - set(means))) or "none"
    yield finding("folds-table10", holds=len(pooled) == len(texts), **words)
