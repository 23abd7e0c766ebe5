"""Features of a frozen backbone, computed once for each augmented variant of each image (SFT and mSFT, §3.3)."""

from pathlib import Path

import keras
import numpy as np

from leuknet._io import atomic, cache_dir, hash_of
from leuknet._random import rng
from leuknet.data.cohort import Cohort
from leuknet.models import networks
from leuknet.models.augmentation import Warp
from leuknet.models.inputs import Source
from leuknet.models.policy import NOTHING, draw, identity
from leuknet.models.settings import TrainSettings

BATCH = 64
PART = 16  # batches of features held in memory at a time


def variants_model(size: int, shear_unit: str, backbone: keras.Model, source: Source) -> keras.Model:
    """Return the model that maps the input of `source` and augmentation draws to the features of the warped images.

    Identity draws leave images unchanged.

    Parameters
    ----------
    size : int
        Edge of the images, px.
    shear_unit : {"degrees", "radians"}
    backbone : keras.Model
        The frozen part.
    source : Source
        The cohort's images.
    """
    requested, images = source.input()
    draws = keras.Input((8,), dtype="float32")
    image = Warp(size, shear_unit=shear_unit, always=True)([images, draws])
    return keras.Model([requested, draws], backbone(image, training=False))


def pool_features(
    cohort: Cohort,
    spec: networks.NetworkSpec,
    settings: TrainSettings,
    backbone: keras.Model,
    variants: keras.Model,
    source: Source,
    batch: int = BATCH,
) -> tuple[str, np.ndarray]:
    """Return (key, features) of the cohort's plain images followed by all their fixed variants.

    Parameters
    ----------
    cohort : Cohort, n images
    spec : NetworkSpec
    settings : TrainSettings
        `copies` and `augmentation` define the variants. Their draws depend only on the cohort, so runs share them.
    backbone : keras.Model
        The frozen part, with its weights loaded.
    variants : keras.Model
        From `variants_model`, built with this backbone.
    source : Source
        The cohort's images, from which `variants` was built.

    Returns
    -------
    key : str
    features : numpy.ndarray, float32, shape (n * (1 + copies), ...)
        Memory map of a file in the cache, which is computed on first use.
    """
    policy = settings.augmentation
    values = [np.asarray(keras.ops.convert_to_numpy(v), np.float32) for v in backbone.weights]
    digest = hash_of([float(np.float64(v).sum()) for v in values] + [float(np.abs(v).sum(dtype=float)) for v in values])
    frozen = [spec.backbone, spec.frozen_until, spec.preprocessing, settings.precision, digest]
    # not `cohort.key`, because features do not depend on labels and groups
    content = [cohort.size, cohort.table["sha256"].tolist()]
    key = hash_of([content, frozen, settings.copies, policy and policy.as_dict()])
    path = cache_dir() / "features" / f"{key}.npy"
    if not path.is_file():
        with atomic(path) as temporary:
            compute(temporary, len(cohort), settings, variants, source, batch)
    return key, np.load(path, mmap_mode="r")


def compute(path: Path, count: int, settings: TrainSettings, variants: keras.Model, source: Source, batch: int) -> None:
    """Write the features of plain images and variants to `path`, part by part to limit memory use.

    The last batch is padded to full size, so the model is compiled for one shape only.
    """
    images, draws = np.arange(count), identity(count)
    if settings.variants:
        images = np.concatenate([images, np.repeat(images, settings.variants)])
        draws = np.concatenate([draws, variant_draws(settings, count)])
    shape = len(images), *variants.output_shape[1:]
    with path.open("wb") as file:  # on a full disk a memory map would crash without a message
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for start in range(0, len(images), PART * batch):
            part = np.arange(start, min(start + PART * batch, len(images)))
            padded = np.resize(part, -(-len(part) // batch) * batch)
            batches = source.feed(images[padded], batch, also=draws[padded])
            file.write(np.asarray(variants.predict(**batches, verbose=0), "<f4")[: len(part)].tobytes())


def variant_draws(settings: TrainSettings, count: int) -> np.ndarray:
    """Return the draws of the fixed variants of `count` images, float32 (count * copies, 8), ordered by image."""
    return draw(settings.augmentation or NOTHING, count * settings.copies, rng("variants", count, settings.copies))
