"""The leakage audit: what images share, what names their label without biology, what is burned into them."""

from leuknet.data.leakage.pictures import of_cohort, of_synthetic


def pictures_of(cohort, fraction=1.0, floor=0, seed=0):
    """Return a cohort's images at full size, in its table's order; the synthetic cohort is drawn again.

    Parameters
    ----------
    cohort : Cohort
    fraction, floor, seed
        What the synthetic cohort was made with; not used where images have files.
    """
    if (cohort.table["path"] != "").all():
        return of_cohort(cohort)
    return of_synthetic(fraction, floor, seed).ordered(cohort.table)
