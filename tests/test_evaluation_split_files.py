"""Splits as files: what is written comes back, what was changed is refused."""

import pandas as pd
import pytest
from test_evaluation_splits import MAKERS, TABLE, frame

from leuknet.evaluation import splits
from leuknet.evaluation.splits import Split
from leuknet.exceptions import LeuknetError


@pytest.mark.parametrize("make", MAKERS)
def test_csv_round_trip(make, tmp_path):
    split = make(TABLE)
    split.to_csv(tmp_path / "split.csv")
    again = Split.from_csv(tmp_path / "split.csv")
    assert (again.protocol, again.by, again.hash, again.folds) == (split.protocol, split.by, split.hash, split.folds)
    pd.testing.assert_frame_equal(again.table, split.table)


def test_csv_keeps_awkward_names(tmp_path):
    rows = frame(("NA", 'a,"b"#1.png', "train"), ("NA", "naïve 007", "test"))
    Split("été, 2 times", rows).to_csv(tmp_path / "split.csv")
    assert Split.from_csv(tmp_path / "split.csv").table.to_numpy().tolist() == rows.to_numpy().tolist()


def test_a_changed_or_foreign_file_raises(tmp_path):
    path = tmp_path / "split.csv"
    splits.lodocv(TABLE).to_csv(path)
    text = path.read_text()
    path.write_text(text.replace("Atlas/1/003.png,train", "Atlas/1/003.png,external"))
    with pytest.raises(LeuknetError, match=r"split\.csv: changed since it was written"):
        Split.from_csv(path)
    path.write_text(text.replace('"LODOCV as published"', '"leave-one-source-out"'))
    with pytest.raises(LeuknetError, match="changed since"):
        Split.from_csv(path)
    for foreign in ("", "fold,image_id,role\na,b,train\n", "# {}\nfold,image_id,role\n", "# [1]\nx\n"):
        path.write_text(foreign)
        with pytest.raises(LeuknetError, match="not a split file"):
            Split.from_csv(path)
    with pytest.raises(LeuknetError, match="no such split file"):
        Split.from_csv(tmp_path / "none.csv")
