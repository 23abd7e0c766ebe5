"""Page 03: pictures of the augmentation say what the draws do; "20 times" is judged by counted operations."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from made import small_cohort

from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError
from leuknet.models.policy import COLUMNS, NOTHING, PAPER, Policy, identity
from leuknet.paper.consistency import timing
from leuknet.plots.data import augmentation as pictures
from leuknet.plots.results import audit


@pytest.fixture(scope="module")
def cohort():
    return small_cohort()


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def images_of(fig):
    return [ax.get_images()[0].get_array() for ax in fig.axes if ax.get_images()]


def test_outside_has_the_share_that_geometry_gives():
    """A square turned by 45 degrees keeps a regular octagon, 2 (sqrt 2 - 1) of its area."""
    rows = [identity(1), *(pictures.change(**v) for v in ({"theta": 45}, {"tx": 0.2}, {"zx": 0.8}, {"zy": 1.25}))]
    shares = pictures.outside(np.concatenate(rows), 200).mean(axis=(1, 2))
    np.testing.assert_allclose(shares, [0, 1 - 2 * (np.sqrt(2) - 1), 0.2, 0, 0.2], atol=0.003)
    assert pictures.reflected_share(NOTHING, 5).max() == 0
    usual, far = (pictures.reflected_share(policy, 200).mean() for policy in (PAPER, Policy(width_shift=0.6)))
    assert 0 < usual < far


def test_moved_is_exact_for_a_shift_and_distinguishes_shear_units():
    rows = np.concatenate([identity(1), pictures.change(tx=0.3), pictures.change(shear=0.2)])
    still, shifted, degrees = pictures.moved(rows, 50)
    assert (still, shifted) == pytest.approx((0, 15), abs=1e-3)
    assert pictures.moved(rows, 50, "radians")[2] / degrees == pytest.approx(180 / np.pi, rel=0.02)


def test_reflected_pixels_are_those_of_the_mirror_images(cohort):
    image = cohort.images[0]
    variants = pictures.vary(image, np.concatenate([identity(1), pictures.change(tx=0.25, ty=-0.5)]))
    np.testing.assert_allclose(variants[0], image / 255, atol=1e-6)
    wide = pictures.mirrored(image) / 255
    np.testing.assert_allclose(variants[1], wide[32 - 16 : 64 - 16, 32 + 8 : 64 + 8], atol=1e-4)


def test_one_image_a_class_of_the_same_data_set_where_one_has_both(cohort):
    table = cohort.table
    found = pictures.one_each(table, seed=3)
    assert list(found) == [0, 1] and found == pictures.one_each(table, seed=3)
    assert [table["label"].iloc[at] for at in found.values()] == [0, 1]
    assert {table["data_set"].iloc[at] for at in found.values()} == {"A"}
    apart = table[(table["data_set"] == "D") | ((table["data_set"] == "B") & table["label"])].reset_index(drop=True)
    assert {apart["data_set"].iloc[at] for at in pictures.one_each(apart).values()} == {"B", "D"}
    assert list(pictures.one_each(table[table["label"] == 1].reset_index(drop=True))) == [1]


def test_figure_3_shows_originals_and_eight_variants_of_each(cohort):
    fig = pictures.augmented(cohort, seed=1)
    shown, places = images_of(fig), list(pictures.one_each(cohort.table, 1).values())
    assert len(shown) == 18
    originals = [np.asarray(image) for image in shown if image.dtype == np.uint8]
    for image, place in zip(originals, places, strict=True):
        np.testing.assert_array_equal(image, cohort.images[place])
    titles = " ".join(ax.get_title(loc="left") for ax in fig.axes)
    assert "(a) negative, A" in titles and "(b) positive (leukaemia), A" in titles
    with pytest.raises(LeuknetError, match="no image"):
        pictures.augmented(Cohort("empty", cohort.images[:0], cohort.table[:0]))


def test_each_operation_alone_and_only_what_the_policy_does(cohort):
    named = pictures.extremes(PAPER)
    assert len(named) == 14 and ("zoom, width 0.8" in dict(named)) and ("rotation −40°" in dict(named))
    for _, row in named:
        assert (row != identity(1)).sum() == 1
    assert pictures.extremes(NOTHING) == []
    assert len(images_of(pictures.one_at_a_time(cohort.images[0], Policy(zoom=0, vertical_flip=False)))) == 1 + 9


def test_shear_is_shown_in_both_units(cohort):
    fig = pictures.shear_units(cohort.images[0])
    titles = [ax.get_title(loc="left") for ax in fig.axes[:3]]
    assert [title.split("\n")[0] for title in titles] == ["original", "shear 0.2 degrees", "shear 0.2 radians"]
    gaps = [np.abs(images_of(fig)[at] - images_of(fig)[3] / 255).mean() for at in (4, 5)]
    assert gaps[1] > 5 * gaps[0] > 0


def test_check_against_keras_sees_agreement_and_would_see_a_difference(cohort, monkeypatch):
    table = pictures.warp_check(cohort.images[:8], PAPER)
    assert len(table) == 8 and {"shear, degrees", "shear, radians"} <= set(table["operation"])
    assert table.iloc[:, 3].astype(float).max() < 1e-4 < table.iloc[:, 2].astype(float).min()
    right = pictures.by_keras
    swapped = [0, 2, 1, 3, 4, 5, 6, 7]
    monkeypatch.setattr(pictures, "by_keras", lambda images, draws, unit: right(images, draws[:, swapped], unit))
    assert float(pictures.warp_check(cohort.images[:8], PAPER).iloc[1, 3]) > 0.01


def test_colours_of_a_plain_image_stay_and_black_corners_darken(cohort):
    plain = Cohort("plain", np.full_like(cohort.images, 100), cohort.table)
    table = pictures.colour_table(plain, n=64)
    assert set(table["before"]) == set(table["after, reflected"]) == {"100.0 ± 0.0"}
    assert all(float(text.split()[0]) < 95 for text in table["after, black corners"])


def test_card_marks_numbers_outside_the_policy(cohort):
    fig = pictures.variant_card(cohort.images[0], theta=50, zx=1.1)
    dots = [line for line in fig.axes[2].lines if line.get_marker() == "o"]
    filled = [line.get_markerfacecolor() != "white" for line in dots]
    assert filled == [False] + [True] * 7
    assert "50" in [text.get_text() for text in fig.axes[2].texts]


@pytest.mark.parametrize("policy", [PAPER, NOTHING, Policy(zoom=0.7, shear_unit="radians")])
def test_sliders_begin_at_a_draw_of_the_policy_and_reach_further(policy, cohort):
    found = pictures.sliders(policy, seed=2)
    assert tuple(found) == COLUMNS
    assert all(low <= start <= high and step > 0 for low, high, step, start in found.values())
    assert all(isinstance(value, int) for name in pictures.FLIPS for value in found[name])
    assert pictures.variant_card(cohort.images[0], policy, **{name: high for name, (_, high, _, _) in found.items()})


def test_policy_table_says_what_is_drawn():
    table = pictures.policy_table(Policy(rotation=10, vertical_flip=False, shear_unit="radians")).set_index("operation")
    assert table.loc["rotation", "here"] == "uniform, −10° to +10°" and table.loc["rotation", "paper"] == "40°"
    assert table.loc["vertical flip", "here"] == "never" and table.loc["shear", "here"].endswith("radians")


def test_twenty_times_is_judged_by_the_stated_time():
    table = audit.twenty_times()
    assert list(table["verdict"]) == ["possible"] * 3 + ["impossible"] * 3
    sizes = [int(text.split()[0]) for text in table["training images"]]
    assert sizes == [3307, 3428, 2075] * 2
    assert table["images/s needed"].iloc[0] == pytest.approx(3307 * 50 / (34 * 60 + 43))
    assert table["images/s needed"].iloc[3] / table["images/s needed"].iloc[0] == pytest.approx(20)
    assert list(table["this profile"]) == ["used"] * 3 + [""] * 3
    assert list(audit.twenty_times(copies=20)["this profile"]) == [""] * 3 + ["used"] * 3
    assert not any(audit.twenty_times(copies=2)["this profile"])


def test_verdicts():
    assert [audit.feasible(*shares) for shares in ((0.6, 0.1), (2, 0.5), (12, 2.4))] == [
        "possible",
        "not decidable",
        "impossible",
    ]


def test_twenty_view_draws_both_readings_of_all_five_networks():
    ax = audit.twenty_times_view().axes[0]
    once, all_variants = (line.get_xdata() for line in ax.lines if line.get_marker() in "os")
    assert len(once) == len(all_variants) == 5 and max(once) < 100 < min(all_variants)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(timing.stated())


def test_pictures_depend_on_the_seed_alone(cohort):
    rows = [pictures.reflected_share(PAPER, 5, seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(rows[0], rows[1])
    assert (rows[0] != rows[2]).any()
