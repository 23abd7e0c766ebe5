"""Rates at which the audit flags correct tables (never) and detects a changed digit, compared with theory.

python bench/audit.py [DRAWS] [--write]    --write: into the package's data, which page 10 shows
"""

import hashlib
import json
import sys
import time
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from test_paper_consistency import CLASSES, decimals, draw_runs, print_runs, print_single  # noqa: E402

from leuknet import _random  # noqa: E402
from leuknet.paper.consistency import checked, cross_checks, grim, printed  # noqa: E402


def accused_runs(draws):
    """Return how many of `draws` correct rows of five runs are flagged."""
    generator, count = _random.rng("bench", "runs"), 0
    for i in range(draws):
        classes = CLASSES[i % 2]
        tp, tn = draw_runs(generator, classes)
        count += bool(cross_checks.accusations(print_runs(tp, tn, classes, bool(i & 2), i // 4 % 2), *classes, n=5))
    return count


def accused_single(draws):
    """Return how many of `draws` correct rows of one confusion matrix are flagged."""
    generator, count = _random.rng("bench", "single"), 0
    for i in range(draws):
        classes = CLASSES[i % 2]
        tp, tn = int(generator.integers(1, classes[1] + 1)), int(generator.integers(0, classes[0] + 1))
        count += bool(cross_checks.accusations(print_single(tp, tn, classes, bool(i & 2)), *classes))
    return count


def change(text, generator):
    """Return `text` with one of its two decimals changed to another digit."""
    place = len(text) - 1 - int(generator.integers(2))
    digit = (int(text[place]) + 1 + int(generator.integers(9))) % 10
    return f"{text[:place]}{digit}{text[place + 1 :]}"


def theory(items, truncate):
    """Return the exact share of changes of one decimal that no integer number of `items` can produce."""
    caught = tried = 0
    for k in range(items):  # 100.00 is omitted: a changed decimal exceeds 100 and is always detected
        text = decimals(Fraction(100 * k, items), 2, truncate)
        for place in (-2, -1):
            for digit in set("0123456789") - {text[place]}:
                other = text[:place] + digit + (text[place + 1 :] if place == -2 else "")
                tried += 1
                caught += not grim.totals(other, items)
    return caught / tried


def measured(items, truncate, draws):
    """Return the share of `draws` random changes of one decimal that GRIM detects."""
    generator, caught = _random.rng("bench", "digit", items, truncate), 0
    for k in generator.integers(0, items, draws):
        text = decimals(Fraction(100 * int(k), items), 2, truncate)
        caught += not grim.totals(change(text, generator), items)
    return caught / draws


def whole_row(draws):
    """Return the detection rates for changed rows of five runs (A, R or S) and of single runs (A, P, R or Kappa)."""
    generator, runs, single = _random.rng("bench", "row"), 0, 0
    for i in range(draws):
        classes = CLASSES[i % 2]
        tp, tn = draw_runs(generator, classes)
        texts = print_runs(tp, tn, classes, bool(i & 2))
        metric = "ARS"[int(generator.integers(3))]
        mean, spread = printed.split(texts[metric])
        runs += bool(cross_checks.accusations(texts | {metric: f"{change(mean, generator)} ± {spread}"}, *classes, n=5))
        a, b = int(generator.integers(1, classes[1] + 1)), int(generator.integers(0, classes[0] + 1))
        texts = print_single(a, b, classes, bool(i & 2))
        metric = ("A", "P", "R", "Kappa")[int(generator.integers(4))]
        single += bool(cross_checks.accusations(texts | {metric: change(texts[metric], generator)}, *classes))
    return runs / draws, single / draws


def rates(draws):
    """Return all rates: rows of ``what, draws, measured, theory``."""
    rows = [
        ("true rows of five runs accused", draws, accused_runs(draws) / draws, 0),
        ("true rows of one run accused", draws, accused_single(draws) / draws, 0),
    ]
    for negatives, positives in CLASSES:
        for metric, images in grim.denominators(negatives, positives).items():
            for cut in (False, True):
                what = f"{metric} of {negatives} + {positives} images, {'cut off' if cut else 'rounded'}"
                rows.append((what, draws, measured(5 * images, cut, draws), theory(5 * images, cut)))
    runs, single = whole_row(draws // 5)
    rows.append(("any cell of a row of five runs, all checks", draws // 5, runs, None))
    rows.append(("any cell of a row of one run, all checks", draws // 5, single, None))
    return rows


def write(rows):
    """Write the rates and their checksum to the package's data."""
    folder = Path(__file__).resolve().parents[1] / "leuknet" / "paper" / "data"
    lines = [f'"{what}",{n},{found:.4f},{"" if wanted is None else f"{wanted:.4f}"}' for what, n, found, wanted in rows]
    data = "\n".join(["what,draws,measured,theory", *lines, ""]).encode()
    (folder / "audit_rates.csv").write_bytes(data)
    sums = json.loads((folder / "checksums.json").read_text("utf-8"))
    sums["audit_rates.csv"] = hashlib.sha256(data).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(sums, indent=1, sort_keys=True) + "\n", "utf-8")


def main(draws, keep):
    """Print all rates and the run time of the audit."""
    rows = rates(draws)
    for what, n, found, wanted in rows:
        print(f"{what}: {found:.4f} of {n}" + ("" if wanted is None else f" | theory {wanted:.4f}"))
    if keep:
        write(rows)
    start = time.process_time()
    print(f"findings: {len(checked())} in {time.process_time() - start:.1f} s of processor time")


if __name__ == "__main__":
    numbers = [argument for argument in sys.argv[1:] if argument != "--write"]
    main(int(numbers[0]) if numbers else 10_000, "--write" in sys.argv)
