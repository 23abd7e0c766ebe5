"""Spreads at their greatest: what runs of all or nothing would have (DEBIT)."""

import math
from fractions import Fraction

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding, finding
from leuknet.paper.consistency.printed import could_print, split


def debit(mean: float | Fraction, n: int, ddof: int = 1) -> float:
    """Return the only standard deviation that `n` runs of 0 or 1 with this `mean` can have (fractions).

    Reference: Heathers & Brown 2019 (DEBIT).
    """
    return math.sqrt(float(mean * (1 - mean)) * n / (n - ddof))


def check() -> list[Finding]:
    """Spreads at their greatest: runs of all or nothing in Table 7, and the 100 models of Table 13."""
    text = tables.cell(7, "mSFT", "R", "ALL-IDB 1")["text"]
    mean, spread = split(text)
    one, other = (100 * debit(Fraction(mean) / 100, 5, ddof) for ddof in (1, 0))
    good = any(could_print(x, spread) for x in (one, other))
    rows = tables.table(13)
    rows = rows[rows["spread"].notna() & (rows["column"] != "MCC")]
    rows = rows.assign(most=[100 * debit(value / 100, 100) for value in rows["value"]])
    cells = [f"{r['row']} {r['column']} {r['text']} (at most {r['most']:.2f})" for _, r in rows.iterrows()]
    return [
        finding("debit-table7", holds=good, text=text, mean=mean, one=one, other=other),
        finding("debit-table13", holds=bool((rows["spread"] <= rows["most"]).all()), cells="; ".join(cells)),
    ]
