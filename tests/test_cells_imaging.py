"""Finding and measuring cells: known answers on drawn cells, and Dice on the real mask sets."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from leuknet._random import rng
from leuknet.baselines.handcrafted import imaging, measures, patel, putzu
from leuknet.baselines.handcrafted.segmentation import METHODS, mask_set, overlap, scored, summary
from leuknet.cells.scale import filled
from leuknet.cells.segmentation import masks
from leuknet.exceptions import LeuknetError

SCENE = 96


def drawn(centres, radius=14, size=SCENE):
    """Return an image of purple nuclei in blue cytoplasm with a red cell, and its mask."""
    image = np.full((size, size, 3), (225, 222, 228), np.uint8)
    cv2.circle(image, (10, size - 12), 9, (205, 150, 150), -1)
    mask = np.zeros((size, size), np.uint8)
    for centre in centres:
        for colour, value, r in (((165, 165, 215), 1, radius), ((95, 45, 130), 2, int(0.7 * radius))):
            cv2.circle(image, centre, r, colour, -1)
            cv2.circle(mask, centre, r, value, -1)
    noise = rng("drawn").normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), mask


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)))
def test_holes_are_those_of_scipy(mask):
    assert np.array_equal(filled(mask), ndimage.binary_fill_holes(mask))


def test_nucleus_and_leukocyte_are_found_and_the_red_cell_is_not():
    image, mask = drawn([(50, 46)])
    core = imaging.nuclei(image)
    assert overlap(core, mask == 2)[0] > 0.9
    assert overlap(imaging.leukocytes(image, core), mask > 0)[0] > 0.85
    assert not imaging.leukocytes(image)[SCENE - 20 :, :20].any()


@pytest.mark.parametrize("segment", [putzu.segment, patel.segment])
def test_the_articles_ways_find_the_nucleus_too(segment):
    image, mask = drawn([(50, 46)], radius=26)
    assert overlap(segment(image)[1], mask == 2)[0] > 0.85


def test_an_image_of_one_colour_has_no_cells():
    blank = np.full((40, 40, 3), 200, np.uint8)
    assert not imaging.nuclei(blank).any() and not imaging.leukocytes(blank).any()
    for describe, columns in ((putzu.describe, 112), (patel.describe, 73)):
        assert describe(blank).shape[1] == columns


def test_touching_cells_are_parted_and_none_is_lost():
    _, mask = drawn([(34, 48), (58, 48)])
    labels = imaging.separated(mask > 0)
    assert labels.max() == 2 and (labels > 0).sum() == (mask > 0).sum()
    assert labels[48, 34] != labels[48, 58]


def test_cells_at_the_border_are_left_out_unless_nothing_else_is_there():
    inside_and_border = imaging.separated(drawn([(50, 46), (0, 20)])[1] > 0)
    kept = imaging.cleaned(inside_and_border)
    assert kept[46, 50] and not kept[20, 0]
    only_border = imaging.separated(drawn([(0, 20)])[1] > 0)
    assert imaging.cleaned(only_border)[20, 0]


def test_yellow_of_pure_colours():
    for colour, expected in (((255, 255, 0), 1), ((255, 255, 255), 0), ((0, 0, 255), 0), ((200, 100, 50), 0.75)):
        image = np.full((9, 9, 3), colour, np.uint8)
        assert imaging.yellow(image)[4, 4] == pytest.approx(expected, abs=0.01)


def test_overlap_by_hand():
    a, b = np.array([1, 1, 1, 0], bool), np.array([0, 1, 1, 1], bool)
    assert overlap(a, b) == (pytest.approx(4 / 6), 0.5)
    assert overlap(a & ~a, b & ~b) == (1.0, 1.0)


def test_shape_of_a_disc_and_a_bar():
    _, disc = drawn([(48, 48)], radius=30)
    found = measures.shape(disc > 0)
    assert found[4] < 0.1 and found[5] > 0.97 and found[8] == pytest.approx(1, abs=0.12)
    bar = np.zeros((60, 60), bool)
    bar[28:32, 5:55] = True
    assert measures.shape(bar)[7] < 0.12 and measures.shape(bar)[8] < 0.4
    assert not measures.shape(np.zeros((5, 5), bool)).any()


def test_cooccurrence_of_a_checkerboard():
    board = (np.indices((20, 20)).sum(axis=0) % 2) * 255
    mask = np.ones(board.shape, bool)
    contrast, *_, entropy = measures.cooccurrence(board, mask)
    step = measures.LEVELS - 1
    assert contrast == pytest.approx(step**2 / 2)  # straight neighbours always differ, diagonal ones never
    assert entropy == pytest.approx(1, abs=0.01)  # two equal cells of the matrix at every angle
    outside = board.copy()
    outside[:, 10:] = 77
    half = mask.copy()
    half[:, 10:] = False
    np.testing.assert_allclose(measures.cooccurrence(outside, half), measures.cooccurrence(board[:, :10], mask[:, :10]))


def test_local_binary_patterns_sum_to_one_and_say_flat_from_noise():
    mask = np.ones((32, 32), bool)
    flat = measures.binary_patterns(np.full((32, 32), 90), mask)
    noise = measures.binary_patterns(rng("lbp").integers(0, 256, (32, 32)), mask)
    assert flat.sum() == pytest.approx(1) and flat[8] == 1  # no neighbour is darker
    assert noise[9] > 0.15 and flat[9] == 0  # not uniform


def test_fractal_dimension_of_a_plane_and_of_noise():
    plane = np.add.outer(np.arange(64.0), np.arange(64.0))
    assert measures.fractal_dimension(plane) == pytest.approx(2, abs=1e-9)  # H = 1: differences grow with distance
    noise = rng("fractal").normal(size=(256, 256))
    assert measures.fractal_dimension(noise) == pytest.approx(3, abs=0.02)  # H = 0
    assert measures.fractal_dimension(np.full((9, 9), 5)) == 2


def test_scores_leave_out_images_without_a_nucleus():
    image, mask = drawn([(50, 46)])
    table = scored([image, image], [mask, mask * 0], ["a", "b"], [18.0, 18.0])
    assert set(table["image_id"]) == {"a"} and len(table) == 2 * len(METHODS)
    assert (summary(table)["images"] == 1).all()


def test_a_wrong_folder_of_masks_is_named(tmp_path):
    with pytest.raises(LeuknetError, match="name the folder segmentation_WBC"):
        mask_set(tmp_path, "JTSC")
    with pytest.raises(LeuknetError, match="unknown: choose JTSC"):
        mask_set(tmp_path, "LISC")


def test_masks_at_scale_have_the_images_size_and_its_nuclei():
    image, mask = drawn([(50, 46)])
    body, core = masks(image, 18.0)
    assert body.shape == core.shape == image.shape[:2]
    assert overlap(core, mask == 2)[0] > 0.85 and overlap(body, mask > 0)[0] > 0.8
    assert not masks(np.full((90, 90, 3), 220, np.uint8), 18.0)[1].any()


@pytest.mark.parametrize(("name", "least"), [("JTSC", 0.91), ("CellaVision 2", 0.93)])
def test_nuclei_of_the_real_sets_are_found(shared, name, least):
    parts = mask_set(shared / "real" / "segmentation_WBC", name)
    table = scored(*[part[::4] for part in parts], {"at scale": masks})
    assert table.loc[table["part"] == "nucleus", "dice"].mean() >= least
