"""Figures and tables of the ablation: backbones, approaches, heads, running times (Tables 2 to 9)."""

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet.evaluation.significance import StudentT, student_t_from_summary
from leuknet.paper import tables
from leuknet.plots.axes import subplots
from leuknet.plots.format import PERCENT_METRICS, listed, mean_sd
from leuknet.plots.results.comparison import UNDEFINED
from leuknet.plots.style import APPROACH_COLOURS, APPROACH_MARKERS
from leuknet.study.ablation import TABLES

NAMES = {"VGG16": "VGG-16", "VGG19": "VGG-19"}


def network_name(backbone: str) -> str:
    """Return the name of a backbone in tables and sentences.

    Examples
    --------
    >>> network_name("VGG16-nano"), network_name("Xception")
    ('VGG-16 (narrow)', 'Xception')
    """
    full = backbone.removesuffix("-nano")
    return NAMES.get(full, full) + (" (narrow)" if full != backbone else "")


def counts_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Return Table 2's parameters and depths next to those of Keras' networks.

    Parameters
    ----------
    counts : pandas.DataFrame
        From `leuknet.study.ablation.parameter_counts`.
    """
    printed = tables.table(2).pivot(index="row", columns="column", values="value").astype(int)
    frame = counts.replace({"model": NAMES}).join(printed, on="model")
    published = frame["Number of Parameters"]
    columns = {"model": frame["model"], "parameters, published": published.map("{:,}".format)}
    columns |= {"parameters, Keras": frame["parameters"].map("{:,}".format)}
    columns |= {"equal": np.where(published == frame["parameters"], "yes", "no")}
    columns |= {"depth, published": frame["Topological Depth"], "longest path, Keras": frame["depth"]}
    return pd.DataFrame(columns)


def trained_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Format `leuknet.study.ablation.trained_parameters` for display: names as printed, numbers with commas."""
    shares = (100 * counts["trained"] / (counts["trained"] + counts["kept"])).map("{:.1f} %".format)
    texts = {column: counts[column].map("{:,}".format) for column in ("trained", "kept", "new")}
    return counts.replace({"model": NAMES}).assign(share=shares, **texts)


def published_cells(number: int, test_set: str) -> pd.DataFrame:
    """Return the cells of a published ablation table for one test set by (row, column); empty for other test sets."""
    table = tables.table(number)
    return table[table["block"] == test_set].set_index(["row", "column"])


def ablation_table(scores: pd.DataFrame, test_set: str) -> pd.DataFrame:
    """Return Tables 3 to 7 for one test set: published cells and this study's, mean ± s.d. over seeds (%).

    Parameters
    ----------
    scores : pandas.DataFrame
        One row per run: ``backbone``, ``approach``, ``fold`` and the metrics as fractions.
    """
    return pd.DataFrame(
        {"network": name, "approach": approach} | paired_cells(runs, cells, approach)
        for name, approach, runs, cells in networks(scores, test_set)
    )


def networks(scores: pd.DataFrame, test_set: str) -> Iterator[tuple[str, str, pd.DataFrame, pd.DataFrame]]:
    """Yield network, approach, their runs on one test set, and the `published_cells`, in the order of Tables 3 to 7."""
    here = scores[scores["fold"] == test_set]
    for number, backbone in TABLES.items():
        part = here[here["backbone"].str.lower().str.removesuffix("-nano") == backbone.lower()]
        for approach, runs in part.groupby("approach", sort=False):
            yield NAMES.get(backbone, backbone), approach, runs, published_cells(number, test_set)


def paired_cells(runs: pd.DataFrame, cells: pd.DataFrame, row: str) -> dict[str, str]:
    """Return, for each metric, the published text and this study's mean ± s.d.; undefined P and MCC are 0 (Table 7)."""
    found, n = {}, runs["n"].max() if "n" in runs else None
    for metric in PERCENT_METRICS:
        found[f"{metric}, published"] = cells["text"].get((row, metric), "")
        found[f"{metric}, here"] = mean_sd(runs[metric], metric, n, UNDEFINED.get(metric)) if metric in runs else ""
    return found


def heads_table(scores: pd.DataFrame, test_set: str) -> pd.DataFrame:
    """Return Table 9 for one test set; the column ``head`` of `scores` contains the paper's name of the head."""
    cells = published_cells(9, test_set)
    part = scores[scores["fold"] == test_set]
    rows = [{"head": head} | paired_cells(runs, cells, head) for head, runs in part.groupby("head", sort=False)]
    return pd.DataFrame(rows)


def accuracy_dots(scores: pd.DataFrame, test_sets: list[str]) -> plt.Figure:
    """Draw the accuracy of each network and approach: here filled, published hollow, mean ± s.d. over runs."""
    with subplots(1, len(test_sets), figsize=(8, 5.4), sharey=True, squeeze=False) as (fig, axes):
        for ax, test_set in zip(axes[0], test_sets, strict=True):
            labels = _dots(ax, scores, test_set)
            ax.set(xlabel="accuracy (%)", title=test_set, yticks=range(len(labels)), yticklabels=labels)
            ax.set_xlim(right=104)
            ax.axvline(50, color="#777777", linestyle=":", linewidth=1)
        first = axes[0][0]
        first.invert_yaxis()
        first.plot([], [], "o", color="black", label="here")
        if any(len(published_cells(3, test_set)) for test_set in test_sets):
            first.plot([], [], "o", color="black", markerfacecolor="white", label="published")
        fig.legend(*first.get_legend_handles_labels(), ncols=2, loc="outside upper left")
    return fig


def ablation_sentence(scores: pd.DataFrame, test_sets: list[str]) -> str:
    """Return the network with the highest mean accuracy on each test set, with runs and images."""
    named = scores.assign(name=scores["backbone"].map(network_name).str.cat(scores["approach"], sep=" "))
    return f"{_highest(named, test_sets)}. Networks within one spread of each other are not ranked."


def heads_sentence(scores: pd.DataFrame, test_sets: list[str]) -> str:
    """Return the head of Table 9 with the highest mean accuracy on each test set, with runs and images."""
    return f"{_highest(scores.assign(name=scores['head']), test_sets, ' of a head (Table 9)')}."


def _highest(scores: pd.DataFrame, test_sets: list[str], of_what: str = "") -> str:
    """Return the ``name`` with the highest mean accuracy on each test set, with runs and images."""
    parts = []
    for test_set in test_sets:
        of = scores[scores["fold"] == test_set]
        means = of.groupby("name")["A"].mean()
        ties = means.index[means == means.max()].tolist()
        best = of[of["name"] == ties[0]]
        n = best["n"].max() if "n" in best else None
        runs = f"{listed(ties)}; {len(best)} runs{f' on {n:.0f} images' if n else ''}"
        parts.append(
            f"On {test_set} the highest mean accuracy{of_what} here is {mean_sd(best['A'], 'A', n)} % ({runs})"
        )
    return ". ".join(parts)


def _dots(ax: plt.Axes, scores: pd.DataFrame, test_set: str) -> list[str]:
    labels: list[str] = []
    for name, approach, runs, cells in networks(scores, test_set):
        look: dict[str, Any] = {"fmt": APPROACH_MARKERS[approach], "color": APPROACH_COLOURS[approach], "capsize": 3}
        y = len(labels)
        ax.errorbar(100 * runs["A"].mean(), y + 0.15, xerr=100 * runs["A"].std(ddof=1), **look)
        if (approach, "A") in cells.index:
            cell = cells.loc[(approach, "A")]
            ax.errorbar(cell["value"], y - 0.15, xerr=cell["spread"], markerfacecolor="white", alpha=0.75, **look)
        labels.append(f"{name} {approach}")
    return labels


def times_table(timings: pd.DataFrame) -> pd.DataFrame:
    """Return Table 8: training time and time per image, as printed and as measured here."""
    cells = tables.table(8).set_index(["block", "row", "column"])["text"]
    rows = []
    for row in timings.itertuples(index=False):
        backbone = next(b for b in TABLES.values() if row.backbone.lower().startswith(b.lower()))
        name = "ResNet" if backbone == "ResNet50" else NAMES.get(backbone, backbone)
        training, image = (cells.get((row.fold, name, f"{what} Time"), "") for what in ("Training", "Classification"))
        here = f"{row.training_seconds:.1f}", f"{row.seconds_per_image:.5f}"
        rows.append((network_name(row.backbone), row.fold, training, here[0], image, here[1]))
    columns = ["training, published (min:s)", "training, here (s)", "per image, published (s)", "per image, here (s)"]
    return pd.DataFrame(rows, columns=["network", "test set", *columns])


def published_t_test(test_set: str = "ALL-IDB 2", factor: int = 1) -> StudentT:
    """Return Student's t-test of the published accuracies of VGG-16 and VGG-19, mDFT, from mean and s.d. (§4.1).

    Parameters
    ----------
    test_set : str
    factor : float
        Factor applied to VGG-16's s.d.: 100 if it was printed on a scale from 0 to 1.
    """
    a, b = (tables.cell(number, "mDFT", "A", test_set) for number in (3, 4))
    runs = (int(cell["n_runs"]) for cell in (a, b))
    return student_t_from_summary(a["value"], factor * a["spread"], next(runs), b["value"], b["spread"], next(runs))


def verdict(test: StudentT, a: str = "VGG-16", b: str = "VGG-19", level: float = 0.05) -> str:
    """Describe the result of a t-test of two networks' accuracies (%) in one sentence."""
    if test.p < level:
        return f"At the {100 * level:g} % level {a if test.difference > 0 else b} is the more accurate."
    far = max(abs(test.low), abs(test.high))
    return f"No difference is shown at the {100 * level:g} % level; one of up to {far:.1f} points would fit as well."
