"""Gain ratio against Quinlan's weather example, the salp swarm against its definition, correlation by hand."""

from pathlib import Path

import numpy as np
import pytest

from leuknet import baselines
from leuknet._random import rng
from leuknet.baselines.features.sahlol import MOST, informative, swarm
from leuknet.baselines.features.selection import gain_ratio, gain_ratios, salp_swarm, uncorrelated

# Quinlan's "play tennis": outlook (sunny, overcast, rain) and wind of 14 days, and whether one plays.
OUTLOOK = [0, 0, 1, 2, 2, 2, 1, 0, 0, 2, 0, 1, 1, 2]
WIND = [0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1]
PLAY = [0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0]


def test_gain_ratio_of_quinlans_example():
    assert gain_ratio(OUTLOOK, PLAY) == pytest.approx(0.2467 / 1.5774, abs=1e-4)
    assert gain_ratio(WIND, PLAY) == pytest.approx(0.0481 / 0.9852, abs=1e-4)


def test_gain_ratio_of_a_constant_is_zero_and_of_the_class_itself_one():
    assert gain_ratio(np.zeros(14, int), PLAY) == 0
    assert gain_ratio(PLAY, PLAY) == pytest.approx(1)


def test_gain_ratios_find_the_feature_that_separates_the_classes():
    labels = np.arange(100) % 2
    noise = rng("gain").normal(size=(100, 3))
    values = np.column_stack([noise, labels + 0.01 * noise[:, 0], np.zeros(100)])
    found = gain_ratios(values, labels)
    assert found.argmax() == 3 and found[4] == 0
    np.testing.assert_allclose(gain_ratios(np.exp(values), labels), found)  # only the order of values counts


def test_salp_swarm_finds_the_least_of_a_bowl_and_repeats_itself():
    def bowl(place):
        return float(((place - 0.3) ** 2).sum())

    place, least = salp_swarm(bowl, 4, seed=1, salps=20, steps=60)
    again, _ = salp_swarm(bowl, 4, seed=1, salps=20, steps=60)
    random = min(bowl(p) for p in rng("bowl").random((20 * 61, 4)))
    assert least < min(random, 0.01) and least == bowl(place)
    np.testing.assert_array_equal(place, again)


def test_salp_swarm_stays_within_its_bounds():
    seen = []
    salp_swarm(lambda place: seen.append(place.copy()) or float(place.sum()), 3, seed=2)
    assert np.min(seen) >= 0 and np.max(seen) <= 1
    assert len(seen) == 10 * 21


def test_of_like_features_the_first_is_kept():
    x = rng("alike").normal(size=(50, 2))
    values = np.column_stack([x[:, 0], -2 * x[:, 0] + 1, x[:, 1]])
    np.testing.assert_array_equal(uncorrelated(values, [1, 0, 2]), [1, 2])


def test_sahlols_selection_drops_noise_and_keeps_what_informs():
    labels = np.arange(60) % 2
    noise = rng("sahlol").normal(size=(60, 30))
    values = np.column_stack([noise, labels + 0.2 * noise[:, 0], labels + 0.2 * noise[:, 1]])
    chosen = informative(values, labels)
    assert chosen[0] in (30, 31) and len(chosen) < 10
    taken = swarm(values[:, chosen], labels, seed=0)
    assert taken.any() and set(chosen[taken]) & {30, 31}


@pytest.mark.slow
def test_sahlols_swarm_is_given_enough_to_keep_the_articles_thousand():
    """Of VGG-19's 25 088 maps the article keeps 1 K; a swarm keeps about half of what it is given."""
    random = rng("sahlol")
    labels = np.arange(60) % 2
    values = random.normal(size=(60, 4000)) + labels[:, None]  # every feature is informative
    chosen = informative(values, labels)
    assert len(chosen) == MOST == 2200
    assert 900 < swarm(values[:, chosen], labels, seed=1).sum() < 1300


def test_no_baseline_cites_what_is_no_source():
    for path in Path(baselines.__file__).parent.rglob("*.py"):
        assert "issue of this companion" not in path.read_text("utf-8")
