"""How often the audit accuses true tables (never) and catches a changed digit, against what theory allows.

python bench/audit.py [DRAWS]
"""

import sys
import time
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from test_paper_audit import CLASSES, decimals, draw_runs, print_runs, print_single  # noqa: E402

from leuknet import seeds  # noqa: E402
from leuknet.paper.audit import audit, granularity, printed, row  # noqa: E402


def accused_runs(draws):
    """Return how many of `draws` true rows of five runs are accused of anything."""
    generator, count = seeds.rng("bench", "runs"), 0
    for i in range(draws):
        classes = CLASSES[i % 2]
        tp, tn = draw_runs(generator, classes)
        count += bool(row.accusations(print_runs(tp, tn, classes, bool(i & 2), i // 4 % 2), *classes, n=5))
    return count


def accused_single(draws):
    """Return how many of `draws` true rows of one confusion matrix are accused of anything."""
    generator, count = seeds.rng("bench", "single"), 0
    for i in range(draws):
        classes = CLASSES[i % 2]
        tp, tn = int(generator.integers(1, classes[1] + 1)), int(generator.integers(0, classes[0] + 1))
        count += bool(row.accusations(print_single(tp, tn, classes, bool(i & 2)), *classes))
    return count


def change(text, generator):
    """Return `text` with one of its two decimals changed to another digit."""
    place = len(text) - 1 - int(generator.integers(2))
    digit = (int(text[place]) + 1 + int(generator.integers(9))) % 10
    return f"{text[:place]}{digit}{text[place + 1 :]}"


def theory(items, truncate):
    """Return the exact share of changes of one decimal that no whole number of `items` can print."""
    caught = tried = 0
    for k in range(items):  # 100.00 is left out: a changed decimal is above 100 and always caught
        text = decimals(Fraction(100 * k, items), 2, truncate)
        for place in (-2, -1):
            for digit in set("0123456789") - {text[place]}:
                other = text[:place] + digit + (text[place + 1 :] if place == -2 else "")
                tried += 1
                caught += not granularity.totals(other, items)
    return caught / tried


def measured(items, truncate, draws):
    """Return the share of `draws` random changes of one decimal that GRIM catches."""
    generator, caught = seeds.rng("bench", "digit", items, truncate), 0
    for k in generator.integers(0, items, draws):
        text = decimals(Fraction(100 * int(k), items), 2, truncate)
        caught += not granularity.totals(change(text, generator), items)
    return caught / draws


def whole_row(draws):
    """Return shares of changed rows of five runs (A, R or S) and of single runs (A, P, R or Kappa) that are caught."""
    generator, runs, single = seeds.rng("bench", "row"), 0, 0
    for i in range(draws):
        classes = CLASSES[i % 2]
        tp, tn = draw_runs(generator, classes)
        texts = print_runs(tp, tn, classes, bool(i & 2))
        metric = "ARS"[int(generator.integers(3))]
        mean, spread = printed.split(texts[metric])
        runs += bool(row.accusations(texts | {metric: f"{change(mean, generator)} ± {spread}"}, *classes, n=5))
        a, b = int(generator.integers(1, classes[1] + 1)), int(generator.integers(0, classes[0] + 1))
        texts = print_single(a, b, classes, bool(i & 2))
        metric = ("A", "P", "R", "Kappa")[int(generator.integers(4))]
        single += bool(row.accusations(texts | {metric: change(texts[metric], generator)}, *classes))
    return runs / draws, single / draws


def main(draws):
    """Print all rates."""
    several, one = accused_runs(draws), accused_single(draws)
    print(f"true rows accused: {several} of {draws} (five runs), {one} of {draws} (one run)")
    print("one decimal changed, GRIM alone, caught: measured | theory")
    for negatives, positives in CLASSES:
        for metric, images in granularity.denominators(negatives, positives).items():
            for truncate in (False, True):
                rates = measured(5 * images, truncate, draws), theory(5 * images, truncate)
                print(
                    f"  {negatives}+{positives} {metric} {'cut off' if truncate else 'rounded'}: "
                    + " | ".join(f"{r:.4f}" for r in rates)
                )
    runs, single = whole_row(draws // 5)
    print(f"one decimal changed, all checks of the row: {runs:.4f} (five runs), {single:.4f} (one run)")
    start = time.process_time()
    print(f"findings: {len(audit())} in {time.process_time() - start:.1f} s of processor time")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
