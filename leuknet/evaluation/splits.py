"""Split protocols: hold-out, k-fold, LODOCV and leave-one-source-out, by image, group or source."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import DisjointSet
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, train_test_split

from leuknet._random import derive, rng
from leuknet.evaluation.split_table import WORDS, Split, known_images
from leuknet.exceptions import LeuknetError

TRIES = 20  # additional random assignments of units, to obtain test sets with both classes
LODOCV, AS_PUBLISHED = "LODOCV", "LODOCV as published"  # without divided families (`named`), and as in the paper

__all__ = ["Split", "hold_out", "k_fold", "leave_one_source_out", "lodocv", "with_external"]


def _fold(name: str, known: pd.DataFrame, tested: Any) -> pd.DataFrame:
    """Return the rows of one fold, with role ``"test"`` where `tested` is true and ``"train"`` elsewhere."""
    role = np.where(tested, "test", "train")
    return pd.DataFrame({"fold": name, "image_id": known.index, "role": role})


def _assign(known: pd.DataFrame, k: int, seed: int, by: str) -> np.ndarray:
    """Return the fold number of each image, stratified by label, without dividing units of `by`.

    If some folds of the first assignment test a single class, up to `TRIES` more assignments are drawn, and the one
    with the most two-class folds is used.
    """
    labels = known["label"].to_numpy()
    rarest = np.bincount(labels.astype(int), minlength=2).min()
    if rarest < k:
        raise LeuknetError(f"{k} folds need {k} images of each class; the rarer class has {rarest}")
    units = _joined(known, by) if by != "image" else None
    if units is not None and units.nunique() < k:
        raise LeuknetError(f"{k} folds by {by} need {k} {by}s; the cohort has {units.nunique()}")
    number = _drawn(labels, units, k, seed)
    if units is not None:
        tries = (derive("folds of both classes", seed, again) for again in range(TRIES))
        wanted = min(k, units.groupby(labels).nunique().min())
        while _two_class(number, labels) < wanted and (state := next(tries, None)) is not None:
            number = max(number, _drawn(labels, units, k, state), key=lambda drawn: _two_class(drawn, labels))
    if units is not None and len(np.unique(number)) < k:
        raise LeuknetError(f"{k} folds by {by} leave one empty: {by}s differ too much in size; use fewer folds")
    return number


def _joined(known: pd.DataFrame, by: str) -> pd.Series:
    """Return the unit of each image; units that share a file are merged, since no fold may train on its test images."""
    units = DisjointSet(known[by])
    files = known["sha256"].replace("", np.nan).dropna() if "sha256" in known else known[by].iloc[:0]
    for _, same in known.loc[files.index, by].groupby(files):
        for other in same.iloc[1:]:
            units.merge(same.iloc[0], other)
    return known[by].map(units.__getitem__)


def _drawn(labels: np.ndarray, units: pd.Series | None, k: int, seed: int) -> np.ndarray:
    maker = (StratifiedKFold if units is None else StratifiedGroupKFold)(k, shuffle=True, random_state=seed)
    number = np.empty(len(labels), int)
    for fold, (_, test) in enumerate(maker.split(labels, labels, units)):
        number[test] = fold
    return number


def _two_class(number: np.ndarray, labels: np.ndarray) -> int:
    """Return the number of folds that test both classes."""
    return sum(len(np.unique(labels[number == fold])) == 2 for fold in np.unique(number))


def _unit(by: str) -> str:
    if by not in ("image", "group", "source"):
        raise LeuknetError(f"by={by!r} is not a unit to split by; use image, group or source")
    return "" if by == "image" else f" by {by}"


def hold_out(table: pd.DataFrame, fraction: float = 0.25, seed: int = 0, by: str = "image") -> Split:
    """Hold out a stratified fraction of the images (25 % as in the paper's Figure 7).

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.
    fraction : float
        Fraction of the images to test, in (0, 1). By group or source it is approximate, as units are not divided.
    seed : int
    by : {"image", "group", "source"}

    Returns
    -------
    Split
        One fold, ``"hold-out"``, independent of the row order of `table`.

    Raises
    ------
    LeuknetError
        If training cannot contain both classes without dividing a unit.
    """
    name = "hold-out" + _unit(by)
    if not 0 < fraction < 1:
        raise LeuknetError(f"hold-out fraction {fraction} is not between 0 and 1")
    known = known_images(table).sort_index()
    state = derive("hold-out", seed)
    if by == "image":
        try:
            every, labels = np.arange(len(known)), known["label"].to_numpy()
            _, held = train_test_split(every, test_size=fraction, random_state=state, stratify=labels)
        except ValueError as error:
            raise LeuknetError(f"{name} of {fraction} of {len(known)} images: {error}") from error
        tested = np.isin(every, held)
    else:
        share = Fraction(fraction).limit_denominator(20)
        if share in (0, 1):
            raise LeuknetError(f"{name}: a fraction of {fraction} is too extreme; use 0.05 to 0.95")
        number = _assign(known, share.denominator, state, by)
        tested = np.isin(number, _held(number, known["label"].to_numpy(), share, seed))
    return Split(name, _fold("hold-out", known, tested), by).check(table)


def _held(number: np.ndarray, labels: np.ndarray, share: Fraction, seed: int) -> np.ndarray:
    """Return the folds to hold out: the first in random order that contain both classes, if any."""
    order = rng("hold-out", seed).permutation(share.denominator)
    turns = [np.roll(order, -turn)[: share.numerator] for turn in range(share.denominator)]
    both = (held for held in turns if len(np.unique(labels[np.isin(number, held)])) == 2)
    return next(both, turns[0])


def k_fold(table: pd.DataFrame, k: int = 5, repeats: int = 1, seed: int = 0, by: str = "image") -> Split:
    """Stratified k-fold cross-validation (paper section 4.4: k = 5, twenty times, by image).

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.
    k, repeats : int
        Number of folds and of repeats with different folds.
    seed : int
    by : {"image", "group", "source"}
        With ``"image"`` (as in the paper), near-duplicates from one slide may occur on both sides; `Split.leakage`
        reports how many. If units differ greatly in size, as sources do, the folds hardly depend on the seed.

    Returns
    -------
    Split
        Folds ``"r0f0"``, ``"r0f1"``, …, independent of the row order of `table`. Each image is tested once per repeat.

    Raises
    ------
    LeuknetError
        If there are fewer than k units or images of a class, training cannot contain both classes without dividing a
        unit, or repeats would produce identical folds.
    """
    name = f"{k}-fold{_unit(by)}" + (f", {repeats} times" if repeats > 1 else "")
    if int(k) != k or k < 2 or int(repeats) != repeats or repeats < 1:
        raise LeuknetError(f"k-fold needs k of 2 or more and repeats of 1 or more, not k={k}, repeats={repeats}")
    known = known_images(table).sort_index()
    frames, seen = [], set()
    for repeat in range(repeats):
        number = _assign(known, k, derive("k-fold", seed, repeat), by)
        seen.add(tuple(pd.factorize(number)[0]))
        if len(seen) <= repeat:
            raise LeuknetError(f"{name}: whole {by}s fall into the same folds again; use repeats={repeat}")
        frames += [_fold(f"r{repeat}f{fold}", known, number == fold) for fold in range(k)]
    return Split(name, pd.concat(frames), by).check(table)


def _leave_out(table: pd.DataFrame, unit: str, name: str, every: bool = False) -> Split:
    known = known_images(table)
    classes = known.groupby(unit, sort=False)["label"].nunique()
    word = WORDS.get(unit, unit)
    if len(classes) < 2:
        raise LeuknetError(f"{name} needs two {word}s or more; the cohort has only {classes.index[0]!r}")
    tested = list(classes.index) if every else list(classes.index[classes == 2])
    if not tested:
        raise LeuknetError(f"{name} tests {word}s with both classes, and the cohort has none; split by k_fold instead")
    frames = [_fold(value, known, known[unit] == value) for value in tested]
    return Split(name, pd.concat(frames), unit).check(table)


def lodocv(table: pd.DataFrame) -> Split:
    """Leave-one-dataset-out cross-validation as published (section 3.5); results label it "as published".

    Each data set with both classes is tested once, with all other data sets used for training. As in the paper, data
    sets of one source (ALL-IDB 1 and ALL-IDB 2) may occur on both sides; `Split.shared_sources` and `Split.leakage`
    report where. The protocol ``"lodocv"`` of `leuknet.evaluation.named.make_split` raises an error instead if a
    source or a group would be divided.

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.

    Returns
    -------
    Split
        Folds named after the tested data set, in the order of the table.

    Raises
    ------
    LeuknetError
        If no data set has both classes, or training would contain a single class.
    """
    return _leave_out(table, "data_set", AS_PUBLISHED)


def leave_one_source_out(table: pd.DataFrame, tested: str = "two-class") -> Split:
    """Leave-one-source-out cross-validation: like `lodocv`, but data sets from the same slides are held out together.

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.
    tested : {"two-class", "all"}
        Test only the sources with both classes, or single-class sources as well.

    Returns
    -------
    Split
        Folds named after the tested source, in the order of the table.

    Raises
    ------
    LeuknetError
        If no source qualifies, training would contain a single class, or sources share a group or an identical file.
    """
    if tested not in ("two-class", "all"):
        raise LeuknetError(f"tested={tested!r} is unknown; use 'two-class' or 'all'")
    return _leave_out(table, "source", "leave-one-source-out", every=tested == "all")


def with_external(draw: Callable[[pd.DataFrame], Split], table: pd.DataFrame, data_set: str) -> Split:
    """Use one data set as an external test set: split all others, and also test every fold's model on it (Table 13).

    Parameters
    ----------
    draw : callable
        Function that returns a `Split` of the table without `data_set`, e.g. ``lambda part: k_fold(part, 5)``.
        Splitting all of `table` and then removing the data set would give folds of unequal size.
    table : pandas.DataFrame
        The cohort's table, with `data_set`.
    data_set : str

    Returns
    -------
    Split
        In every fold, the images of `data_set` have the role ``"external"`` and are neither training nor test images.

    Raises
    ------
    LeuknetError
        If the data set is unknown, the others cannot be split, or a unit would be divided.
    """
    external = table["data_set"] == data_set
    if not external.any():
        raise LeuknetError(f"the cohort has no data set {data_set!r} to keep as external")
    split = draw(table[~external])
    added = [
        pd.DataFrame({"fold": fold, "image_id": table.loc[external, "image_id"], "role": "external"})
        for fold in split.folds
    ]
    return Split(f"{split.protocol}, {data_set} external", pd.concat([split.table, *added]), split.by).check(table)
