"""The complete method in one short file: LeukNet in plain Keras, as the paper describes it.

This file is meant to be read. It imports nothing from the package; `leuknet.models.training` does the same for every
backbone and approach, with the images on the device, compiled augmentation, checkpoints and records. A test checks
that both give equal predictions from equal initial weights and draws.
"""

from collections.abc import Iterator

import keras
import numpy as np
import pandas as pd

EPOCHS, BATCH, LEARNING_RATE, MOMENTUM, DECAY = 50, 32, 0.001, 0.8, 0.0001  # §4.1, §4.2
ROTATION, SHIFT, SHEAR, ZOOM = 40.0, 0.2, 0.2, 0.2  # §3.2; degrees, fractions, degrees, fraction


def leuknet(body: keras.Model | None = None, dense: tuple[int, int] = (1024, 256)) -> keras.Model:
    """Return LeukNet (§4.2): VGG-16's convolutions, two dense layers with dropout, one sigmoid; compiled.

    Parameters
    ----------
    body : keras.Model, optional
        Maps an image in [0, 1] to feature maps; default: VGG-16 with ImageNet weights. All layers are trained (mDFT,
        §3.3).
    dense : tuple of int
        Units of the two new layers, which are initialised at random.
    """
    body = body or keras.applications.VGG16(weights="imagenet", include_top=False, input_shape=(224, 224, 3))
    x = keras.layers.Flatten()(body.output)
    for units, rate in zip(dense, (0.5, 0.6), strict=True):
        x = keras.layers.Dense(units, activation="relu")(x)
        x = keras.layers.Dropout(rate)(x)
    model = keras.Model(body.input, keras.layers.Dense(1, activation="sigmoid")(x))
    optimizer = keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM, weight_decay=DECAY)
    model.compile(optimizer, loss="binary_crossentropy")
    return model


def transforms(uniform: np.ndarray, size: int) -> np.ndarray:
    """Return the affine maps of the paper's augmentation (§3.2, Figure 3).

    Parameters
    ----------
    uniform : numpy.ndarray, float, shape (n, 8)
        Random numbers in [-1, 1): rotation, shift along width and height, shear, zoom of width and height, two flips.
    size : int
        Edge of the images, px.

    Returns
    -------
    numpy.ndarray, float32, shape (n, 8)
        In the format of ``keras.ops.image.affine_transform``: from a pixel of the output to its position in the input.
    """
    turn, right, down, shear, wide, high, mirror, upside = uniform.T
    turn = np.radians(ROTATION * turn)
    sheared = turn + np.radians(SHEAR * shear)
    wide = (1 + ZOOM * wide) * np.where(mirror < 0, -1, 1)
    high = (1 + ZOOM * high) * np.where(upside < 0, -1, 1)
    a, b, c, d = wide * np.cos(turn), -high * np.sin(sheared), wide * np.sin(turn), high * np.cos(sheared)
    centre, shift = (size - 1) / 2, SHIFT * size
    x = centre - (a + b) * centre + shift * (right * np.cos(turn) - down * np.sin(turn))
    y = centre - (c + d) * centre + shift * (right * np.sin(turn) + down * np.cos(turn))
    return np.stack([a, b, x, c, d, y, 0 * a, 0 * a], axis=1).astype(np.float32)


def augmented(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return randomly augmented images, float32 in [0, 1]; areas outside an image are filled by reflection."""
    maps = transforms(random.uniform(-1, 1, (len(images), 8)), images.shape[1])
    pixels = images.astype(np.float32)
    warped = keras.ops.image.affine_transform(
        pixels, maps, interpolation="bilinear", fill_mode="reflect", data_format="channels_last"
    )
    return keras.ops.convert_to_numpy(warped) / 255


def train(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, random: np.random.Generator, epochs: int = EPOCHS
) -> None:
    """Train on images, uint8 (n, size, size, 3); each epoch uses every image once, with a new augmentation."""
    for _ in range(epochs):
        order = random.permutation(len(images))
        for start in range(0, len(order), BATCH):
            some = order[start : start + BATCH]
            model.train_on_batch(augmented(images[some], random), labels[some].astype(np.float32)[:, None])


def lodocv(table: pd.DataFrame) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield (data set, training positions, test positions) for each data set that contains both classes (§3.5)."""
    for name, part in table.groupby("data_set", sort=False):
        if part["label"].nunique() == 2:
            tested = (table["data_set"] == name).to_numpy()
            yield str(name), np.flatnonzero(~tested), np.flatnonzero(tested)


def evaluate(images: np.ndarray, table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Train and test LeukNet by leave-one-dataset-out cross-validation (LODOCV).

    Parameters
    ----------
    images : numpy.ndarray, uint8, shape (n, 224, 224, 3)
    table : pandas.DataFrame
        ``data_set`` and ``label`` (1: leukaemia) of each image.
    seed : int

    Returns
    -------
    pandas.DataFrame
        ``data_set``, ``images`` (number tested) and ``accuracy`` (at a threshold of 0.5).
    """
    rows, labels = [], table["label"].to_numpy()
    for name, training, test in lodocv(table):
        keras.utils.set_random_seed(seed)
        model = leuknet()
        train(model, images[training], labels[training], np.random.default_rng(seed))
        p = model.predict(images[test].astype(np.float32) / 255, verbose=0)[:, 0]
        rows.append((name, len(test), np.mean((p >= 0.5) == labels[test])))
    return pd.DataFrame(rows, columns=["data_set", "images", "accuracy"])
