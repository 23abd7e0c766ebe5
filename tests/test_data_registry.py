"""Table 1 as data."""

import pytest

from leuknet.data.registry import DATA_SETS, lookup, registry_table, totals


def test_counts_are_those_of_table_1():
    counts = [(d.negatives, d.positives, d.total) for d in DATA_SETS.values()]
    assert len(counts) == 18
    assert counts[0] == (59, 49, 108) and counts[-1] == (376, 0, 376)
    assert all(negatives + positives == total for negatives, positives, total in counts)
    assert [name for name, d in DATA_SETS.items() if d.two_class] == ["ALL-IDB 1", "ALL-IDB 2", "UFG"]


def test_published_totals_differ_from_the_rows_by_13_positives():
    table = totals().set_index(["place", "count"])["difference"]
    assert table["Table 1, line Total", "negatives"] == 0
    assert table["Table 1, line Total", "positives"] == 13
    assert table["Table 1, line Total", "total"] == 13
    assert table["Section 3.1", "total"] == 13
    assert table["Section 3.2, development set", "negatives"] == 0
    assert table["Section 3.2, development set", "positives"] == 0


def test_one_family_and_sixteen_sources():
    family = [name for name, d in DATA_SETS.items() if d.source == "ALL-IDB"]
    assert family == ["ALL-IDB 1", "ALL-IDB 1 (Crop)", "ALL-IDB 2"]
    others = [d for d in DATA_SETS.values() if d.source != "ALL-IDB"]
    assert all(d.source == d.name for d in others)
    assert len({d.source for d in DATA_SETS.values()}) == 16


def test_only_ufg_and_bloodline_have_both_kinds_of_images():
    assert [name for name, d in DATA_SETS.items() if d.cells == "both"] == ["Bloodline", "UFG"]
    assert lookup("ALL-IDB 2").cells == "single" and lookup("ALL-IDB 1").cells == "multi"
    assert lookup("Atlas").cells is None and lookup("Atlas").reference is None


@pytest.mark.parametrize(
    ("requested", "name"),
    [
        ("CellaVision2", "CellaVision 2"),
        ("cellavision", "CellaVision"),
        ("all_idb1_crop", "ALL-IDB 1 (Crop)"),
        ("Omid et al 2014", "Omid et al., 2014"),
        ("LISC-dataset", "LISC Dataset"),
        ("leukemia images", "leukemia-images"),
    ],
)
def test_names_match_without_case_spaces_and_punctuation(requested, name):
    assert lookup(requested) is DATA_SETS[name]


@pytest.mark.parametrize("requested", ["", "LISC", "ALL-IDB", "CellaVision 3", "…"])
def test_other_names_are_unknown(requested):
    assert lookup(requested) is None


def test_the_table_has_a_row_per_data_set_and_keeps_references_whole():
    table = registry_table()
    assert list(table["name"]) == list(DATA_SETS)
    assert table["reference"].isna().sum() == 4 and table["reference"].max() == 35
