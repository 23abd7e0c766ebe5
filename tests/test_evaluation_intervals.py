"""Intervals against known answers."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from leuknet.evaluation.intervals import (
    _resampled,
    bootstrap,
    nested_difference,
    paired_difference,
    ratio_difference,
    wilson,
)
from leuknet.evaluation.metrics import METRICS, scores
from leuknet.exceptions import LeuknetError


def test_wilson_by_hand():
    # (p + z²/2n ± z sqrt(p q / n + z²/4n²)) / (1 + z²/n), z = 1.959964
    z, n, p = 1.959963984540054, 60, 0.7
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * 0.3 / n + z * z / (4 * n * n))
    assert wilson(42, 60) == pytest.approx(((middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)))
    assert wilson(0, 10)[0] == 0 and wilson(0, 10)[1] == pytest.approx(z * z / (10 + z * z))
    assert wilson(42, 60, 0.8)[0] > wilson(42, 60, 0.95)[0]


@pytest.mark.parametrize(("k", "n", "level"), [(-1, 5, 0.95), (6, 5, 0.95), (0, 0, 0.95), (1.5, 5, 0.95), (1, 5, 95)])
def test_wilson_bad_input(k, n, level):
    with pytest.raises(LeuknetError):
        wilson(k, n, level)


def predictions(units=40, per_unit=1, seeds=1):
    generator = np.random.default_rng(1)
    y = np.repeat(np.arange(units) % 2, per_unit)
    p = np.round(np.clip(0.35 + 0.3 * y + np.repeat(generator.normal(0, 0.3, units), per_unit), 0, 1), 1)
    one = pd.DataFrame({"image_id": np.arange(len(y)), "group": np.repeat(np.arange(units), per_unit), "y": y, "p": p})
    return pd.concat([one.assign(seed=seed, split="test") for seed in range(seeds)])


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
def test_resampled_metric_equals_the_metric_of_the_repeated_rows(metric):
    frame = predictions(12, 2)
    y, p, place = frame["y"].to_numpy(), frame["p"].to_numpy(), frame["group"].to_numpy()
    drawn = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=30)
    drawn[0] = place[::2] % 2 == 0  # negatives only
    drawn[1] = place[::2] % 2 == 1  # positives only
    for times, value in zip(drawn, _resampled(metric, frame, place, drawn), strict=True):
        rows = np.repeat(np.arange(len(y)), times[place])
        assert value == pytest.approx(scores(y[rows], p[rows]).get(metric, np.nan), abs=1e-9, nan_ok=True)


def test_bootstrap_of_accuracy_agrees_with_the_binomial():
    frame = predictions(400)
    low, high = bootstrap(frame, unit="image_id")
    rate = sk.accuracy_score(frame["y"], frame["p"] >= 0.5)
    half = 1.96 * np.sqrt(rate * (1 - rate) / 400)
    assert (low, high) == pytest.approx((rate - half, rate + half), abs=0.012)


def test_groups_and_seeds_do_not_pass_for_independent_images():
    one, many = predictions(60, 1), predictions(60, 5, seeds=4)
    assert bootstrap(many) == pytest.approx(bootstrap(one))
    wide, narrow = bootstrap(many), bootstrap(many, unit="image_id")
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_bootstrap_is_decided_by_its_seed_not_by_row_order():
    frame = predictions()
    assert bootstrap(frame, "MCC") == bootstrap(frame.sample(frac=1, random_state=0), "MCC")
    assert bootstrap(frame, "MCC") != bootstrap(frame, "MCC", seed=1)


def test_perfect_predictions_have_no_width():
    frame = predictions()
    assert bootstrap(frame.assign(p=frame["y"].astype(float))) == (1, 1)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({}, {"metric": "F1"}, "unknown metric 'F1'"),
        ({}, {"unit": "patient"}, "no column 'patient'"),
        ({"group": 1}, {}, "needs two groups or more"),
        ({"y": 1}, {"metric": "AUC"}, "AUC is undefined"),
        ({"p": 0.1}, {"metric": "P"}, "P is undefined"),
        ({}, {"level": 95}, "not between 0 and 1"),
        ({}, {"n": 0}, "1 resample or more"),
        ({"split": ["test", "validation"] * 20}, {}, "mix the splits"),
    ],
)
def test_bootstrap_bad_input(change, options, message):
    with pytest.raises(LeuknetError, match=message):
        bootstrap(predictions().assign(**change), **options)


def two_sides():
    """Return predictions of 60 images of 6 sources, and another network's on 40 of them."""
    frame = predictions(60).assign(source=lambda rows: rows["group"] % 6)
    other = frame.assign(p=np.random.default_rng(3).uniform(size=60).round(2))
    return frame, other.iloc[:40]


@pytest.mark.parametrize("metric", METRICS)
def test_a_paired_difference_is_that_of_the_metrics_on_the_same_images(metric):
    a, b = two_sides()
    found = paired_difference(a, b, metric)
    common = a[a["image_id"].isin(b["image_id"])]
    first, second = (scores(part["y"], part["p"])[metric] for part in (common, b))
    assert (found.first, found.second) == pytest.approx((first, second))
    assert found.difference == pytest.approx(first - second)
    assert (found.images, found.units) == (40, 6) and found.low <= found.difference <= found.high
    back = paired_difference(b, a, metric)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))


def test_an_image_counts_once_however_many_runs_predicted_it():
    a, b = two_sides()
    often = pd.concat([b, b.iloc[:7], b.iloc[:7]])
    again, once = paired_difference(a, often), paired_difference(a, b)
    assert (again.difference, again.low, again.high) == pytest.approx((once.difference, once.low, once.high))
    assert again.images == once.images == 40
    assert paired_difference(a, often, "AUC").second == pytest.approx(paired_difference(a, b, "AUC").second)


def test_pairing_removes_what_both_share_and_other_images_do_not_count():
    frame = predictions(60).assign(source=lambda rows: rows["group"] % 6)
    wrong = frame["image_id"].isin([0, 1, 2, 3, 4, 5])  # one image of each source is called wrongly in addition
    worse = frame.assign(p=np.where(wrong, 1.0 - frame["y"], frame["y"]))
    better = frame.assign(p=frame["y"].astype(float))
    found = paired_difference(better, worse)
    assert (found.difference, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    easy = better.iloc[:1].assign(image_id="only in a")
    assert paired_difference(pd.concat([better, easy]), worse) == found


def test_one_source_has_no_interval_and_says_so():
    a, b = (part.assign(source="ALL-IDB") for part in two_sides())
    found = paired_difference(a, b)
    assert np.isnan(found.low) and "no interval) on the same 40 images of 1 source" in str(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": "elsewhere"}, "no image in common"),
        ({"y": 1}, "two labels or two values of source"),
        ({"source": "moved"}, "two labels or two values of source"),
    ],
)
def test_paired_bad_input(change, message):
    a, b = two_sides()
    with pytest.raises(LeuknetError, match=message):
        paired_difference(a, b.assign(**change))


def test_seeds_do_not_pass_for_test_sets():
    generator = np.random.default_rng(0)
    sets = {
        name: (generator.normal(gap, 0.1, 50), generator.normal(0, 0.1, 50))
        for name, gap in {"a": 0, "b": 5, "c": 10}.items()
    }
    gap, low, high = nested_difference(sets)
    assert gap == pytest.approx(5, abs=0.1)
    assert high - low > 9  # three test sets from 0 to 10; 150 independent pairs would give 1.4
    alone = nested_difference({"a": sets["a"]})
    assert np.isnan(alone[1:]).all() and alone[0] == pytest.approx(0, abs=0.1)


def test_nested_interval_holds_the_spread_of_runs_too():
    generator = np.random.default_rng(1)
    sets = {name: (generator.normal(0, 3, 5), generator.normal(0, 3, 5)) for name in "abcd"}
    alike = {name: tuple(side - side.mean() for side in pair) for name, pair in sets.items()}
    gap, low, high = nested_difference(alike)  # every test set's own difference is 0: what is left is the runs'
    assert gap == pytest.approx(0) and high - low > 1


def test_a_ratio_differs_by_what_is_not_common():
    generator = np.random.default_rng(2)
    level = generator.uniform(0.5, 2, 40)  # varies from image to image, and is common to both regions
    area = np.ones(40)
    gap, low, high = ratio_difference((level + 0.1, area), (level, area), np.arange(40))
    assert (gap, low, high) == pytest.approx((0.1, 0.1, 0.1))
    assert np.isnan(ratio_difference((level, area), (level, area), ["one"] * 40)[1])
