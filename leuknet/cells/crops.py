"""A cell as a small grey picture that its own nucleus normalises: what a pretrained network sees of it."""

import cv2
import numpy as np

from leuknet.cells.scale import WORKING

EDGE = 112  # px of the picture
WIDE = 3.0  # d: its edge on the slide
DARKEST = 2.0  # densities above twice the nucleus' mean are drawn black
SOFT = 0.03  # d: blur of the mask's edge


def crop(density, nucleus, body):
    """Return one cell as uint8 (112, 112): white where it is not, black at twice the nucleus' mean density ("self").

    Parameters
    ----------
    density : float32, shape (height, width, 3)
        At `leuknet.cells.scale.WORKING` px a red cell.
    nucleus, body : bool, shape (height, width)

    Returns
    -------
    numpy.ndarray, uint8, shape (112, 112)
        A square of `WIDE` red-cell diameters around the middle of the nucleus' box; all but the cell is masked.
    """
    green = density[..., 1] / max(float(density[..., 1][nucleus].mean()), 1e-6)
    soft = cv2.GaussianBlur(body.astype(np.float32), (0, 0), SOFT * WORKING)
    rows, columns = np.nonzero(nucleus)
    centre = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
    factor = EDGE / (WIDE * WORKING)
    move = np.array([[factor, 0, EDGE / 2 - factor * centre[0]], [0, factor, EDGE / 2 - factor * centre[1]]])
    seen = cv2.warpAffine(np.clip(green, 0, DARKEST) * soft, move, (EDGE, EDGE), flags=cv2.INTER_AREA)
    return np.round(255 * (1 - seen / DARKEST)).astype(np.uint8)


def zoomed(picture, factor):
    """Return a crop enlarged by `factor` around its middle, white where nothing was cut."""
    move = cv2.getRotationMatrix2D((EDGE / 2 - 0.5, EDGE / 2 - 0.5), 0, float(factor))
    return cv2.warpAffine(picture, move, (EDGE, EDGE), flags=cv2.INTER_LINEAR, borderValue=255)
