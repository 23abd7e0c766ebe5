"""Figures and tables of splits."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

from leuknet.evaluation.splits import Split
from leuknet.plots.format import fold_name
from leuknet.plots.output import say
from leuknet.plots.style import language, table_order
from leuknet.study import protocols
from leuknet.study.study import Study


def test_shares(table: pd.DataFrame, split: Split) -> pd.DataFrame:
    """Return the share of each data set (rows) that each fold (columns) tests, in [0, 1]."""
    data_set = table.set_index("image_id")["data_set"]
    tested = split.table[split.table["role"] == "test"]
    counts = pd.crosstab(tested["image_id"].map(data_set), tested["fold"])
    names = table_order(data_set)
    sizes = data_set.value_counts()
    return counts.reindex(index=names, columns=split.folds, fill_value=0).div(sizes.reindex(names), axis=0)


def split_map(table: pd.DataFrame, splits: list[Split]) -> plt.Figure:
    """Draw, for each split side by side, which share of each data set is tested in each fold.

    Parameters
    ----------
    table : pandas.DataFrame
        A cohort's table.
    splits : list of Split
    """
    shares = [100 * test_shares(table, split) for split in splits]
    widths = [max(part.shape[1], 2) for part in shares]
    lines = {"linewidths": 0.5, "linecolor": "#cccccc", "xticklabels": 1, "yticklabels": 1}
    with language():
        size = (8, 0.24 * len(shares[0]) + 2.2)
        fig, axes = plt.subplots(1, len(splits), figsize=size, sharey=True, width_ratios=widths, squeeze=False)
        for ax, part, split in zip(axes[0], shares, splits, strict=True):
            sns.heatmap(part.rename(columns=fold_name), ax=ax, vmin=0, vmax=100, cmap="Blues", cbar=False, **lines)
            ax.set(xlabel="", ylabel="")
            ax.tick_params(axis="x", rotation=90)
            ax.set_title(textwrap.fill(split.protocol, 12), fontsize=9)
        fig.colorbar(axes[0, -1].collections[0], ax=axes[0], label="share tested (%)", shrink=0.6)
    return fig


def possible_splits(study: Study, *names: str, table: pd.DataFrame | None = None) -> dict[str, Split]:
    """Return the splits of `leuknet.study.protocols.possible_splits`, and show why others cannot be had."""
    found, notes = protocols.possible_splits(study, *names, table=table)
    for note in notes:
        say(note)
    return found
