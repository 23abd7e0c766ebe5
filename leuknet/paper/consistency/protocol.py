"""Check which results are free of images shared by training and test, and how far the data set predicts the class."""

from collections.abc import Iterable, Iterator

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding, finding
from leuknet.paper.consistency.sums import KINDS, counts

# Labati et al. [26] describe ALL-IDB 2 as cells cropped from ALL-IDB 1; the name ALL-IDB 1 (Crop) implies the same.
CUT_FROM = {"ALL-IDB 2": "ALL-IDB 1", "ALL-IDB 1 (Crop)": "ALL-IDB 1"}
TESTED = {"ALL-IDB 1": "Tables 3-10", "ALL-IDB 2": "Tables 3-10", "UFG": "Table 13"}


def shared(tested: str, data_sets: Iterable[str]) -> list[str]:
    """Return the other data sets that contain slides of the tested one."""
    source = CUT_FROM.get(tested, tested)
    return [name for name in data_sets if name != tested and CUT_FROM.get(name, name) == source]


def check_shared() -> Iterator[Finding]:
    """Check whether other data sets contain slides of the tested ones."""
    frame = counts().drop(index="Total")
    for tested, where in TESTED.items():
        others = shared(tested, frame.index)
        images = ", ".join(f"{name} ({frame.loc[name, 'Total']} images)" for name in others)
        yield finding("shared", tested, holds=not others, where=where, others=images, known=len(CUT_FROM))
    names = [*CUT_FROM, "ALL-IDB 1"]
    yield finding("shared-kfold", names=", ".join(names), images=frame.loc[names, "Total"].sum())


def check_one_class() -> Iterator[Finding]:
    """Compare the accuracies in Table 12 with that of predicting the majority class of each image's data set."""
    frame = counts().drop(index=["Total", "UFG"])
    single = frame.loc[(frame[KINDS] == 0).any(axis=1), "Total"]
    right, images = int(frame[KINDS].max(axis=1).sum()), int(frame["Total"].sum())
    own, rival = (tables.published(12, row, "A") for row in ("LeukNet", "Vogado et al. [22]"))
    words = {"single": (len(single), single.sum()), "sets": len(frame), "right": right, "images": images}
    yield finding("one-class-sets", share=100 * right / images, own=own, rival=rival, **words)


def check_components() -> Iterator[Finding]:
    """Compare the 100 principal components in Table 10's k-fold results with the number of images behind them."""
    settings = tables.settings().set_index("name")["value"]
    wanted, folds = int(settings["principal components"]), int(settings["feature k-fold"])
    images = int(counts().loc["ALL-IDB 1", "Total"])
    training = images - images // folds
    numbers = {"training": training, "components": training - 1, "most": images - 1}
    yield finding("pca-folds", wanted=wanted, images=images, folds=folds, **numbers)
