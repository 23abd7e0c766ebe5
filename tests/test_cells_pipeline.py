"""The cell pipeline on drawn smears, where scale, place and kind of every cell are known."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from test_cells_imaging import overlap

from leuknet._random import rng
from leuknet.cells import descriptors, embedding, extract, generalisation, scale, segmentation
from leuknet.cells.classifier import CellClassifier, ImageClassifier, chosen_threshold, image_scores, shifted
from leuknet.cells.extract import MOST, Cells, cells_of, outlined
from leuknet.cells.labels import cell_labels, drawn_cells
from leuknet.data.cells_csv import label_meaning, read_cells
from leuknet.data.folder import folder_cohort
from leuknet.data.synthetic import synthetic_cohort
from leuknet.data.synthetic.native import redrawn
from leuknet.evaluation.splits import k_fold
from leuknet.exceptions import LeuknetError


def smear(diameter, edge=8, light=(245, 225, 205)):
    """Return an image of `edge` red cells' width with red discs of `diameter` px on a plain background."""
    size = round(edge * diameter)
    image = np.full((size, size, 3), light, np.float32)
    grid = np.stack(np.meshgrid(*2 * [np.arange(1, edge, 1.5)]), -1).reshape(-1, 2)
    for x, y in diameter * (grid + rng("smear").uniform(-0.2, 0.2, grid.shape)):
        stain = np.zeros((size, size), np.uint8)
        cv2.circle(stain, (round(x), round(y)), round(diameter / 2), 1, -1)
        image *= np.where(stain[..., None] > 0, np.array([0.88, 0.78, 0.86], np.float32), 1)
    return np.clip(image + rng("grain").normal(0, 1.5, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("true", [18, 30, 48, 75, 110])
@pytest.mark.parametrize("wrong", [0.85, 1.0, 1.15])
def test_the_red_cell_is_measured_at_every_magnification(true, wrong):
    found = scale.red_cell_diameter(smear(true), true * wrong)
    assert found.measured and found.diameter == pytest.approx(true, rel=0.08)


def test_an_image_without_red_cells_says_so_and_keeps_the_nominal_diameter():
    blank = np.full((120, 120, 3), 220, np.uint8)
    found = scale.red_cell_diameter(blank, 31.0)
    assert (found.diameter, found.measured) == (31.0, False)
    with pytest.raises(LeuknetError, match="no red cells in UFG: give the red cell's diameter"):
        scale.estimated_diameter([blank], "UFG")


@pytest.mark.parametrize("true", [24, 45, 90])
def test_an_unknown_data_set_is_measured_from_its_own_images(true):
    assert scale.estimated_diameter([smear(true)] * 2) == pytest.approx(true, rel=0.15)


@pytest.mark.parametrize("light", [(250, 250, 250), (254, 227, 201), (255, 247, 153), (197, 198, 194)])
def test_the_white_point_is_the_background_and_a_brighter_lamp_changes_no_density(light):
    image = smear(40, light=light)
    np.testing.assert_allclose(scale.white_point(image), light, atol=3)
    assert np.median(scale.optical_density(image)) < 0.05


def test_nominal_diameters_are_known_by_any_spelling_and_not_guessed():
    assert scale.nominal_diameter("cellavision2") == 72 and scale.nominal_diameter("PBC") == 70.3
    assert scale.nominal_diameter("somewhere else") is None


def density_of(mask, strength=1.0):
    """Return densities of a purple nucleus where `mask` is 2 and of pale cytoplasm where it is 1."""
    density = np.zeros((*mask.shape, 3), np.float32)
    for value, stain in ((1, (0.2, 0.3, 0.1)), (2, (0.9, 1.4, 0.4))):
        density[mask == value] = stain
    return cv2.GaussianBlur(density, (0, 0), 1) * strength


def disc(mask, x, y, radius, value):
    """Draw a disc into `mask` (lengths in px at the working scale)."""
    cv2.circle(mask, (x, y), radius, value, -1)
    return mask


@pytest.mark.parametrize("single", [True, False])
def test_one_nucleus_is_found_whole_and_one_at_the_border_is_dropped(single):
    mask = disc(disc(np.zeros((160, 160), np.uint8), 80, 80, 25, 2), 0, 20, 25, 2)
    labels = segmentation.segment(density_of(mask), single)
    assert labels.max() == 1 and overlap(labels > 0, (mask == 2) & (np.arange(160) > 40))[0] > 0.95


def test_lobes_are_one_nucleus_and_touching_blasts_are_two():
    lobed = disc(disc(np.zeros((160, 160), np.uint8), 68, 80, 13, 2), 96, 80, 13, 2)
    assert segmentation.segment(density_of(lobed), True).max() == 1
    blasts = disc(disc(np.zeros((200, 260), np.uint8), 90, 100, 34, 2), 152, 100, 34, 2)
    assert segmentation.segment(density_of(blasts), False).max() == 2


def test_a_platelet_is_no_nucleus():
    mask = disc(disc(np.zeros((160, 160), np.uint8), 80, 80, 25, 2), 130, 130, 6, 2)
    assert segmentation.segment(density_of(mask), False).max() == 1


def part_of(mask, strength=1.0):
    """Return the `Part` of a drawn cell."""
    return descriptors.Part(mask == 2, mask >= 1, np.ascontiguousarray(density_of(mask, strength)[..., 1]))


def test_descriptors_of_a_disc_have_their_known_values():
    mask = disc(disc(np.zeros((160, 160), np.uint8), 80, 80, 40, 1), 80, 80, 20, 2)
    values = dict(zip(descriptors.DESCRIPTORS, descriptors.describe(part_of(mask)), strict=True))
    expected = {"nucleus_area": 1, "cell_area": 4, "nucleus_share": 0.25, "solidity": 1, "circularity": 1}
    expected |= {"eccentricity": 0, "lobes": 1, "largest_lobe_share": 1, "concavity": 0, "thickness": 1}
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, abs=0.06 + 0.05 * value), name


def test_two_lobes_an_ellipse_and_a_dent_are_told_apart():
    lobed = descriptors.Part(
        *[disc(disc(np.zeros((160, 160), np.uint8), 60, 80, 14, 2), 100, 80, 14, 2) == 2] * 2, None
    )
    assert descriptors.lobes(lobed) == 2 and descriptors.largest_lobe_share(lobed) == pytest.approx(0.5, abs=0.02)
    assert descriptors.solidity(lobed) < 0.75 and descriptors.concavity(lobed) == pytest.approx(14 / 40, abs=0.05)
    oval = np.zeros((160, 160), np.uint8)
    cv2.ellipse(oval, (80, 80), (40, 20), 0, 0, 360, 2, -1)
    assert descriptors.eccentricity(descriptors.Part(oval == 2, oval == 2, None)) == pytest.approx(0.866, abs=0.02)


def test_a_stain_twice_as_strong_changes_no_descriptor_and_no_crop():
    mask = disc(disc(np.zeros((160, 160), np.uint8), 80, 80, 40, 1), 80, 80, 24, 2)
    weak, strong = part_of(mask), part_of(mask, 2.0)
    np.testing.assert_allclose(descriptors.describe(weak), descriptors.describe(strong), rtol=1e-3, atol=1e-4)
    pictures = [embedding.crop(density_of(mask, k), mask == 2, mask >= 1) for k in (1.0, 2.0)]
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() <= 1
    assert pictures[0][0, 0] == 255 and pictures[0][56, 56] == pytest.approx(128, abs=6)


def test_the_body_holds_the_cytoplasm_and_not_what_lies_far():
    mask = disc(disc(np.zeros((160, 160), np.uint8), 80, 80, 36, 1), 80, 80, 24, 2)
    labels = segmentation.segment(density_of(mask), True)
    assert overlap(segmentation.bodies(density_of(mask), labels) > 0, mask > 0)[0] > 0.93


def test_rules_from_cells_to_the_image():
    p, owner = np.array([0.9, 0.1, 0.5, 0.3, 0.2], np.float32), np.array([0, 0, 0, 0, 2])
    assert image_scores(p, owner, 3).tolist() == pytest.approx([0.9, 0, 0.2])
    assert image_scores(p, owner, 3, "mean").tolist() == pytest.approx([0.45, 0, 0.2])
    assert image_scores(p, owner, 3, "top3").tolist() == pytest.approx([1.7 / 3, 0, 0.2])


def test_the_chosen_threshold_keeps_its_specificity_and_is_never_below_half():
    scores = np.linspace(0, 1, 101)
    threshold = chosen_threshold(scores, 0.9)
    assert (scores < threshold).mean() >= 0.9 and chosen_threshold(scores / 10) == 0.5 == chosen_threshold(scores[:0])
    moved = shifted(scores, threshold)
    assert ((moved >= 0.5) == (scores >= threshold)).all() and (np.diff(moved) >= 0).all()


@pytest.fixture(scope="module")
def drawn():
    """Return a synthetic cohort with both classes in several sources, and its cells."""
    cohort = synthetic_cohort(size=48, fraction=0.001, floor=4)
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
    assert model.both and model.sources
    hits = (model.predict(cells, test) >= 0.5) == cohort.labels[test]
    assert hits.mean() > 0.75


def test_without_a_source_of_both_classes_each_cell_has_its_images_label(drawn):
    cohort, cells = drawn
    labels = cell_labels(cohort, cells)
    names = cohort.table["data_set"].to_numpy()
    train = np.flatnonzero((names == "JTSC") | (names == "PN-ALL Dataset"))
    by_image = replace(labels, y=cohort.labels.astype(int)[cells.owner])
    model = ImageClassifier().fit(cells, by_image, train)
    assert not model.both and model.sources == []


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


def single_cell(inside=(95, 45, 130)):
    """Return an image of one leukocyte on a field of red cells."""
    image = smear(60, 4)
    for radius, colour in ((48, (190, 180, 225)), (36, inside)):
        cv2.circle(image, (120, 120), radius, colour, -1)
    return image


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
def test_a_providers_folder_is_a_source_with_both_classes_of_cell_as_it_comes(data_set, tmp_path):
    for place in SHIPPED[data_set]:
        (tmp_path / data_set / place).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / data_set / place), single_cell()[..., ::-1])
    (tmp_path / "Other" / "negative").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "Other" / "negative" / "n.png"), single_cell()[..., ::-1])
    cohort = folder_cohort(tmp_path, 32)
    own = cohort.table[cohort.table["data_set"] == data_set]
    assert sorted(zip(own["label"], own["cell_label"], strict=True)) == sorted(SHIPPED[data_set].values())
    cells = cells_of(cohort, {data_set: 60.0, "Other": 60.0})
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
    extract._held.cache_clear()
    again = cells_of(cohort)
    assert isinstance(again, Cells)
    pd.testing.assert_frame_equal(again.table, cells.table)
    np.testing.assert_array_equal(again.crops, cells.crops)


def test_the_same_drawings_at_another_size_are_not_searched_again(drawn, monkeypatch):
    monkeypatch.setattr(extract, "_one", None)
    table = cells_of(synthetic_cohort(size=32, fraction=0.001, floor=4)).table
    pd.testing.assert_frame_equal(table, drawn[1].table)


@pytest.fixture(scope="module")
def material(drawn):
    """Return the drawn cohort as the steps and controls of page 12 take it."""
    return generalisation.prepared(drawn[0])


def test_permuted_labels_keep_unknown_cells_and_one_cell_is_drawn_of_each_image(material):
    labels, cells = material.labels, material.cells
    dealt = generalisation.permuted(labels, 1)
    assert ((dealt.y < 0) == (labels.y < 0)).all() and (dealt.y != labels.y).any()
    own = generalisation.one_each(material, 1).cells.owner
    kept = own >= 0
    np.testing.assert_array_equal(own[kept], cells.owner[kept])
    assert np.bincount(own[kept]).max() == 1 and set(own[kept]) == set(cells.owner)
    assert (own != generalisation.one_each(material, 2).cells.owner).any()


def test_one_class_a_source_is_left_where_normal_cells_are_taken_out(material):
    rows = np.arange(len(material.labels.y))
    assert material.labels.two_class_sources(rows)
    single = generalisation.one_class(material.labels)
    assert single.two_class_sources(rows) == [] and (single.y == 1).sum() == (material.labels.y == 1).sum()


def test_auc_within_sources_is_blind_to_what_names_the_source():
    frame = pd.DataFrame({"source": ["A"] * 4 + ["B"] * 4, "y": [0, 0, 1, 1] * 2, "p": [0.1, 0.2, 0.3, 0.4] * 2})
    assert generalisation.within_source_auc(frame) == 1
    assert generalisation.within_source_auc(frame.assign(p=frame["p"] + (frame["source"] == "B"))) == 1
    assert generalisation.within_source_auc(frame.assign(p=(frame["source"] == "B").astype(float))) == 0.5
    low, high = generalisation.auc_interval(frame.assign(group=range(8), p=[0.1, 0.3, 0.2, 0.4] * 2))
    assert 0 <= low < 0.75 < high <= 1
    for none in (frame.assign(y=(frame["source"] == "B").astype(int), group="A"), frame[:0].assign(group="A")):
        assert np.isnan([generalisation.within_source_auc(none), *generalisation.auc_interval(none)]).all()


def test_centring_takes_off_what_a_source_adds(material):
    source = material.labels.source
    table = material.cells.table.copy()
    table.loc[source == source[0], "nucleus_area"] *= 1.7
    table.loc[source == source[0], "solidity"] += 0.3
    moved = replace(material, cells=replace(material.cells, table=table))
    one, other = (each.centred().cells.values for each in (material, moved))
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_controls_and_specificity_name_every_row(material):
    split = k_fold(material.cohort.table, 2, by="group")
    table = generalisation.controls(material, split, draws=2).set_index("control")
    assert {"the method", "no source with both classes", "every source trains", "colour put back"} <= set(table.index)
    assert table.loc["the method", "AUC"] > 0.7 and (table["low"] <= table["high"]).all()
    normal = generalisation.specificity(material)
    assert len(normal) and normal["specificity"].between(0, 1).all()


def test_features_of_a_cell_do_not_depend_on_the_cells_asked_with_it(drawn):
    _, cells = drawn
    blocks = cells.table["data_set"].to_numpy(str)
    rows = np.array([9, 0, len(blocks) - 1])
    values, caption = embedding.features(cells.crops, blocks, rows, "formula", copies=1, seed=3)
    assert len(values) == 6 and "stands in" in caption
    for k, row in enumerate(rows):
        alone, _ = embedding.features(cells.crops, blocks, np.array([row]), "formula", copies=1, seed=3)
        np.testing.assert_array_equal(values[[k, k + 3]], alone)
    assert not np.allclose(values[:3], values[3:])


def test_without_scale_sizes_are_those_of_the_pixels(drawn):
    _, cells = drawn
    loose, factor = generalisation.without_scale(cells), cells.table["diameter"] / generalisation.PIXELS
    np.testing.assert_allclose(loose.table["nucleus_area"], cells.table["nucleus_area"] * factor**2)
    np.testing.assert_array_equal(loose.table["solidity"], cells.table["solidity"])


def test_a_threshold_from_labelled_images_corrects_a_shifted_source():
    y = np.tile([0, 1], 40)
    frame = pd.DataFrame({"source": "A", "y": y, "p": 0.6 + 0.2 * y})
    table = generalisation.few_labelled(frame, (0, 5)).set_index("labelled a class")["accuracy"]
    assert table[0] == 0.5 and table[5] == 1.0
