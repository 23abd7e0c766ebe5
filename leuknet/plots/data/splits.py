"""Figures and tables of splits."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from leuknet.plots.style import language, table_order


def test_shares(table, split):
    """Return the share of each data set (rows) that each fold (columns) tests, in [0, 1]."""
    data_set = table.set_index("image_id")["data_set"]
    tested = split.table[split.table["role"] == "test"]
    counts = pd.crosstab(tested["image_id"].map(data_set), tested["fold"])
    names = table_order(data_set)
    sizes = data_set.value_counts()
    return counts.reindex(index=names, columns=split.folds, fill_value=0).div(sizes.reindex(names), axis=0)


def split_map(table, splits):
    """Draw, for each split side by side, which share of each data set is tested in each fold.

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.
    splits : list of Split
    """
    shares = [test_shares(table, split) for split in splits]
    widths = [max(part.shape[1], 2) for part in shares]
    with language():
        height = 0.24 * len(shares[0]) + 2.2
        fig, axes = plt.subplots(1, len(splits), figsize=(8, height), sharey=True, width_ratios=widths, squeeze=False)
        axes = axes[0]
        for ax, part, split in zip(axes, shares, splits, strict=True):
            lines = {"linewidths": 0.5, "linecolor": "#cccccc"}
            sns.heatmap(part, ax=ax, vmin=0, vmax=1, cmap="Blues", cbar=False, xticklabels=1, yticklabels=1, **lines)
            ax.set(xlabel="", ylabel="")
            ax.tick_params(axis="x", rotation=90)
            ax.set_title(textwrap.fill(split.protocol, 12), fontsize=9)
        fig.colorbar(axes[-1].collections[0], ax=axes, label="share tested", shrink=0.6)
    return fig


def paired_protocols(predictions, a, b):
    """Return the images that protocols `a` and `b` test by different networks, one row an image and seed.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Test predictions with ``protocol``, ``run``, ``image_id``, ``seed``, ``y``, ``p``.
    a, b : str
        Names of protocols.

    Returns
    -------
    pandas.DataFrame
        ``image_id``, ``seed``, ``y``, ``p_a``, ``p_b``, ``hit_a``, ``hit_b`` (bool).
    """
    columns = ["image_id", "seed", "y", "p", "run"]
    sides = [predictions.loc[predictions["protocol"] == name, columns] for name in (a, b)]
    pairs = sides[0].merge(sides[1], on=["image_id", "seed", "y"], suffixes=("_a", "_b"))
    pairs = pairs[pairs["run_a"] != pairs["run_b"]].drop(columns=["run_a", "run_b"])
    hits = {f"hit_{side}": (pairs[f"p_{side}"] >= 0.5) == pairs["y"] for side in "ab"}
    return pairs.assign(**hits)
