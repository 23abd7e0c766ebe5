"""Merge images that share pixels into groups and sources that a split does not divide."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from leuknet.exceptions import LeuknetError


def regroup(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with groups and sources merged wherever images share pixels.

    Images connected by pairs, directly or through other images, and the groups they belong to become one group. Their
    sources become one source, whose name combines the original names. Images with identical files are merged as well.

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.
    pairs : pandas.DataFrame
        ``a``, ``b`` (image_id), as in `leuknet.data.leakage.audit.Audit.pairs`.

    Raises
    ------
    LeuknetError
        If a pair refers to an image that is not in the table.
    """
    places = pd.Index(table["image_id"]).get_indexer(pd.concat([pairs["a"], pairs["b"]]))
    if (places < 0).any():
        lost = pd.concat([pairs["a"], pairs["b"]]).iloc[int((places < 0).argmax())]
        raise LeuknetError(f"the audit names image {lost}, which is not in this cohort: audit this cohort again")
    links = places.reshape(2, -1)
    group = _merged(table["group"], [table["group"], table["sha256"]], links, " + ")
    source = _merged(table["source"], [table["source"], group], links, " + ")
    return table.assign(source=source, group=group)


def _merged(names: pd.Series, keys: list[pd.Series | list[str]], links: np.ndarray, sign: str) -> list[str]:
    """Return the name of each row's connected component: the first three distinct `names` and a count of the rest."""
    n, edges = len(names), [links]
    for key in keys:
        code = pd.factorize(np.asarray(key, dtype=object))[0]
        first = pd.Series(range(n)).groupby(code).transform("min").to_numpy()
        edges.append(np.stack([np.arange(n), first]))
    rows, columns = np.concatenate(edges, axis=1)
    _, component = connected_components(coo_matrix((np.ones(len(rows)), (rows, columns)), (n, n)), directed=False)
    spelt = {}
    for number, part in names.groupby(component, sort=False):
        distinct = list(dict.fromkeys(part))
        more = f"{sign}{len(distinct) - 3} more" if len(distinct) > 3 else ""
        spelt[number] = sign.join(distinct[:3]) + more
    return [spelt[number] for number in component]


def honest_tests(table: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return which data sets can be tested without leakage, and which others must be excluded from training.

    Returns
    -------
    pandas.DataFrame
        ``data_set``, ``negative``, ``positive`` (numbers of images), ``shares pixels with`` (other data sets),
        ``pairs within`` and ``pairs across`` (numbers of pairs inside the data set and with others), ``verdict``.
    """
    rows = []
    for name, part in table.groupby("data_set", sort=False):
        within = pairs[(pairs["data_set_a"] == name) & (pairs["data_set_b"] == name)]
        across = pairs[(pairs["data_set_a"] == name) ^ (pairs["data_set_b"] == name)]
        others = set(across["data_set_a"]) | set(across["data_set_b"]) - {name}
        kin = set(table.loc[table["source"].isin(part["source"]), "data_set"]) - {name}
        linked = sorted((others | kin) - {name})
        counts = part["label"].value_counts().reindex([0, 1], fill_value=0)
        rows.append(
            (name, *counts, ", ".join(sorted(others - {name})), len(within), len(across), _verdict(counts, linked))
        )
    columns = ["data_set", "negative", "positive", "shares pixels with", "pairs within", "pairs across", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def _verdict(counts: pd.Series, linked: list[str]) -> str:
    if counts.min() == 0:
        return "no: one class only"
    return f"only if {', '.join(linked)} leave training too" if linked else "yes"
