"""Sums of Table 1, counts named in several places, results quoted twice, and what the text says of Table 11."""

import math

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding

SUMS = "sums of Table 1"
CROSS = "the same number in two places"
# quoted in the text -> (table, row, column, block); section 4.1, 2.1-2.3 and 4.4
QUOTED = {
    "Putzu A": (11, "Putzu et al. [6]", "A"),
    "Putzu images": (11, "Putzu et al. [6]", "Number of Images"),
    "Vincent A": (11, "Vincent et al. [7]", "A"),
    "Patel A": (11, "Patel e Mishra [8]", "A"),
    "Singhal A": (11, "Singhal et al. [9]", "A"),
    "Thanh A": (11, "Thanh et al. [14]", "A"),
    "Thanh augmented images": (11, "Thanh et al. [14]", "Number of Images"),
    "Shafique A": (11, "Shafique et al. [16]", "A"),
    "Shafique augmented images": (11, "Shafique et al. [16]", "Number of Images"),
    "Rehman A": (11, "Rehman et al. [17]", "A"),
    "Loey A": (11, "Loey et al. [18]", "A"),
    "Loey images": (11, "Loey et al. [18]", "Number of Images"),
    "Pansombut A": (11, "Pansombut et al. [19]", "A"),
    "Pansombut images": (11, "Pansombut et al. [19]", "Number of Images"),
    "Ahmed A, two classes": (11, "Ahmed et al. [20]", "A"),
    "Ahmed images": (11, "Ahmed et al. [20]", "Number of Images"),
    "Sahlol A, ALL-IDB 2": (11, "Sahlol et al. [23], ALL-IDB 2", "A"),
    "Sahlol A, C-NMC": (11, "Sahlol et al. [23], C-NMC", "A"),
    "C-NMC images": (11, "Sahlol et al. [23], C-NMC", "Number of Images"),
    "VGG-19 mDFT P": (4, "mDFT", "P", "ALL-IDB 1"),
    "VGG-19 mDFT S": (4, "mDFT", "S", "ALL-IDB 1"),
    "ResNet50 A, ALL-IDB 2": (7, "mDFT", "A", "ALL-IDB 2"),
    "ResNet50 MCC, ALL-IDB 2": (7, "mDFT", "MCC", "ALL-IDB 2"),
}
MEANT = {
    "Ahmed A, two classes": "one of the two is a slip; the cited article decides it.",
    "VGG-19 mDFT P": "the two words precision and specificity are exchanged.",
    "VGG-19 mDFT S": "the two words precision and specificity are exchanged.",
}


def quoted():
    """Return ``{id: value}`` of the quoted numbers, as text."""
    frame = tables.quotes()
    return dict(zip(frame["id"], frame["value"], strict=True))


def counts():
    """Return Table 1 as a frame of negatives, positives and total by data set, in print order, with the row Total."""
    frame = tables.table(1)
    wide = frame[frame["column"] != "Ref."].pivot(index="row", columns="column", values="value").astype(int)
    return wide.loc[frame["row"].unique(), ["Non-Pathological", "Pathological", "Total"]]


def check_sums() -> list[Finding]:
    """Rows and columns of Table 1, and its counts where the text names them."""
    frame = counts()
    parts = frame.drop(index="Total")
    added, printed = parts.sum(), frame.loc["Total"]
    rows = (frame["Non-Pathological"] + frame["Pathological"] == frame["Total"]).all()
    single = ((parts[["Non-Pathological", "Pathological"]] == 0).any(axis=1)).sum()
    wrong = {c: (added[c], printed[c]) for c in frame if added[c] != printed[c]}
    findings = [
        Finding(
            "sums-table1-rows",
            "Table 1; section 3.5",
            SUMS,
            "consistent" if rows else "inconsistent",
            "" if rows else "changes a number",
            f"Each row adds up, and {single} data sets are of one class.",
            "non-pathological + pathological = total, 19 rows; section 3.5: 15 of the 18.",
        )
    ]
    if wrong:
        short = {int(b - a) for a, b in wrong.values()}
        findings.append(
            Finding(
                "sums-table1",
                "Table 1; abstract, sections 1, 3.1 and 4.4",
                SUMS,
                "inconsistent",
                "changes a number",
                "The printed totals are not the sums of their columns; 3536 and 3415 follow the totals.",
                "; ".join(f"{c}: {a} by the rows, {b} printed" for c, (a, b) in wrong.items())
                + f"; without UFG {added['Total'] - 121} against 3415.",
                "",
                f"One pathological data set may have {' or '.join(map(str, short))} more images than its row says.",
            )
        )
    return [*findings, _development(parts, parts.drop(index="UFG").sum())]


def _development(parts, development):
    named = {
        r["name"]: int(r["value"])
        for _, r in tables.settings().iterrows()
        if r["name"].startswith("development") and r["name"].endswith("pathological images")
    }
    negatives, positives = named["development non-pathological images"], named["development pathological images"]
    upto = parts.cumsum()
    match = upto[(upto["Non-Pathological"] == negatives) & (upto["Pathological"] == positives)]
    meant = ""
    if len(match):
        size = list(parts.index).index(match.index[0]) + 1
        meant = (
            f"These are exactly the sums of the first {size} rows of Table 1 (down to {match.index[0]}), an earlier "
            f"development set; with UFG that makes {size + 1} data sets, as in section 4.4's \"eight of the "
            f'{size + 1}". Which of the experiments used it is not said.'
        )
    return Finding(
        "development-classes",
        "section 3.2",
        SUMS,
        "inconsistent",
        "changes a number",
        f"The development set is said to hold {negatives} + {positives} images; Table 1 without UFG holds "
        f"{development['Non-Pathological']} + {development['Pathological']}.",
        f"{negatives} + {positives} = {negatives + positives}, not 3415; share of positives "
        f"{100 * positives / (negatives + positives):.1f} % against "
        f"{100 * development['Pathological'] / development['Total']:.1f} %.",
        "",
        meant,
    )


def check_quotes() -> list[Finding]:
    """Numbers quoted in the text against the tables."""
    values, good, findings = quoted(), [], []
    for name, where in QUOTED.items():
        cell = tables.cell(*where)
        if math.isclose(float(values[name]), cell["value"]):
            good.append(name)
            continue
        unit = "%" if cell["unit"] == "%" else "images"
        findings.append(
            Finding(
                "quote-" + "".join(c for c in name.casefold() if c.isalnum()),
                f"text and Table {where[0]}: {name}",
                CROSS,
                "inconsistent",
                "typographical" if name.startswith("VGG-19") else "changes a number",
                f"The text says {values[name]} {unit}, the table {cell['text']}.",
                f"{values[name]} against {cell['value']:.10g}.",
                "",
                _meant(name, cell).capitalize(),
            )
        )
    findings.append(
        Finding(
            "quotes",
            "sections 2 and 4, Tables 4, 7 and 11",
            CROSS,
            "consistent",
            "",
            f"{len(good)} numbers quoted in the text are those of the tables.",
            "; ".join(good) + ".",
        )
    )
    return findings


def _meant(name, cell):
    if name == "C-NMC images":
        parts = int(quoted()[name]), int(counts().loc["ALL-IDB 2", "Total"])
        return (
            f"{parts[0]:,} + {parts[1]} = {sum(parts):,}: the table may give both data sets' images together, with a "
            "point for a comma."
        )
    return MEANT[name]


def check_repeats() -> list[Finding]:
    """Results printed in two tables, or in the abstract and a table."""
    pairs = {
        (block, m): (tables.cell(3, "mDFT", m, block)["text"], tables.cell(9, "1024–256", m, block)["text"])
        for block in ("ALL-IDB 1", "ALL-IDB 2")
        for m in ("A", "P", "R", "S", "MCC")
    }
    same = all(a == b for a, b in pairs.values())
    first, second = tables.published(11, "LeukNet", "A"), tables.published(12, "LeukNet", "A")
    abstract = [tables.published(3, "mDFT", "A", b) for b in ("ALL-IDB 1", "ALL-IDB 2")]
    abstract.append(tables.published(13, "LeukNet", "A"))
    printed = "97.04, 82.46 and 70.24%" in " ".join(tables.claims()["sentence"])
    return [
        Finding(
            "repeat-table9",
            "Tables 3 and 9",
            CROSS,
            "consistent" if same else "inconsistent",
            "" if same else "changes a number",
            "The row 1024-256 of Table 9 repeats the row mDFT of Table 3.",
            f"{len(pairs)} cells compared.",
        ),
        Finding(
            "repeat-abstract",
            "abstract, Tables 3 and 13",
            CROSS,
            "consistent" if printed else "inconsistent",
            "" if printed else "changes a number",
            "The abstract's three accuracies are those of Tables 3 and 13.",
            f"{abstract}; the first two are means of 5 runs, the third of 100 models.",
        ),
        Finding(
            "images-kfold",
            "section 4.4, Tables 11 and 12",
            CROSS,
            "inconsistent",
            "changes a number",
            f"The same accuracy {first:.2f} is given for 3536 images of 18 data sets (Table 11) and for 3415 of 17 "
            f"(Table 12: {second:.2f}).",
            "3536 - 3415 = 121: with UFG, or without; Table 13 needs models trained without it.",
            "",
            "Table 11 quotes Table 12's result, and 3415 is the number of images behind it.",
        ),
    ]


def rivals():
    """Return the cells of Table 11 but LeukNet's, with the column ``work`` (one name for a work of two rows)."""
    frame = tables.table(11)
    rival = frame[frame["row"] != "LeukNet"]
    return rival.assign(work=rival["row"].str.replace(r",.*", "", regex=True))


def check_works() -> list[Finding]:
    """How many works there are, and which use k-fold."""
    rival = rivals()
    size = rival["work"].nunique()
    folds = sorted(set(rival.loc[rival["text"] == "k-fold", "work"]))
    return [
        Finding(
            "competitors",
            "section 4, Table 11",
            CROSS,
            "inconsistent",
            "typographical",
            f"Section 4 announces eight competing methods, Table 11 has {size}.",
            f"{size} works other than LeukNet.",
            "",
            "The count of an earlier table.",
        ),
        Finding(
            "only-kfold",
            "section 4.4, Table 11",
            CROSS,
            "inconsistent",
            "typographical",
            f"Vogado et al. is called the only group to use k-fold; Table 11 says k-fold for {len(folds)} works.",
            ", ".join(folds) + ".",
            "",
            "The only one with k-fold over several data sets; a closer comparison with the others was possible too.",
        ),
    ]


def check_best() -> list[Finding]:
    """Which works have higher accuracies or more images than LeukNet."""
    rival, frame = rivals(), tables.table(11)
    own, images = (tables.published(11, "LeukNet", column) for column in ("A", "Number of Images"))
    better = rival[(rival["column"] == "A") & (rival["value"] > own)]
    larger = rival[(rival["column"] == "Number of Images") & (rival["value"] > images)]
    named = {"Loey et al. [18]", "Vogado et al. [22]"}
    listed = "; ".join(f"{r['row']} {r['text']}" for _, r in better.iterrows())
    tops = frame[frame["column"] == "A"]
    bold, best = tops[tops["bold"]], tops.loc[tops["value"].idxmax()]
    return [
        Finding(
            "two-superior",
            "section 4.4, Table 11",
            CROSS,
            "consistent" if named <= set(better["row"]) else "inconsistent",
            "" if named <= set(better["row"]) else "changes a conclusion",
            "Loey et al. and Vogado et al. are said to exceed LeukNet; in Table 11 they do.",
            f"{listed}; LeukNet {own:.2f}.",
        ),
        Finding(
            "third-superior",
            "section 4.4, Table 11",
            CROSS,
            "not decidable",
            "typographical",
            f"Two works are named as exceeding LeukNet; Table 11 has {len(better)}.",
            f"{listed}; LeukNet {own:.2f}. Section 2.2 gives Shafique's 99.50 % for normal against disease.",
            "whether the two named are meant as the only ones",
            "Two of the best; section 4.4 counts Shafique et al. among works on subtypes.",
        ),
        Finding(
            "most-images",
            "section 4.4, Table 11",
            CROSS,
            "inconsistent",
            "changes a conclusion",
            "Every competing method is said to have used fewer images; Table 11 has one with more.",
            "; ".join(f"{r['row']}: {r['value']:.0f} images" for _, r in larger.iterrows())
            + "; 10661 by section 2.3; LeukNet 3536.",
            "",
            "More images from several sources than any other.",
        ),
        Finding(
            "bold-table11",
            "Table 11",
            "best values in bold",
            "inconsistent",
            "typographical",
            f"{' and '.join(bold['text'])} are bold; the highest accuracy is {best['text']} ({best['row']}).",
            "bold is announced for best values.",
            "",
            "Best of the works with k-fold, and this work's own.",
        ),
    ]


def check() -> list[Finding]:
    """Return the findings of this module."""
    return check_sums() + check_quotes() + check_repeats() + check_works() + check_best()
