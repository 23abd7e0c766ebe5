"""What makes a classifier work on a source it has not seen: steps as ablations, and controls that try to kill them."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leuknet._random import rng
from leuknet.cells.classifier import ImageClassifier
from leuknet.cells.extract import Cells
from leuknet.cells.labels import CellLabels
from leuknet.data.cohort import Cohort
from leuknet.evaluation.intervals import bootstrap
from leuknet.evaluation.splits import Split
from leuknet.models.features import extract

STEPS = ("whole image", "+ sources with both classes", "+ cells", "+ scale")
PERMUTED = 10
PIXELS = 70.0  # px a red cell that "without scale" takes every image to have


def without_scale(cells: Cells) -> Cells:
    """Return the cells with sizes in pixels of their image, as if no red cell had been measured."""
    factor = cells.table["diameter"] / PIXELS
    sizes = {name: cells.table[name] * factor**2 for name in ("nucleus_area", "cell_area")}
    return Cells(
        cells.table.assign(**sizes, concavity=cells.table["concavity"] * factor), *list(vars(cells).values())[1:]
    )


def by_cells(cells: Cells, labels: CellLabels, train: np.ndarray, test: np.ndarray, rule: str = "max") -> np.ndarray:
    """Return P(leukaemia) of the images at `test` by their cells, float32, learned from those at `train`."""
    return ImageClassifier(rule=rule).fit(cells, labels, train).predict(cells, test)


def by_image(values: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return P(leukaemia) by logistic regression on one vector an image, float32 (len(test),)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=3000))
    return model.fit(values[train], labels[train]).predict_proba(values[test])[:, 1].astype(np.float32)


def two_class(cohort: Cohort, train: np.ndarray) -> np.ndarray:
    """Return the training images of sources that hold both classes; all of them where no source does."""
    rows = cohort.table.iloc[train]
    kept = train[(rows.groupby("source")["label"].transform("nunique") == 2).to_numpy()]
    return kept if len(kept) else train


def steps(cohort: Cohort, cells: Cells, labels: CellLabels, splits: dict[str, Split], backbone: str) -> pd.DataFrame:
    """Run every step of `STEPS` under every split.

    Parameters
    ----------
    cohort : Cohort
        At the size that the network sees.
    splits : dict of str to Split
    backbone : str
        Whose features describe the whole image; with the weights that the package ships.

    Returns
    -------
    pandas.DataFrame
        ``step``, ``protocol``, ``fold``, ``image_id``, ``source``, ``group``, ``y`` and ``p``, one row a prediction.
    """
    whole = np.asarray(extract(cohort.images, backbone, "formula"))
    y, loose = cohort.labels.astype(int), without_scale(cells)
    ways = {
        STEPS[0]: lambda train, test: by_image(whole, y, train, test),
        STEPS[1]: lambda train, test: by_image(whole, y, two_class(cohort, train), test),
        STEPS[2]: lambda train, test: by_cells(loose, labels, train, test),
        STEPS[3]: lambda train, test: by_cells(cells, labels, train, test),
    }
    frames = [
        predicted(cohort, split, way).assign(step=step, protocol=name)
        for name, split in splits.items()
        for step, way in ways.items()
    ]
    return pd.concat(frames, ignore_index=True)


def predicted(cohort: Cohort, split: Split, way) -> pd.DataFrame:
    """Return the predictions of ``way(train, test)`` over all folds of a split."""
    frames = []
    for fold in split.folds:
        roles = split.indices(cohort.table, fold)
        part = cohort.table.iloc[roles["test"]][["image_id", "source", "group"]]
        y = cohort.labels[roles["test"]].astype(int)
        frames.append(part.assign(fold=fold, y=y, p=way(roles["train"], roles["test"])))
    return pd.concat(frames, ignore_index=True)


def summary(frame: pd.DataFrame, unit: str = "group") -> pd.DataFrame:
    """Return accuracy with its 95 % bootstrap interval by `unit`, and AUC, of each step and protocol."""
    rows = []
    for (step, protocol), part in frame.groupby(["step", "protocol"], sort=False):
        low, high = bootstrap(part, "A", unit, n=500)
        accuracy = ((part["p"] >= 0.5) == part["y"]).mean()
        rows.append((step, protocol, accuracy, low, high, roc_auc_score(part["y"], part["p"]), len(part)))
    return pd.DataFrame(rows, columns=["step", "protocol", "accuracy", "low", "high", "AUC", "images"])


def controls(cohort: Cohort, cells: Cells, labels: CellLabels, split: Split, seed: int = 0) -> pd.DataFrame:
    """Return AUC of the whole method and of the controls under one split: ``control``, ``AUC``, ``what it tests``.

    A control that reaches the method's AUC explains it; one that falls to 0.5 shows that its part was needed.
    """
    y, n = cohort.labels.astype(int), np.bincount(cells.owner, minlength=len(cohort))
    colour = np.array([image.reshape(-1, 3).mean(axis=0) for image in np.asarray(cohort.images)])
    lone = one_each(cells, seed)
    ways = {
        "the method": (lambda a, b: by_cells(cells, labels, a, b), "maximum over the cells of an image"),
        "scale held constant": (lambda a, b: by_cells(without_scale(cells), labels, a, b), "sizes in pixels"),
        "number of cells alone": (lambda a, b: by_image(n[:, None], y, a, b), "no cell is looked at"),
        "one random cell an image": (lambda a, b: by_cells(lone, labels_of(labels, lone), a, b), "no maximum"),
        "mean colour alone": (lambda a, b: by_image(colour, y, a, b), "what the source's stain gives away"),
    }
    rows = []
    for name, (way, tests) in ways.items():
        frame = predicted(cohort, split, way)
        rows.append((name, roc_auc_score(frame["y"], frame["p"]), tests))
    dealt = [predicted(cohort, split, _permuted(cells, labels, draw)) for draw in range(PERMUTED)]
    mean = float(np.mean([roc_auc_score(frame["y"], frame["p"]) for frame in dealt]))
    rows.append(("labels permuted by group", mean, f"mean of {PERMUTED} draws; should be near 0.5"))
    within = within_fields(cohort, cells, labels, split)
    rows.append(("within positive fields", within, "blasts against other cells there"))
    return pd.DataFrame(rows, columns=["control", "AUC", "what it tests"])


def _permuted(cells, labels, seed):
    dealt = permuted(labels, seed)
    return lambda train, test: by_cells(cells, dealt, train, test)


def one_each(cells: Cells, seed: int) -> Cells:
    """Return one cell of each image, drawn at random; its row in the given table is kept in column ``row``."""
    order = rng("one cell", seed).permutation(len(cells.table))
    rows = np.sort(order[np.unique(cells.owner[order], return_index=True)[1]])
    table = cells.table.iloc[rows].assign(row=rows).reset_index(drop=True)
    return Cells(table, cells.crops[rows], cells.images, cells.seconds)


def labels_of(labels: CellLabels, cells: Cells) -> CellLabels:
    """Return the labels of the cells that `one_each` drew."""
    return CellLabels(*[values[cells.table["row"]] for values in vars(labels).values()])


def permuted(labels: CellLabels, seed: int) -> CellLabels:
    """Return the labels with each group's share of blasts given to another group, cells of a group dealt at random."""
    random = rng("permuted labels", seed)
    share = pd.Series(np.where(labels.y < 0, np.nan, labels.y)).groupby(labels.group).mean().fillna(0)
    given = pd.Series(random.permutation(share.to_numpy()), index=share.index)
    y = (random.uniform(size=len(labels.y)) < given[labels.group].to_numpy()).astype(int)
    return CellLabels(np.where(labels.y < 0, labels.y, y), labels.group, labels.source, labels.weak)


def within_fields(cohort: Cohort, cells: Cells, labels: CellLabels, split: Split) -> float:
    """Return the AUC of blasts against other cells within positive fields of held-out sources, or NaN."""
    y, p = [], []
    for fold in split.folds:
        roles = split.indices(cohort.table, fold)
        model = ImageClassifier().fit(cells, labels, roles["train"])
        positive = np.isin(cells.owner, roles["test"]) & (cohort.labels[cells.owner] == 1)
        rows = np.flatnonzero(positive & (labels.y >= 0) & ~labels.weak & ~cells.table["single"].to_numpy(bool))
        own = Cells(cells.table.iloc[rows], cells.crops[rows], cells.images, cells.seconds)
        y.append(labels.y[rows])
        p.append(model.cell.predict(own))
    y, p = np.concatenate(y), np.concatenate(p)
    return float(roc_auc_score(y, p)) if len(set(y)) == 2 else float("nan")


def few_labelled(frame: pd.DataFrame, counts: tuple = (0, 2, 5, 10, 20), draws: int = 20) -> pd.DataFrame:
    """Return accuracy at a threshold chosen on a few labelled images of each held-out source, scored on its others.

    Returns
    -------
    pandas.DataFrame
        ``labelled a class``, ``accuracy`` (mean over sources and draws), ``sources``; counts that some source has too
        few images for are left out, so that all rows are of the same sources.
    """
    rows = []
    for count in counts:
        parts = [p for _, p in frame.groupby("source") if p["y"].value_counts().reindex([0, 1]).min() > count]
        if len(parts) == frame["source"].nunique():
            hits = [_tuned(part, count, draw) for part in parts for draw in range(draws if count else 1)]
            rows.append((count, float(np.mean(hits)), len(parts)))
    return pd.DataFrame(rows, columns=["labelled a class", "accuracy", "sources"])


def _tuned(part, count, draw):
    shuffled = part.sample(frac=1, random_state=draw)
    seen = shuffled.groupby("y").head(count)
    rest = shuffled.drop(seen.index)
    cuts = np.unique(np.r_[0.5, seen["p"].to_numpy()])
    best = cuts[int(np.argmax([((seen["p"] >= cut) == seen["y"]).mean() for cut in cuts]))] if count else 0.5
    return ((rest["p"] >= best) == rest["y"]).mean()
