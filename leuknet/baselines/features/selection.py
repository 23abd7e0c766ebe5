"""Feature selection methods missing in scikit-learn: gain ratio (Quinlan) and salp swarm (Mirjalili et al.)."""

from collections.abc import Callable

import numpy as np
from scipy.stats import entropy

from leuknet._random import rng


def gain_ratio(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the gain ratio of nominal attributes (Quinlan, C4.5, 1993): information gain over the attribute's entropy.

    Parameters
    ----------
    codes : array_like of int, shape (n, ...)
        Values of one or more attributes, numbered from 0.
    labels : array_like of int, shape (n,)
        Classes, numbered from 0.

    Returns
    -------
    numpy.ndarray, float, shape (...)
        0 for an attribute with one value.
    """
    codes, labels = np.asarray(codes), np.asarray(labels)
    classes = [codes[labels == label] for label in np.unique(labels)]
    table = np.array([[(of == value).sum(axis=0) for of in classes] for value in np.unique(codes)], float)
    own = entropy(table.sum(axis=1))
    gain = own + entropy(table.sum(axis=0)) - entropy(table, axis=(0, 1))
    return np.divide(gain, own, out=np.zeros_like(own), where=own > 0)


def gain_ratios(values: np.ndarray, labels: np.ndarray, bins: int = 10) -> np.ndarray:
    """Return the gain ratio of each numeric feature, binned at its deciles (ties share a bin), float, shape (d,).

    Parameters
    ----------
    values : numpy.ndarray, float, shape (n, d)
    labels : array_like of int, shape (n,)
    bins : int
    """
    cuts = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], axis=0)
    return gain_ratio(np.sum([values > cut for cut in cuts], axis=0), labels)


def salp_swarm(
    cost: Callable[[np.ndarray], float], dimensions: int, seed: int, salps: int = 10, steps: int = 20
) -> tuple[np.ndarray, float]:
    """Minimise `cost` over [0, 1]^d by the salp swarm algorithm (Mirjalili et al., Adv. Eng. Softw. 2017).

    Implements equations 3.1 to 3.4. The first half of the chain consists of leaders: each moves to a distance of
    ``c1 c2`` from the best position, to either side with equal probability, where c2 is drawn from [0, 1] and
    ``c1 = 2 exp(-(4 l / L)^2)`` decreases with step l of L. Every follower moves halfway towards the salp before it.
    Positions are clipped to the bounds.

    Parameters
    ----------
    cost : callable
        Maps a position, float (dimensions,), to a number.
    dimensions, seed, salps, steps : int

    Returns
    -------
    place : numpy.ndarray, float, shape (dimensions,)
    least : float
    """
    random = rng("salp swarm", seed)
    places = random.random((salps, dimensions))
    costs = [cost(place) for place in places]
    best, least = places[int(np.argmin(costs))].copy(), min(costs)
    for step in range(1, steps + 1):
        c1 = 2 * np.exp(-((4 * step / steps) ** 2))
        for i in range(salps):
            if i < salps // 2:
                move = c1 * random.random(dimensions)
                places[i] = best + np.where(random.random(dimensions) < 0.5, -move, move)
            else:
                places[i] = (places[i] + places[i - 1]) / 2
        places = places.clip(0, 1)
        for place in places:
            if (value := cost(place)) < least:
                best, least = place.copy(), value
    return best, least


def uncorrelated(values: np.ndarray, order: np.ndarray, limit: float = 0.95) -> np.ndarray:
    """Return the features, int array, in `order`, except those that correlate above `limit` with an earlier one."""
    scaled = values - values.mean(axis=0)
    scaled /= np.maximum(np.linalg.norm(scaled, axis=0), 1e-12)
    kept: list[int] = []
    for feature in order:
        if not kept or np.abs(scaled[:, kept].T @ scaled[:, feature]).max() <= limit:
            kept.append(int(feature))
    return np.array(kept, int)
