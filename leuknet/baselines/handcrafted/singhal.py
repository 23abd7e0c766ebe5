"""Singhal & Singh 2016 [9]: texture of the nucleus, by local binary patterns or co-occurrence, and an SVM.

The paper states (sections 2.1 and 4.4): 260 images, texture features, an SVM, k-fold cross-validation, 93.80 %.
According to its abstract (Springer, doi 10.1007/978-981-10-0135-2_52), the article compares local binary patterns and
the grey-level co-occurrence matrix as descriptors of the nucleus image, and the patterns perform better.

Assumptions: the nucleus is segmented by `imaging.nuclei`; patterns are uniform and rotation-invariant, with 8, 16 and
24 neighbours at 1, 2 and 3 px; co-occurrence is computed at 1 and 2 px and averaged over four angles. The SVM has a
radial basis function kernel and scikit-learn's defaults, after standardisation. Each nucleus is classified, and the p
of an image is the mean over its nuclei.

Deviations: p is the uncalibrated sigmoid of the SVM's margin.
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
    """Local binary patterns, which performed better in the article."""

    describe = staticmethod(patterns)


class Cooccurrence(CellBaseline):
    """Grey-level co-occurrence features."""

    describe = staticmethod(cooccurrence)
