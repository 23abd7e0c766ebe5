"""Masks next to a user's slides: read where they are, unknown where not, a damaged one named."""

import numpy as np
import pytest
from PIL import Image
from test_data_folder import draw

from leuknet.data.folder import folder_cohort
from leuknet.data.masks import UNKNOWN, read_mask
from leuknet.exceptions import LeuknetError


@pytest.fixture
def slides(tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "slides"
    for i, name in enumerate(["A/negative/a.bmp", "A/negative/b.bmp", "A/positive/c.bmp"]):
        draw(folder / name, i)
    return folder


def put(folder, name, levels):
    path = folder / "masks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(levels, np.uint8)).save(path)


def test_a_folder_without_masks_has_none(slides):
    assert folder_cohort(slides, 8).masks is None


def test_masks_lie_next_to_their_images_and_change_nothing_else(slides):
    plain = folder_cohort(slides, 12)
    levels = np.zeros((12, 12))
    levels[2:10, 2:10], levels[4:8, 4:8] = 128, 255
    put(slides, "A/negative/b.png", levels)
    cohort = folder_cohort(slides, 12)
    assert cohort.key == plain.key and len(cohort.rejected) == 0 and list(cohort.table["data_set"].unique()) == ["A"]
    assert (cohort.masks[[0, 2]] == UNKNOWN).all()
    np.testing.assert_array_equal(cohort.masks[1], np.digitize(levels, (64, 192)))
    assert set(np.unique(folder_cohort(slides, 6).masks[1])) == {0, 1, 2}


def test_masks_that_match_no_image_are_no_masks(slides):
    put(slides, "A/negative/other.png", np.zeros((4, 4)))
    assert folder_cohort(slides, 8).masks is None


def test_a_damaged_mask_is_named(slides):
    put(slides, "A/negative/b.png", np.zeros((4, 4)))
    (slides / "masks/A/negative/b.png").write_bytes(b"no picture")
    with pytest.raises(LeuknetError, match=r"mask .*b\.png is damaged"):
        folder_cohort(slides, 8)


def test_jtsc_and_cellavision_masks_show_nucleus_in_cell(shared):
    for name in ("Dataset 1/001.png", "Dataset 2/001.png"):
        mask = read_mask(shared / "real" / "segmentation_WBC" / name, 64)
        assert mask.shape == (64, 64) and set(np.unique(mask)) == {0, 1, 2} and 0.05 < (mask == 2).mean() < 0.6
