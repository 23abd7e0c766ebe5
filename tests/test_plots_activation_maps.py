"""Figures and verdict of activation maps, on made-up tables and pictures."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from leuknet.plots.interpretation import activation_maps as show

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 24, 24, 3), np.uint8)
MASKS = np.zeros((2, 24, 24), np.uint8)
MASKS[:, 6:18, 6:18], MASKS[:, 9:15, 9:15] = 1, 2


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def ratios(trained, cytoplasm=1.0, shuffled=1.0, random=1.0):
    """Return a table of regions as `share_table` gives it; each interval is 0.1 to both sides."""
    rows = []
    for network, nucleus in (("trained", trained), ("shuffled labels", shuffled), ("random weights", random)):
        for region, ratio in (("nucleus", nucleus), ("cytoplasm", cytoplasm), ("background", 0.9)):
            row = {"network": network, "method": "Grad-CAM", "region": region, "images": 20, "empty maps": 0.0}
            row |= {"activation share": 0.2, "area share": 0.1, "ratio": ratio, "low": ratio - 0.1, "high": ratio + 0.1}
            rows.append(row | {"ceiling ratio": 3.0, "pointing": 0.4})
    return pd.DataFrame(rows)


ABOVE, OPEN, BELOW = (0.5, 0.2, 0.8), (-0.04, -0.3, 0.2), (-0.5, -0.8, -0.2)


@pytest.mark.parametrize(
    ("table", "gap", "verdict"),
    [
        (ratios(2.0), ABOVE, "supported"),
        (ratios(1.05), ABOVE, "not distinguishable from its share of the area, shuffled labels and random weights"),
        (ratios(0.8), ABOVE, "not supported: below the nucleus' share of the area"),
        (ratios(2.0), BELOW, "not supported: the cytoplasm is favoured more"),
        (ratios(2.0), OPEN, "not distinguishable from the cytoplasm"),
        (ratios(2.0, random=1.9), ABOVE, "not distinguishable from random weights"),
        (ratios(2.0, shuffled=1.9, random=2.05), ABOVE, "not distinguishable from shuffled labels and random weights"),
        (ratios(2.0, shuffled=2.5, random=1.9), ABOVE, "not supported: shuffled labels favour the nucleus more"),
        (ratios(2.0, random=2.5), ABOVE, "not supported: random weights favour the nucleus more"),
    ],
)
def test_verdict_follows_the_rule(table, gap, verdict):
    row = show.nuclei_verdict(table, {"Grad-CAM": gap}, "ImageNet").iloc[0]
    assert row["verdict"] == verdict and row["claim"] == "nuclei-decide" and row["n"] == 20


def test_nucleus_and_cytoplasm_are_compared_image_by_image():
    """Ratios differ from image to image and by 0.5 within each, so the paired interval is narrow."""
    rows = [
        {"network": "trained", "method": "Grad-CAM", "region": region, "image": i, "area": 0.1,
         "activation": 0.1 * (i + 1 + more)}
        for i in range(6)
        for region, more in (("nucleus", 0.5), ("cytoplasm", 0.0))
    ]  # fmt: skip
    gap, low, high = show.nucleus_gaps(pd.DataFrame(rows), np.array(list("aabbcc")))["Grad-CAM"]
    assert (gap, low, high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_verdicts_claim_is_in_the_ledger():
    from leuknet.paper import tables

    path = tables.__file__.replace("tables.py", "data/claims.csv")
    assert "nuclei-decide" in set(pd.read_csv(path)["id"])


def test_percent_shares_reads_as_text_and_percent():
    row = show.percent_shares(ratios(2.0)).iloc[0]
    assert row["activation (%)"] == 20 and row["area (%)"] == 10 and row["pointing hits (%)"] == 40
    assert row["ratio (95 % interval)"] == "2.00 (1.90 to 2.10)" and "low" not in row


def test_ratio_figure_has_a_panel_a_method_and_names_the_networks():
    both = pd.concat([ratios(2.0), ratios(1.5).assign(method="occlusion")])
    fig = show.region_ratios(both)
    assert [ax.get_title(loc="left").split("\n")[0] for ax in fig.axes] == ["Grad-CAM", "occlusion"]
    assert [text.get_text() for text in fig.legends[0].get_texts()][:3] == list(show.NETWORK_LOOKS)


def test_sheet_marks_wrong_calls_and_empty_maps():
    maps = {"Grad-CAM": np.stack([np.zeros((24, 24)), np.eye(24)]), "occlusion": np.ones((2, 24, 24))}
    fig = show.map_sheet(PICTURES, [0, 1], [0.9, 0.8], maps, MASKS)
    titles = [ax.get_title(loc="left") for ax in fig.axes]
    assert "WRONG" in titles[0] and "WRONG" not in titles[3] and titles[1] == "Grad-CAM: empty"
    assert len(fig.axes[4].collections) == 2 and len(fig.axes[3].collections) == 0


def test_filters_that_differ_most_are_drawn():
    maps = np.zeros((6, 6, 9), np.float32)
    maps[2:4, 2:4, 5], maps[2:4, 2:4, 7] = 9, 5
    fig = show.filter_heat_maps({"one": maps}, PICTURES[0], most=2)
    assert [ax.get_title() for ax in fig.axes[1:]] == ["5", "7"]


def test_removal_view_has_both_curves_of_every_map():
    rows = [
        {"network": network, "map": name, "curve": curve, "image": i, "share": share, "p": 1 - share / (i + 1)}
        for network in ("trained", "random weights")
        for name in ("Grad-CAM", "random")
        for curve in ("deletion", "insertion")
        for i in (0, 1)
        for share in (0, 0.5, 1)
    ]
    fig = show.removal_view(pd.DataFrame(rows))
    assert [len(ax.lines) for ax in fig.axes] == [2] * 4
    assert [ax.get_title(loc="left").split(":")[0] for ax in fig.axes[::2]] == ["trained", "random weights"]
    np.testing.assert_allclose(fig.axes[0].lines[0].get_ydata(), [1, 0.625, 0.25])


def test_examples_and_worst():
    assert show.map_examples([0, 0, 1, 0, 1], 2) == show.map_examples([0, 0, 1, 0, 1], 2)
    chosen = show.map_examples([0, 0, 1, 0, 1], 2)
    assert len(chosen) == 4 and set(chosen[2:]) == {2, 4}
    shares = pd.DataFrame({"image": [0, 1, 2], "region": "nucleus", "activation": [0.5, 0.1, np.nan], "area": 0.2})
    assert show.worst_maps(shares, 5) == [1, 0]
