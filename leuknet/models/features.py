"""Activations of a pretrained network as image features (paper, sections 3.3 and 4.3)."""

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

Way = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (train, test) positions in a cohort -> P(leukaemia) of test


class FeatureExtractor:
    """One layer of a pretrained network as a feature extractor, built once and called for any number of image sets.

    Parameters
    ----------
    backbone : str
    weights : {"imagenet", "formula", "random"}
    size : int
        Edge of the images, px.
    layer : str, optional
        Name of the layer; feature maps are averaged over height and width. Default: fc2, the layer before the
        classifier, if the backbone has one with pretrained weights and the images have its native size; otherwise the
        last layer with fully pretrained weights (with random weights: the last feature map).
    preprocessing : {"unit", "imagenet"}, optional
        Default: the scaling that the weights were trained with (`leuknet.models.settings.UNTUNED`).
    seed : int
        Seed of the layers without pretrained weights.

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
        """Return the layer's activations for each image, from the cache if available.

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
    """Return the activations of one layer for each image; see `FeatureExtractor`.

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
    """Return the name of the deepest layer with fully pretrained weights, given the record from `initialise`."""
    missing = [name for name in record["layers_random"] if not networks.is_new(model.get_layer(name))]
    if missing and record["layers_loaded"]:
        return record["layers_loaded"][-1]
    return networks.penultimate(model) if "fc2" in {layer.name for layer in model.layers} else networks.last_map(model)


def _up_to(net: keras.Model, layer: str) -> keras.Model:
    """Return the model that outputs one layer's activations; feature maps are averaged over height and width."""
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
    """Return P(leukaemia) from a logistic regression on one vector per image, float64, shape (len(test),)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, class_weight="balanced", max_iter=3000))
    return model.fit(values[train], labels[train]).predict_proba(values[test])[:, 1]


def predicted(table: pd.DataFrame, split: Split, way: Way) -> pd.DataFrame:
    """Return the predictions of `way` for the test images of each fold of `split`, as a table."""
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
    """Return the test predictions of a logistic regression on standardised frozen features, for each split.

    Parameters
    ----------
    features : numpy.ndarray, float, shape (n, d)
        One row per image of `table`.
    table : pandas.DataFrame
        A cohort's table.
    splits : list of Split
    seed : int
        Value of the column ``seed``.

    Returns
    -------
    pandas.DataFrame
        ``image_id``, ``data_set``, ``source``, ``group``, ``y``, ``p``, ``fold``, ``seed``, ``split``, ``protocol``.
    """
    way = partial(logistic, np.asarray(features, np.float64), table["label"].to_numpy(), c=1.0)
    with threadpool_limits(1):
        parts = [predicted(table, one, way).assign(seed=seed, split="test", protocol=one.protocol) for one in splits]
    return pd.concat(parts, ignore_index=True)
