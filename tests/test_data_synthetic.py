"""The synthetic cohort: counts of Table 1, truth in masks and boxes, the same result every time."""

import hashlib
import re

import numpy as np
import pytest

from leuknet.data.cohort import COLUMNS
from leuknet.data.registry import DATA_SETS
from leuknet.data.synthetic import counts, draw_cohort, synthetic_cohort
from leuknet.data.synthetic.cells import draw_cell
from leuknet.data.synthetic.draw import CELL_WINDOW, draw, resized
from leuknet.data.synthetic.looks import BLASTS, KINDS, LOOKS
from leuknet.data.synthetic.plan import FAMILY, FIELDS, Field, plan
from leuknet.data.synthetic.texture import tiles
from leuknet.exceptions import LeuknetError

SMALL = {"size": 40, "fraction": 0.01, "floor": 2}


@pytest.fixture(scope="module")
def cohort():
    return synthetic_cohort(**SMALL)


@pytest.fixture(scope="module")
def positive_field():
    """One positive field of ALL-IDB 1 with its crops, at native size."""
    field = next(task for task in plan(0.05, 5, 0) if isinstance(task, Field) and task.label and task.normal_cells)
    return draw(field, 0)


def test_a_look_for_every_data_set_that_is_drawn_by_itself():
    assert set(LOOKS) == set(DATA_SETS) - {"ALL-IDB 1 (Crop)", "ALL-IDB 2"}


def test_full_size_counts_equal_table_1():
    full = counts(1.0, 0)
    assert full["ALL-IDB 1", 0] == 59 and full["ALL-IDB 1", 1] == 49 and full["MIDB Dataset", 1] == 673
    assert ("JTSC", 1) not in full
    assert sum(n for (_, label), n in full.items() if label == 0) == 1434
    assert sum(n for (_, label), n in full.items() if label == 1) == 2089  # the rows' sum; the paper prints 2102


@pytest.mark.parametrize(("fraction", "floor"), [(0.08, 0), (0.08, 12), (0.001, 0), (0.5, 1000)])
def test_fraction_and_floor_hold_for_each_class_table_1_has(fraction, floor):
    for (name, label), n in counts(fraction, floor).items():
        published = DATA_SETS[name].positives if label else DATA_SETS[name].negatives
        assert n == max(round(published * fraction), min(floor, published), 1) <= published


@pytest.mark.parametrize(("fraction", "floor"), [(1.0, 0), (0.08, 12), (0.01, 0), (0.03, 60)])
def test_the_plan_holds_every_image_once(fraction, floor):
    tasks = plan(fraction, floor, 3)
    fields = [task for task in tasks if isinstance(task, Field)]
    found = {}
    for task in tasks:
        if not isinstance(task, Field):
            found.setdefault((task.data_set, task.label), []).extend(task.images)
    for label in (0, 1):
        found[FIELDS, label] = [field.number for field in fields if field.label == label]
    found["ALL-IDB 1 (Crop)", 1] = [k for field in fields for k in field.blast_crops]
    found["ALL-IDB 2", 1] = [k for field in fields for k in field.blast_cells]
    found["ALL-IDB 2", 0] = [k for field in fields for k in field.normal_cells]
    assert {key: sorted(value) for key, value in found.items()} == {
        key: list(range(n)) for key, n in counts(fraction, floor).items()
    }
    for field in fields:
        assert len(field.blast_crops) <= field.blasts and len(field.normal_cells) <= field.normals
        assert (field.blasts > 0) == bool(field.label)


@pytest.mark.slow
def test_the_table_is_a_cohorts_and_in_table_1s_order(cohort):
    table = cohort.table
    assert list(table.columns[: len(COLUMNS)]) == COLUMNS
    assert table["image_id"].is_unique
    assert all(re.fullmatch(r".+/(negative|positive)/\d{3}", name) for name in table["image_id"])
    assert list(table["data_set"].unique()) == list(DATA_SETS)
    assert (table["image_id"].str.contains("/positive/") == (table["label"] == 1)).all()
    found = table.groupby(["data_set", "label"]).size().to_dict()
    assert found == counts(SMALL["fraction"], SMALL["floor"])
    assert (table["source"] == [DATA_SETS[name].source for name in table["data_set"]]).all()
    assert table.groupby("group")["source"].nunique().max() == 1
    assert table.loc[table["data_set"].isin(FAMILY), "source"].nunique() == 1
    assert cohort.name == "synthetic" and (table["path"] == "").all() and len(cohort.rejected) == 0


@pytest.mark.slow
def test_native_sizes_are_the_looks(cohort):
    table = cohort.table.set_index("data_set")
    assert (table.loc["JTSC", ["width", "height"]] == 120).all().all()
    assert (table.loc["CellaVision 2", ["width", "height"]] == 300).all().all()
    assert (table.loc["ALL-IDB 2", ["width", "height"]] == CELL_WINDOW).all().all()


@pytest.mark.slow
def test_images_and_masks_are_valid(cohort):
    assert cohort.images.dtype == np.uint8 and cohort.images.shape == (len(cohort.table), 40, 40, 3)
    assert cohort.images.reshape(len(cohort.images), -1).std(1).min() > 3
    assert cohort.masks.dtype == np.uint8 and cohort.masks.shape == cohort.images.shape[:3]
    for mask in cohort.masks:
        assert set(np.unique(mask)) <= {0, 1, 2} and (mask == 2).any()
    assert (cohort.table["cells"] > 0).all()
    assert cohort.table["sha256"].is_unique


@pytest.mark.slow
def test_positive_images_hold_blasts_and_negative_ones_none(cohort):
    single = cohort.table[cohort.table["kind"] != "field"]
    assert (single["kind"].isin(BLASTS) == (single["label"] == 1)).all()
    for task in plan(0.01, 3, 1):
        if isinstance(task, Field) and task.label == 0:
            assert task.blasts == 0


@pytest.mark.slow
def test_nuclei_are_darker_than_what_surrounds_the_cells(cohort):
    grey = cohort.images.mean(-1)
    nucleus = np.array([g[m == 2].mean() for g, m in zip(grey, cohort.masks, strict=True)])
    outside = np.array([g[m == 0].mean() for g, m in zip(grey, cohort.masks, strict=True)])
    assert (nucleus < outside - 15).mean() > 0.98


@pytest.mark.slow
def test_blasts_have_a_higher_nucleus_to_cytoplasm_ratio_than_normal_cells():
    textures, generator, share = tiles(6.0), np.random.default_rng(0), {}
    for kind in KINDS:
        masks = [draw_cell(generator, kind, 6.0, textures).mask for _ in range(25)]
        share[kind] = np.array([(mask == 2).sum() / (mask > 0).sum() for mask in masks])
    assert set(BLASTS) < set(KINDS) and len(KINDS) == 8
    for blast in BLASTS:
        for normal in set(KINDS) - set(BLASTS):
            assert share[blast].mean() > share[normal].mean() + 0.05
    for kind, spec in KINDS.items():
        assert share[kind].mean() == pytest.approx(spec["nucleus_share"][0], abs=0.06)


def test_crops_are_pixels_of_their_fields(positive_field):
    field, *crops = positive_field
    assert {crop.row["data_set"] for crop in crops} == {"ALL-IDB 1 (Crop)", "ALL-IDB 2"}
    assert {crop.row["label"] for crop in crops if crop.row["data_set"] == "ALL-IDB 2"} == {0, 1}
    for crop in crops:
        left, top, width, height = map(int, crop.row["box"].split(","))
        assert crop.row["parent"] == field.row["image_id"] and crop.row["group"] == field.row["group"]
        assert np.array_equal(crop.image, field.image[top : top + height, left : left + width])
        assert np.array_equal(crop.mask, field.mask[top : top + height, left : left + width])
        assert (crop.row["width"], crop.row["height"]) == crop.image.shape[1::-1] == (width, height)
        middle = crop.mask[height // 3 : -height // 3, width // 3 : -width // 3]
        assert (middle > 0).mean() > 0.5
    assert field.row["sha256"] == hashlib.sha256(field.image.tobytes()).hexdigest()


@pytest.mark.slow
def test_parents_are_in_the_cohort(cohort):
    crops = cohort.table[cohort.table["parent"] != ""]
    assert set(crops["data_set"]) == set(FAMILY) - {FIELDS}
    fields = cohort.table.set_index("image_id")
    assert (fields.loc[crops["parent"], "data_set"] == FIELDS).all()
    assert (fields.loc[crops["parent"], "group"].to_numpy() == crops["group"].to_numpy()).all()


def test_masks_keep_their_values_when_resized(positive_field):
    for size in (17, 300):
        image, mask = resized(positive_field[1], size)
        assert image.shape == (size, size, 3) and set(np.unique(mask)) <= {0, 1, 2}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_cohort_for_any_number_of_workers(cohort):
    alone = draw_cohort(**SMALL, workers=1)
    assert np.array_equal(alone.images, cohort.images) and np.array_equal(alone.masks, cohort.masks)
    assert alone.table.equals(cohort.table) and alone.key == cohort.key


@pytest.mark.slow
def test_another_seed_gives_other_images_of_the_same_counts(cohort):
    other = draw_cohort(**{**SMALL, "size": 16, "floor": 0}, seed=1)
    shared = set(other.table["sha256"]) & set(cohort.table["sha256"])
    assert not shared
    assert set(other.table["data_set"]) == set(DATA_SETS)


@pytest.mark.slow
def test_the_cohort_is_cached_read_only(cohort):
    again = synthetic_cohort(**SMALL)
    assert isinstance(again.images, np.memmap) and not again.images.flags.writeable
    assert again.key == cohort.key


@pytest.mark.parametrize("bad", [{"fraction": 0}, {"fraction": 1.5}, {"size": 4}, {"floor": -1}])
def test_bad_arguments_are_named(bad):
    with pytest.raises(LeuknetError, match=next(iter(bad))):
        synthetic_cohort(**{**SMALL, **bad})
