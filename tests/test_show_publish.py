"""What a page gives out: files with their record, absent cells empty, one drawing a format."""

import json
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made import small_cohort
from PIL import Image

from leuknet.protocol.splits import k_fold
from leuknet.show import publish
from leuknet.show.splits import split_map
from leuknet.show.splits import test_shares as shares


@pytest.fixture
def study(tmp_path):
    profile = SimpleNamespace(name="smoke", banner="b")
    return SimpleNamespace(out=tmp_path, page="06_lodocv", profile=profile, data=None, seed=0)


def test_absent_cells_are_empty_and_numbers_have_two_decimals(study):
    frame = pd.DataFrame({"a": [1.234, np.nan], "b": ["x", None], "n": [3, 4]})
    publish.table(study, frame, "t", "A caption", n=2)
    text = (study.out / "tables" / "06_lodocv-t.md").read_text()
    assert "| 1.23 | x | 3 |" in text and "|  |  | 4 |" in text and "nan" not in text
    assert "synthetic cohort · n = 2 · smoke profile" in text


def test_a_figure_is_kept_as_png_svg_and_record(study):
    fig, ax = plt.subplots(figsize=(4, 3))
    publish.figure(study, fig, "f", "A line", weights="random", protocol="LODOCV")
    stem = study.out / "figures" / "06_lodocv-f"
    assert Image.open(stem.with_suffix(".png")).size[0] > 300 and "<svg" in stem.with_suffix(".svg").read_text()
    record = json.loads(stem.with_suffix(".json").read_text())
    assert record["alt"] == "A line" and record["caption"].endswith("smoke profile · weights: random · LODOCV")
    assert not plt.fignum_exists(fig.number)


def test_split_map_shows_each_fold_and_shares_add_up():
    table = small_cohort().table
    split = k_fold(table, 3, seed=0)
    np.testing.assert_allclose(shares(table, split).sum(axis=1), 1)
    fig = split_map(table, [split])
    assert [tick.get_text() for tick in fig.axes[0].get_xticklabels()] == split.folds
    plt.close(fig)
