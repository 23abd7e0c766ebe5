"""Evaluation of activation maps, against masks of nucleus and cytoplasm and by removing pixels."""

import cv2
import keras
import numpy as np
import pandas as pd

from leuknet._random import rng
from leuknet.data.masks import REGIONS, UNKNOWN
from leuknet.evaluation.intervals import ratio_interval
from leuknet.exceptions import LeuknetError
from leuknet.models.interpretation import activation_maps as am
from leuknet.models.settings import TrainSettings
from leuknet.models.training import begun

STEPS = 10


def known(masks: np.ndarray) -> np.ndarray:
    """Return the positions of the images that have a mask with a nucleus."""
    return np.array([i for i, mask in enumerate(masks) if mask[0, 0] != UNKNOWN and (mask == 2).any()], int)


def region_shares(maps: np.ndarray, masks: np.ndarray, grid: int | None = None) -> pd.DataFrame:
    """Return how the positive activation of each image is distributed over background, cytoplasm and nucleus.

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, size, size), 0 or more
    masks : numpy.ndarray, uint8, shape (n, size, size)
        0 background (everything except leukocytes, i.e. including red cells), 1 cytoplasm, 2 nucleus.
    grid : int, optional
        Edge of the layer's maps before they were enlarged; needed for `ceiling`.

    Returns
    -------
    pandas.DataFrame
        One row per image and region: ``image`` (position), ``region``, ``activation`` (share of the map's sum, NaN if
        the map is zero), ``area`` (share of the pixels), ``hit`` (whether the map's maximum is in the region, the
        pointing game of Zhang et al., ECCV 2016), ``ceiling`` (the activation share of a map of this grid that matches
        the region perfectly; NaN without `grid`).
    """
    if maps.shape != masks.shape:
        raise LeuknetError(f"maps {maps.shape} and masks {masks.shape} are not of the same images")
    total = maps.sum(axis=(1, 2))
    highest = maps.reshape(len(maps), -1).argmax(axis=1)
    rows = []
    for region, value in REGIONS.items():
        inside = masks == value
        best = am.coarse(inside, grid) if grid else np.full(maps.shape, np.nan)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(total > 0, (maps * inside).sum(axis=(1, 2)) / total, np.nan)
            top = (best * inside).sum(axis=(1, 2)) / best.sum(axis=(1, 2))
        hit = np.where(total > 0, inside.reshape(len(maps), -1)[np.arange(len(maps)), highest], np.nan)
        of = {"activation": share, "area": inside.mean(axis=(1, 2)), "hit": hit, "ceiling": top}
        rows.append(pd.DataFrame({"image": np.arange(len(maps)), "region": region, **of}))
    return pd.concat(rows, ignore_index=True)


def measure(networks: dict[str, keras.Model], images: np.ndarray, masks: np.ndarray, few: int = 16) -> pd.DataFrame:
    """Return `region_shares` of every network and method, with the columns ``network`` and ``method``.

    Parameters
    ----------
    networks : dict of str to keras.Model
    images, masks : arrays, as for `region_shares`
    few : int
        Number of images for occlusion, evenly spread, because it runs the network about a hundred times per image.
    """
    parts = []
    for name, model in networks.items():
        grid = model.get_layer(am.default_layer(model)).output.shape[1]
        for method in am.METHODS:
            occluded = method == "occlusion"
            of = spread(len(images), few) if occluded else np.arange(len(images))
            shares = region_shares(am.activation_maps(model, images[of], method), masks[of], None if occluded else grid)
            parts.append(shares.assign(network=name, method=method, image=of[shares["image"]]))
    return pd.concat(parts, ignore_index=True)


def spread(n: int, few: int) -> np.ndarray:
    """Return at most `few` of the positions 0 to n - 1, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, few)).round().astype(int))


def by_layer(model: keras.Model, images: np.ndarray, masks: np.ndarray) -> pd.DataFrame:
    """Return `region_shares` of Grad-CAM at each of `maps.map_layers`, with the columns ``layer`` and ``grid``."""
    parts = []
    for layer in am.map_layers(model):
        grid = model.get_layer(layer).output.shape[1]
        shares = region_shares(am.activation_maps(model, images, layer=layer), masks, grid)
        parts.append(shares.assign(layer=layer, grid=f"{grid} x {grid}"))
    return pd.concat(parts, ignore_index=True)


def share_table(
    shares: pd.DataFrame,
    by: list[str],
    groups: np.ndarray | None = None,
    n: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the activation share and area share of each region, with a bootstrap interval of their ratio.

    Parameters
    ----------
    shares : pandas.DataFrame
        From `region_shares`, with the columns `by` added.
    by : list of str
    groups : array, optional
        Sampling unit (patient, slide) of each position in ``image``. Default: the image itself.
    n, level, seed
        Resamples, confidence level and seed of the percentile bootstrap, which draws whole groups with replacement.

    Returns
    -------
    pandas.DataFrame
        `by`, ``region``, ``images`` (with a non-zero map), ``empty maps`` (share of images without one), and as
        fractions ``activation share``, ``area share``, ``ratio`` (of these two means; 1 = no preference), ``low``,
        ``high``, ``ceiling ratio`` (see `region_shares`), ``pointing`` (share of hits; chance is the area share).
    """
    rows = []
    for key, part in shares.groupby([*by, "region"], sort=False):
        some = part[part["activation"].notna()]
        head = dict(zip([*by, "region"], key, strict=True)) | {"images": len(some)}
        head["empty maps"] = 1 - len(some) / len(part)
        if len(some):
            unit = some["image"].to_numpy() if groups is None else np.asarray(groups)[some["image"]]
            share, area, hit, ceiling = some[["activation", "area", "hit", "ceiling"]].mean()
            low, high = ratio_interval(some["activation"].to_numpy(), some["area"].to_numpy(), unit, n, level, seed)
            head |= {"activation share": share, "area share": area, "ratio": share / area if area else np.nan}
            head |= {"low": low, "high": high, "ceiling ratio": ceiling / area, "pointing": hit}
        rows.append(head)
    return pd.DataFrame(rows)


def removal_curves(
    model: keras.Model,
    images: np.ndarray,
    maps: dict[str, np.ndarray],
    seed: int = 0,
    batch: int = 32,
    steps: int = STEPS,
) -> pd.DataFrame:
    """Compute deletion and insertion curves, changing the most active pixels first (Petsiuk et al., BMVC 2018).

    Parameters
    ----------
    model : keras.Model
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
    maps : dict of str to numpy.ndarray, shape (n, size, size)
        Maps by name; "random" (blocks of an eighth of the edge, in random order) is added.

    Returns
    -------
    pandas.DataFrame
        ``map``, ``curve`` ("deletion": from the image to its median colour, lower is better; "insertion": from a
        blurred image to the image, higher is better), ``image``, ``share`` (of pixels changed), ``p`` (of the class
        that the network predicts for the original image).
    """
    logit = am.logit_model(model)
    signs = am.class_signs(am.logits(logit, images, batch), "called")
    size = images.shape[1]
    blocks = rng("random map", seed).random((len(images), 8, 8), np.float32)
    at = np.arange(size) * blocks.shape[1] // size
    maps = maps | {"random": blocks[:, at[:, None], at]}
    median = np.broadcast_to(np.median(images, axis=(1, 2), keepdims=True), images.shape).astype(np.uint8)
    ends = {"deletion": (images, median), "insertion": (blurred(images), images)}
    rows = []
    for name, some in maps.items():
        order = np.argsort(-some.reshape(len(images), -1), axis=1, kind="stable")
        for curve, (start, end) in ends.items():
            counts = [size * size * step // steps for step in range(steps + 1)]
            mixed = np.concatenate([exchanged(start, end, order[:, :count]) for count in counts])
            p = 1 / (1 + np.exp(-np.tile(signs, len(counts)) * am.logits(logit, mixed, batch)))
            of = {"image": np.tile(np.arange(len(images)), len(counts)), "p": p}
            shares = np.repeat(np.arange(len(counts)) / steps, len(images))
            rows.append(pd.DataFrame({"map": name, "curve": curve, "share": shares, **of}))
    return pd.concat(rows, ignore_index=True)


def exchanged(start: np.ndarray, end: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return `start` with the pixels at flat `places` (n, k) replaced by those of `end`; uint8 (n, size, size, 3)."""
    flat = start.reshape(len(start), -1, 3).copy()
    rows = np.arange(len(start))[:, None]
    flat[rows, places] = end.reshape(len(end), -1, 3)[rows, places]
    return flat.reshape(start.shape)


def blurred(images: np.ndarray) -> np.ndarray:
    """Return images blurred by a Gaussian of a twelfth of the edge, which removes cells but preserves colours."""
    spread = images.shape[1] / 12
    return np.stack([cv2.GaussianBlur(np.ascontiguousarray(image), (0, 0), spread) for image in images])


def area_under(curves: pd.DataFrame, by: tuple[str, ...] = ("map",)) -> pd.DataFrame:
    """Return the area under the mean of each curve (see `removal_curves`): `by`, ``deletion``, ``insertion``."""
    mean = curves.pivot_table(values="p", index=[*by, "curve"], columns="share", sort=False)
    areas = pd.Series(np.trapezoid(mean, mean.columns), mean.index).unstack("curve", sort=False)
    return areas.rename_axis(columns=None).reset_index()


def untrained(settings: TrainSettings, size: int, seed: int = 0) -> keras.Model:
    """Return the network of `settings` with random weights, for a sanity check (Adebayo et al., NeurIPS 2018)."""
    return begun(settings.but(weights="random"), size, seed)[0]
