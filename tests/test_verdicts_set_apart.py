"""Claims on a set apart, and which networks take part in any comparison: those shown to beat the larger class."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from fake_runs import APART, FOLDS, POOLED, PUBLISHED, apart, approaches, judged, left_out, pooled, works

from leuknet.verdicts.claim_rules.sources import learnt
from leuknet.verdicts.evidence import CANNOT, DEPENDS, NOT_SUPPORTED, SUPPORTED


@cache
def everyone():
    """Return runs of LeukNet, of VGG-16 from random weights and of every work of Table 11; tests copy it."""
    return apart({"mDFT": 0.98, "scratch": 0.98} | works(0.92), {"mDFT": 0.8, "scratch": 0.7} | works(0.6))


@cache
def usual(claim):
    return judged(claim, everyone())


def test_transfer_matters_outside_only():
    inside = {"mDFT": 0.98, "scratch": 0.98, "vogado": 0.9}
    found = judged("scratch-equivalent", apart(inside, {"mDFT": 0.8, "scratch": 0.7, "vogado": 0.6}))
    assert found.verdict == DEPENDS and "LeukNet over Vogado et al." in found.number
    alone = judged("scratch-equivalent", apart({"mDFT": 0.98, "scratch": 0.98}, {"mDFT": 0.7, "scratch": 0.7}))
    assert alone.verdict == CANNOT and "Vogado et al. was not run" in alone.number


@pytest.mark.slow
def test_a_network_that_calls_the_larger_class_is_compared_with_nothing():
    """Its fall from the folds to the set apart is a difference of two prevalences."""
    inside, outside = {"mDFT": 0.9, "scratch": 0.55}, {"mDFT": 0.6, "scratch": 0.5}
    assert judged("moderate-decay", apart(inside, outside)).verdict == CANNOT
    found = judged("moderate-decay", apart(inside | {"vogado": 0.8}, outside | {"vogado": 0.4}))
    assert "left out, as not shown to beat the larger class: scratch" in found.number and found.verdict == CANNOT
    idle = judged("mdft-best", pd.concat(approaches(0.95, 0.55, 0.7, 0.7)))
    assert "not shown to beat the larger class: VGG16 SFT on ALL-IDB 1" in idle.number and "4 of 4" in idle.number
    assert idle.verdict == CANNOT  # ahead of the others is not the claim; behind one of them would refute it
    assert judged("mdft-best", pd.concat(approaches(0.75, 0.55, 0.7, 0.8))).verdict == NOT_SUPPORTED
    alone = judged("mdft-best", pd.concat(approaches(0.95, 0.5, 0.5, 0.5)))
    assert alone.verdict == CANNOT


@pytest.mark.slow
def test_controls_are_no_rivals():
    control = {"mean-colour": 0.9}
    frame = apart({"mDFT": 0.98} | works(0.92) | control, {"mDFT": 0.7} | works(0.6) | control)
    found, rivals = judged("generalises-better", frame), len(works(0))
    assert found.verdict == SUPPORTED and f"ahead in {rivals} of {rivals}" in found.number
    one = judged("generalises-better", apart({"mDFT": 0.98, "vogado": 0.92}, {"mDFT": 0.8, "vogado": 0.6}))
    assert one.verdict == CANNOT and "ahead in 1 of 1" in one.number and "Sahlol et al. [23]" in one.number


@pytest.mark.parametrize("claim", ["lodocv-needed", "lodocv-excellent"])
def test_a_network_that_has_not_learnt_answers_no_question_of_protocols(claim):
    """Its gap between two test sets is that of their classes' shares."""
    frame = pd.concat([pooled(0.5), *left_out(0.4, 0.42, 0.41)], ignore_index=True).assign(majority=0.55)
    found = judged(claim, frame)
    assert found.verdict == CANNOT and "not shown to beat the larger class" in found.number


@pytest.mark.parametrize(
    "leads, protocol, expected",
    [
        ((0.1, 0.12, 0.11, 0.09, 0.1), PUBLISHED, True),
        ((0.0, 0.0, 0.0, 0.0, 0.0), PUBLISHED, False),  # every image called the larger class
        ((-0.1, -0.12, -0.11, -0.09, -0.1), PUBLISHED, False),
        ((0.2, -0.1, 0.15, -0.05, 0.1), PUBLISHED, False),  # ahead on average: 6 points, -11 to 23
        ((0.01, 0.05, 0.015, 0.045, 0.03), PUBLISHED, True),  # 0.8 to 5.2 points over independent runs
        ((0.01, 0.05, 0.015, 0.045, 0.03), POOLED, False),  # -0.3 to 6.3 over folds of one pool
        ((0.01, 0.05, 0.015, 0.045, 0.03), APART, False),
        ((0.1,), PUBLISHED, True),  # no interval; nor has any comparison with it
        ((0.0,), PUBLISHED, False),
    ],
)
def test_a_network_has_learnt_if_its_interval_lies_above_the_larger_class(leads, protocol, expected):
    rows = pd.DataFrame({"A": np.add(leads, 0.55), "majority": 0.55, "protocol": protocol})
    rows["fold"] = list(FOLDS[: len(leads)]) if protocol != PUBLISHED else "ALL-IDB 1"
    assert learnt(rows) is expected
    if protocol != PUBLISHED:
        assert learnt(pd.concat([rows] * 20)) is expected  # more seeds of a fold are no more folds


def unclear(frame, approach):
    """Return runs of which one approach is ahead of the larger class on average, by an interval that holds 0."""
    step = 0.2 * np.where(frame.groupby(["approach", "role", "fold"]).ngroup() % 2 == 0, 1, -1)
    step = step if frame["protocol"].iloc[0] == APART else 0.2 * (-1.0) ** frame["seed"]
    return frame.assign(A=frame["A"].where(frame["approach"] != approach, 0.58 + step))


@pytest.mark.slow
@pytest.mark.parametrize("claim", ["moderate-decay", "scratch-equivalent", "generalises-better"])
@pytest.mark.parametrize("approach", ["mDFT", "scratch", "vogado"])
def test_leuknet_and_rivals_take_part_by_the_same_rule(claim, approach):
    found = judged(claim, unclear(everyone(), approach))
    assert usual(claim).verdict in (SUPPORTED, DEPENDS) and "left out" not in usual(claim).number
    if claim == "generalises-better" and approach == "scratch":
        assert found == usual(claim)  # no work of Table 11
        return
    assert found.verdict == CANNOT
    named = f"left out, as not shown to beat the larger class: {approach}"
    assert named in found.number if approach != "mDFT" else "shown to beat the larger class" in found.number


@pytest.mark.parametrize("approach", ["mDFT", "SFT", "DFT"])
def test_networks_on_sets_left_out_take_part_by_that_rule_too(approach):
    frame = pd.concat(approaches(0.95, 0.7, 0.72, 0.8))
    found = judged("mdft-best", unclear(frame, approach))
    assert found.verdict == CANNOT and f"not shown to beat the larger class: VGG16 {approach} on" in found.number


def test_pooled_folds_that_may_be_no_better_than_the_larger_class_answer_nothing():
    frame = pooled(0.97)
    frame = frame.assign(A=0.58 + 0.2 * (-1.0) ** frame["fold"].str[-1].astype(int))
    found = judged("lodocv-needed", pd.concat([frame, *left_out(0.7, 0.72, 0.8)], ignore_index=True))
    assert found.verdict == CANNOT and "not shown to beat the larger class" in found.number


@pytest.mark.slow
@pytest.mark.parametrize("claim", ["moderate-decay", "scratch-equivalent", "generalises-better"])
def test_the_set_apart_is_one_and_its_images_are_counted(claim):
    first = everyone().copy()
    first.loc[first["role"] == "external", "images"] = 121
    found = judged(claim, first)
    assert "one set apart, UFG, 121 images (intervals are over folds, not images)" in found.number
    other = apart({"mDFT": 0.7, "scratch": 0.9}, {"mDFT": 0.6, "scratch": 0.8})
    other = other.assign(run=other["run"] + " 2", tested=other["tested"].replace("UFG", "ALL-IDB 1"))
    both = judged(claim, pd.concat([first, other], ignore_index=True))
    assert both.number == found.number.replace("one set apart", "one of 2 sets apart")
    assert both.verdict == found.verdict
