"""Features of a frozen backbone, computed once for each variant of each image (SFT and mSFT, §3.3)."""

from dataclasses import asdict

import keras
import numpy as np

from leuknet.files import atomic, cache_dir, hash_of
from leuknet.learn.augment import Warp
from leuknet.learn.policy import draw, identity
from leuknet.seeds import rng


def pool_features(cohort, spec, settings, backbone, rows, batch=64):
    """Return (key, features) of the cohort's plain images followed by all their fixed variants.

    Parameters
    ----------
    cohort : Cohort, n images
    spec : NetworkSpec
    settings : TrainSettings
        `copies` and `augmentation` decide the variants; the draws belong to the cohort, so runs share them.
    backbone : keras.Model
        The frozen part, its weights in place.
    rows : Rows
        The cohort's images on the device.

    Returns
    -------
    key : str
    features : numpy.ndarray, float32, shape (n * (1 + copies), ...)
        Memory map of a file in the cache, made if it is not there.
    """
    policy = settings.augmentation
    values = [np.asarray(keras.ops.convert_to_numpy(v), np.float32) for v in backbone.weights]
    digest = hash_of([float(np.float64(v).sum()) for v in values] + [float(np.abs(v).sum(dtype=float)) for v in values])
    frozen = [spec.backbone, spec.frozen_until, spec.preprocessing, settings.precision, digest]
    key = hash_of([cohort.key, frozen, settings.copies, asdict(policy) if policy else None])
    path = cache_dir() / "features" / f"{key}.npy"
    if not path.is_file():
        features = compute(cohort, settings, backbone, rows, batch)
        with atomic(path) as temporary, temporary.open("wb") as file:
            np.save(file, features)
    return key, np.load(path, mmap_mode="r")


def compute(cohort, settings, backbone, rows, batch):
    """Run plain images and variants through warp and backbone in batches of one shape."""
    count, copies = len(cohort), settings.copies if settings.augmentation else 0
    index = keras.Input((), dtype="int32")
    draws = keras.Input((8,), dtype="float32")
    unit = settings.augmentation.shear_unit if settings.augmentation else "degrees"
    warp = Warp(cohort.size, shear_unit=unit)
    always = Warp(cohort.size, shear_unit=unit, always=True)
    plain = keras.Model([index, draws], backbone(warp([rows(index), draws], training=False), training=False))
    parts = [run(plain, np.arange(count), identity(count), batch)]
    if copies:
        warped = keras.Model([index, draws], backbone(always([rows(index), draws]), training=False))
        parts.append(run(warped, np.repeat(np.arange(count), copies), variant_draws(settings, count), batch))
    return np.concatenate(parts)


def run(model, images, draws, batch):
    """Predict in whole batches (the last one padded), so that one compiled shape serves."""
    padded = -(-len(images) // batch) * batch
    inputs = [np.resize(images, padded).astype(np.int32), np.resize(draws, (padded, 8))]
    return np.asarray(model.predict(inputs, batch_size=batch, verbose=0), np.float32)[: len(images)]


def variant_draws(settings, count):
    """Return the fixed variants' draws of a whole cohort, float32 (count * copies, 8), image by image."""
    return draw(settings.augmentation, count * settings.copies, rng("variants", count, settings.copies))
