"""Intervals against known answers."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from leuknet.evaluation.intervals import _resampled, bootstrap, wilson
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


@pytest.mark.parametrize("metric", METRICS)
def test_resampled_metric_equals_the_metric_of_the_repeated_rows(metric):
    frame = predictions(12, 2)
    y, p, place = frame["y"].to_numpy(), frame["p"].to_numpy(), frame["group"].to_numpy()
    drawn = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), size=30)
    drawn[0] = place[::2] % 2 == 0  # negatives only
    drawn[1] = place[::2] % 2 == 1  # positives only
    for times, value in zip(drawn, _resampled(metric, y, p, place, drawn), strict=True):
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
