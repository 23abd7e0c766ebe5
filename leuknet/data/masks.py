"""Masks of a user's folder: ``DIR/masks/<data set>/<positive|negative>/<image's stem>.png``, for any of its images."""

from pathlib import Path

import numpy as np
from PIL import Image

from leuknet.exceptions import LeuknetError

FOLDER = "masks"
REGIONS = {"nucleus": 2, "cytoplasm": 1, "background": 0}
UNKNOWN = 255
LEVELS = (64, 192)  # grey below the first: background (0); below the second: cytoplasm (1); above: nucleus (2)


def read_masks(folder: Path, paths: list[str], size: int) -> np.ndarray | None:
    """Return the masks of a folder's images, or None if it has none.

    A mask is a grey picture as Zheng et al. (2018) give them for JTSC and CellaVision 2: nucleus white, cytoplasm
    grey, all else black. It has the image's size and is brought to `size` as the image is, by the nearest pixel.

    Parameters
    ----------
    folder : pathlib.Path
    paths : list of str
        The images' paths within it.
    size : int
        Edge in pixels.

    Returns
    -------
    numpy.ndarray, uint8, shape (n, size, size), or None
        0 background, 1 cytoplasm, 2 nucleus; 255 throughout where an image has no mask.

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
    """Return one mask file as uint8 (size, size): 0 background, 1 cytoplasm, 2 nucleus."""
    try:
        with Image.open(file, formats=("PNG",)) as image:
            grey = np.asarray(image.convert("L").resize((size, size), Image.Resampling.NEAREST))
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        raise LeuknetError(f"the mask {file} is damaged ({error}): replace or remove it") from error
    return np.digitize(grey, LEVELS).astype(np.uint8)
