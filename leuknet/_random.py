"""Source of all random numbers in the package: each is determined by a run's key."""

import hashlib

import numpy as np


def derive(*parts: str | int | float | bool | None) -> int:
    """Return a seed in [0, 2**31) that depends only on `parts`.

    Parameters
    ----------
    *parts : str, int, float, bool or None
        Identify the draw, e.g. ``("augment", run_seed, epoch)``.

    Returns
    -------
    int
    """
    digest = hashlib.sha256("\x1f".join(repr(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def rng(*parts: str | int | float | bool | None) -> np.random.Generator:
    """Return a ``numpy.random.Generator`` seeded by `parts` (see `derive`)."""
    return np.random.default_rng(derive(*parts))
