"""What the paper says of the works in Table 11, against Table 11."""

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding
from leuknet.paper.consistency.sums import CROSS


def rivals():
    """Return the cells of Table 11 but LeukNet's, with the column ``work`` (one name for a work of two rows)."""
    frame = tables.table(11)
    rival = frame[frame["row"] != "LeukNet"]
    return rival.assign(work=rival["row"].str.replace(r",.*", "", regex=True))


def check_works():
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
            f"{size} works besides LeukNet.",
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


def check_best():
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


def check():
    """Return the findings of this module."""
    return check_works() + check_best()
