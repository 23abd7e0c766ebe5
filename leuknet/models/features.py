"""Activations of a pretrained network as features of images (paper, sections 3.3 and 4.3)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from leuknet._cache import cached
from leuknet._io import hash_of, hash_of_array
from leuknet.evaluation.splits import Split
from leuknet.exceptions import LeuknetError
from leuknet.models import backbones, networks
from leuknet.models.interpretation.activations import outputs
from leuknet.models.settings import UNTUNED
from leuknet.models.weights import initialise

Way = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (train, test), positions in a cohort, to P(leukaemia) of test


class FeatureExtractor:
    """One layer of a pretrained network, built once and called for any number of sets of images.

    Parameters
    ----------
    backbone : str
    weights : {"imagenet", "formula", "random"}
    size : int
        Edge of the images, px.
    layer : str, optional
        A layer that gives maps is averaged over height and width. Default: fc2, the layer before the classifier, where
        the backbone has one with pretrained weights and the images have its size; otherwise the last layer whose
        weights are pretrained throughout (with random weights: the last map).
    preprocessing : {"unit", "imagenet"}, optional
        Default: `leuknet.models.settings.UNTUNED`, what the weights were trained with.
    seed : int
        Of the layers that no weight file fills.

    Raises
    ------
    LeuknetError
        If the layer or the weights do not exist.
    """

    def __init__(
        self,
        backbone: str,
        weights: str,
        size: int,
        layer: str | None = None,
        preprocessing: str | None = None,
        seed: int = 0,
    ) -> None:
        preprocessing = preprocessing or UNTUNED[weights]
        dense = backbones.fits_own_dense(backbone, size)
        spec = networks.NetworkSpec(backbone, "DFT" if dense else "mDFT", size, dense=(), preprocessing=preprocessing)
        net = networks.build(spec)
        record = initialise(net, spec, weights, seed)
        layer = layer or default_layer(net, record)
        settings = [backbones.canonical(backbone), layer, preprocessing, record["file_sha256"], keras.config.floatx()]
        self.key, self.model = [*settings, keras.config.dtype_policy().name, seed], _up_to(net, layer)

    def __call__(self, images: np.ndarray, batch: int = 64) -> np.ndarray:
        """Return the layer's activations for each image, from the cache if they were computed before.

        Parameters
        ----------
        images : uint8, shape (n, size, size, 3)
            RGB.
        batch : int

        Returns
        -------
        numpy.ndarray, float32, shape (n, d)
            Read-only memory map.
        """
        key = hash_of([*self.key, hash_of_array(images)])
        return cached("features", key, lambda: {"features": outputs(self.model, images, batch)})["features"]


def extract(images: np.ndarray, backbone: str, weights: str, batch: int = 64, **options: Any) -> np.ndarray:
    """Return one layer's activations for each image, see `FeatureExtractor`.

    Parameters
    ----------
    images : uint8, shape (n, size, size, 3)
        RGB.
    backbone, weights : str
    batch : int
    **options
        ``layer``, ``preprocessing`` and ``seed`` of `FeatureExtractor`.

    Returns
    -------
    numpy.ndarray, float32, shape (n, d)
        Read-only memory map.

    Raises
    ------
    LeuknetError
        If the images do not fit, or the layer or the weights do not exist.
    """
    images = np.asanyarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3:
        raise LeuknetError(f"features need uint8 images (n, size, size, 3), not {images.dtype} {images.shape}")
    return FeatureExtractor(backbone, weights, images.shape[1], **options)(images, batch)


def default_layer(model: keras.Model, record: dict[str, Any]) -> str:
    """Return the deepest layer that pretrained weights decide, given `initialise`'s record."""
    missing = [name for name in record["layers_random"] if not networks.is_new(model.get_layer(name))]
    if missing and record["layers_loaded"]:
        return record["layers_loaded"][-1]
    return networks.penultimate(model) if "fc2" in {layer.name for layer in model.layers} else networks.last_map(model)


def _up_to(net: keras.Model, layer: str) -> keras.Model:
    """Return the model of one layer's activations; maps are averaged over height and width."""
    try:
        out = net.get_layer(layer).output
    except ValueError as error:
        raise LeuknetError(f"{net.name} has no layer {layer!r}: see leuknet.models.networks.layer_table") from error
    if len(out.shape) == 4:
        out = keras.layers.GlobalAveragePooling2D(dtype="float32")(out)
    return keras.Model(net.inputs[0], out)


def logistic(
    values: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray, c: float = 0.01
) -> np.ndarray:
    """Return P(leukaemia) by logistic regression on one vector an image, float64 (len(test),)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, class_weight="balanced", max_iter=3000))
    return model.fit(values[train], labels[train]).predict_proba(values[test])[:, 1]


def predicted(table: pd.DataFrame, split: Split, way: Way) -> pd.DataFrame:
    """Return the predictions of `way` for the test images of each fold of a split, by the rows of a cohort's table."""
    frames = []
    for fold in split.folds:
        where = split.indices(table, fold)
        tested = table.iloc[where["test"]]
        known = tested[["image_id", "data_set", "source", "group"]].assign(y=tested["label"].astype(int))
        frames.append(known.assign(p=way(where["train"], where["test"]), fold=fold))
    return pd.concat(frames, ignore_index=True)


def linear_predictions(
    features: np.ndarray, table: pd.DataFrame, splits: Sequence[Split], seed: int = 0
) -> pd.DataFrame:
    """Return the test predictions of standardised logistic regression on frozen features under each split.

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
    way = partial(logistic, np.asarray(features, np.float64), table["label"].to_numpy(), c=1.0)
    with threadpool_limits(1):
        parts = [predicted(table, one, way).assign(seed=seed, split="test", protocol=one.protocol) for one in splits]
    return pd.concat(parts, ignore_index=True)
