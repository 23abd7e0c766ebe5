"""Units, scales, impossible times, bold that is not best."""

import re

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding
from leuknet.paper.consistency.grim import slug
from leuknet.paper.consistency.printed import split

UNITS = "units and formats"
BEST = "best values in bold"


def clock(text):
    """Return ``(minutes, seconds)`` of a time ``"34:43"``, or None if its seconds are not below 60."""
    minutes, seconds = (int(part) for part in text.split(":"))
    return (minutes, seconds) if seconds < 60 else None


def check_times() -> list[Finding]:
    """Times of Table 8 and what the text says of them."""
    frame = tables.table(8)
    training = frame[frame["column"] == "Training Time"]
    bad = training[training["text"].map(clock).isna()]
    slow = frame[(frame["column"] == "Classification Time") & (frame["value"] >= 0.01)]
    fastest = training.loc[training.groupby("block")["value"].idxmin()]
    findings = [
        Finding(
            slug("time", r["block"], r["row"]),
            f"Table 8, {r['block']}, {r['row']}",
            UNITS,
            "inconsistent",
            "typographical",
            f"{r['text']} is not a time in minutes and seconds.",
            "seconds run from 0 to 59.",
            "",
            f"{r['text'].replace(':', '.')} minutes, which the text gives as 32 min; or a slip in one digit.",
        )
        for _, r in bad.iterrows()
    ]
    names = ", ".join(f"{r['row']} on {r['block']} ({r['text']})" for _, r in fastest.iterrows())
    return findings + [
        Finding(
            "fastest",
            "section 4.1, Table 8",
            UNITS,
            "not decidable",
            "typographical",
            "InceptionV3 is called the fastest to train; it has the lowest time of the table, on one of the two data "
            "sets.",
            f"fastest: {names}.",
            "whether the lowest time of the table or of each data set is meant",
            "The lowest time of the whole table.",
        ),
        Finding(
            "under-10-ms",
            "section 4.1, Table 8",
            UNITS,
            "inconsistent",
            "changes a number",
            f"Classification is said to take under 0.01 s; {len(slow)} of 10 cells are above.",
            ", ".join(f"{r['row']} {r['text']} s ({r['block']})" for _, r in slow.iterrows()) + ".",
            "",
            "In the order of 0.01 s, as the sentence before it says.",
        ),
        Finding(
            "image-per-second",
            "Table 8",
            UNITS,
            "inconsistent",
            "typographical",
            "Classification Time is headed Image/s; the values are seconds for an image.",
            "0.0050 images a second would be 200 s an image; the caption says seconds.",
            "",
            "s/image.",
        ),
    ]


def check_scales() -> list[Finding]:
    """MCC spreads of Table 12 and percentages of Table 10."""
    rows = tables.table(12)
    small = rows[(rows["column"] == "MCC") & (rows["spread"] < 0.1)]
    other = rows[(rows["column"] == "A")].set_index("row")["spread"]
    return [
        Finding(
            "spread-scale-table12",
            "Table 12, MCC",
            UNITS,
            "inconsistent",
            "typographical",
            "The spreads of MCC are on another scale than their means.",
            "; ".join(f"{r['row']} {r['text']} next to A ± {other[r['row']]}" for _, r in small.iterrows()) + ".",
            "the means and the spreads come from the same runs",
            "The spreads times 100: 0.8 and 0.9 points.",
        ),
        Finding(
            "kappa-digits",
            "Tables 3, 9 and 10",
            UNITS,
            "inconsistent",
            "typographical",
            "Cells of one column are printed with different numbers of decimals.",
            ", ".join(ragged()) + ".",
            "",
            "Trailing zeros left out.",
        ),
    ]


def ragged():
    """Return the result cells printed with fewer decimals than most of their column, as text."""
    frame = tables.tables()
    frame = frame[frame["table"].isin([3, 4, 5, 6, 7, 9, 10]) & (frame["column"] != "Num. of Features")]
    found = []
    for (number, column), cells in frame.groupby(["table", "column"], sort=False):
        for part in (0, 1):
            texts = cells["text"].map(lambda t, part=part: split(t)[part])
            digits = texts.dropna().map(lambda t: len(re.sub(r"%$", "", t).partition(".")[2]))
            short = cells.loc[digits.index[digits < digits.max()]]
            found += [f"Table {number} {r['block']} {r['row']} {column} {r['text']}" for _, r in short.iterrows()]
    return found


def best_of(cells):
    """Return the rows of one column of one block that share its highest value."""
    return set(cells.loc[cells["value"] == cells["value"].max(), "row"])


def check_bold() -> list[Finding]:
    """Bold cells of Tables 3-7, 9, 10 and 13 against the best of their columns."""
    frame = tables.tables()
    frame = frame[frame["table"].isin([3, 4, 5, 6, 7, 9, 10, 13])]
    findings, good = [], 0
    for (number, block, column), cells in frame.groupby(["table", "block", "column"], sort=False):
        for _, cell in cells[cells["bold"]].iterrows():
            if cell["row"] in best_of(cells):
                good += 1
                continue
            best = cells.loc[cells["value"].idxmax()]
            findings.append(
                Finding(
                    slug("bold", f"table{number}", block, column),
                    f"Table {number}, {block}, {column}",
                    BEST,
                    "inconsistent",
                    "typographical",
                    f"{cell['row']} ({cell['text']}) is bold; {best['row']} ({best['text']}) is higher.",
                    f"{best['value']} > {cell['value']}.",
                    "",
                    f"The whole row {cell['row']} was made bold.",
                )
            )
    findings.append(
        Finding(
            "bold",
            "Tables 3-7, 9, 10 and 13",
            BEST,
            "consistent",
            "",
            f"{good} bold cells are the best of their column.",
            "every bold cell compared.",
        )
    )
    return findings


def check_best_claim() -> list[Finding]:
    """Section 4.1's sentences on the best approach of VGG-16 and of VGG-19 against Tables 3 and 4."""
    claims = (
        ("mdft-best", 3, "mDFT", ("A", "P", "R", "S", "MCC"), "best on both data sets", "Best in A, P, R and MCC."),
        (
            "dft-better",
            4,
            "DFT",
            ("A", "R", "MCC"),
            "better in accuracy, recall and MCC",
            "On ALL-IDB 1, whose numbers the next sentence gives.",
        ),
    )
    findings = []
    for name, number, approach, columns, said, meant in claims:
        frame = tables.table(number)
        parts = list(frame[frame["column"].isin(columns)].groupby(["block", "column"], sort=False))
        lost = [(*key, cells.loc[cells["value"].idxmax()]) for key, cells in parts if approach not in best_of(cells)]
        findings.append(
            Finding(
                name,
                f"section 4.1, Table {number}",
                BEST,
                "inconsistent",
                "typographical",
                f"{approach} is said to be {said}; it is in {len(parts) - len(lost)} of {len(parts)} columns.",
                "; ".join(f"{block}, {column}: {c['row']} {c['text']}" for block, column, c in lost) + ".",
                "" if number == 3 else "whether both data sets are meant",
                meant,
            )
        )
    return findings


def check() -> list[Finding]:
    """Return the findings of this module."""
    return check_times() + check_scales() + check_bold() + check_best_claim()
