"""One way to load a cohort: the user's folder, or the synthetic one where no folder is named."""

from leuknet.data.folder import folder_cohort
from leuknet.data.synthetic import synthetic_cohort


def load_cohort(data=None, size=224, fraction=1.0, floor=0, seed=0):
    """Return the cohort in folder `data`, or the synthetic cohort if `data` is None.

    Parameters
    ----------
    data : path or None
        ``DIR/<data set>/<positive|negative>/<image>``, see `leuknet.data.folder`.
    size : int
        Edge of the square images, px.
    fraction, floor, seed
        The synthetic cohort's share of Table 1's counts, least images a class, and seed; not used with `data`.
    """
    if data is not None:
        return folder_cohort(data, size)
    return synthetic_cohort(size=size, fraction=fraction, floor=floor, seed=seed)
