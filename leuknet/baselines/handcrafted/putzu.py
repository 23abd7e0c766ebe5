"""Putzu, Caocci & Di Ruberto 2014 [6]: leukocytes, their shape, colour and texture, and an SVM.

The paper says (sections 2.1 and 4.4): 267 images, features of shape, colour and texture, an SVM, 10-fold
cross-validation, 93.63 %. How it segments is not in the paper, and the article itself was not at hand.

Left open, and the reading taken: the colour space is CMYK, of which leukocytes have little yellow while red cells have
much; Zack's triangle on the green channel parts cells from background, and Otsu's threshold on yellow takes the red
cells away. Cells that touch are parted by a watershed; cells at the border and debris are left out. The nucleus is
what Otsu's threshold on green finds inside the leukocyte. Texture is of the grey image. The SVM's C and gamma are
scikit-learn's defaults after standardising. An image's p is the mean over its leukocytes.

Departures: p is the sigmoid of the SVM's margin, not calibrated; images are the cohort's squares, not the originals.
"""

import numpy as np
from skimage.filters import threshold_triangle

from leuknet.baselines.base import CellBaseline
from leuknet.baselines.handcrafted import imaging, measures
from leuknet.cells.scale import otsu


def segment(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return masks of the leukocytes and of their nuclei."""
    green = imaging.smooth(image[..., 1])
    cell = green < threshold_triangle(green)
    yellow = imaging.yellow(image)
    white = cell & (yellow < otsu(yellow[cell])) if cell.any() else cell
    body = imaging.opened(white, 5)
    inner = green < otsu(green[body]) if body.any() else body
    return body, body & inner


def describe(image: np.ndarray) -> np.ndarray:
    """Return one row a leukocyte, float (cells, 112)."""
    body, core = segment(image)

    def numbers(cell: imaging.Cell) -> list:
        colours = [measures.colour(cell.image, mask) for mask in cell.masks]
        textures = [measures.cooccurrence(cell.grey, mask) for mask in cell.masks]
        area = cell.whole.sum()
        last = [area / cell.whole.size, np.sqrt(area) / len(image), cell.rank]
        return [[cell.share], *map(measures.shape, cell.masks), *colours, *textures, last]

    return imaging.each_cell(image, imaging.cleaned(imaging.separated(body)), core, numbers, 112)


class Putzu(CellBaseline):
    """See the module's text."""

    describe = staticmethod(describe)
