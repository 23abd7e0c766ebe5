"""Putzu, Caocci & Di Ruberto 2014 [6]: shape, colour and texture of leukocytes, and an SVM.

The paper states (sections 2.1 and 4.4): 267 images, features of shape, colour and texture, an SVM, 10-fold
cross-validation, 93.63 %. It does not describe the segmentation, and the article itself was not available.

Assumptions: the colour space is CMYK, in which leukocytes have low and red cells high values of yellow. Zack's triangle
threshold on the green channel separates cells from background, and Otsu's threshold on yellow removes the red cells.
Touching cells are separated by a watershed; cells at the border and debris are excluded. The nucleus is segmented by
Otsu's threshold on green inside the leukocyte. Texture is computed from the grey image. C and gamma of the SVM are
scikit-learn's defaults, after standardisation. The p of an image is the mean over its leukocytes.

Deviations: p is the uncalibrated sigmoid of the SVM's margin; images are the square images of the cohort, not the
originals.
"""

import numpy as np
from skimage.filters import threshold_triangle

from leuknet.baselines.base import CellBaseline
from leuknet.baselines.handcrafted import imaging, measures
from leuknet.cells.scale import otsu


def segment(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the masks of the leukocytes and of their nuclei."""
    green = imaging.smooth(image[..., 1])
    cell = green < threshold_triangle(green)
    yellow = imaging.yellow(image)
    white = cell & (yellow < otsu(yellow[cell])) if cell.any() else cell
    body = imaging.opened(white, 5)
    inner = green < otsu(green[body]) if body.any() else body
    return body, body & inner


def describe(image: np.ndarray) -> np.ndarray:
    """Return one row per leukocyte, float (cells, 112)."""
    body, core = segment(image)

    def numbers(cell: imaging.Cell) -> list:
        colours = [measures.colour(cell.image, mask) for mask in cell.masks]
        textures = [measures.cooccurrence(cell.grey, mask) for mask in cell.masks]
        area = cell.whole.sum()
        last = [area / cell.whole.size, np.sqrt(area) / len(image), cell.rank]
        return [[cell.share], *map(measures.shape, cell.masks), *colours, *textures, last]

    return imaging.each_cell(image, imaging.cleaned(imaging.separated(body)), core, numbers, 112)


class Putzu(CellBaseline):
    """See the module docstring."""

    describe = staticmethod(describe)
