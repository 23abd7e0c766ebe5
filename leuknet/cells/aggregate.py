"""From cells to the image: how many scores become one, and where the threshold lies."""

import numpy as np

RULES = ("max", "mean", "top3")
HALF = 0.5
SPECIFICITY = 0.95  # of the training sources' normal images at the threshold chosen on them


def image_scores(p: np.ndarray, owner: np.ndarray, images: int, rule: str = "max") -> np.ndarray:
    """Return each image's score, float32 (images,); 0 where it has no cell.

    Parameters
    ----------
    p : float, shape (cells,)
        P(blast) of each cell.
    owner : int, shape (cells,)
        The cell's image.
    images : int
    rule : {"max", "mean", "top3"}
        The highest score, the mean, or the mean of the three highest (of fewer where there are fewer).
    """
    scores = np.zeros(images, np.float32)
    for image in np.unique(owner):
        own = np.sort(p[owner == image])[::-1]
        scores[image] = {"max": own[:1], "mean": own, "top3": own[:3]}[rule].mean()
    return scores


def chosen_threshold(scores: np.ndarray, specificity: float = SPECIFICITY) -> float:
    """Return the threshold at which a share `specificity` of normal training images are negative, at least `HALF`.

    Parameters
    ----------
    scores : float, shape (images,)
        Of normal images of training sources that the classifier was not fitted on; 0.5 if there are none.
    """
    if not len(scores):
        return HALF
    return max(HALF, float(np.quantile(scores, specificity, method="higher")) + 1e-6)


def shifted(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Return scores in [0, 1] moved so that `threshold` becomes 0.5; their order stays."""
    below = 0.5 * scores / threshold
    above = 0.5 + 0.5 * (scores - threshold) / max(1 - threshold, 1e-6)
    return np.where(scores < threshold, below, above).astype(np.float32)
