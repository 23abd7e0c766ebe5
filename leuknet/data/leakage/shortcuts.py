"""Predictability of the label from non-biological properties: cross-validated, per data set and overall."""

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from leuknet._random import derive, rng
from leuknet.data.leakage.facts import SHORTCUTS, TEXT

FOLDS = 5
RESAMPLES = 500
ALL = "all data sets"
COLUMNS = ["data_set", "named by", "images", "score", "low", "high", "values"]


def shortcuts(table: pd.DataFrame, facts: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return how well each kind of non-biological property predicts the label.

    Parameters
    ----------
    table : pandas.DataFrame
        Table of a cohort; images of one ``group`` are in the same fold.
    facts : pandas.DataFrame
        One row per image, in the order of `table`; columns as in `SHORTCUTS`.
    seed : int
        Seed of the folds, the trees and the resampling.

    Returns
    -------
    pandas.DataFrame
        ``data_set``, ``named by`` (key of `SHORTCUTS`), ``images``, ``score`` (balanced accuracy of a decision tree on
        held-out images, 0.5 at chance), ``low``, ``high`` (95 % interval from resampled groups), ``values`` (number of
        distinct values). Properties that are equal in all images are excluded, as are data sets with a single class or
        with fewer than `FOLDS` groups of either class.
    """
    rows = []
    for name in [*dict.fromkeys(table["data_set"]), ALL]:
        chosen = (table["data_set"] == name).to_numpy() | (name == ALL)
        part, labels = table[chosen], table.loc[chosen, "label"].to_numpy()
        if part.groupby("label")["group"].nunique().reindex([0, 1], fill_value=0).min() < FOLDS:
            continue
        for words, columns in SHORTCUTS.items():
            values = facts.loc[chosen, columns]
            if len(values.drop_duplicates()) < 2:
                continue  # equal in all images, so not predictive
            named = _named(values, labels, part["group"].to_numpy(), derive("shortcut", seed, name, words))
            low, high = _interval(labels, named, part["group"].to_numpy(), seed)
            score = balanced_accuracy_score(labels, named)
            rows.append((name, words, len(part), score, low, high, len(values.drop_duplicates())))
    return pd.DataFrame(rows, columns=COLUMNS)


def _named(values: pd.DataFrame, labels: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """Return the label predicted for each image by a tree fitted on the other folds; text is encoded by rank."""
    numbers = values.apply(lambda column: pd.factorize(column, sort=True)[0] if column.name in TEXT else column)
    tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=2, class_weight="balanced", random_state=seed)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return cross_val_predict(tree, numbers.to_numpy(float), labels, groups=groups, cv=folds)


def _interval(labels: np.ndarray, named: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """Return the 2.5th and 97.5th percentiles of the balanced accuracy over resampled groups."""
    _, group = np.unique(groups, return_inverse=True)
    counts = np.zeros((group.max() + 1, 2, 2))
    np.add.at(counts, (group, labels, (named == labels).astype(int)), 1)
    weights = rng("shortcut interval", seed).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), RESAMPLES)
    drawn = np.tensordot(weights, counts, axes=1)
    drawn = drawn[(drawn.sum(axis=2) > 0).all(axis=1)]
    return np.quantile((drawn[:, :, 1] / drawn.sum(axis=2)).mean(axis=1), [0.025, 0.975])
