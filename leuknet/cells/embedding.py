"""Frozen ImageNet features of cells: DenseNet-169 after its fourth dense block, averaged over the picture."""

import numpy as np

from leuknet._random import rng
from leuknet.cells.crops import zoomed

BACKBONE, LAYER = "DenseNet169", "pool4_relu"
FALLBACK, FALLBACK_LAYER = "VGG16-nano", None  # whose formula-driven weights the package ships
ZOOM = (0.7, 1.4)
COPIES = 2  # zoomed pictures of each training cell, next to the one as it is


def features(pictures: np.ndarray, weights: str = "imagenet") -> tuple[np.ndarray, str]:
    """Return the features of grey pictures, float32 (n, d), and what the network began from, as captions print it.

    Parameters
    ----------
    pictures : uint8, shape (n, 112, 112)
    weights : {"imagenet", "formula", "random"}
        Without "imagenet" a narrow VGG-16 with the package's own weights stands in, and the caption names it.
    """
    from leuknet.models.features import extract

    colour = np.repeat(pictures[..., None], 3, axis=-1)
    if weights == "imagenet":
        return np.asarray(extract(colour, BACKBONE, weights, LAYER)), f"{BACKBONE} ImageNet, {LAYER}"
    return np.asarray(extract(colour, FALLBACK, "formula", FALLBACK_LAYER)), f"{FALLBACK} formula-driven (stands in)"


def training_copies(pictures: np.ndarray, seed: int, copies: int = COPIES) -> np.ndarray:
    """Return the pictures and `copies` zoomed ones of each, uint8 ((1 + copies) n, 112, 112), copy after copy.

    The factor is exp U(ln 0.7, ln 1.4): a classifier must not rest on the last few per cent of the scale.
    """
    factors = np.exp(rng("zoom", seed).uniform(*np.log(ZOOM), (copies, len(pictures))))
    more = [zoomed(picture, factor) for row in factors for picture, factor in zip(pictures, row, strict=True)]
    return np.concatenate([pictures, np.array(more, np.uint8).reshape(-1, *pictures.shape[1:])])
