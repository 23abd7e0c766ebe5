"""Networks that cannot have learnt leukaemia: what a claim about trained ones is held against."""

from dataclasses import replace

from leuknet._random import rng


def shuffled_labels(study):
    """Return a study like `study` whose images have one another's labels, drawn anew over the whole cohort.

    Its runs have keys of their own; class counts, images and splits are the same (Adebayo et al., NeurIPS 2018).
    """
    cohort = study.cohort
    labels = rng("shuffled labels", study.seed).permutation(cohort.table["label"].to_numpy())
    twin = replace(study)
    twin.cohort = replace(cohort, table=cohort.table.assign(label=labels))
    return twin
