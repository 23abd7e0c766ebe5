"""Colour and size statistics of images, and how well these or other features predict the source."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.ndimage import laplace
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leuknet._random import derive
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError

CHANNELS = ("red", "green", "blue")
COLOUR = [
    *(f"{channel}_{what}" for what in ("mean", "sd", "od", "border") for channel in CHANNELS),
    "saturation",
    "brightness",
]
SHARPNESS = ["sharpness"]
SIZE = ["width", "height", "aspect"]
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_DENSITY = -np.log10((np.arange(256, dtype=np.float32) + 1) / 256)


def image_statistics(cohort: Cohort, batch: int = 16) -> pd.DataFrame:
    """Measure colour, sharpness and size of every image.

    Parameters
    ----------
    cohort : Cohort
    batch : int
        Number of images converted to float at a time.

    Returns
    -------
    pandas.DataFrame
        One row per image: ``image_id``, ``data_set``, ``source``, ``label``; per channel mean and s.d. (0 to 255), mean
        optical density ``-log10((I + 1) / 256)`` (Ruifrok & Johnston 2001) and mean of the border (outer twentieth of
        the edge, at least 1 px); mean ``saturation`` (HSV, 0 to 1) and ``brightness`` (ITU-R BT.601 luma, 0 to 255);
        ``sharpness`` (variance of the luma's Laplacian at the cohort's size, Pech-Pacheco et al. 2000); ``width``,
        ``height`` (px, native) and ``aspect`` (width / height). Columns are grouped in `COLOUR`, `SHARPNESS`, `SIZE`.
    """
    parts = [_measure(cohort.images[i : i + batch]) for i in range(0, len(cohort), batch)]
    table = cohort.table[["image_id", "data_set", "source", "label", "width", "height"]].reset_index(drop=True)
    table = pd.concat([table, pd.concat(parts, ignore_index=True)], axis=1)
    table["aspect"] = table["width"] / table["height"]
    return table[["image_id", "data_set", "source", "label", *COLOUR, *SHARPNESS, *SIZE]]


def _measure(images: np.ndarray) -> pd.DataFrame:
    planes = np.ascontiguousarray(np.moveaxis(images, -1, 1))
    values = planes.astype(np.float32).reshape(*planes.shape[:2], -1)
    largest = values.max(axis=1)
    saturation = (largest - values.min(axis=1)) / np.maximum(largest, 1)
    luma = np.tensordot(values, _LUMA, axes=(1, 0))
    per_channel = {
        "mean": values.mean(axis=2),
        "sd": values.std(axis=2),
        "od": _DENSITY[planes].mean(axis=(2, 3)),
        "border": values[:, :, border(*images.shape[1:3]).ravel()].mean(axis=2),
    }
    columns = {f"{c}_{what}": measured[:, i] for what, measured in per_channel.items() for i, c in enumerate(CHANNELS)}
    columns["saturation"] = saturation.mean(axis=1)
    columns["brightness"] = luma.mean(axis=1)
    columns["sharpness"] = laplace(luma.reshape(images.shape[:3]), axes=(1, 2)).var(axis=(1, 2))
    return pd.DataFrame(columns).astype(float)


def border(height: int, width: int) -> np.ndarray:
    """Return a bool mask (height, width) of the border of an image: 1/20 of the shorter edge, at least 1 px wide."""
    rim = max(1, min(height, width) // 20)
    mask = np.ones((height, width), bool)
    mask[rim:-rim, rim:-rim] = False
    return mask


@dataclass(frozen=True)
class SourceProbe:
    """Result of `source_probe`: how well features predict the source.

    Attributes
    ----------
    scores : pandas.DataFrame
        ``repeat``, ``fold``, ``accuracy``, ``balanced accuracy`` (fractions, on held-out images).
    confusion : pandas.DataFrame
        True source (rows) by predicted source (columns), as fractions of the row, averaged over repeats.
    chance, balanced_chance : float
        Fraction of images from the largest source (accuracy of always predicting it), and 1 / number of sources.
    folds, n : int
        Number of folds per repeat, and number of images.
    """

    scores: pd.DataFrame
    confusion: pd.DataFrame
    chance: float
    balanced_chance: float
    folds: int
    n: int

    def summary(self) -> pd.DataFrame:
        """Return a DataFrame with metric, mean, low and high (2.5th and 97.5th percentile over folds), and chance."""
        chance = {"accuracy": self.chance, "balanced accuracy": self.balanced_chance}
        columns = {metric: self.scores[metric] for metric in chance}
        rows = [(m, of.mean(), *np.quantile(of, [0.025, 0.975]), chance[m]) for m, of in columns.items()]
        return pd.DataFrame(rows, columns=["metric", "mean", "low", "high", "chance"])


def source_probe(
    features: ArrayLike, sources: ArrayLike, seed: int = 0, folds: int = 5, repeats: int = 5
) -> SourceProbe:
    """Measure how well features predict the source by cross-validated multinomial logistic regression.

    Parameters
    ----------
    features : array-like of float, shape (n, d)
        E.g. ``image_statistics(cohort)[COLOUR]``, or features of a network; standardised on the training folds.
    sources : array-like of str, shape (n,)
        Source or data set of each image.
    seed : int
        Seed of the folds.
    folds, repeats : int
        Number of stratified folds by image (at most the number of images of the smallest source) and of repeats.

    Returns
    -------
    SourceProbe

    Raises
    ------
    LeuknetError
        If there are fewer than two sources, a source has a single image, or features are not finite.
    """
    x, y = np.asarray(features, np.float64), np.asarray(sources, dtype=str)
    names, counts = np.unique(y, return_counts=True)
    _check_probe(x, y, names, counts)
    folds = int(min(folds, counts.min()))
    scores, confusion = [], 0
    for repeat in range(repeats):
        splitter = StratifiedKFold(folds, shuffle=True, random_state=derive("source probe", seed, repeat))
        for fold, (train, test) in enumerate(splitter.split(x, y)):
            model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(x[train], y[train])
            named = model.predict(x[test])
            scores.append((repeat, fold, accuracy_score(y[test], named), balanced_accuracy_score(y[test], named)))
            confusion = confusion + confusion_matrix(y[test], named, labels=names)
    table = pd.DataFrame(scores, columns=["repeat", "fold", "accuracy", "balanced accuracy"])
    shares = pd.DataFrame(confusion / (repeats * counts[:, None]), index=names, columns=names)
    return SourceProbe(table, shares, counts.max() / len(y), balanced_chance=1 / len(names), folds=folds, n=len(y))


def _check_probe(x: np.ndarray, y: np.ndarray, names: np.ndarray, counts: np.ndarray) -> None:
    if x.ndim != 2 or len(x) != len(y):
        raise LeuknetError(f"features of shape {x.shape} do not match {len(y)} sources: give one row per image")
    if not np.isfinite(x).all():
        raise LeuknetError("features hold NaN or infinity: leave out these images or columns")
    if len(names) < 2:
        raise LeuknetError(f"the source probe needs two or more sources, not {len(names)}")
    if counts.min() < 2:
        single = str(names[counts.argmin()])
        raise LeuknetError(f"source {single!r} has a single image: leave it out of the source probe")
