"""Which results are free of shared images, and which were chosen on the images they are reported for."""

from leuknet.paper.audit.finding import Finding
from leuknet.paper.audit.sums import counts

METHOD = "known containments between the data sets"
SELECTION = "order of choosing and testing"
# Labati et al. [26] describe ALL-IDB 2 as cells cut from ALL-IDB 1; ALL-IDB 1 (Crop) says so by its name.
CUT_FROM = {"ALL-IDB 2": "ALL-IDB 1", "ALL-IDB 1 (Crop)": "ALL-IDB 1"}
TESTED = {"ALL-IDB 1": "Tables 3-10", "ALL-IDB 2": "Tables 3-10", "UFG": "Table 13"}


def source(data_set):
    """Return the data set whose slides `data_set` shows."""
    return CUT_FROM.get(data_set, data_set)


def shared(tested, data_sets):
    """Return the other data sets that show slides of the tested one."""
    return [name for name in data_sets if name != tested and source(name) == source(tested)]


def check():
    """Return the findings of this module."""
    frame = counts().drop(index="Total")
    findings = []
    for tested, where in TESTED.items():
        others = shared(tested, frame.index)
        images = ", ".join(f"{name} ({frame.loc[name, 'Total']} images)" for name in others)
        findings.append(Finding(
            "shared-" + "".join(c for c in tested.casefold() if c.isalnum()),
            f"{where}, {tested}; abstract and sections 1 and 3.5" if others else f"{where}, {tested}", METHOD,
            "inconsistent" if others else "consistent", "changes a conclusion" if others else "",
            f"Tested on {tested}, LODOCV trains with pictures of the same slides." if others
            else f"No data set in training is known to share slides with {tested}.",
            f"same source: {images}." if others else f"{len(CUT_FROM)} containments are known, none with UFG.", "",
            "Data sets, not slides, were kept apart; leaving a whole source out would keep slides "
            "apart." if others else "",
        ))
    return [*findings, Finding(
        "selection", "sections 4.1 and 4.2, Tables 3-9; abstract", SELECTION, "inconsistent", "changes a conclusion",
        "Network, approach and dense layers were chosen by their scores on ALL-IDB 1 and ALL-IDB 2, and the same "
        "scores are "
        "then given as generalisation (97.04 and 82.46 %). UFG (70.24 %) took no part in the choice.",
        "14 rows of networks and approaches on each data set in Tables 3-7, and 4 heads in Table 9: the best of many "
        "is "
        "biased upwards.", "",
        "An ablation study, whose best row is not an estimate for new data; Table 13 is."),
        Finding(
        "no-rival", "abstract, Tables 3-13", SELECTION, "not decidable", "changes a conclusion",
        "97.04 and 82.46 % are said to exceed the state of the art in cross-data-set tests; the paper prints no "
        "other work's "
        "result for these two, only for UFG (52.06 %).", "Table 11's rivals are k-fold and holdout results.", "",
        "LeukNet was compared with one other method, on one data set."),
        Finding(
        "shared-kfold", "Tables 11 and 12", METHOD, "inconsistent", "changes a number",
        "Folds drawn by image put pictures of the same slides into training and test.",
        f"{', '.join([*CUT_FROM, 'ALL-IDB 1'])}: "
        f"{sum(int(frame.loc[n, 'Total']) for n in [*CUT_FROM, 'ALL-IDB 1'])} images of one source.",
        "folds drawn by image, as nothing else is said", "A figure for comparison with works that do the same; "
        "section 3.5 names this weakness of k-fold itself."),
    ]
