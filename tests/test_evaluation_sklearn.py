"""A split as scikit-learn's ``cv``."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from leuknet.evaluation import splits
from leuknet.exceptions import LeuknetError


def test_scikit_learn_takes_a_split_as_cv():
    table = _cross_validated_cohort()
    features = np.random.default_rng(0).normal(size=(len(table), 2)) + table[["label"]].to_numpy()
    split = splits.k_fold(table, 4, seed=1)
    model = LogisticRegression()
    found = cross_val_score(model, features, table["label"], groups=table["image_id"], cv=split)
    by_hand = []
    for fold in split.folds:
        place = split.indices(table, fold)
        model.fit(features[place["train"]], table["label"].iloc[place["train"]])
        by_hand.append(model.score(features[place["test"]], table["label"].iloc[place["test"]]))
    assert found.tolist() == by_hand and split.get_n_splits() == 4
    shuffled = table.sample(frac=1, random_state=0)
    for (train, test), fold in zip(split.split(shuffled), split.folds, strict=True):
        place = split.indices(shuffled, fold)
        np.testing.assert_array_equal(train, place["train"])
        np.testing.assert_array_equal(test, place["test"])
    with pytest.raises(LeuknetError, match="name the images"):
        next(split.split(features))
    with pytest.raises(LeuknetError, match="which is not given"):
        next(split.split(table.iloc[1:]))


def _cross_validated_cohort():
    rows = [(f"d/{k}", "d", "s", f"g{k}", k % 2, f"{k:064}") for k in range(40)]
    return pd.DataFrame(rows, columns=["image_id", "data_set", "source", "group", "label", "sha256"])
