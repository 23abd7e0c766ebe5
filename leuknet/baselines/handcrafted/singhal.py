"""Singhal & Singh 2016 [9]: texture of the nucleus, by local binary patterns or co-occurrence, and an SVM.

The paper says (sections 2.1 and 4.4): 260 images, texture features, an SVM, k-fold cross-validation, 93.80 %. The
article's abstract (Springer, doi 10.1007/978-981-10-0135-2_52) says: descriptors of the nucleus image, local binary
patterns and the grey-level co-occurrence matrix compared, the patterns being better.

Left open, and the reading taken: how the nucleus is found (here `imaging.nuclei`); patterns are uniform
and rotation-invariant with 8, 16 and 24 neighbours at 1, 2 and 3 px; co-occurrence at 1 and 2 px, mean over four
angles. The SVM has a radial basis function and scikit-learn's defaults after standardising. Each nucleus is classified,
and an image's p is the mean over its nuclei.

Departures: p is the sigmoid of the SVM's margin, not calibrated.
"""

from collections.abc import Callable

import numpy as np

from leuknet.baselines.base import CellBaseline
from leuknet.baselines.handcrafted import imaging, measures


def _each_nucleus(image: np.ndarray, texture: Callable[[imaging.Cell], list], columns: int) -> np.ndarray:
    core = imaging.nuclei(image)
    return imaging.each_cell(image, imaging.separated(core), core, texture, columns)


def patterns(image: np.ndarray) -> np.ndarray:
    """Return the local binary patterns of each nucleus, float (nuclei, 54)."""

    def texture(cell: imaging.Cell) -> list:
        return [measures.binary_patterns(cell.grey, cell.whole, 8 * r, r) for r in (1, 2, 3)]

    return _each_nucleus(image, texture, 54)


def cooccurrence(image: np.ndarray) -> np.ndarray:
    """Return the co-occurrence features of each nucleus, float (nuclei, 14)."""
    return _each_nucleus(image, lambda cell: [measures.cooccurrence(cell.grey, cell.whole, (1, 2))], 14)


class Patterns(CellBaseline):
    """The kind that the article found better."""

    describe = staticmethod(patterns)


class Cooccurrence(CellBaseline):
    """The other kind."""

    describe = staticmethod(cooccurrence)
