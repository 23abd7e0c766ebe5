"""Generalisation of classifiers to unseen sources: an ablation of the method's steps, and control experiments.

All AUC values are within sources: only pairs of images from the same source are compared, so that differences between
cameras do not contribute.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from leuknet._random import rng
from leuknet.cells.classifier import LOGARITHMIC, CellClassifier, ImageClassifier, logarithmic
from leuknet.cells.descriptors import DESCRIPTORS
from leuknet.cells.embedding import COPIES, zoomed
from leuknet.cells.extract import Cells, cells_of
from leuknet.cells.labels import UNKNOWN, CellLabels, cell_labels
from leuknet.data.cohort import Cohort
from leuknet.evaluation.intervals import bootstrap
from leuknet.evaluation.splits import Split, k_fold, leave_one_source_out
from leuknet.models.features import Way, extract, logistic, predicted

STEPS = ("whole image", "+ sources with both classes", "+ cells", "+ scale", "+ zoom")
PROTOCOLS = {"pooled folds": "image", "groups left out": "group"}
PERMUTED = 20  # draws
RESAMPLES = 200
PIXELS = 70.0  # px, the red-cell diameter that "without scale" assumes for every image


@dataclass(frozen=True)
class CellCohort:
    """A cohort with its cells, their labels and the settings of their classifier.

    Attributes
    ----------
    cohort : Cohort
    cells : Cells
    labels : CellLabels
    cell : CellClassifier
        The unfitted classifier.
    """

    cohort: Cohort
    cells: Cells
    labels: CellLabels
    cell: CellClassifier

    def classifier(self, **changes: Any) -> ImageClassifier:
        """Return an unfitted `ImageClassifier`; `changes` override fields of its `CellClassifier`."""
        return ImageClassifier(replace(self.cell, **changes))

    def by_cells(
        self,
        train: np.ndarray,
        test: np.ndarray,
        rule: str = "max",
        threshold: str = "half",
        pool: bool = False,
        **changes: Any,
    ) -> np.ndarray:
        """Fit to the images at `train` and return P(leukaemia) of those at `test` from their cells, float32."""
        model = replace(self.classifier(**changes), rule=rule, threshold=threshold, pool=pool)
        return model.fit(self.cells, self.labels, train).predict(self.cells, test)

    def centred(self) -> "CellCohort":
        """Subtract each source's mean from the sixteen numbers; also uses the unlabelled images of a target source."""
        numbers = pd.DataFrame(logarithmic(self.cells.values), columns=list(DESCRIPTORS))
        numbers -= numbers.groupby(self.labels.source).transform("mean")
        numbers[LOGARITHMIC] = np.exp(numbers[LOGARITHMIC])
        cells = replace(self.cells, table=self.cells.table.assign(**numbers))
        return replace(self, cells=cells, cell=CellClassifier())

    def number_of_cells(self) -> np.ndarray:
        """Return the number of cells detected in each image, int (images,)."""
        return np.bincount(self.cells.owner, minlength=len(self.cohort))


def prepared(cohort: Cohort, kind: str = "morphology", weights: str = "imagenet") -> CellCohort:
    """Return the `CellCohort` of a cohort; `kind` and `weights` are those of `CellClassifier`."""
    cells = cells_of(cohort)
    return CellCohort(cohort, cells, cell_labels(cohort, cells), CellClassifier(kind, weights))


def without_scale(cells: Cells) -> Cells:
    """Return the cells with sizes and crops in pixels of their image, i.e. not scaled by the red-cell diameter."""
    factor = (cells.table["diameter"] / PIXELS).to_numpy()
    sizes = {name: cells.table[name] * factor**2 for name in ("nucleus_area", "cell_area")}
    pictures = [zoomed(picture, size) for picture, size in zip(cells.crops, factor, strict=True)]
    table = cells.table.assign(**sizes, concavity=cells.table["concavity"] * factor)
    return replace(cells, table=table, crops=np.array(pictures, np.uint8).reshape(cells.crops.shape))


def by_image(values: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return P(leukaemia) from a logistic regression on one vector per image, float32, shape (len(test),)."""
    return logistic(values, labels, train, test).astype(np.float32)


def two_class(cohort: Cohort, train: np.ndarray) -> np.ndarray:
    """Return the training images from sources with both classes, or all of them if there is no such source."""
    rows = cohort.table.iloc[train]
    kept = train[(rows.groupby("source")["label"].transform("nunique") == 2).to_numpy()]
    return kept if len(kept) else train


def protocols(table: pd.DataFrame, folds: int, seed: int = 0) -> dict[str, Split]:
    """Return the splits of page 12; leave-one-source-out is included if at least two sources have both classes.

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.
    """
    splits = {name: k_fold(table, folds, seed=seed, by=by) for name, by in PROTOCOLS.items()}
    if (table.groupby("source")["label"].nunique() == 2).sum() > 1:
        splits["source left out"] = leave_one_source_out(table)
    return splits


def steps(material: CellCohort, splits: dict[str, Split], backbone: str, weights: str = "formula") -> pd.DataFrame:
    """Evaluate every step of `STEPS` under every split; zoom applies to the embedding only.

    Parameters
    ----------
    material : CellCohort
        Its cohort must have the input size of the network.
    splits : dict of str to Split
    backbone, weights : str
        Network whose features describe the whole image.

    Returns
    -------
    pandas.DataFrame
        ``step``, ``protocol``, ``fold``, ``image_id``, ``source``, ``group``, ``y`` and ``p``, one row per prediction.
    """
    cohort, y = material.cohort, material.cohort.labels.astype(int)
    whole = np.asarray(extract(cohort.images, backbone, weights))
    loose = replace(material, cells=without_scale(material.cells))
    ways: dict[str, Way] = {
        STEPS[0]: partial(by_image, whole, y),
        STEPS[1]: lambda train, test: by_image(whole, y, two_class(cohort, train), test),
        STEPS[2]: partial(loose.by_cells, copies=0),
        STEPS[3]: partial(material.by_cells, copies=0),
    }
    if material.cell.kind == "embedding":
        ways[STEPS[4]] = partial(material.by_cells, copies=COPIES)
    frames = [
        predicted(cohort.table, split, way).assign(step=step, protocol=name)
        for name, split in splits.items()
        for step, way in ways.items()
    ]
    return pd.concat(frames, ignore_index=True)


def within_source_auc(frame: pd.DataFrame) -> float:
    """Return the share of (positive, negative) pairs of images from the same source and fold that `p` ranks correctly.

    Ties count half. NaN if no source has both classes.
    """
    return float(_weighted_auc(frame, np.ones((1, len(frame))))[0])


def auc_interval(frame: pd.DataFrame, unit: str = "group", n: int = RESAMPLES) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of `within_source_auc`, resampling whole units; NaN if that is NaN."""
    if np.isnan(within_source_auc(frame)):
        return float("nan"), float("nan")
    names, place = np.unique(frame[unit].astype(str), return_inverse=True)
    drawn = rng("auc interval", n).multinomial(len(names), np.full(len(names), 1 / len(names)), n)
    low, high = np.nanquantile(_weighted_auc(frame, drawn[:, place].astype(float)), [0.025, 0.975])
    return float(low), float(high)


def _weighted_auc(frame: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    """Return `within_source_auc` for each row of `weights`, the weights of the images, float (n, images)."""
    y, p = frame["y"].to_numpy(), frame["p"].to_numpy()
    right = pairs = np.zeros(len(weights))
    for where in frame.groupby(["source", "fold"] if "fold" in frame else ["source"]).indices.values():
        one, zero = where[y[where] == 1], where[y[where] == 0]
        wins = (p[one, None] > p[zero]) + 0.5 * (p[one, None] == p[zero])
        right = right + (weights[:, one] @ wins * weights[:, zero]).sum(axis=1)
        pairs = pairs + weights[:, one].sum(axis=1) * weights[:, zero].sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.divide(right, pairs)


def summary(frame: pd.DataFrame, unit: str = "group") -> pd.DataFrame:
    """Return accuracy with its 95 % bootstrap interval by `unit`, and AUC within sources, per step and protocol."""
    rows = []
    for (step, protocol), part in frame.groupby(["step", "protocol"], sort=False):
        low, high = bootstrap(part, "A", unit, n=500)
        accuracy = ((part["p"] >= 0.5) == part["y"]).mean()
        rows.append((step, protocol, accuracy, low, high, within_source_auc(part), len(part)))
    return pd.DataFrame(rows, columns=["step", "protocol", "accuracy", "low", "high", "AUC", "images"])


def specificity(material: CellCohort) -> pd.DataFrame:
    """Return the specificity on each source without positive images, none of which is used for training.

    Returns
    -------
    pandas.DataFrame
        ``source``, ``images``, ``without a cell`` (counted as negative) and ``specificity``; empty if no source has
        cells of both classes, or if all sources have positive images.
    """
    cohort, found = material.cohort, material.number_of_cells()
    positives = cohort.table.groupby("source")["label"].transform("sum").to_numpy()
    model, rows = material.classifier(), []
    if material.labels.two_class_sources(np.arange(len(material.cells.table))):
        model.fit(material.cells, material.labels, np.flatnonzero(positives > 0))
        for source, where in cohort.table[positives == 0].groupby("source", sort=False).groups.items():
            negative = model.predict(material.cells, where.to_numpy()) < 0.5
            rows.append((source, len(where), int((found[where] == 0).sum()), float(negative.mean())))
    return pd.DataFrame(rows, columns=["source", "images", "without a cell", "specificity"])


def controls(material: CellCohort, split: Split, seed: int = 0, draws: int = PERMUTED) -> pd.DataFrame:
    """Return the AUC within sources of the method and of its controls under one split.

    A control that reaches the AUC of the method explains it. An AUC of 0.5 shows that what the control leaves out is
    essential.

    Returns
    -------
    pandas.DataFrame
        ``control``, ``AUC``, ``low``, ``high`` and ``what it tests``. The interval is the 95 % bootstrap interval by
        group; for permuted labels, the central 95 % of `draws` permutations.
    """
    cohort, y = material.cohort, material.cohort.labels.astype(int)
    colour = np.array([image.reshape(-1, 3).mean(axis=0) for image in np.asarray(cohort.images)])
    numbers = replace(material, cell=CellClassifier())
    ways: dict[str, tuple[Way, str]] = {
        "the method": (material.by_cells, "highest of an image's cells"),
        "scale held constant": (replace(material, cells=without_scale(material.cells)).by_cells, "sizes in pixels"),
        "number of cells alone": (partial(by_image, material.number_of_cells()[:, None], y), "no cell is looked at"),
        "one random cell an image": (one_each(material, seed).by_cells, "no choice among cells"),
        "no source with both classes": (replace(material, labels=one_class(material.labels)).by_cells, "blasts only"),
        "every source trains": (partial(material.by_cells, pool=True), "more sources of one class"),
        "colour put back": (partial(numbers.by_cells, colour=True), "16 numbers and 6 of colour"),
        "mean colour alone": (partial(by_image, colour, y), "what the stain gives away"),
    }
    rows = []
    for name, (way, tests) in ways.items():
        frame = predicted(cohort.table, split, way)
        rows.append((name, within_source_auc(frame), *auc_interval(frame), tests))
    dealt = [replace(material, labels=permuted(material.labels, k)) for k in range(draws)]
    for rule in ("max", "mean"):
        null = [predicted(cohort.table, split, partial(one.by_cells, rule=rule, copies=0)) for one in dealt]
        values = [within_source_auc(frame) for frame in null]
        name, limits = f"labels permuted by group, {rule}", np.quantile(values, [0.025, 0.975])
        rows.append((name, float(np.mean(values)), *limits.tolist(), f"{draws} draws; {rule} of an image's cells"))
    within = within_fields(material, split)
    rows.append(("within positive fields", within_source_auc(within), *auc_interval(within), "blasts among neighbours"))
    return pd.DataFrame(rows, columns=["control", "AUC", "low", "high", "what it tests"])


def one_each(material: CellCohort, seed: int) -> CellCohort:
    """Return the material with one randomly drawn cell per image; all other cells are assigned to no image (-1)."""
    owner = material.cells.owner
    order = rng("one cell", seed).permutation(len(owner))
    chosen = order[np.unique(owner[order], return_index=True)[1]]
    image = np.full(len(owner), -1)
    image[chosen] = owner[chosen]
    return replace(material, cells=replace(material.cells, table=material.cells.table.assign(image=image)))


def one_class(labels: CellLabels) -> CellLabels:
    """Return the labels without the normal cells of sources that also contain blasts: one class per source."""
    both = np.isin(labels.source, labels.two_class_sources(np.arange(len(labels.y))))
    return replace(labels, y=np.where(both & (labels.y == 0), UNKNOWN, labels.y))


def permuted(labels: CellLabels, seed: int) -> CellLabels:
    """Return labels with the shares of blasts permuted between groups and the cells of a group labelled at random."""
    random = rng("permuted labels", seed)
    share = pd.Series(np.where(labels.y < 0, np.nan, labels.y)).groupby(labels.group).mean().fillna(0)
    given = pd.Series(random.permutation(share.to_numpy()), index=share.index)
    y = (random.uniform(size=len(labels.y)) < given[labels.group].to_numpy()).astype(int)
    return replace(labels, y=np.where(labels.y < 0, labels.y, y))


def within_fields(material: CellCohort, split: Split) -> pd.DataFrame:
    """Return the individually labelled cells of positive fields: ``source``, ``group``, ``y`` (1 blast) and ``p``."""
    cells, labels, frames = material.cells, material.labels, []
    for fold in split.folds:
        roles = split.indices(material.cohort.table, fold)
        model = material.classifier().fit(cells, labels, roles["train"])
        positive = np.isin(cells.owner, roles["test"]) & (material.cohort.labels[cells.owner] == 1)
        rows = np.flatnonzero(positive & (labels.y >= 0) & ~labels.weak & ~cells.table["single"].to_numpy(bool))
        known = {name: getattr(labels, name)[rows] for name in ("source", "group", "y")}
        frames.append(pd.DataFrame(known | {"p": model.cell.predict(cells, rows)}))
    return pd.concat(frames, ignore_index=True)


def few_labelled(frame: pd.DataFrame, counts: tuple = (0, 2, 5, 10, 20), draws: int = 20) -> pd.DataFrame:
    """Return the accuracy with a threshold tuned on a few labelled images of each held-out source, on its other images.

    Returns
    -------
    pandas.DataFrame
        ``labelled a class``, ``accuracy`` (mean over sources and draws), ``sources``. Counts for which any source has
        too few images are omitted, so that all rows refer to the same sources.
    """
    rows = []
    for count in counts:
        parts = [p for _, p in frame.groupby("source") if p["y"].value_counts().reindex([0, 1]).min() > count]
        if len(parts) == frame["source"].nunique():
            hits = [_tuned(part, count, draw) for part in parts for draw in range(draws if count else 1)]
            rows.append((count, float(np.mean(hits)), len(parts)))
    return pd.DataFrame(rows, columns=["labelled a class", "accuracy", "sources"])


def _tuned(part: pd.DataFrame, count: int, draw: int) -> float:
    shuffled = part.sample(frac=1, random_state=draw)
    seen = shuffled.groupby("y").head(count)
    rest = shuffled.drop(seen.index)
    cuts = np.unique(np.r_[0.5, seen["p"].to_numpy()])
    best = cuts[int(np.argmax([((seen["p"] >= cut) == seen["y"]).mean() for cut in cuts]))] if count else 0.5
    return ((rest["p"] >= best) == rest["y"]).mean()
