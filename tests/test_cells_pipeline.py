"""From a cohort to labelled cells and classified images, where place and kind of every cell are known."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from stained import single_cell

from leuknet.cells import embedding, scale, segmentation
from leuknet.cells.classifier import CellClassifier, ImageClassifier, chosen_threshold, image_scores, shifted
from leuknet.cells.extract import MOST, Cells, cells_of, outlined
from leuknet.cells.labels import cell_labels, drawn_cells
from leuknet.data.cells_csv import label_meaning, read_cells
from leuknet.data.folder import folder_cohort
from leuknet.data.synthetic import synthetic_cohort
from leuknet.data.synthetic.native import redrawn
from leuknet.exceptions import LeuknetError

pytestmark = pytest.mark.slow


def test_rules_from_cells_to_the_image():
    p, owner = np.array([0.9, 0.1, 0.5, 0.3, 0.2], np.float32), np.array([0, 0, 0, 0, 2])
    assert image_scores(p, owner, 3).tolist() == pytest.approx([0.9, 0, 0.2])
    assert image_scores(p, owner, 3, "mean").tolist() == pytest.approx([0.45, 0, 0.2])
    assert image_scores(p, owner, 3, "top3").tolist() == pytest.approx([1.7 / 3, 0, 0.2])


@pytest.mark.parametrize("top", [1.0, 0.3, 0.9])
def test_the_chosen_threshold_keeps_its_specificity_and_is_never_below_half(top):
    scores = np.linspace(0, top, 101)
    threshold = chosen_threshold(scores, 0.9)
    assert (scores < threshold).mean() >= 0.9 and 0.5 <= threshold < 1 and chosen_threshold(scores[:0]) == 0.5
    moved = shifted(scores, threshold)
    assert ((moved >= 0.5) == (scores >= threshold)).all() and (np.diff(moved) >= 0).all()


def test_a_threshold_from_training_sources_keeps_their_normal_images_negative(drawn):
    """Its normal images are those of the training sources whose cells were not fitted."""
    cohort, cells = drawn
    labels = cell_labels(cohort, cells)
    train = np.arange(len(cohort))
    half, chosen = (ImageClassifier(threshold=name).fit(cells, labels, train) for name in ("half", "chosen"))
    assert half.cut == 0.5 <= chosen.cut
    others = np.unique(cells.owner[(labels.y == 0) & ~np.isin(labels.source, chosen.sources)])
    assert (chosen.predict(cells, others) < 0.5).mean() >= 0.95
    order = half.predict(cells, train).argsort(kind="stable")
    assert (np.diff(chosen.predict(cells, train)[order]) >= 0).all()


@pytest.fixture(scope="module")
def drawn():
    """Return a synthetic cohort with both classes in several sources, and its cells."""
    cohort = synthetic_cohort(size=64, fraction=0.001, floor=4)
    return cohort, cells_of(cohort)


def test_a_redrawn_image_is_the_cohorts_own(drawn):
    cohort, _ = drawn
    row = cohort.table.iloc[5]
    one = redrawn(row["drawing"], row["image_id"])
    assert one.row["sha256"] == row["sha256"] and one.image.shape[:2] == (row["height"], row["width"])


def test_most_drawn_cells_are_found_and_have_the_drawn_kind(drawn):
    cohort, cells = drawn
    labels = cell_labels(cohort, cells)
    assert (labels.y >= 0).mean() > 0.85
    assert set(labels.y) >= {0, 1} and not labels.weak.any()
    assert np.bincount(cells.owner).max() <= MOST
    positive = cohort.table["label"].to_numpy()[cells.owner]
    assert (labels.y[positive == 0] < 1).all()


def test_cells_of_an_image_follow_it_wherever_it_stands(drawn):
    _, cells = drawn
    rows, place = cells.of(np.array([7, 2]))
    assert set(cells.owner[rows]) == {2, 7}
    np.testing.assert_array_equal(np.array([7, 2])[place], cells.owner[rows])


def test_morphology_finds_the_blasts_of_another_half(drawn):
    cohort, cells = drawn
    labels = cell_labels(cohort, cells)
    train, test = np.arange(0, len(cohort), 2), np.arange(1, len(cohort), 2)
    model = ImageClassifier().fit(cells, labels, train)
    assert model.sources
    hits = (model.predict(cells, test) >= 0.5) == cohort.labels[test]
    assert hits.mean() > 0.75


def test_without_a_source_of_both_classes_each_cell_has_its_images_label(drawn):
    cohort, cells = drawn
    labels = cell_labels(cohort, cells)
    names = cohort.table["data_set"].to_numpy()
    train = np.flatnonzero((names == "JTSC") | (names == "PN-ALL Dataset"))
    by_image = replace(labels, y=cohort.labels.astype(int)[cells.owner])
    model = ImageClassifier().fit(cells, by_image, train)
    assert model.sources == []


def test_cells_of_one_class_are_refused(drawn):
    _, cells = drawn
    with pytest.raises(LeuknetError, match="one class only"):
        CellClassifier().fit(cells, np.zeros(len(cells.table), int))


def test_outlines_lie_around_the_cells(drawn):
    cohort, cells = drawn
    row = cohort.table.iloc[0]
    found = outlined(redrawn(row["drawing"], row["image_id"]).image, row["red_cell"])
    assert len(found.outlines) == len(found.cells.table) > 0
    for line, (x, y) in zip(found.outlines, found.cells.table[["x", "y"]].to_numpy(), strict=True):
        assert line.min(0)[0] - 2 <= x <= line.max(0)[0] + 2 and line.min(0)[1] - 2 <= y <= line.max(0)[1] + 2


def test_cells_csv_says_which_cell_is_a_blast(drawn, tmp_path):
    cohort, cells = drawn
    rows = cohort.table.itertuples()
    marks = [drawn_cells(r.leukocytes).assign(image=r.image_id, w=r.width, h=r.height) for r in rows]
    table = pd.concat(marks, ignore_index=True).query("0 <= x <= w and 0 <= y <= h")
    table = table[["image", "x", "y", "label", "type", "group"]]
    assert set(table["label"]) == {0, 1}
    table.to_csv(tmp_path / "cells.csv", index=False)
    marks = read_cells(tmp_path / "cells.csv", cohort.table)
    assert sum(len(part) for part in marks.values()) == len(table)
    plain = type(cohort)(cohort.name, cohort.images, cohort.table.drop(columns=["leukocytes"]))
    assert (cell_labels(plain, cells).y >= 0).any()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("nowhere.png,1,1,positive", "no image 'nowhere.png'"),
        ("{image},1,1,perhaps", "label 'perhaps' is not positive or negative"),
        ("{image},one,1,positive", "'one' is not a number"),
        ("{image},99999,1,positive", "99999 lies outside the image"),
    ],
)
def test_a_wrong_line_of_cells_csv_is_named(row, reason, drawn, tmp_path):
    cohort, _ = drawn
    text = "image,x,y,label\n" + row.format(image=cohort.table["image_id"].iloc[0]) + "\n"
    (tmp_path / "cells.csv").write_text(text, encoding="utf-8")
    with pytest.raises(LeuknetError, match=f"cells.csv, line 2: {reason}"):
        read_cells(tmp_path / "cells.csv", cohort.table)


SHIPPED = {
    "DeepAPL": {
        "Patient_01/Signed slides/Blast, no lineage spec/a.jpg": (1, 1),
        "Patient_01/Signed slides/Lymphocyte/b.jpg": (1, 0),
        "Patient_01/Signed slides/Promyelocyte/c.jpg": (1, -1),
        "Patient_02/Signed slides/Monocyte/d.jpg": (1, 0),
    },
    "AML-Cytomorphology (LMU)": {"MYO/MYO_0001.tiff": (1, 1), "NGS/NGS_0001.tiff": (0, 0), "LYT/LYT_0001.tiff": (0, 0)},
    "C-NMC 2019": {"UID_1_1_1_all.bmp": (1, 1), "UID_H2_1_1_hem.bmp": (0, 0), "UID_H3_1_1_hem.bmp": (0, 0)},
}


@pytest.mark.parametrize("data_set", SHIPPED)
def test_a_providers_folder_is_a_source_with_both_classes_of_cell_as_it_comes(data_set, tmp_path, monkeypatch):
    for place in SHIPPED[data_set]:
        (tmp_path / data_set / place).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / data_set / place), single_cell()[..., ::-1])
    (tmp_path / "Other" / "negative").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "Other" / "negative" / "n.png"), single_cell()[..., ::-1])
    cohort = folder_cohort(tmp_path, 32)
    own = cohort.table[cohort.table["data_set"] == data_set]
    assert sorted(zip(own["label"], own["cell_label"], strict=True)) == sorted(SHIPPED[data_set].values())
    monkeypatch.setattr(scale, "nominal_diameter", lambda name: 60.0)
    cells = cells_of(cohort)
    labels = cell_labels(cohort, cells)
    central = ~cells.table["image"].duplicated().to_numpy()
    found = pd.Series(labels.y[central], index=cells.owner[central])
    for row in own.itertuples():
        assert found[row.Index] == row.cell_label, row.image_id
    source = own["source"].iloc[0]
    assert labels.two_class_sources(np.arange(len(labels.y))) == [source]
    assert "blasts" in label_meaning(cohort.table)


def test_cells_csv_is_read_with_the_folder_and_named_in_the_survey(tmp_path):
    for name in ("positive", "negative"):
        (tmp_path / "Mine" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "Mine" / name / "a.png"), single_cell()[..., ::-1])
    file = tmp_path / "cells.csv"
    file.write_text("image,x,y,label\nMine/positive/a.png,120,120,blast\nMine/negative/a.png,120,120,normal\n")
    assert "cells.csv marks 1 blasts and 1 normal cells" in label_meaning(folder_cohort(tmp_path, 32).table)
    file.write_text("image,x,y,label\nMine/positive/b.png,120,120,blast\n")
    with pytest.raises(LeuknetError, match="cells.csv, line 2: no image 'Mine/positive/b.png'"):
        folder_cohort(tmp_path, 32)


def test_what_was_found_is_kept_and_read_back_alike(drawn):
    cohort, cells = drawn
    cells_of.cache_clear()
    again = cells_of(cohort)
    assert isinstance(again, Cells)
    pd.testing.assert_frame_equal(again.table, cells.table)
    np.testing.assert_array_equal(again.crops, cells.crops)


def test_the_same_drawings_at_another_size_are_not_searched_again(drawn, monkeypatch):
    monkeypatch.setattr(segmentation, "find", None)
    table = cells_of(synthetic_cohort(size=32, fraction=0.001, floor=4)).table
    pd.testing.assert_frame_equal(table, drawn[1].table)


def test_features_of_a_cell_do_not_depend_on_the_cells_requested_with_it(drawn):
    _, cells = drawn
    blocks = cells.table["data_set"].to_numpy(str)
    rows = np.array([9, 0, len(blocks) - 1])
    values, caption = embedding.features(cells.crops, blocks, rows, "formula", copies=1, seed=3)
    assert len(values) == 6 and "stands in" in caption
    for k, row in enumerate(rows):
        alone, _ = embedding.features(cells.crops, blocks, np.array([row]), "formula", copies=1, seed=3)
        np.testing.assert_array_equal(values[[k, k + 3]], alone)
    assert not np.allclose(values[:3], values[3:])
