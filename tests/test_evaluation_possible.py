"""What a cohort allows: test parts of both classes where there are any, and reasons where a protocol is impossible."""

import numpy as np
import pandas as pd
import pytest

from leuknet.evaluation.named import PROTOCOLS, make_split
from leuknet.evaluation.splits import hold_out, k_fold
from leuknet.exceptions import LeuknetError


def cohort(sets, groups=True):
    """Return a table of data sets ``{name: (negative patients, positive patients)}``, five images a patient."""
    rows = []
    for name, counts in sets.items():
        for label, patients in enumerate(counts):
            for patient, image in np.ndindex(patients, 5):
                image_id = f"{name}/{label}/{patient}-{image}"
                group = f"{name}/{label}{patient}" if groups else image_id
                rows.append((image_id, name, name, group, label, image_id))
    return pd.DataFrame(rows, columns=["image_id", "data_set", "source", "group", "label", "sha256"])


def two_class_tests(split, table):
    label = table.set_index("image_id")["label"]
    tests = split.table[split.table["role"] == "test"]
    return label[tests["image_id"]].groupby(tests["fold"].to_numpy()).nunique().eq(2).sum()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("patients", [(3, 3), (4, 6), (5, 5), (8, 5)])
def test_tests_of_whole_patients_hold_both_classes_where_they_can(patients, seed):
    table = cohort({"A": patients})
    held = hold_out(table, seed=seed, by="group")
    assert two_class_tests(held, table) == 1 and held.undefined(table) == ""
    k = min(3, *patients)
    folds = k_fold(table, k=k, seed=seed, by="group")
    assert two_class_tests(folds, table) == k and folds.undefined(table) == ""


def test_folds_of_one_class_are_named_with_what_is_undefined():
    table = cohort({"A": (2, 8)})
    split = k_fold(table, k=5, by="group")
    message = split.undefined(table)
    assert message.count("specificity is undefined there") == 1 and "recall" not in message
    assert f"and {5 - two_class_tests(split, table) - 3} more" in message or 5 - two_class_tests(split, table) <= 3


CASES = {
    "one data set with patients": (cohort({"A": (3, 3)}), {"hold-out", "k-fold", "k-fold-by-image"}),
    "one data set without patients": (cohort({"A": (3, 3)}, False), {"hold-out", "k-fold", "k-fold-by-image"}),
    "two data sets of one class each": (cohort({"A": (4, 0), "B": (0, 4)}), {"hold-out", "k-fold", "k-fold-by-image"}),
    "two of both classes": (cohort({"A": (4, 4), "B": (4, 4)}), set(PROTOCOLS)),
    "one class only": (cohort({"A": (4, 0), "B": (3, 0)}), set()),
}


def reason(protocol, table):
    """Return why a cohort does not allow a protocol; empty if it does."""
    try:
        make_split(protocol, table)
    except LeuknetError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", CASES)
def test_impossible_protocols_give_their_reason_in_one_line(name):
    table, possible = CASES[name]
    reasons = {protocol: reason(protocol, table) for protocol in PROTOCOLS}
    assert {protocol for protocol, text in reasons.items() if not text} == possible
    assert all("\n" not in text for text in reasons.values())
    if name.startswith("one data set"):
        assert "needs two data sets" in reasons["lodocv"]
    if name.startswith("two data sets"):
        assert "with both classes, and the cohort has none" in reasons["lodocv"]
