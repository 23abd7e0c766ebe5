"""Load a cohort from a user's folder, or the synthetic cohort if no folder is given."""

from dataclasses import replace
from pathlib import Path

from leuknet._random import rng
from leuknet.data.cohort import Cohort, limited
from leuknet.data.folder import folder_cohort
from leuknet.data.formats import LabelBy
from leuknet.data.synthetic import synthetic_cohort


def load_cohort(
    data: str | Path | None = None,
    size: int = 224,
    fraction: float = 1.0,
    floor: int = 0,
    seed: int = 0,
    label_permutation: int | None = None,
    limit: int | None = None,
    label_by: LabelBy = "patient",
) -> Cohort:
    """Load the cohort in the folder `data`, or the synthetic cohort if `data` is None.

    Parameters
    ----------
    data : path or None
        ``DIR/<data set>/<positive|negative>/<image>``, see `leuknet.data.folder`.
    size : int
        Edge length of the square images, px.
    fraction, floor, seed
        Fraction of the counts in Table 1, minimum number of images per class, and seed of the synthetic cohort; ignored
        if `data` is given.
    label_permutation : int, optional
        Seed of a permutation of the labels over all images, see `permute_labels`.
    limit : int, optional
        Maximum number of images per data set and class (`leuknet.data.cohort.limited`).
    label_by : {"patient", "cell"}
        Which label to use for images of single cells (`leuknet.data.folder.folder_cohort`); used only with `data`.
    """
    if data is not None:
        cohort = folder_cohort(data, size, limit, label_by)
    else:
        cohort = _part(synthetic_cohort(size=size, fraction=fraction, floor=floor, seed=seed), limit)
    return cohort if label_permutation is None else permute_labels(cohort, label_permutation)


def _part(cohort: Cohort, limit: int | None) -> Cohort:
    table = limited(cohort.table, limit)
    if len(table) == len(cohort):
        return cohort
    drawn = cohort.table["image_id"].isin(table["image_id"]).to_numpy()
    masks = None if cohort.masks is None else cohort.masks[drawn]
    return replace(cohort, images=cohort.images[drawn], table=table, masks=masks)


def permute_labels(cohort: Cohort, seed: int) -> Cohort:
    """Return `cohort` with its labels permuted over all images; the key changes, the class counts do not."""
    labels = rng("shuffled labels", seed).permutation(cohort.table["label"].to_numpy())
    return replace(cohort, table=cohort.table.assign(label=labels))
