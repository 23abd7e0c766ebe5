"""Masks of a user's images, all optional: ``DIR/masks/<data set>/<positive|negative>/<image's stem>.png``."""

from pathlib import Path

import numpy as np
from PIL import Image

from leuknet.exceptions import LeuknetError

FOLDER = "masks"
REGIONS = {"nucleus": 2, "cytoplasm": 1, "background": 0}
UNKNOWN = 255
LEVELS = (64, 192)  # grey below the first: background (0); below the second: cytoplasm (1); above: nucleus (2)


def read_masks(folder: Path, paths: list[str], size: int) -> np.ndarray | None:
    """Read the masks of the images in a folder; None if the folder has no masks.

    A mask is a grey image as published by Zheng et al. (2018) for JTSC and CellaVision 2: nucleus white, cytoplasm
    grey, everything else black. It has the size of its image and is resized to `size` with nearest-neighbour sampling.

    Parameters
    ----------
    folder : pathlib.Path
    paths : list of str
        Paths of the images relative to `folder`.
    size : int
        Edge length in pixels.

    Returns
    -------
    numpy.ndarray, uint8, shape (n, size, size), or None
        0 background, 1 cytoplasm, 2 nucleus; 255 in every pixel of an image without a mask.

    Raises
    ------
    LeuknetError
        If a mask cannot be read.
    """
    root = Path(folder) / FOLDER
    if not root.is_dir():
        return None
    masks = np.full((len(paths), size, size), UNKNOWN, np.uint8)
    for i, path in enumerate(paths):
        file = (root / path).with_suffix(".png")
        if file.is_file():
            masks[i] = read_mask(file, size)
    return masks if (masks != UNKNOWN).any() else None


def read_mask(file: Path, size: int) -> np.ndarray:
    """Read one mask file as uint8, shape (size, size): 0 background, 1 cytoplasm, 2 nucleus."""
    try:
        with Image.open(file, formats=("PNG",)) as image:
            grey = np.asarray(image.convert("L").resize((size, size), Image.Resampling.NEAREST))
    except Exception as error:  # Pillow's decoders raise many types on damaged files
        raise LeuknetError(f"the mask {file} is damaged ({error}): replace or remove it") from error
    return np.digitize(grey, LEVELS).astype(np.uint8)
