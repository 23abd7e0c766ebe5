"""Check units, scales, impossible times, and bold cells that are not the best."""

from collections.abc import Iterator

import pandas as pd

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding, finding
from leuknet.paper.consistency.printed import split


def check_times() -> Iterator[Finding]:
    """Check the times in Table 8 against the text."""
    frame = tables.table(8)
    training = frame[frame["column"] == "Training Time"]
    bad = training[~training["text"].str.fullmatch(r"\d+:[0-5]\d")]
    slow = frame[(frame["column"] == "Classification Time") & (frame["value"] >= 0.01)]
    fastest = training.loc[training.groupby("block")["value"].idxmin()]
    names = ", ".join(f"{r['row']} on {r['block']} ({r['text']})" for _, r in fastest.iterrows())
    above = ", ".join(f"{r['row']} {r['text']} s ({r['block']})" for _, r in slow.iterrows())
    for _, r in bad.iterrows():
        yield finding("time", r["block"], r["row"], text=r["text"], decimal=r["text"].replace(":", "."))
    yield finding("fastest", names=names)
    yield finding("under-10-ms", n=len(slow), cells=above)
    yield finding("image-per-second")


def check_scales() -> Iterator[Finding]:
    """Check the scale of the MCC spreads in Table 12 and of the percentages in Table 10."""
    rows = tables.table(12)
    small = rows[(rows["column"] == "MCC") & (rows["spread"] < 0.1)]
    other = rows[rows["column"] == "A"].set_index("row")["spread"]
    cells = "; ".join(f"{r['row']} {r['text']} next to A ± {other[r['row']]}" for _, r in small.iterrows())
    yield finding("spread-scale-table12", cells=cells)
    yield finding("kappa-digits", cells=", ".join(ragged()))


def ragged() -> Iterator[str]:
    """Yield the result cells with fewer decimals than most cells of their column, as text."""
    frame = tables.tables()
    frame = frame[frame["table"].isin([3, 4, 5, 6, 7, 9, 10]) & (frame["column"] != "Num. of Features")]
    for (number, column), cells in frame.groupby(["table", "column"], sort=False):
        for part in zip(*map(split, cells["text"]), strict=True):
            digits = pd.Series([len(t.rstrip("%").partition(".")[2]) if t else None for t in part], cells.index, float)
            rows = cells[digits < digits.max()]
            yield from (f"Table {number} {r['block']} {r['row']} {column} {r['text']}" for _, r in rows.iterrows())


def best_of(cells: pd.DataFrame) -> set[str]:
    """Return the rows with the highest value in one column of one block."""
    return set(cells.loc[cells["value"] == cells["value"].max(), "row"])


def check_bold() -> Iterator[Finding]:
    """Check the bold cells of Tables 3-7, 9, 10 and 13 against the best values of their columns."""
    frame = tables.tables()
    frame = frame[frame["table"].isin([3, 4, 5, 6, 7, 9, 10, 13])]
    good = frame["bold"].sum()
    for key, cells in frame.groupby(["table", "block", "column"], sort=False):
        best = cells.loc[cells["value"].idxmax()]
        wrong = cells[cells["bold"] & ~cells["row"].isin(best_of(cells))]
        good -= len(wrong)
        yield from (finding("bold-cell", *key, best=best, cell=cell) for _, cell in wrong.iterrows())
    yield finding("bold", holds=True, good=good)


def check_best_claim() -> Iterator[Finding]:
    """Check the statements in section 4.1 on the best approach for VGG-16 and VGG-19 against Tables 3 and 4."""
    claims = {"mdft-best": (3, "mDFT", ["A", "P", "R", "S", "MCC"]), "dft-better": (4, "DFT", ["A", "R", "MCC"])}
    for name, (number, approach, columns) in claims.items():
        frame = tables.table(number)
        parts = list(frame[frame["column"].isin(columns)].groupby(["block", "column"], sort=False))
        lost = [(*key, cells.loc[cells["value"].idxmax()]) for key, cells in parts if approach not in best_of(cells)]
        listed = "; ".join(f"{block}, {column}: {c['row']} {c['text']}" for block, column, c in lost)
        yield finding(name, won=len(parts) - len(lost), n=len(parts), lost=listed)
