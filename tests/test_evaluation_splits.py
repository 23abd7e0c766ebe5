"""Splits: who trains, who is tested, what may never be shared."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leuknet.data.registry import DATA_SETS
from leuknet.evaluation import splits
from leuknet.evaluation.splits import Split
from leuknet.exceptions import LeuknetError

# name, source, negatives, positives
PAPER_LIKE = [
    ("ALL-IDB 1", "ALL-IDB", 12, 10),
    ("ALL-IDB 1 (Crop)", "ALL-IDB", 0, 30),
    ("ALL-IDB 2", "ALL-IDB", 20, 20),
    ("Leukocytes", "Leukocytes", 25, 0),
    ("Atlas", "Atlas", 0, 15),
    ("UFG", "UFG", 11, 13),
    ("JTSC", "JTSC", 24, 0),
    ("MIDB", "MIDB", 0, 21),
]


def cohort(data_sets=PAPER_LIKE, per_group=3):
    rows = []
    for name, source, negatives, positives in data_sets:
        for label, count in ((0, negatives), (1, positives)):
            for i in range(count):
                image_id = f"{name}/{label}/{i:03}.png"
                group = f"{source}-{label}-{i // per_group}"
                rows.append((image_id, name, source, group, label, f"sha of {image_id}", f"/tmp/{image_id}"))
    return pd.DataFrame(rows, columns=["image_id", "data_set", "source", "group", "label", "sha256", "path"])


TABLE = cohort()


def rows_of(split, fold, role):
    rows = split.table
    return set(rows["image_id"][(rows["fold"] == fold) & (rows["role"] == role)])


def values(table, image_ids, column):
    return set(table.loc[table["image_id"].isin(image_ids), column])


def assert_disjoint(split, table, column):
    for fold in split.folds:
        train, test = (values(table, rows_of(split, fold, role), column) for role in ("train", "test"))
        assert train and test and not train & test


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 6), st.integers(1, 3), st.integers(0, 10**6), st.integers(6, 40), st.integers(6, 40))
def test_k_fold_tests_each_image_once_a_repeat_and_is_stratified(k, repeats, seed, negatives, positives):
    table = cohort([("One", "One", negatives, positives)])
    split = splits.k_fold(table, k, repeats, seed)
    assert split.folds == [f"r{r}f{f}" for r in range(repeats) for f in range(k)]
    labels = table.set_index("image_id")["label"]
    for repeat in range(repeats):
        tests = [rows_of(split, f"r{repeat}f{fold}", "test") for fold in range(k)]
        assert sorted(image for test in tests for image in test) == sorted(table["image_id"])
        positives_tested = [labels[list(test)].sum() for test in tests]
        assert max(positives_tested) - min(positives_tested) <= 1
        sizes = [len(test) for test in tests]
        assert max(sizes) - min(sizes) <= 2
    for fold in split.folds:
        assert rows_of(split, fold, "train") == set(table["image_id"]) - rows_of(split, fold, "test")


@settings(max_examples=8, deadline=None)
@given(st.integers(2, 4), st.integers(0, 10**6), st.integers(1, 4), st.sampled_from(["k_fold", "hold_out"]))
def test_groups_never_cross(k, seed, per_group, maker):
    table = cohort([("One", "One", 20, 24), ("Two", "Two", 16, 0), ("Three", "Three", 0, 19)], per_group)
    if maker == "k_fold":
        split = splits.k_fold(table, k, seed=seed, by="group")
        tested = split.table.loc[split.table["role"] == "test", "image_id"]
        assert sorted(tested) == sorted(table["image_id"])
    else:
        split = splits.hold_out(table, 1 / k, seed=seed, by="group")
        share = len(rows_of(split, "hold-out", "test")) / len(table)
        assert abs(share - 1 / k) < 0.1
    assert_disjoint(split, table, "group")
    assert split.shared_groups(table).empty


def test_k_fold_by_source_keeps_families_whole():
    split = splits.k_fold(TABLE, 3, by="source")
    assert_disjoint(split, TABLE, "source")
    assert split.shared_sources(TABLE).empty
    assert "share no source, no group and no identical image file" in split.leakage(TABLE)


def test_k_fold_by_image_is_allowed_and_says_what_it_shares():
    split = splits.k_fold(TABLE, 5)
    assert set(split.shared_sources(TABLE)["source"]) == set(TABLE["source"])
    groups = split.shared_groups(TABLE)
    first = groups.iloc[0]
    of_group = TABLE["image_id"][TABLE["group"] == first["group"]]
    assert first["train"] == len(rows_of(split, first["fold"], "train") & set(of_group)) > 0
    assert first["test"] == len(rows_of(split, first["fold"], "test") & set(of_group)) > 0
    assert split.leakage(TABLE).startswith("5-fold: training and test share 6 sources (in 5 of 5 folds)")


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_hold_out_is_stratified(fraction):
    test = rows_of(splits.hold_out(TABLE, fraction, seed=3), "hold-out", "test")
    labels = TABLE.set_index("image_id")["label"]
    assert abs(len(test) - fraction * len(TABLE)) <= 1
    assert abs(labels[list(test)].sum() - fraction * labels.sum()) <= 1


def test_hold_out_by_group_meets_any_fraction_as_nearly_as_groups_allow():
    for fraction in (0.1, 0.3, 0.4, 0.75):
        test = rows_of(splits.hold_out(TABLE, fraction, by="group"), "hold-out", "test")
        assert abs(len(test) / len(TABLE) - fraction) < 0.04


def test_lodocv_tests_the_two_class_data_sets_and_trains_on_all_others():
    split = splits.lodocv(TABLE)
    assert split.folds == ["ALL-IDB 1", "ALL-IDB 2", "UFG"]
    for name in split.folds:
        inside = set(TABLE["image_id"][TABLE["data_set"] == name])
        assert rows_of(split, name, "test") == inside
        assert rows_of(split, name, "train") == set(TABLE["image_id"]) - inside


def test_lodocv_says_that_it_parts_a_family():
    shared = splits.lodocv(TABLE).shared_sources(TABLE)
    assert shared.to_numpy().tolist() == [["ALL-IDB 1", "ALL-IDB", 70, 22], ["ALL-IDB 2", "ALL-IDB", 52, 40]]
    assert "1 source (in 2 of 3 folds)" in splits.lodocv(TABLE).leakage(TABLE)


def test_leave_one_source_out_keeps_the_family_together():
    split = splits.leave_one_source_out(TABLE)
    assert split.folds == ["ALL-IDB", "UFG"]
    family = values(TABLE, rows_of(split, "ALL-IDB", "test"), "data_set")
    assert family == {"ALL-IDB 1", "ALL-IDB 1 (Crop)", "ALL-IDB 2"}
    assert_disjoint(split, TABLE, "source")
    assert splits.leave_one_source_out(TABLE, "all").folds == ["ALL-IDB", "Leukocytes", "Atlas", "UFG", "JTSC", "MIDB"]


def test_single_class_sources_are_tested_only_while_training_keeps_both_classes():
    two = cohort([("Neg", "Neg", 9, 0), ("Pos", "Pos", 0, 9)])
    with pytest.raises(LeuknetError, match="fold Neg: training would see one class only"):
        splits.leave_one_source_out(two, "all")
    with pytest.raises(LeuknetError, match="tests sources with both classes, and the cohort has none"):
        splits.leave_one_source_out(two)
    with pytest.raises(LeuknetError, match="tests data sets with both classes"):
        splits.lodocv(two)
    with pytest.raises(LeuknetError, match="fold Both: training would see one class only"):
        splits.lodocv(cohort([("Both", "Both", 5, 5), ("Pos", "Pos", 0, 9)]))
    with pytest.raises(LeuknetError, match="needs two data sets or more"):
        splits.lodocv(cohort([("Both", "Both", 5, 5)]))


def test_folds_are_drawn_over_what_takes_part_and_an_external_set_is_in_none():
    split = splits.with_external(lambda part: splits.k_fold(part, 5), TABLE, "UFG")
    outside = set(TABLE["image_id"][TABLE["data_set"] == "UFG"])
    for fold in split.folds:
        assert rows_of(split, fold, "external") == outside
        assert not outside & (rows_of(split, fold, "train") | rows_of(split, fold, "test"))
        assert set(split.indices(TABLE, fold)) == {"train", "test", "external"}
    assert split.protocol == "5-fold, UFG external"


@pytest.mark.slow
def test_table_12s_folds_hold_680_or_681_images():
    """3 402 images stand in Table 1's rows without UFG; struck out afterwards, folds held 670 to 693."""
    table = cohort([(d.name, d.source, d.negatives, d.positives) for d in DATA_SETS.values()])
    split = splits.with_external(lambda part: splits.k_fold(part, 5, 4), table, "UFG")
    sizes = {len(rows_of(split, fold, "test")) for fold in split.folds}
    assert sizes == {680, 681} and len(split.folds) == 20


def test_with_external_refuses_what_it_cannot_honour():
    with pytest.raises(LeuknetError, match="no data set 'UFGG'"):
        splits.with_external(splits.k_fold, TABLE, "UFGG")
    assert "UFG" not in splits.with_external(splits.lodocv, TABLE, "UFG").folds
    with pytest.raises(LeuknetError, match="source 'ALL-IDB' stands in training and test"):
        splits.with_external(lambda part: splits.k_fold(part, 3, by="source"), TABLE, "ALL-IDB 2")


def test_identical_files_are_reported_by_image_and_refused_by_group():
    table = TABLE.copy()
    ufg, atlas = (table.index[table["data_set"] == name] for name in ("UFG", "Atlas"))
    table.loc[ufg[:2], "sha256"] = "same"
    table.loc[atlas[:3], "sha256"] = "same"
    assert splits.lodocv(table).leakage(table).endswith("1 identical image file (in 1 of 3 folds).")
    with pytest.raises(LeuknetError, match="fold UFG: file content 'same' stands in training and test"):
        splits.leave_one_source_out(table)
    table.loc[table["sha256"] == "same", "sha256"] = ""  # unknown content is not identical content
    assert splits.leave_one_source_out(table).leakage(table).endswith("no identical image file.")


def test_a_group_across_sources_is_refused_not_merged():
    table = TABLE.copy()
    table.loc[table["data_set"].isin(["UFG", "Atlas"]), "group"] = "one patient"
    with pytest.raises(LeuknetError, match="group 'one patient' stands in training and test"):
        splits.leave_one_source_out(table)
    assert_disjoint(splits.k_fold(table, 3, by="group"), table, "group")


def test_too_few_units_raise():
    with pytest.raises(LeuknetError, match="7 folds by source need 7 sources; the cohort has 6"):
        splits.k_fold(TABLE, 7, by="source")
    with pytest.raises(LeuknetError, match="the rarer class has 3"):
        splits.k_fold(cohort([("One", "One", 3, 30)]), 5)
    with pytest.raises(LeuknetError, match="by source need 4 sources; the cohort has 1"):
        splits.hold_out(cohort([("One", "One", 30, 30)]), by="source")
    with pytest.raises(LeuknetError, match="training would see one class only"):
        splits.k_fold(cohort([("Neg", "Neg", 9, 0), ("Pos", "Pos", 0, 9)]), 2, by="source")
    with pytest.raises(LeuknetError, match="whole sources fall into the same folds again; use repeats=1"):
        splits.k_fold(TABLE, 3, repeats=20, by="source")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: splits.k_fold(TABLE, 1), "k of 2 or more"),
        (lambda: splits.k_fold(TABLE, repeats=0), "repeats of 1 or more"),
        (lambda: splits.k_fold(TABLE, by="patient"), "by='patient' is not a unit"),
        (lambda: splits.hold_out(TABLE, 1.0), "not between 0 and 1"),
        (lambda: splits.hold_out(TABLE, 0.01, by="group"), "too extreme"),
        (lambda: splits.hold_out(TABLE, 1e-9), "hold-out of 1e-09"),
        (lambda: splits.leave_one_source_out(TABLE, "some"), "tested='some' is unknown"),
        (lambda: splits.k_fold(TABLE.drop(columns="group")), r"has no column\(s\) group"),
        (lambda: splits.k_fold(TABLE.iloc[:0]), "the cohort is empty"),
        (lambda: splits.k_fold(pd.concat([TABLE, TABLE[:1]])), "is twice in the cohort"),
        (lambda: splits.k_fold(TABLE.assign(label=2)), "labels of the cohort must be 0"),
        (lambda: splits.k_fold(TABLE.assign(source=None)), "has no source"),
    ],
)
def test_bad_input_is_named_in_one_line(make, message):
    with pytest.raises(LeuknetError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def frame(*rows):
    return pd.DataFrame(rows, columns=["fold", "image_id", "role"])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (frame(("a", "x", "train"), ("a", "x", "test")), "image x has more than one place"),
        (frame(("a", "x", "train"), ("a", "y", "external")), "no image has the role 'test'"),
        (frame(("a", "x", "train"), ("a", "y", "validation")), "unknown role 'validation'"),
        (frame(), "has no fold"),
        (frame(("a", "x", "train")).drop(columns="role"), r"has no column\(s\) role"),
    ],
)
def test_a_malformed_table_is_no_split(table, message):
    with pytest.raises(LeuknetError, match=message):
        Split("mine", table)


def test_a_hand_made_split_that_parts_its_groups_is_refused_where_it_is_used():
    rows = [("a", image, "test" if i % 2 else "train") for i, image in enumerate(TABLE["image_id"])]
    assert len(Split("mine", frame(*rows)).indices(TABLE, "a")["train"]) == len(TABLE) // 2 + len(TABLE) % 2
    with pytest.raises(LeuknetError, match="mine, fold a: group"):
        Split("mine", frame(*rows), by="group").indices(TABLE, "a")


def test_indices_follow_the_cohort_s_order():
    split = splits.k_fold(TABLE, 4, seed=1)
    shuffled = TABLE.sample(frac=1, random_state=0)
    for table in (TABLE, shuffled):
        found = split.indices(table, "r0f2")
        for role, places in found.items():
            assert (np.diff(places) > 0).all()
            assert set(table["image_id"].iloc[places]) == rows_of(split, "r0f2", role)
    with pytest.raises(LeuknetError, match="which is not in this cohort"):
        split.indices(TABLE.iloc[5:], "r0f2")
    with pytest.raises(LeuknetError, match="5-fold has no fold 'r9f9'"):
        splits.k_fold(TABLE).indices(TABLE, "r9f9")


MAKERS = [
    lambda table: splits.hold_out(table, seed=2),
    lambda table: splits.k_fold(table, 3, 2, seed=2),
    lambda table: splits.k_fold(table, 3, by="group"),
    lambda table: splits.lodocv(table),
    lambda table: splits.leave_one_source_out(table, "all"),
]


@pytest.mark.parametrize("make", MAKERS)
def test_hash_depends_on_who_is_where_not_on_order_or_paths(make):
    split = make(TABLE)
    again = make(TABLE.sample(frac=1, random_state=1).assign(path="elsewhere"))
    assert split.hash == again.hash
    assert {fold: split.fold_hash(fold) for fold in split.folds} == {f: again.fold_hash(f) for f in again.folds}
    moved = split.table.copy()
    moved.loc[moved.index[moved["role"] == "train"][0], "role"] = "external"
    assert Split(split.protocol, moved, split.by).hash != split.hash != Split("other", split.table, split.by).hash
    assert len(split.hash) == 16 and int(split.hash, 16) >= 0


def test_hash_is_stable_across_versions():
    split = Split("mine", frame(("a", "x", "train"), ("a", "y", "test")))
    assert split.hash == "441bc4faf3fb9b93"
    assert split.fold_hash("a") == "ccc4f81e7722848b"


def test_seeds_decide():
    assert splits.k_fold(TABLE, seed=0).hash == splits.k_fold(TABLE, seed=0).hash != splits.k_fold(TABLE, seed=1).hash
    assert splits.hold_out(TABLE, seed=0).hash != splits.hold_out(TABLE, seed=1).hash
    repeats = splits.k_fold(TABLE, 3, 2, by="group")
    assert rows_of(repeats, "r0f0", "test") != rows_of(repeats, "r1f0", "test")


def test_protocols_that_test_the_same_images_share_a_fold_hash():
    lodocv, source = splits.lodocv(TABLE), splits.leave_one_source_out(TABLE)
    assert lodocv.fold_hash("UFG") == source.fold_hash("UFG")
    assert lodocv.fold_hash("ALL-IDB 2") != source.fold_hash("ALL-IDB")


@pytest.mark.slow
@given(st.integers(0, 50), st.integers(0, 4))
def test_groups_that_hold_the_same_file_stay_in_one_fold(seed, copies):
    groups = [f"g{i:02d}" for i in range(12) for _ in range(4)]
    table = pd.DataFrame({"image_id": [f"i{i:02d}" for i in range(48)], "group": groups, "label": [0, 1] * 24})
    table = table.assign(data_set="x", source="x", sha256=table["image_id"])
    table.loc[4 * np.arange(copies + 1), "sha256"] = "same"
    split = splits.k_fold(table, 3, seed=seed, by="group").table
    tested = split[split["role"] == "test"].set_index("image_id")["fold"]
    assert tested[table["image_id"][table["sha256"] == "same"]].nunique() == 1
