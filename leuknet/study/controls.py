"""Controls: networks that cannot have learnt leukaemia, used as a reference for claims about trained networks."""

from dataclasses import replace

from leuknet.data.load import permute_labels
from leuknet.study.study import Study


def label_permutation(study: Study) -> Study:
    """Return a copy of `study` whose labels are permuted over the whole cohort.

    Its runs have the role "control" and separate keys; class counts, images and splits are unchanged (Adebayo et al.,
    "Sanity Checks for Saliency Maps", NeurIPS 2018).
    """
    control = replace(study, role="control", label_permutation=study.seed)
    control.cohort = permute_labels(study.cohort, study.seed)
    return control
