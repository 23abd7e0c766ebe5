"""Figures and tables of the ablation: approaches, backbones, heads, running times (Tables 2 to 9, Figures 4 and 5)."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leuknet.evaluation.significance import StudentT, student_t_from_summary
from leuknet.paper import tables
from leuknet.plots.format import PERCENT_METRICS, listed, mean_sd
from leuknet.plots.results.comparison import UNDEFINED
from leuknet.plots.style import APPROACH_COLOURS, APPROACH_MARKERS, COLUMN, language
from leuknet.plots.training.network import SHADES, legend_keys, short, state
from leuknet.study.ablation import TABLES
from leuknet.study.study import Study

NAMES = {"VGG16": "VGG-16", "VGG19": "VGG-19"}


def approach_layers(study: Study) -> pd.DataFrame:
    """Return the layers with weights of VGG-16 under each approach, from the model objects themselves."""
    from leuknet.models.networks import build, layer_table
    from leuknet.models.training import network_spec

    frames = []
    for approach in ("SFT", "mSFT", "DFT", "mDFT"):
        spec = network_spec(study.profile.settings("VGG16", approach), study.cohort.size)
        frames.append(layer_table(build(spec), spec).query("parameters > 0").assign(approach=approach))
    return pd.concat(frames, ignore_index=True)


def approach_diagram(layers: pd.DataFrame) -> Figure:
    """Draw the approaches side by side, input at the bottom: which layers are frozen, trained, or new (Figure 5).

    The axis, or the box where approaches differ, shows each layer's output shape and parameter count.
    """
    groups = list(layers.groupby("approach", sort=False))
    labels = [part["output_shape"] + "  " + part["parameters"].map(short) for _, part in groups]
    sizes = [set(row) for row in zip(*labels, strict=False)]
    with language():
        fig, ax = plt.subplots(figsize=(COLUMN, 0.26 * len(sizes) + 1.6))
        for x, (_, part) in enumerate(groups):
            for y, (_, row) in enumerate(part.iterrows()):
                colour, hatch = SHADES[state(row)]
                ax.barh(y, 0.86, left=x, height=0.84, color=colour, hatch=hatch, edgecolor="white")
                ink = {"bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.8}, "fontsize": 9}
                size = "" if len(sizes[y]) == 1 else f"  {labels[x].iloc[y]}"
                ax.text(x + 0.43, y, f"{row['layer'].removeprefix('head_')}{size}", ha="center", va="center", **ink)
        ax.set_xticks(np.arange(len(groups)) + 0.43, [f"{name}\n{trained_words(part)}" for name, part in groups])
        ax.set_yticks(range(len(sizes)), ["" if len(size) > 1 else min(size) for size in sizes])
        ax.tick_params(length=0)
        ax.grid(False)
        ax.spines["left"].set_visible(False)
        ax.legend(handles=legend_keys(), ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    return fig


def trained_words(layers: pd.DataFrame) -> str:
    """Return how many of the parameters are trained, as text."""
    trained = layers.loc[layers["trainable"], "parameters"].sum()
    return f"{trained:,} of\n{layers['parameters'].sum():,} trained"


def counts_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Return Table 2's parameters and depths next to those of Keras' networks.

    Parameters
    ----------
    counts : pandas.DataFrame
        From `leuknet.study.ablation.parameter_counts`.
    """
    printed = tables.table(2).pivot(index="row", columns="column", values="value").astype(int)
    rows = []
    for name, count, depth in counts[["model", "parameters", "depth"]].itertuples(index=False):
        model = NAMES.get(name, name)
        parameters, layers = printed.loc[model, ["Number of Parameters", "Topological Depth"]]
        equal = "yes" if parameters == count else "no"
        rows.append((model, f"{parameters:,}", f"{count:,}", equal, layers, depth))
    columns = ["model", "parameters, published", "parameters, Keras", "equal", "depth, published"]
    return pd.DataFrame(rows, columns=[*columns, "longest path, Keras"])


def trained_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Return `leuknet.study.ablation.trained_parameters` for readers: names as printed, numbers with commas."""
    shares = (100 * counts["trained"] / (counts["trained"] + counts["kept"])).map("{:.1f} %".format)
    named = counts.assign(model=counts["model"].map(lambda name: NAMES.get(name, name)), share=shares)
    return named.assign(**{column: named[column].map("{:,}".format) for column in ("trained", "kept", "new")})


def published_cells(number: int, test_set: str) -> pd.DataFrame:
    """Return a published ablation table's cells of one test set by (row, column); none if it is not the paper's."""
    table = tables.table(number)
    return table[table["block"] == test_set].set_index(["row", "column"])


def ablation_table(scores: pd.DataFrame, test_set: str) -> pd.DataFrame:
    """Return Tables 3 to 7 for one test set: published cell and this study's, mean ± s.d. over seeds (%).

    Parameters
    ----------
    scores : pandas.DataFrame
        One row a run: ``backbone``, ``approach``, ``fold`` and the metrics as fractions.
    """
    rows = [
        {"network": name, "approach": approach} | paired_cells(runs, cells, approach)
        for name, approach, runs, cells in networks(scores, test_set)
    ]
    return pd.DataFrame(rows)


def networks(scores: pd.DataFrame, test_set: str) -> Iterator[tuple[str, str, pd.DataFrame, pd.DataFrame]]:
    """Yield network, approach, their runs on one test set, and the `published_cells`, in the order of Tables 3 to 7."""
    here = scores[scores["fold"] == test_set]
    for number, backbone in TABLES.items():
        part = here[here["backbone"].str.lower().str.removesuffix("-nano") == backbone.lower()]
        for approach, runs in part.groupby("approach", sort=False):
            yield NAMES.get(backbone, backbone), approach, runs, published_cells(number, test_set)


def paired_cells(runs: pd.DataFrame, cells: pd.DataFrame, row: str) -> dict[str, str]:
    """Return, for each metric, the published text and this study's mean ± s.d., undefined P and MCC as 0 (Table 7)."""
    found, n = {}, runs["n"].max() if "n" in runs else None
    for metric in PERCENT_METRICS:
        found[f"{metric}, published"] = cells["text"].get((row, metric), "")
        found[f"{metric}, here"] = mean_sd(runs[metric], metric, n, UNDEFINED.get(metric)) if metric in runs else ""
    return found


def heads_table(scores: pd.DataFrame, test_set: str) -> pd.DataFrame:
    """Return Table 9 for one test set; `scores` has a column ``head`` with the paper's name of the head."""
    cells = published_cells(9, test_set)
    part = scores[scores["fold"] == test_set]
    rows = [{"head": head} | paired_cells(runs, cells, head) for head, runs in part.groupby("head", sort=False)]
    return pd.DataFrame(rows)


def accuracy_dots(scores: pd.DataFrame, test_sets: list[str]) -> Figure:
    """Draw accuracy of each network and approach: here filled, published open, mean ± s.d. over runs."""
    with language():
        fig, axes = plt.subplots(1, len(test_sets), figsize=(8, 5.4), sharey=True, squeeze=False)
        for ax, test_set in zip(axes[0], test_sets, strict=True):
            labels = _dots(ax, scores, test_set)
            ax.set(xlabel="accuracy (%)", title=test_set)
            ax.set_xlim(right=104)
            ax.axvline(50, color="#777777", linestyle=":", linewidth=1)
            ax.set_yticks(range(len(labels)), labels)
        axes[0][0].invert_yaxis()
        axes[0][0].plot([], [], "o", color="black", label="here")
        if any(len(published_cells(3, test_set)) for test_set in test_sets):
            axes[0][0].plot([], [], "o", color="black", markerfacecolor="white", label="published")
        fig.legend(*axes[0][0].get_legend_handles_labels(), ncols=2, loc="outside upper left")
    return fig


def ablation_sentence(scores: pd.DataFrame, test_sets: list[str]) -> str:
    """Return the network with the highest mean accuracy on each test set, here and published, with runs and images."""
    parts = []
    for test_set in test_sets:
        of = scores[scores["fold"] == test_set]
        means = of.groupby(["backbone", "approach"])["A"].mean()
        ties = [f"{backbone} {approach}" for backbone, approach in means.index[means == means.max()]]
        best = of[of["backbone"].str.cat(of["approach"], sep=" ") == ties[0]]
        n = best["n"].max() if "n" in best else None
        parts.append(
            f"On {test_set} the highest mean accuracy here is {mean_sd(best['A'], 'A', n)} % ({listed(ties)}; "
            f"{len(best)} runs{f' on {n:.0f} images' if n else ''})"
        )
    return "; ".join(parts) + ". Networks within one spread of each other are not ranked."


def _dots(ax: Axes, scores: pd.DataFrame, test_set: str) -> list[str]:
    labels: list[str] = []
    for name, approach, runs, cells in networks(scores, test_set):
        look = {"fmt": APPROACH_MARKERS[approach], "color": APPROACH_COLOURS[approach], "capsize": 3}
        y = len(labels)
        ax.errorbar(100 * runs["A"].mean(), y + 0.15, xerr=100 * runs["A"].std(ddof=1), **look)
        if (approach, "A") in cells.index:
            cell = cells.loc[(approach, "A")]
            ax.errorbar(cell["value"], y - 0.15, xerr=cell["spread"], markerfacecolor="white", alpha=0.75, **look)
        labels.append(f"{name} {approach}")
    return labels


def times_table(timings: pd.DataFrame) -> pd.DataFrame:
    """Return Table 8: training time and seconds per image, as printed and as measured here."""
    cells = tables.table(8).set_index(["block", "row", "column"])["text"]
    rows = []
    for row in timings.itertuples(index=False):
        backbone = next(b for b in TABLES.values() if row.backbone.lower().startswith(b.lower()))
        name = "ResNet" if backbone == "ResNet50" else NAMES.get(backbone, backbone)
        training, image = (cells.get((row.fold, name, f"{what} Time"), "") for what in ("Training", "Classification"))
        here = f"{row.training_seconds:.1f}", f"{row.seconds_per_image:.5f}"
        rows.append((row.backbone, row.fold, training, here[0], image, here[1]))
    columns = ["network", "test set", "training, published (min:s)", "training, here (s)"]
    return pd.DataFrame(rows, columns=[*columns, "per image, published (s)", "per image, here (s)"])


def published_t_test(test_set: str = "ALL-IDB 2", factor: int = 1) -> StudentT:
    """Return Student's t-test of the published accuracies of VGG-16 and VGG-19, mDFT, from mean and s.d. (§4.1).

    Parameters
    ----------
    test_set : str
    factor : float
        Multiplies VGG-16's s.d.: 100 if it was printed on a scale from 0 to 1.
    """
    a, b = (tables.cell(number, "mDFT", "A", test_set) for number in (3, 4))
    runs = (int(cell["n_runs"]) for cell in (a, b))
    return student_t_from_summary(a["value"], factor * a["spread"], next(runs), b["value"], b["spread"], next(runs))


def verdict(test: StudentT, a: str = "VGG-16", b: str = "VGG-19", level: float = 0.05) -> str:
    """Return what a t-test of two networks' accuracies (%) says, as one sentence."""
    if test.p < level:
        return f"At the {100 * level:g} % level {a if test.difference > 0 else b} is the more accurate."
    far = max(abs(test.low), abs(test.high))
    return f"No difference is shown at the {100 * level:g} % level; one of up to {far:.1f} points would fit as well."
