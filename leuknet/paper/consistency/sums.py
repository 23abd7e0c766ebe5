"""Check the sums of Table 1, counts and results printed repeatedly, and statements in the text on Table 11."""

import math
from collections.abc import Iterator

import pandas as pd

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding, finding

KINDS = ["Non-Pathological", "Pathological"]


def counts() -> pd.DataFrame:
    """Return negatives, positives and total by data set from Table 1, in printed order, including the row Total."""
    frame = tables.table(1)
    wide = frame[frame["column"] != "Ref."].pivot(index="row", columns="column", values="value").astype(int)
    return wide.loc[frame["row"].unique(), [*KINDS, "Total"]]


def stated_classes() -> tuple[int, int]:
    """Return the numbers of negatives and positives in the development set as stated in section 3.2."""
    value = tables.settings().set_index("name")["value"]
    return int(value["development non-pathological images"]), int(value["development pathological images"])


def check_sums() -> Iterator[Finding]:
    """Check the row and column sums of Table 1, and its counts quoted in the text."""
    frame = counts()
    parts = frame.drop(index="Total")
    added, printed = parts.sum(), frame.loc["Total"]
    rows = bool((frame[KINDS].sum(axis=1) == frame["Total"]).all())
    yield finding("sums-table1-rows", holds=rows, single=(parts[KINDS] == 0).any(axis=1).sum())
    if wrong := [c for c in frame if added[c] != printed[c]]:
        sums = "; ".join(f"{c}: {added[c]} by the rows, {printed[c]} printed" for c in wrong)
        short = " or ".join(map(str, {int(printed[c] - added[c]) for c in wrong}))
        yield finding("sums-table1", wrong=sums, rest=added["Total"] - 121, short=short)


def check_development() -> Iterator[Finding]:
    """Check the class counts of the development set stated in section 3.2 against the rows of Table 1."""
    parts = counts().drop(index="Total")
    stated, other = stated_classes(), tuple(parts.drop(index="UFG")[KINDS].sum())
    sums = (parts[KINDS].cumsum() == list(stated)).all(axis=1)
    size = int(sums.argmax()) + 1
    shares = tuple(100 * positives / (negatives + positives) for negatives, positives in (stated, other))
    words = {"stated": stated, "images": sum(stated), "rest": other, "shares": shares}
    words |= {"size": size, "last": sums.idxmax(), "sets": size + 1}
    yield finding("development-classes", case="earlier" * bool(sums.any()), **words)


def check_quotes() -> Iterator[Finding]:
    """Check numbers quoted in the text against the table cells listed in ``data/quoted.csv``."""
    quoted = tables.quotes().set_index("id")["value"]
    good = []
    for at in tables.read("quoted.csv").to_dict("records"):
        name, text = at["id"], quoted[at["id"]]
        cell = tables.cell(int(at["table"]), at["row"], at["column"], at["block"])
        if math.isclose(float(text), cell["value"]):
            good.append(name)
            continue
        idb2 = counts().loc["ALL-IDB 2", "Total"]
        meant = at["meant"].format(quoted=float(text), idb2=idb2, both=float(text) + idb2)
        unit = "%" if cell["unit"] == "%" else "images"
        yield finding("quote", name, at=at, cell=cell, quoted=text, meant=meant, unit=unit)
    yield finding("quotes", holds=True, n=len(good), names="; ".join(good))


def check_repeats() -> Iterator[Finding]:
    """Check results that are printed in two tables, or in the abstract and a table."""
    repeated, again = (
        {(c["block"], c["column"]): c["text"] for _, c in frame[frame["row"] == row].iterrows()}
        for frame, row in ((tables.table(3), "mDFT"), (tables.table(9), "1024–256"))
    )
    abstract = [tables.published(3, "mDFT", "A", block) for block in ("ALL-IDB 1", "ALL-IDB 2")]
    abstract.append(tables.published(13, "LeukNet", "A"))
    printed = "97.04, 82.46 and 70.24%" in " ".join(tables.claims()["sentence"])
    first, second = tables.published(11, "LeukNet", "A"), tables.published(12, "LeukNet", "A")
    yield finding("repeat-table9", holds=repeated == again, n=len(repeated))
    yield finding("repeat-abstract", holds=printed, abstract=abstract)
    yield finding("images-kfold", first=first, second=second)


def rivals() -> pd.DataFrame:
    """Return the cells of Table 11 except LeukNet's, with a column ``work`` that merges rows of the same work."""
    frame = tables.table(11)
    rival = frame[frame["row"] != "LeukNet"]
    return rival.assign(work=rival["row"].str.replace(r",.*", "", regex=True))


def check_works() -> Iterator[Finding]:
    """Check the number of works, and which of them use k-fold."""
    rival = rivals()
    folds = sorted(set(rival.loc[rival["text"] == "k-fold", "work"]))
    yield finding("competitors", size=rival["work"].nunique())
    yield finding("only-kfold", n=len(folds), works=", ".join(folds))


def check_best() -> Iterator[Finding]:
    """Check which works have a higher accuracy or more images than LeukNet."""
    rival, frame = rivals(), tables.table(11)
    own, images = (tables.published(11, "LeukNet", column) for column in ("A", "Number of Images"))
    better = rival[(rival["column"] == "A") & (rival["value"] > own)]
    larger = rival[(rival["column"] == "Number of Images") & (rival["value"] > images)]
    listed = "; ".join(better["row"] + " " + better["text"])
    tops = frame[frame["column"] == "A"]
    best = tops.loc[tops["value"].idxmax()]
    named = {"Loey et al. [18]", "Vogado et al. [22]"} <= set(better["row"])
    more = "; ".join(f"{row}: {value:.0f} images" for row, value in zip(larger["row"], larger["value"], strict=True))
    bold = " and ".join(tops.loc[tops["bold"], "text"])
    yield finding("two-superior", holds=named, listed=listed, own=own)
    yield finding("third-superior", n=len(better), listed=listed, own=own)
    yield finding("most-images", larger=more)
    yield finding("bold-table11", bold=bold, best=best)
