"""Spreads at their greatest: what runs of all or nothing would have (DEBIT)."""

import math
from fractions import Fraction

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding
from leuknet.paper.consistency.printed import could_print, split

DEBIT = "DEBIT (Heathers & Brown 2019, osf.io/5vb3u)"


def debit(mean, n, ddof=1):
    """Return the only standard deviation that `n` runs of 0 or 1 with this `mean` can have (fractions).

    Reference: Heathers & Brown 2019 (DEBIT).
    """
    return math.sqrt(float(mean * (1 - mean)) * n / (n - ddof))


def check() -> list[Finding]:
    """Spreads at their greatest: runs of all or nothing in Table 7, and the 100 models of Table 13."""
    cell = tables.cell(7, "mSFT", "R", "ALL-IDB 1")
    mean, spread = split(cell["text"])
    one, other = (100 * debit(Fraction(mean) / 100, 5, ddof) for ddof in (1, 0))
    good = any(could_print(x, spread) for x in (one, other))
    rows = tables.table(13)
    rows = rows[rows["spread"].notna() & (rows["column"] != "MCC")]
    below = all(r["spread"] <= 100 * debit(r["value"] / 100, 100) for _, r in rows.iterrows())
    return [
        Finding(
            "debit-table7",
            "Table 7, ALL-IDB 1, mSFT",
            DEBIT,
            "consistent" if good else "inconsistent",
            "" if good else "changes a number",
            f"R {cell['text']} is what one run with all positives gives.",
            f"five runs of 0 or 100 with mean {mean}: spread {one:.2f} with n - 1, {other:.2f} with n.",
        ),
        Finding(
            "debit-table13",
            "Table 13",
            DEBIT,
            "consistent" if below else "inconsistent",
            "" if below else "changes a number",
            "No spread of Table 13 is above the greatest possible.",
            "; ".join(
                f"{r['row']} {r['column']} {r['text']} (at most {100 * debit(r['value'] / 100, 100):.2f})"
                for _, r in rows.iterrows()
            )
            + ".",
        ),
    ]
