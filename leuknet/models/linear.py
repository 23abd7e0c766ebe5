"""The price of leakage, cheaply: one linear classifier on frozen features, under several splits."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits


def linear_predictions(features, table, splits, seed=0):
    """Return the test predictions of one classifier, standardised logistic regression, under each split.

    Parameters
    ----------
    features : numpy.ndarray, float, shape (n, d)
        One row an image of `table`.
    table : pandas.DataFrame
        A cohort's table.
    splits : list of Split
    seed : int
        Written into the predictions.

    Returns
    -------
    pandas.DataFrame
        ``image_id``, ``data_set``, ``source``, ``group``, ``y``, ``p``, ``fold``, ``seed``, ``split``, ``protocol``.
    """
    parts, y = [], table["label"].to_numpy()
    values = np.asarray(features, np.float64)
    with threadpool_limits(1):
        for split in splits:
            for fold in split.folds:
                where = split.indices(table, fold)
                model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, class_weight="balanced"))
                model.fit(values[where["train"]], y[where["train"]])
                told = table.iloc[where["test"]][["image_id", "data_set", "source", "group"]]
                p = model.predict_proba(values[where["test"]])[:, 1]
                named = {"fold": fold, "seed": seed, "split": "test", "protocol": split.protocol}
                parts.append(told.assign(y=y[where["test"]], p=p, **named))
    return pd.concat(parts, ignore_index=True)
