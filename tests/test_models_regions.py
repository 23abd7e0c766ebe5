"""Scores of activation maps: known shares, intervals, removal curves, and the verdict's rule."""

import numpy as np
import pandas as pd
import pytest
from made import small_cohort
from test_models_activation_maps import red_finder, spotted

from leuknet.exceptions import LeuknetError
from leuknet.models.interpretation import regions
from leuknet.models.settings import TrainSettings
from leuknet.models.training import train


def cell(size=16):
    """Return a mask: nucleus 4 x 4 px in a cell of 8 x 8 px."""
    mask = np.zeros((size, size), np.uint8)
    mask[4:12, 4:12] = 1
    mask[6:10, 6:10] = 2
    return mask


def test_shares_of_known_maps():
    masks = np.stack([cell()] * 3)
    maps = np.stack([np.ones((16, 16)), (masks[0] == 2) * 3.0, np.zeros((16, 16))])
    shares = regions.region_shares(maps, masks).set_index(["image", "region"])
    assert shares.loc[(0, "nucleus"), "activation"] == shares.loc[(0, "nucleus"), "area"] == 16 / 256
    assert shares.loc[1, "activation"].to_dict() == {"nucleus": 1, "cytoplasm": 0, "background": 0}
    assert shares.loc[(1, "nucleus"), "hit"] == 1 and shares.loc[(0, "background"), "hit"] == 1
    assert shares.loc[2, ["activation", "hit"]].isna().all(axis=None)
    np.testing.assert_allclose(shares.groupby("image")[["activation", "area"]].sum().iloc[:2], 1)


def test_a_ceiling_is_no_lower_than_the_area_and_one_on_the_finest_grid():
    masks = cell()[None]
    for grid in (2, 4, 8, 16):
        shares = regions.region_shares(np.ones((1, 16, 16)), masks, grid).set_index("region")
        assert (shares["ceiling"] >= shares["area"] - 1e-6).all()
    np.testing.assert_allclose(shares["ceiling"], 1, atol=1e-5)


def test_table_gives_ratio_interval_pointing_and_empty_maps():
    masks = np.stack([cell()] * 12)
    maps = np.stack([(cell() == 2) + 0.2 * k * np.ones((16, 16)) for k in range(11)] + [np.zeros((16, 16))])
    shares = regions.region_shares(maps, masks).assign(method="m")
    row = regions.share_table(shares, ["method"]).set_index("region").loc["nucleus"]
    assert row["images"] == 11 and row["empty maps"] == pytest.approx(1 / 12)
    expected = np.mean([16 * (1 + 0.2 * k) / (16 + 256 * 0.2 * k) for k in range(11)]) / (16 / 256)
    assert row["ratio"] == pytest.approx(expected) and row["low"] < expected < row["high"]
    whole = regions.share_table(shares, ["method"], groups=["one slide"] * 12).set_index("region").loc["nucleus"]
    assert np.isnan(whole["low"]) and whole["ratio"] == row["ratio"]


def test_interval_draws_whole_units():
    above, below = np.tile([1.0, 3.0], 50), np.ones(100)
    by_image = regions.ratio_interval(above, below, np.arange(100))
    by_pair = regions.ratio_interval(above, below, np.arange(100) // 2)
    assert by_image[0] < 2 < by_image[1] and by_pair == (2, 2)


def test_known_masks_only():
    masks = np.stack([cell(), np.full((16, 16), regions.UNKNOWN, np.uint8), np.zeros((16, 16), np.uint8)])
    assert regions.known(masks).tolist() == [0]
    with pytest.raises(LeuknetError, match="not of the same images"):
        regions.region_shares(np.ones((2, 8, 8)), masks)


def test_a_map_that_knows_removes_the_evidence_first():
    image = spotted()
    image[..., 2] = 0
    image[0, :16, :24, 0] = 255  # logit 0.5: called positive by its red alone
    red, away = (image[..., 0] > 0).astype(float), (image[..., 0] == 0).astype(float)
    curves = regions.removal_curves(red_finder(), image, {"red": red, "away": away})
    areas = regions.area_under(curves).set_index("map")
    both = regions.area_under(pd.concat([curves.assign(network=name) for name in "ab"]), ("network", "map"))
    assert both["network"].tolist() == list("aaabbb") and both["deletion"].tolist() == [*areas["deletion"]] * 2
    assert list(areas.index) == ["red", "away", "random"]
    assert areas.loc["red", "deletion"] < areas.loc["random", "deletion"] < areas.loc["away", "deletion"]
    assert areas.loc["red", "insertion"] > areas.loc["away", "insertion"]
    ends = curves[(curves["curve"] == "deletion") & (curves["share"] == 0)]["p"]
    np.testing.assert_allclose(ends, 1 / (1 + np.exp(-0.5)), atol=1e-5)


@pytest.mark.slow
def test_networks_are_measured_alike():
    cohort = small_cohort(2)
    masks = np.stack([np.kron(cell(), np.ones((2, 2), np.uint8))] * len(cohort))
    settings = TrainSettings(backbone="VGG16-nano", weights="formula", epochs=1, batch=8)
    trained = train(cohort, {"train": np.arange(len(cohort))}, settings, 0).model
    networks = {"trained": trained, "random weights": regions.untrained(settings, 32)}
    shares = regions.measure(networks, cohort.images, masks, few=2)
    table = regions.share_table(shares, ["network", "method"])
    assert len(table) == 2 * 3 * 3
    images = shares.groupby(["network", "method"])["image"].nunique().unstack()
    assert (images["occlusion"] == 2).all() and (images["Grad-CAM"] == len(cohort)).all()
    layers = regions.by_layer(trained, cohort.images, masks)
    assert list(pd.unique(layers["grid"])) == ["32 x 32", "16 x 16", "8 x 8", "4 x 4", "2 x 2"]
