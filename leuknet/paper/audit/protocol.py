"""Which results are free of images that training and test share."""

from leuknet.paper.audit.finding import Finding
from leuknet.paper.audit.sums import counts

METHOD = "known containments between the data sets"
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
        findings.append(
            Finding(
                "shared-" + "".join(c for c in tested.casefold() if c.isalnum()),
                f"{where}, {tested}; abstract and sections 1 and 3.5" if others else f"{where}, {tested}",
                METHOD,
                "inconsistent" if others else "consistent",
                "changes a conclusion" if others else "",
                f"Tested on {tested}, LODOCV trains with pictures of the same slides."
                if others
                else f"No data set in training is known to share slides with {tested}.",
                f"same source: {images}." if others else f"{len(CUT_FROM)} containments are known, none with UFG.",
                "",
                "Data sets, not slides, were kept apart; leaving a whole source out would keep slides apart."
                if others
                else "",
            )
        )
    return [
        *findings,
        Finding(
            "shared-kfold",
            "Tables 11 and 12",
            METHOD,
            "inconsistent",
            "changes a number",
            "Folds drawn by image put pictures of the same slides into training and test.",
            f"{', '.join([*CUT_FROM, 'ALL-IDB 1'])}: "
            f"{sum(int(frame.loc[n, 'Total']) for n in [*CUT_FROM, 'ALL-IDB 1'])} images of one source.",
            "folds drawn by image, as nothing else is said",
            "For comparison with works that do the same; section 3.5 names this weakness of k-fold itself.",
        ),
    ]
