"""Scale, segmentation and the numbers of one cell, on drawn smears and masks whose truth is known."""

import cv2
import numpy as np
import pytest
from stained import density_of, disc, smear
from test_cells_imaging import overlap

from leuknet.cells import descriptors, embedding, scale, segmentation
from leuknet.exceptions import LeuknetError


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("true", [24, 45, 90])
def test_an_unknown_data_set_is_measured_from_its_own_images(true):
    assert scale.estimated_diameter([smear(true)] * 2) == pytest.approx(true, rel=0.15)


@pytest.mark.parametrize("size", [(40, 51), (41, 51)])
def test_counted_densities_are_those_of_the_definition(size):
    image = np.random.default_rng(size[0]).integers(0, 256, (*size, 3), np.uint8)
    image[: size[0] // 2] = image[: size[0] // 2] // 32 + 231  # the brightest mode of green is about 234
    white = scale.white_point(image)
    modes = [mode for mode in range(256) if (np.median(_near(image, mode), axis=0) == white).all()]
    assert any(231 - 4 <= mode <= 238 + 4 for mode in modes)
    density = np.maximum(np.log(white + 1) - np.log(image.astype(np.float32) + 1), 0)
    np.testing.assert_array_equal(scale.optical_density(image), density)
    np.testing.assert_array_equal(scale.optical_density(image[:, ::-1]), density[:, ::-1])  # not contiguous


def _near(image, mode):
    return image[np.abs(image[..., 1].astype(int) - mode) <= 4]


@pytest.mark.parametrize("light", [(250, 250, 250), (254, 227, 201), (255, 247, 153), (197, 198, 194)])
def test_the_white_point_is_the_background_and_a_brighter_lamp_changes_no_density(light):
    image = smear(40, light=light)
    np.testing.assert_allclose(scale.white_point(image), light, atol=3)
    assert np.median(scale.optical_density(image)) < 0.05


def test_nominal_diameters_are_known_by_any_spelling_and_not_guessed():
    assert scale.nominal_diameter("cellavision2") == 72 and scale.nominal_diameter("PBC") == 70.3
    assert scale.nominal_diameter("somewhere else") is None


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


def test_two_lobes_an_ellipse_and_a_dent_are_distinguished():
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
