"""One way to load a cohort: the user's folder, or the synthetic one where no folder is named."""

from dataclasses import replace

from leuknet._random import rng
from leuknet.data.folder import folder_cohort
from leuknet.data.synthetic import synthetic_cohort


def load_cohort(data=None, size=224, fraction=1.0, floor=0, seed=0, label_permutation=None):
    """Return the cohort in folder `data`, or the synthetic cohort if `data` is None.

    Parameters
    ----------
    data : path or None
        ``DIR/<data set>/<positive|negative>/<image>``, see `leuknet.data.folder`.
    size : int
        Edge of the square images, px.
    fraction, floor, seed
        The synthetic cohort's share of Table 1's counts, least images a class, and seed; not used with `data`.
    label_permutation : int, optional
        Seed of a permutation of the labels over the whole cohort, see `permute_labels`.
    """
    if data is not None:
        cohort = folder_cohort(data, size)
    else:
        cohort = synthetic_cohort(size=size, fraction=fraction, floor=floor, seed=seed)
    return cohort if label_permutation is None else permute_labels(cohort, label_permutation)


def permute_labels(cohort, seed):
    """Return `cohort` with its labels in a random order over all images; class counts stay (its key does not)."""
    labels = rng("shuffled labels", seed).permutation(cohort.table["label"].to_numpy())
    return replace(cohort, table=cohort.table.assign(label=labels))
