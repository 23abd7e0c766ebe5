"""Claims on protocols: pooled folds against what is left out, on the same images, and overfitting."""

import pandas as pd
import pytest
from fake_runs import APART, POOLED, TESTED, judged, left_out, pooled, runs

from leuknet._io import write_json
from leuknet.runs.record import seal
from leuknet.verdicts.claim_rules.protocols import falls, on_the_same_images
from leuknet.verdicts.evidence import CANNOT, DEPENDS, NOT_SUPPORTED, SUPPORTED, UNDECIDED


@pytest.mark.parametrize(
    "rises, outside, expected",
    [
        ((0, 0.01, 0.02), (0.965, 0.97, 0.972), SUPPORTED),
        ((0.3, 0.35, 0.32), (0.97, 0.97, 0.97), NOT_SUPPORTED),
        ((0, 0.01, 0.02), (0.7, 0.72, 0.8), DEPENDS),
        ((0, 0.01, 0.02), (0.8, 0.99, 0.98), UNDECIDED),  # once "supported": a fall of -8 to 19 points
        ((0.01, 0.05, 0.2), (0.97, 0.97, 0.97), UNDECIDED),
    ],
)
def test_no_overfitting(tmp_path, rises, outside, expected):
    inside = pooled(0.97, protocol="hold-out").query("fold == 'r0f0'").head(3).assign(fold="hold-out")
    for run, rise in zip(inside["run"], rises, strict=True):
        folder = tmp_path / "trainings" / run
        folder.mkdir(parents=True)
        pd.DataFrame({"epoch": [1, 2, 3], "validation_loss": [0.6, 0.5, 0.5 * (1 + rise)]}).to_csv(
            folder / "history.csv", index=False
        )
        run = {
            "settings": {},
            "protocol": "hold-out",
            "fold": "hold-out",
            "role": "study",
            "seed": 0,
            "key": folder.name,
        }
        write_json(folder / "run.json", run)
        for name in ("split.csv", "environment.json", "weights.json", "predictions.parquet"):
            (folder / name).write_text("{}")
        seal(folder, {"seconds": 1.0})
    found = judged("no-overfitting", pd.concat([inside, *left_out(*outside)], ignore_index=True), tmp_path)
    assert found.verdict == expected, found


def test_lodocv_is_as_good_as_its_sources_are_unseen():
    frame = pd.concat([pooled(0.97), *left_out(0.7, 0.72, 0.8, shared=770)], ignore_index=True)
    assert judged("lodocv-excellent", frame).verdict == DEPENDS


@pytest.mark.slow
def test_protocols_are_compared_on_the_same_images_and_the_test_sets_are_counted():
    easy = pooled(0.97)
    added = {f"CellaVision/{k}": True for k in range(5000)}  # easy images that only the pooled folds test
    more = easy.assign(right=[pd.concat([right, pd.Series(added)]) for right in easy["right"]])
    frames = [pd.concat([part, *left_out(0.7, 0.72, 0.8)], ignore_index=True) for part in (easy, more)]
    plain, with_easy = (judged("lodocv-needed", frame) for frame in frames)
    assert plain == with_easy and "of 3 test sets, all there are: the interval is hardly more than" in plain.number
    one = judged("lodocv-needed", pd.concat([easy, runs(0.7, folds=TESTED[:1])], ignore_index=True))
    assert one.verdict == CANNOT and "no interval" in one.number


def test_folds_of_two_pools_are_not_spliced_into_one_run():
    """Once "r0f0" of both became one run, so that of three runs one was left, and no interval."""
    inside, few = pooled(0.97).query("seed < 3"), pooled(0.9, protocol=APART).query("seed == 0")
    few = few.assign(seed=few["fold"].str[-1].astype(int), right=[right.iloc[:500] for right in few["right"]])
    frame = pd.concat([inside, few, *left_out(0.7, 0.72, 0.8)], ignore_index=True)
    assert judged("lodocv-needed", frame) == judged("lodocv-needed", frame[frame["protocol"] != APART])
    assert judged("lodocv-needed", frame).verdict == SUPPORTED


def test_hold_outs_of_different_sizes_are_not_spliced_into_one_run():
    images = pd.Series(True, [f"ALL-IDB 1/{k}" for k in range(100)] + [f"UFG/{k}" for k in range(100)])
    fewer = pd.Series(False, [f"ALL-IDB 1/{k}" for k in range(50, 150)])
    one = runs(0.9, protocol="hold-out", folds=("hold-out",)).head(2)
    both = [one.assign(right=[part] * 2, trained_on=n) for n, part in ((750, images), (800, fewer))]
    pairs = on_the_same_images(pd.concat(both, ignore_index=True), runs(0.7, folds=TESTED[:1]))
    assert pairs["ALL-IDB 1"] == ([100, 100], [100] * 5)


@pytest.mark.slow
def test_pooled_folds_are_compared_with_lodocv_over_the_same_cohort():
    frame = pd.concat([pooled(0.97), *left_out(0.7, 0.72, 0.8)], ignore_index=True)
    both = pd.concat([frame, runs(0.99).assign(cohort="development")], ignore_index=True)
    assert judged("lodocv-needed", both) == judged("lodocv-needed", frame)
    alone = judged("lodocv-needed", both[(both["protocol"] == POOLED) | (both["cohort"] == "development")])
    assert alone.verdict == NOT_SUPPORTED  # the only runs that there are: 97 % against 99 %


def test_no_interval_no_word_on_it():
    frame = pd.concat([pooled(0.97).query("seed == 0"), *left_out(0.7, 0.72, 0.8)], ignore_index=True)
    found = judged("lodocv-needed", frame)
    assert found.verdict == CANNOT and "no interval" in found.number and "interval is" not in found.number


def test_a_run_of_two_protocols_counts_in_both():
    """Once, LODOCV's run on UFG was missing under leave-one-source-out, which tests the same images."""
    both = runs(0.7, folds=("UFG",), source_out=True)
    found = judged("lodocv-needed", pd.concat([pooled(0.97), both, runs(0.9)], ignore_index=True))
    assert "the same images of 1 test set)" in found.number and found.verdict == CANNOT
    alone = falls(pooled(0.97), both)
    assert [name.split(" (")[0] for name, _ in alone] == ["pooled over LODOCV", "pooled over leave-one-source-out"]
    assert alone[0][1](0.95) == alone[1][1](0.95)


def test_seeds_may_differ_from_fold_to_fold():
    frame = pooled(0.97)
    other = frame.assign(seed=frame["seed"] + 100 * frame["fold"].str[-1].astype(int))
    outside = pd.concat(left_out(0.7, 0.72, 0.8))
    first, second = (on_the_same_images(part, outside) for part in (frame, other))
    assert first == second and all(len(pair[0]) == 5 for pair in first.values())


def test_shared_training_images_are_counted():
    assert judged("lodocv-excludes", runs(0.9)).verdict == SUPPORTED
    found = judged("lodocv-excludes", runs(0.9, shared=770))
    assert found.verdict == NOT_SUPPORTED and "770 of 4000" in found.number
    assert judged("lodocv-excludes", pooled(0.9)).verdict == CANNOT
