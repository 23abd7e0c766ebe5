"""Controls: networks that cannot have learnt leukaemia, which a claim about trained ones is compared with."""

from dataclasses import replace

from leuknet.data.load import permute_labels
from leuknet.study.study import Study


def label_permutation(study: Study) -> Study:
    """Return a study like `study` whose images have one another's labels, permuted over the whole cohort.

    Its runs have the role "control" and keys of their own; class counts, images and splits are the same (Adebayo et
    al., "Sanity Checks for Saliency Maps", NeurIPS 2018).
    """
    control = replace(study, role="control", label_permutation=study.seed)
    control.cohort = permute_labels(study.cohort, study.seed)
    return control
