"""Statistics shared by several subpackages."""

import numpy as np
from numpy.typing import ArrayLike

from leuknet.exceptions import LeuknetError


def holm(p_values: ArrayLike) -> np.ndarray:
    """Return Holm's adjusted p-values (Holm, Scand. J. Stat. 1979, 6, 65) for a family of tests.

    Parameters
    ----------
    p_values : array_like of float, shape (m,)

    Returns
    -------
    numpy.ndarray, float64, shape (m,)
        In the input order; compare each directly with the significance level.

    Raises
    ------
    LeuknetError
        If a p-value is outside [0, 1].

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise LeuknetError("Holm's method needs a list of p-values from 0 to 1")
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(raised, 1)
    return adjusted
