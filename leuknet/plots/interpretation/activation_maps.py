"""Activation maps: Figures 6 and 9, and their evaluation (paper, section 4.2)."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from leuknet._random import rng
from leuknet.data.cohort import Cohort
from leuknet.data.masks import REGIONS, UNKNOWN
from leuknet.evaluation.intervals import ratio_difference
from leuknet.exceptions import LeuknetError
from leuknet.plots.axes import band, name_rows, picture, picture_grid, subplots
from leuknet.plots.format import interval, listed, number
from leuknet.plots.style import CLASS_NAMES, COLUMN

NETWORK_LOOKS = {"trained": ("#0072B2", "o"), "shuffled labels": ("#E69F00", "s"), "random weights": ("#777777", "D")}


def overlay(ax: plt.Axes, image: np.ndarray, heat: np.ndarray, mask: np.ndarray | None = None) -> None:
    """Overlay a map on a greyscale image, high values in yellow; the mask's nucleus is outlined in white on black."""
    ax.imshow(image.mean(axis=2), cmap="gray", vmin=0, vmax=255)
    if heat.max() > 0:
        level = heat / heat.max()
        ax.imshow(level, cmap="inferno", vmin=0, vmax=1, alpha=np.clip(0.25 + 0.6 * level, 0, 0.85))
    if mask is not None and (mask == 2).any():
        for colour, width in (("black", 2.4), ("white", 1.1)):
            ax.contour(mask == 2, [0.5], colors=colour, linewidths=width)
    ax.axis("off")


def filter_heat_maps(outputs: dict[str, np.ndarray], image: np.ndarray, most: int = 6) -> plt.Figure:
    """Draw the output of a few filters of each layer for one image (paper, Figure 6), high values in yellow.

    Parameters
    ----------
    outputs : dict of str to numpy.ndarray, shape (h, w, c)
        From `leuknet.models.interpretation.activation_maps.filter_maps`.
    image : numpy.ndarray, uint8, shape (size, size, 3)
    most : int
        Number of filters per layer; those whose output varies most over the image are selected.
    """
    with picture_grid(len(outputs), most + 1, (8, 8 / (most + 1) * len(outputs) * 1.12 + 0.4)) as (fig, axes):
        for row, (name, maps) in zip(axes, outputs.items(), strict=True):
            picture(row[0], image, f"{name}\n{maps.shape[0]} x {maps.shape[1]} x {maps.shape[2]}")
            chosen = np.argsort(-maps.std(axis=(0, 1)), kind="stable")[:most]
            for ax, channel in zip(row[1:], chosen, strict=False):
                ax.imshow(maps[..., channel], cmap="viridis")
                ax.set_title(f"{channel}", fontsize=9)
    return fig


def map_examples(labels: list[int], n: int = 3, seed: int = 0) -> list[int]:
    """Return the positions of up to `n` random images of each class, negative first."""
    places = [np.flatnonzero(np.asarray(labels) == label) for label in (0, 1)]
    drawn = [np.sort(rng("map examples", seed, k).permutation(at)[:n]) for k, at in enumerate(places)]
    return np.concatenate(drawn).tolist()


def map_sheet(
    images: np.ndarray,
    labels: Sequence[int],
    p: Sequence[float],
    maps: dict[str, np.ndarray],
    masks: np.ndarray | None = None,
    titles: list[str] | None = None,
) -> plt.Figure:
    """Draw one row per image: the image, then each method's overlaid map, with outlined nucleus (paper, Figure 9).

    Parameters
    ----------
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
    labels, p : arrays, shape (n,)
        Class, and the network's probability of leukaemia.
    maps : dict of str to numpy.ndarray, shape (n, size, size)
    masks : numpy.ndarray, uint8, shape (n, size, size), optional
    titles : list of str, optional
        Additional text for each image.
    """
    edge = 8 / (len(maps) + 1)
    with picture_grid(len(images), len(maps) + 1, (8, (edge + 0.42) * len(images))) as (fig, axes):
        for i, row in enumerate(axes):
            right = "" if (p[i] >= 0.5) == labels[i] else ", WRONG"
            more = f"\n{titles[i]}" if titles else ""
            picture(row[0], images[i], f"{CLASS_NAMES[int(labels[i])]}\np = {p[i]:.2f}{right}{more}")
            for ax, (name, heat) in zip(row[1:], maps.items(), strict=True):
                overlay(ax, images[i], heat[i], None if masks is None else masks[i])
                ax.set_title(name if heat[i].max() > 0 else f"{name}: empty", fontsize=9, loc="left")
    return fig


def percent_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Return `regions.share_table` formatted for display: shares in %, ratio with its interval as text."""
    names = {"activation share": "activation (%)", "area share": "area (%)", "pointing": "pointing hits (%)"}
    shown = table.drop(columns=["low", "high"]).assign(**100 * table[[*names, "empty maps"]])
    of = table[["ratio", "low", "high"]].to_numpy()
    shown["ratio"] = [f"{r:.2f} ({a:.2f} to {b:.2f})" if a == a else f"{r:.2f} (one slide)" for r, a, b in of]
    return shown.rename(columns=names | {"empty maps": "empty maps (%)", "ratio": "ratio (95 % interval)"})


def region_ratios(table: pd.DataFrame) -> plt.Figure:
    """Draw activation share / area share of each region by network and method, with the maximum possible value.

    Parameters
    ----------
    table : pandas.DataFrame
        `leuknet.models.interpretation.regions.share_table` by network and method.
    """
    methods, networks = (list(dict.fromkeys(table[name])) for name in ("method", "network"))
    with subplots(1, len(methods), figsize=(8, 4), sharey=True, squeeze=False) as (fig, axes):
        for ax, method in zip(axes[0], methods, strict=True):
            of = table[table["method"] == method]
            for step, name in enumerate(networks):
                colour, marker = NETWORK_LOOKS.get(name, ("#009E73", "^"))
                at = of[of["network"] == name].set_index("region").reindex(list(REGIONS))
                rows = np.arange(len(REGIONS)) + 0.24 * (step - (len(networks) - 1) / 2)
                ax.hlines(rows, at["low"], at["high"], color=colour, linewidth=2)
                ax.plot(at["ratio"], rows, marker, color=colour, label=name)
            best = of[of["network"] == networks[0]].set_index("region")["ceiling ratio"].reindex(list(REGIONS))
            ax.plot(best, range(len(best)), "|", color="black", markersize=26, label="best on this grid")
            ax.axvline(1, color="black", linestyle=":", linewidth=1)
            ax.set_title(f"{method}\nn = {int(of['images'].max())}", fontsize=10, loc="left")
            name_rows(ax, REGIONS, xlabel="activation share / area share")
        fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return fig


def removal_view(curves: pd.DataFrame) -> plt.Figure:
    """Draw deletion and insertion curves: mean probability of the predicted class, and its interquartile range.

    Parameters
    ----------
    curves : pandas.DataFrame
        From `leuknet.models.interpretation.regions.removal_curves`, with the column ``network``: one row of panels
        each.
    """
    words = {"deletion": "deletion (lower is better)", "insertion": "insertion (higher is better)"}
    networks = list(curves.groupby("network", sort=False))
    size = (COLUMN, 2.3 * len(networks) + 0.9)
    with subplots(len(networks), 2, figsize=size, sharex=True, sharey=True, squeeze=False) as (fig, axes):
        for row, (network, of) in zip(axes, networks, strict=True):
            for ax, (curve, title) in zip(row, words.items(), strict=True):
                for name, part in of[of["curve"] == curve].groupby("map", sort=False):
                    at = part.groupby("share")["p"].describe()[["mean", "25%", "75%"]]
                    band(ax, 100 * at.index, at, 0.12, label=name)
                ax.set_title(f"{network}: {title}", fontsize=10, loc="left")
            row[0].set(ylim=(0, 1.02), ylabel="p of the called class")
        plt.setp(axes[-1], xlabel="pixels changed (%)")
        fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return fig


def worst_maps(shares: pd.DataFrame, n: int = 4) -> list[int]:
    """Return positions of the `n` images with the lowest activation share / area share of the nucleus."""
    of = shares[(shares["region"] == "nucleus") & shares["activation"].notna()]
    return of.assign(ratio=of["activation"] / of["area"]).nsmallest(n, "ratio")["image"].tolist()


def nucleus_gaps(shares: pd.DataFrame, groups: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Return, by method, how much the trained network's ratio for the nucleus exceeds that for the cytoplasm.

    Parameters
    ----------
    shares : pandas.DataFrame
        From `leuknet.models.interpretation.regions.measure`.
    groups : numpy.ndarray, shape (images,)
        Slide or patient of each image; both regions of a resampled group are drawn together, so the interval is paired.

    Returns
    -------
    dict of str to (difference, low, high)
    """
    found = {}
    for method, part in shares[(shares["network"] == "trained") & shares["activation"].notna()].groupby("method"):
        sides = {name: of.set_index("image") for name, of in part.groupby("region")}
        images = sides["nucleus"].index.intersection(sides["cytoplasm"].index)
        a, b = (sides[name].loc[images, ["activation", "area"]].to_numpy().T for name in ("nucleus", "cytoplasm"))
        found[method] = ratio_difference(tuple(a), tuple(b), np.asarray(groups)[images])
    return found


def nuclei_verdict(table: pd.DataFrame, gaps: dict[str, tuple[float, float, float]], weights: str) -> pd.DataFrame:
    """Judge "the nuclei are the most crucial region" by rules fixed before any run.

    Supported: the trained network's ratio for the nucleus has its whole 95 % interval above 1, its paired difference
    from the cytoplasm lies above 0, and its interval lies above those of the two uninformed networks (shuffled labels,
    random weights). Not supported: an interval lies on the other side. Otherwise: not distinguishable.

    Parameters
    ----------
    table : pandas.DataFrame
        `leuknet.models.interpretation.regions.share_table` by network and method.
    gaps : dict
        From `nucleus_gaps`.
    weights : str
        Initial weights of the trained network.

    Returns
    -------
    pandas.DataFrame
        One row per method: ``claim`` (id in ``leuknet/paper/data/claims.csv``), ``method``, ``value``, ``low``,
        ``high``, ``n``, ``above cytoplasm`` (difference with its interval), ``shuffled labels``, ``random weights``
        (their ratios), ``verdict``, and the trained network's initial ``weights``.
    """
    rows = []
    for method, of in table.groupby("method", sort=False):
        at = of.set_index(["network", "region"])
        own, gap = at.loc["trained", "nucleus"], gaps[method]
        rivals = {name: at.loc[name, "nucleus"] for name in ("shuffled labels", "random weights")}
        row = {"claim": "nuclei-decide", "method": method, "value": own["ratio"], **own[["low", "high"]]}
        row |= {"n": int(own["images"]), "above cytoplasm": f"{number(gap[0], 2, True)} ({interval(*gap[1:], 2)})"}
        row |= {name: rival["ratio"] for name, rival in rivals.items()}
        rows.append(row | {"verdict": _judged(own, gap, rivals), "weights": weights})
    return pd.DataFrame(rows)


def _judged(own: pd.Series, gap: tuple[float, float, float], rivals: dict[str, pd.Series]) -> str:
    if own["high"] < 1:
        return "not supported: below the nucleus' share of the area"
    if gap[2] < 0:
        return "not supported: the cytoplasm is favoured more"
    if more := [name for name, other in rivals.items() if own["high"] < other["low"]]:
        return f"not supported: {listed(more)} favour the nucleus more"
    open_ = ["its share of the area"] * (not own["low"] > 1) + ["the cytoplasm"] * (not gap[1] > 0)
    open_ += [name for name, other in rivals.items() if not own["low"] > other["high"]]
    return f"not distinguishable from {listed(open_)}" if open_ else "supported"


def map_card(
    model: Any,
    cohort: Cohort,
    place: int = 0,
    method: str = "Grad-CAM",
    layer: str | None = None,
    target: str = "called",
) -> plt.Figure:
    """Draw one image, its map, and the distribution of the activation over its regions, as shown by the explorer.

    Parameters
    ----------
    model : keras.Model
    cohort : Cohort
    place : int
        Position in the cohort.
    method, layer, target
        See `leuknet.models.interpretation.activation_maps.activation_maps`.
    """
    from leuknet.models.interpretation import activation_maps as am

    if not 0 <= place < len(cohort):
        raise LeuknetError(f"image {place} of {len(cohort)}: count from 0 to {len(cohort) - 1}")
    image, row = cohort.images[place : place + 1], cohort.table.iloc[place]
    z = am.logits(am.logit_model(model), image, batch=1)[0]
    heat = am.activation_maps(model, image, method, target, layer, batch=1)
    masks = None if cohort.masks is None else cohort.masks[place : place + 1]
    with subplots(1, 3, figsize=(8, 3.1), width_ratios=[1, 1, 1.1]) as (fig, axes):
        picture(axes[0], image[0], f"{CLASS_NAMES[int(row['label'])]}\np = {1 / (1 + np.exp(-z)):.2f}")
        overlay(axes[1], image[0], heat[0], None if masks is None else masks[0])
        axes[1].set_title(f"{method}, for: {target}\n{layer or am.default_layer(model)}", fontsize=9, loc="left")
        _share_bars(axes[2], heat, masks)
        fig.suptitle(row["image_id"], fontsize=10, x=0.01, ha="left")
    return fig


def _share_bars(ax: plt.Axes, heat: np.ndarray, masks: np.ndarray | None) -> None:
    if masks is None or masks[0, 0, 0] == UNKNOWN or heat.max() <= 0:
        ax.axis("off")
        ax.text(0, 0.5, "empty map" if heat.max() <= 0 else "no mask of this image", fontsize=10)
        return
    from leuknet.models.interpretation.regions import region_shares

    shares = 100 * region_shares(heat, masks).set_index("region")[["activation", "area"]].reindex(list(REGIONS))
    rows = np.arange(len(shares))
    ax.barh(rows - 0.2, shares["activation"], height=0.36, label="activation", color="#D55E00")
    ax.barh(rows + 0.2, shares["area"], 0.36, label="area", color="#999999", hatch="////", edgecolor="white")
    name_rows(ax, REGIONS, xlabel="share (%)")
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
