"""Groups and sources from pairs; splits by name; splits.csv there and back."""

import pandas as pd
import pytest

from leuknet.evaluation.exchange import read_splits, write_splits
from leuknet.evaluation.families import honest_tests, regroup
from leuknet.evaluation.named import PROTOCOLS, make_split
from leuknet.exceptions import LeuknetError


def cohort():
    """Data sets A and B of two sources that share pixels by pairs, and C apart: six of each class."""
    rows = [
        (f"{name}/{label}/{k}", name, name, f"{name}/{label}/{k}", label, f"{len(name)}{ord(name)}{label}{k}")
        for name in "ABC"
        for label in (0, 1)
        for k in range(6)
    ]
    return pd.DataFrame(rows, columns=["image_id", "data_set", "source", "group", "label", "sha256"])


def pairs(*couples):
    frame = pd.DataFrame(couples, columns=["a", "b"])
    return frame.assign(data_set_a=frame["a"].str[0], data_set_b=frame["b"].str[0])


CROPS = pairs(("A/1/0", "B/1/3"), ("B/1/3", "A/1/5"))


def test_chains_of_pairs_become_one_group_and_their_sources_one_source():
    table = regroup(cohort(), CROPS).set_index("image_id")
    joined = table.loc[["A/1/0", "B/1/3", "A/1/5"], "group"]
    assert joined.nunique() == 1 and (table["group"] == joined.iloc[0]).sum() == 3
    assert (
        set(table["source"]) == {"A + B", "C"}
        and (table.loc["C/0/0"] == cohort().set_index("image_id").loc["C/0/0"]).all()
    )


def test_nothing_found_changes_nothing_but_joins_identical_files():
    table = cohort()
    pd.testing.assert_frame_equal(regroup(table, pairs()), table)
    table.loc[1, "sha256"] = table.loc[0, "sha256"]
    assert regroup(table, pairs())["group"].nunique() == len(table) - 1


def test_groups_that_were_known_stay_whole():
    table = cohort()
    table.loc[table["data_set"] == "B", "group"] = "B/slide"
    joined = regroup(table, CROPS)
    assert joined.loc[joined["data_set"] == "B", "group"].nunique() == 1
    assert joined["group"].value_counts().iloc[0] == 12 + 2


def test_unknown_images_are_refused():
    with pytest.raises(LeuknetError, match="Z/1/0, which is not in this cohort"):
        regroup(cohort(), pairs(("A/1/0", "Z/1/0")))


def test_honest_tests_say_what_must_leave():
    table = regroup(cohort(), CROPS)
    verdicts = honest_tests(table[(table["data_set"] != "C") | (table["label"] == 0)], CROPS).set_index("data_set")
    assert verdicts.loc["A", "verdict"] == "only if B leave training too" and verdicts.loc["A", "pairs across"] == 2
    assert verdicts.loc["C", "verdict"] == "no: one class only"
    assert honest_tests(cohort(), pairs())["verdict"].tolist() == ["yes"] * 3


def test_lodocv_refuses_to_part_a_family_unless_allowed():
    table = regroup(cohort(), CROPS)
    with pytest.raises(LeuknetError, match="part images that belong together.*protocol=lodocv-as-published"):
        make_split("lodocv", table)
    assert make_split("lodocv-as-published", table).folds == ["A", "B", "C"]
    assert make_split("leave-one-source-out", table).folds == ["A + B", "C"]
    whole, published = make_split("lodocv", cohort()), make_split("lodocv-as-published", cohort())
    assert (whole.protocol, published.protocol) == ("LODOCV", "LODOCV as published")
    assert [whole.fold_hash(fold) for fold in "ABC"] == [published.fold_hash(fold) for fold in "ABC"]


def test_k_fold_by_name_keeps_groups_and_unknown_names_are_refused():
    table = regroup(cohort(), CROPS)
    assert make_split("k-fold", table).shared_groups(table).empty
    with pytest.raises(LeuknetError, match="k-fold"):
        make_split("kfold", table)
    assert {"hold-out", "k-fold-by-image", "every-source-out"} <= set(PROTOCOLS)


def test_splits_csv_comes_back_under_other_names(tmp_path):
    table = regroup(cohort(), CROPS)
    split = make_split("k-fold", table)
    assert write_splits(tmp_path / "splits.csv", split, table, "2 pairs;\nno marks") == split.hash
    again, note = read_splits(tmp_path / "splits.csv", table)
    assert again.hash == split.hash and note == "2 pairs; no marks"
    renamed = table.assign(image_id="new " + table["image_id"])
    other, _ = read_splits(tmp_path / "splits.csv", renamed)
    assert set(other.table["image_id"]) == set(renamed["image_id"])
    rows = pd.read_csv(tmp_path / "splits.csv", comment="#")
    assert {"sha256", "fold", "role", "protocol", "group"} <= set(rows) and len(rows) == len(split.table)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace(",test,", ",train,", 1), "was changed"),
        (lambda text: text.split("\n", 4)[4], "is not a split"),
        (lambda text: "", "is not a split"),
    ],
)
def test_changed_files_are_refused(tmp_path, change, reason):
    path, table = tmp_path / "splits.csv", cohort()
    write_splits(path, make_split("k-fold", table), table, "not audited")
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    with pytest.raises(LeuknetError, match=reason):
        read_splits(path, table)


def test_other_images_are_refused(tmp_path):
    table = cohort()
    write_splits(tmp_path / "splits.csv", make_split("k-fold", table), table, "not audited")
    with pytest.raises(LeuknetError, match="images that are missing or changed in this cohort"):
        read_splits(tmp_path / "splits.csv", table.assign(sha256=["0", *table["sha256"][1:]]))
    with pytest.raises(LeuknetError, match="cannot read"):
        read_splits(tmp_path / "none.csv", table)
