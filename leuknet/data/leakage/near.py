"""Detection of near duplicates (re-encoded, resized, rotated or mirrored images) by perceptual hash (imagehash)."""

import cv2
import imagehash
import numpy as np
import pandas as pd
from PIL import Image

TURNS = ("", "90°", "180°", "270°", "mirrored", "mirrored, 90°", "mirrored, 180°", "mirrored, 270°")
BITS = 64
NEAR = 12  # maximum number of different bits of 64; candidates are confirmed by their pixels
SHRUNK = 128  # px
CHUNK = 1024
ASPECT = 1.08


def turned(image: np.ndarray, turn: int) -> np.ndarray:
    """Return `image` after transformation number `turn` of `TURNS`: mirrored left to right first, then rotated."""
    image = image[:, ::-1] if turn >= 4 else image
    return np.ascontiguousarray(np.rot90(image, turn % 4))


def hashes(image: np.ndarray) -> np.ndarray:
    """Return the perceptual hashes of an image in all `TURNS`: bool, shape (8, 64)."""
    small = cv2.resize(image, (SHRUNK, SHRUNK), interpolation=cv2.INTER_AREA)
    return np.stack([imagehash.phash(Image.fromarray(turned(small, k))).hash.ravel() for k in range(len(TURNS))])


def candidates(bits: np.ndarray, sizes: np.ndarray) -> pd.DataFrame:
    """Return the pairs of images with similar hashes.

    Parameters
    ----------
    bits : numpy.ndarray, bool, shape (n, 8, 64)
    sizes : array of int, shape (n, 2)
        Width and height in px; pairs with different aspect ratios are excluded.

    Returns
    -------
    pandas.DataFrame
        ``a`` < ``b`` (positions), ``turn`` (number of the transformation of `b` that best matches `a`).
    """
    signs = np.where(bits, 1, -1).astype(np.float32)
    aspect = np.log([width / height for width, height in sizes])
    rows = []
    for start in range(0, len(bits), CHUNK):
        plain = signs[start : start + CHUNK, 0]
        differ = np.stack([(BITS - plain @ signs[:, turn].T) / 2 for turn in range(len(TURNS))])
        turn, least = differ.argmin(axis=0), differ.min(axis=0)
        a, b = np.nonzero(least <= NEAR)
        turn = turn[a, b]
        a = a + start
        wanted = (a < b) & (np.abs(aspect[a] - np.where(turn % 2, -1, 1) * aspect[b]) < np.log(ASPECT))
        rows.append(np.stack([a, b, turn], axis=1)[wanted])
    return pd.DataFrame(np.concatenate(rows), columns=["a", "b", "turn"])
