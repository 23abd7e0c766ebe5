"""Which results are free of images that training and test share, and what a data set alone gives away."""

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding
from leuknet.paper.consistency.sums import counts

METHOD = "known containments between the data sets (Labati et al., ICIP 2011 [26])"
# Labati et al. [26] describe ALL-IDB 2 as cells cut from ALL-IDB 1; ALL-IDB 1 (Crop) says so by its name.
CUT_FROM = {"ALL-IDB 2": "ALL-IDB 1", "ALL-IDB 1 (Crop)": "ALL-IDB 1"}
TESTED = {"ALL-IDB 1": "Tables 3-10", "ALL-IDB 2": "Tables 3-10", "UFG": "Table 13"}


def source(data_set):
    """Return the data set whose slides `data_set` shows."""
    return CUT_FROM.get(data_set, data_set)


def shared(tested, data_sets):
    """Return the other data sets that show slides of the tested one."""
    return [name for name in data_sets if name != tested and source(name) == source(tested)]


def check() -> list[Finding]:
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
                f"Tested on {tested}, LODOCV trains with pictures of the same slides, though section 1 says that it "
                "trains with no image of the tested data set."
                if others
                else f"No data set in training is known to share slides with {tested}.",
                f"ALL-IDB 2 and ALL-IDB 1 (Crop) hold cells cut out of ALL-IDB 1's images. Same source: {images}."
                if others
                else f"{len(CUT_FROM)} containments are known, none with UFG.",
                "outside knowledge: how ALL-IDB was made [26]; the printed numbers alone do not show it" * bool(others),
                "Data sets were kept apart, which is true of the files, not of the cells they show; leaving a whole "
                "source out would keep these apart."
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
            "not decidable",
            "changes a number",
            "Folds drawn by image put pictures of the same slides into training and test; how much of 98.61 % comes "
            "from that, the paper does not say.",
            f"{', '.join([*CUT_FROM, 'ALL-IDB 1'])}: "
            f"{sum(int(frame.loc[n, 'Total']) for n in [*CUT_FROM, 'ALL-IDB 1'])} images of one source.",
            "folds drawn by image, as nothing else is said",
            "For comparison with works that do the same; section 3.5 names this weakness of k-fold itself.",
        ),
        one_class(frame.drop(index="UFG")),
        components(),
    ]


def one_class(frame):
    """Say what a classifier that recognises the data set only, and calls its larger class, would reach in Table 12."""
    parts = frame[["Non-Pathological", "Pathological"]]
    single = frame.loc[(parts == 0).any(axis=1), "Total"]
    right, images = int(parts.max(axis=1).sum()), int(frame["Total"].sum())
    own, rival = (tables.published(12, row, "A") for row in ("LeukNet", "Vogado et al. [22]"))
    return Finding(
        "one-class-sets",
        "abstract, section 4.4, Tables 1, 11 and 12",
        "each data set called by its larger class",
        "not decidable",
        "changes a conclusion",
        f"In k-fold the data set nearly gives the class: a classifier that sees nothing but which data set an image is "
        f"from reaches {100 * right / images:.1f} %. How much of {own:.2f} % is disease is not decidable from it.",
        f"{len(single)} of {len(frame)} data sets, {int(single.sum())} of {images} images, are of one class; with the "
        f"larger class of the others {right} of {images} are right (Table 1's rows). Vogado et al.: {rival:.2f} %.",
        "folds drawn by image, as nothing else is said",
        "A comparison under the protocol of earlier works. Section 4.4 makes this very point of Loey et al., whose two "
        "classes are two data sets; Table 13 is free of it.",
    )


def components():
    """Say on how many images 100 principal components must have been computed in the k-fold part of Table 10."""
    settings = tables.settings().set_index("name")["value"]
    wanted, folds = int(settings["principal components"]), int(settings["feature k-fold"])
    images = int(counts().loc["ALL-IDB 1", "Total"])
    training = images - images // folds
    return Finding(
        "pca-folds",
        "section 4.3, Table 10, ALL-IDB 1, k-fold",
        "rank of centred data: at most images - 1",
        "not decidable",
        "changes a number",
        f"{wanted} principal components cannot come from the training images of one fold of ALL-IDB 1; they were "
        "computed on more, perhaps with the images tested.",
        f"{images} images in {folds} folds leave at most {training} for training, and {training - 1} components; "
        f"all {images} images give {images - 1}.",
        "components without variance left out; components of other data sets' images would be in order",
        "A reduction before the folds were drawn; it uses no labels, and may matter little.",
    )
