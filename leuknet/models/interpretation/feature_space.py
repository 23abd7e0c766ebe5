"""Analysis of a network's feature space: separability by class and by source (paper, section 4.3).

Details that the paper leaves open, and the interpretation used here:

- *Where PCA is fitted.* On the training images of each fold only. Table 10 gives 100 components for both LODOCV and
  5-fold cross-validation; four fifths of ALL-IDB 1's 108 images span fewer than 100, so in the paper PCA must have been
  fitted on more images than those.
- *When PCA is applied.* To vectors of more than 256 features, because Table 10 does not reduce LeukNet's 256.
- *The SVM.* scikit-learn's ``LinearSVC`` with default parameters (squared hinge loss, C = 1), on unscaled features.
- *Pooling.* 5-fold scores are computed over the predictions of all folds together: each accuracy that the paper gives
  for ALL-IDB 1 corresponds to a whole number of its 108 images.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from leuknet._random import derive, rng
from leuknet.data.statistics import source_probe
from leuknet.evaluation.metrics import scores
from leuknet.evaluation.splits import Split, k_fold
from leuknet.exceptions import LeuknetError

COMPONENTS = 100
LONGEST = 256
METRICS = ("A", "P", "R", "Kappa")


def sample(n: int, most: int, seed: int = 0) -> np.ndarray:
    """Return at most `most` of the positions 0 to n - 1, drawn at random, in ascending order."""
    return np.sort(rng("points", seed).permutation(n)[:most])


def components(n: int, d: int) -> int | None:
    """Return the number of principal components for `d` features of `n` training images; None: no PCA."""
    return min(COMPONENTS, n) if d > LONGEST else None


def reduced(x: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return features `x` (n, d), reduced to their first principal components if d is above 256."""
    count = components(*x.shape)
    return PCA(count, random_state=derive("PCA", seed)).fit_transform(x) if count else x


def classifier(n: int, d: int, seed: int = 0) -> Pipeline:
    """Return the unfitted linear SVM for `n` training images of `d` features, with PCA first if d is above 256."""
    count = components(n, d)
    svm = LinearSVC(random_state=derive("SVM", seed))
    return make_pipeline(PCA(count, random_state=derive("PCA", seed)), svm) if count else make_pipeline(svm)


def predicted(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray, seed: int = 0) -> np.ndarray:
    """Fit PCA and linear SVM on the rows `train` and return the predicted labels (int) of the rows `test`."""
    return classifier(len(train), x.shape[1], seed).fit(x[train], y[train]).predict(x[test])


def separability(
    features: dict[str, dict[str, np.ndarray]], table: pd.DataFrame, split: Split, k: int = 5, seed: int = 0
) -> pd.DataFrame:
    """Score the linear SVM in each feature space by LODOCV and by k-fold within the held-out data set (Table 10).

    Parameters
    ----------
    features : dict of str to (dict of str to numpy.ndarray, shape (n, d))
        Maps the name of the space, then the fold of `split`, to the features of all images of the cohort from that
        fold's network.
    table : pandas.DataFrame
        The cohort's table, n rows.
    split : Split
        LODOCV.
    k : int
        Folds within a data set; fewer if its rarer class has fewer images.
    seed : int
        Seed of the folds and of the solvers.

    Returns
    -------
    pandas.DataFrame
        One row per space, data set and scenario ("LODOCV" or "k-fold"): ``data_set``, ``features``, ``length`` (of
        the vector), ``components`` (smallest number fitted; equal to `length` without PCA), ``scenario``, ``folds``,
        ``n`` (tested images), ``A``, ``P``, ``R``, ``Kappa`` (fractions, NaN if undefined).

    Raises
    ------
    LeuknetError
        If a held-out data set has fewer than two images of a class and cannot be split into folds.
    """
    y, rows = table["label"].to_numpy(), []
    for name, folds in features.items():
        for data_set, x in folds.items():
            roles = split.indices(table, data_set)
            train, test = roles["train"], roles["test"]
            within = _within(table, test, k, seed)
            calls = {"LODOCV": [(train, test)], "k-fold": within}
            for scenario, parts in calls.items():
                row = {"data_set": data_set, "features": name, "scenario": scenario, "folds": len(parts)}
                rows.append(row | _score(x, y, parts, seed))
    return pd.DataFrame(rows)


def _within(table: pd.DataFrame, test: np.ndarray, k: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (train, test) positions in `table` for each of the k folds within the rows `test`."""
    part = table.iloc[test]
    rarer = int(part["label"].value_counts().min())
    if rarer < 2:
        raise LeuknetError(f"{part['data_set'].iloc[0]} has one image of a class: k-fold within it needs two or more")
    split = k_fold(part, min(k, rarer), seed=seed)
    roles = [split.indices(part, fold) for fold in split.folds]
    return [(test[role["train"]], test[role["test"]]) for role in roles]


def _score(x: np.ndarray, y: np.ndarray, parts: list[tuple[np.ndarray, np.ndarray]], seed: int) -> dict[str, Any]:
    """Return length, components, n and the metrics over the predictions of all parts."""
    tested = np.concatenate([test for _, test in parts])
    calls = np.concatenate([predicted(x, y, train, test, seed) for train, test in parts])
    metrics = scores(y[tested], calls)
    count = min(components(len(train), x.shape[1]) or x.shape[1] for train, _ in parts)
    sizes = {"length": x.shape[1], "components": count, "n": len(tested)}
    return sizes | {name: metrics.get(name, np.nan) for name in METRICS}


def plane(x: np.ndarray, method: str = "t-SNE", seed: int = 0, perplexity: float = 30) -> np.ndarray:
    """Project features to two dimensions.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, d)
        Reduced by PCA first where d is above 256.
    method : {"PCA", "t-SNE", "UMAP"}
        The first two principal components; van der Maaten & Hinton (2008); McInnes et al. (2018).
    seed : int
    perplexity : float
        Perplexity of t-SNE; UMAP uses half of it as the number of neighbours. At most a third of the images.

    Returns
    -------
    numpy.ndarray, float32, shape (n, 2)
        Without unit; only neighbourhoods are meaningful.

    Raises
    ------
    LeuknetError
        If the method is unknown or there are fewer than four images.
    """
    if len(x) < 4:
        raise LeuknetError(f"{method} of {len(x)} images shows nothing: use four or more")
    x, state = reduced(np.asarray(x, np.float32), seed), derive(method, seed)
    wide = min(perplexity, (len(x) - 1) / 3)
    if method == "PCA":
        return PCA(2, random_state=state).fit_transform(x).astype(np.float32)
    if method == "t-SNE":
        from sklearn.manifold import TSNE

        with threadpool_limits(1):  # reproducible, and faster because OpenMP threads do not wait
            return TSNE(perplexity=wide, init="pca", random_state=state).fit_transform(x)
    if method == "UMAP":
        import umap

        return umap.UMAP(n_neighbors=max(2, int(wide / 2)), random_state=state, n_jobs=1).fit_transform(x)
    raise LeuknetError(f"projection {method!r} is unknown: use 'PCA', 't-SNE' or 'UMAP'")


def coordinates(
    x: np.ndarray, table: pd.DataFrame, features: str, method: str = "t-SNE", seed: int = 0, **settings: Any
) -> pd.DataFrame:
    """Return the projection of features as a table with one row per image, in the order of `table`.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, d)
    table : pandas.DataFrame, n rows
    features : str
        Name of the feature space.
    method, seed, **settings
        See `plane`.

    Returns
    -------
    pandas.DataFrame
        ``image_id``, ``data_set``, ``source``, ``label``, ``x``, ``y``, ``method``, ``features``.
    """
    if len(x) != len(table):
        raise LeuknetError(f"{len(x)} rows of features but {len(table)} images: give one row per image")
    points = plane(x, method, seed, **settings)
    named = table[["image_id", "data_set", "source", "label"]].reset_index(drop=True)
    return named.assign(x=points[:, 0], y=points[:, 1], method=method, features=features)


def separator(points: pd.DataFrame, seed: int = 0) -> LinearSVC:
    """Return the linear SVM fitted to two-dimensional `points` (``x``, ``y``, ``label``), as in Figures 10 and 11."""
    if points["label"].nunique() < 2:
        raise LeuknetError("a decision boundary needs both classes among the points")
    return LinearSVC(random_state=derive("SVM", seed)).fit(points[["x", "y"]].to_numpy(), points["label"])


def neighbours(x: np.ndarray, table: pd.DataFrame, query: np.ndarray, pool: np.ndarray, k: int = 5) -> pd.DataFrame:
    """Return how often the nearest images in a feature space are of the same source or class.

    In a source with a single class, both are the same, so the class is also evaluated among other sources only.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, d)
        Distances are Euclidean.
    table : pandas.DataFrame, n rows
    query, pool : int arrays
        Positions of the query images and of the candidate neighbours; must be disjoint.
    k : int
        Neighbours per image.

    Returns
    -------
    pandas.DataFrame
        Rows "same source", "same class", "same class, other sources"; columns ``share`` (of the neighbours) and
        ``chance`` (the same share over the whole pool), as fractions; NaN if no neighbour is allowed.
    """
    if np.intersect1d(query, pool).size:
        raise LeuknetError("query images are among their own neighbours: keep query and pool apart")
    source, label = table["source"].to_numpy(), table["label"].to_numpy()
    same_source = source[query][:, None] == source[pool][None]
    same_class = label[query][:, None] == label[pool][None]
    distance, every = pairwise_distances(x[query], x[pool]), np.ones_like(same_source)
    questions = {
        "same source": (same_source, every),
        "same class": (same_class, every),
        "same class, other sources": (same_class, ~same_source),
    }
    rows = [(name, *_share(distance, same, allowed, k)) for name, (same, allowed) in questions.items()]
    return pd.DataFrame(rows, columns=["question", "share", "chance"])


def _share(distance: np.ndarray, same: np.ndarray, allowed: np.ndarray, k: int) -> tuple[float, float]:
    """Return the share of `same` among the k nearest `allowed` images, and among all allowed ones."""
    some = allowed.any(axis=1)
    if not some.any():
        return np.nan, np.nan
    order = np.argsort(np.where(allowed, distance, np.inf)[some], axis=1, kind="stable")[:, :k]
    near, valid = (np.take_along_axis(mask[some], order, axis=1) for mask in (same, allowed))
    chance = (same & allowed)[some].sum(axis=1) / allowed[some].sum(axis=1)
    return near[valid].mean(), chance.mean()


def named_source(x: np.ndarray, table: pd.DataFrame, seed: int = 0, folds: int = 5) -> tuple[float, float]:
    """Return how well features predict the source: balanced accuracy of the probe, and 1 / number of sources.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, d)
        Reduced by PCA first where d is above 256.
    table : pandas.DataFrame, n rows
    seed, folds : int
        See `leuknet.data.statistics.source_probe`; sources with fewer images than folds are excluded.

    Returns
    -------
    accuracy, chance : float
        NaN with fewer than two such sources.
    """
    counts = table["source"].map(table["source"].value_counts()).to_numpy()
    large = counts >= folds
    if table.loc[large, "source"].nunique() < 2:
        return np.nan, np.nan
    probe = source_probe(reduced(x[large], seed), table.loc[large, "source"], seed, folds, repeats=1)
    return float(probe.scores["balanced accuracy"].mean()), probe.balanced_chance
