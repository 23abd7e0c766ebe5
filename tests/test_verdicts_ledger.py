"""The claims ledger: every claim has a rule; rules give the verdicts that made-up runs must give."""

from pathlib import Path

import pandas as pd
import pytest
from fake_runs import (
    APART,
    POOLED,
    TESTED,
    apart,
    approaches,
    deeper,
    golden_runs,
    head,
    left_out,
    pooled,
    runs,
    scattered,
)

from leuknet._io import write_json
from leuknet.baselines.registry import BASELINES
from leuknet.paper import tables
from leuknet.paper.consistency import Finding
from leuknet.runs.record import read, seal
from leuknet.verdicts import claim_rules, ledger, results
from leuknet.verdicts.claim_rules.pages import FEATURES
from leuknet.verdicts.claim_rules.protocols import falls, on_the_same_images
from leuknet.verdicts.judgement import CANNOT, DEPENDS, NOT_SUPPORTED, SUPPORTED, UNDECIDED


def works(a):
    """Return an accuracy for every work of Table 11."""
    return {key: a for key, entry in BASELINES.items() if entry.reference}


# claim: (runs that support it, that contradict it, that cannot tell)
BY_RUNS = {
    "mdft-best": (
        approaches(0.95, 0.7, 0.72, 0.8),
        approaches(0.75, 0.7, 0.72, 0.8),
        approaches(0.82, 0.7, 0.72, 0.8, noise=9),
    ),
    "deepest-not-best": ([runs(0.95), *deeper(0.8)], [runs(0.8), *deeper(0.8)], [runs(0.82, noise=9), *deeper(0.8, 9)]),
    "vgg-equivalent": (
        [runs(0.9), runs(0.901, backbone="VGG19")],
        [runs(0.9), runs(0.8, backbone="VGG19")],
        [runs(0.9), runs(0.881, backbone="VGG19")],  # an interval that holds the limit itself
    ),
    "head-best": (head(0.95, 0.8), head(0.8, 0.9), head(0.9, 0.88, noise=9)),
    "choice-essential": (
        approaches(0.95, 0.7, 0.72, 0.8),
        approaches(0.8, 0.8, 0.8, 0.8),
        approaches(0.8, 0.77, 0.8, 0.8, noise=9),
    ),
    "lodocv-needed": (
        [pooled(0.97), *left_out(0.7, 0.72, 0.8)],
        [pooled(0.97), *left_out(0.97, 0.98, 0.99)],
        [pooled(0.9), *left_out(0.7, 0.99, 0.95)],
    ),
    "lodocv-excellent": (
        [pooled(0.97), *left_out(0.7, 0.72, 0.8)],
        [pooled(0.97), *left_out(0.97, 0.98, 0.99)],
        [pooled(0.9), *left_out(0.7, 0.99, 0.95, shared=770)],
    ),
    "scratch-equivalent": (
        [apart({"mDFT": 0.98, "scratch": 0.981, "vogado": 0.92}, {"mDFT": 0.7, "scratch": 0.7, "vogado": 0.6})],
        [apart({"mDFT": 0.98, "scratch": 0.981, "vogado": 0.99}, {"mDFT": 0.7, "scratch": 0.7, "vogado": 0.6})],
        [
            apart({"mDFT": 0.95, "scratch": 0.95, "vogado": 0.9}, {"mDFT": 0.7, "scratch": 0.7, "vogado": 0.6}).pipe(
                scattered, "test"
            )
        ],
    ),
    "moderate-decay": (
        [apart({"mDFT": 0.98, "scratch": 0.98, "vogado": 0.92}, {"mDFT": 0.8, "scratch": 0.7, "vogado": 0.6})],
        [apart({"mDFT": 0.98, "scratch": 0.98, "vogado": 0.92}, {"mDFT": 0.6, "scratch": 0.7, "vogado": 0.7})],
        [
            apart({"mDFT": 0.98, "scratch": 0.98, "vogado": 0.92}, {"mDFT": 0.72, "scratch": 0.7, "vogado": 0.62}).pipe(
                scattered
            )
        ],
    ),
    "generalises-better": (
        [apart({"mDFT": 0.98} | works(0.92), {"mDFT": 0.8} | works(0.6))],
        [apart({"mDFT": 0.98, "vogado": 0.92}, {"mDFT": 0.6, "vogado": 0.8})],
        [apart({"mDFT": 0.98} | works(0.92), {"mDFT": 0.7} | works(0.68)).pipe(scattered)],
    ),
    "k-fold-accuracy": (
        [pooled(0.986, protocol=APART, noise=0.2)],
        [pooled(0.90, protocol=APART, noise=0.2)],
        [pooled(0.976, protocol=APART)],
    ),
}  # fmt: skip


def judged(name, frame, out="nowhere"):
    rule = ledger.rules()[name]
    return claim_rules.RULES[rule["rule"]](rule, claim_rules.Sources(frame, Path(out)))


@pytest.mark.slow
@pytest.mark.parametrize("claim", BY_RUNS)
@pytest.mark.parametrize("case", [SUPPORTED, NOT_SUPPORTED, UNDECIDED])
def test_each_rule_supports_contradicts_and_leaves_open(claim, case):
    frames = dict(zip((SUPPORTED, NOT_SUPPORTED, UNDECIDED), BY_RUNS[claim], strict=True))
    found = judged(claim, pd.concat(frames[case], ignore_index=True))
    assert found.verdict == case, found


def page_tables(tmp_path, gap, images, nucleus, first="mDFT"):
    (tmp_path / "tables").mkdir(exist_ok=True)
    values = dict.fromkeys(FEATURES, 85 - gap) | {first: 85}
    rows = [(name, approach, a, a) for name in TESTED[:2] for approach, a in values.items()]
    frame = pd.DataFrame(rows, columns=["data set", "features", "LODOCV A (%)", "k-fold A (%)"]).assign(who="here")
    frame.to_csv(tmp_path / "tables" / "07_feature_space-table10.csv", index=False)
    names = ["linear SVM in the plane", "linear SVM on the features", "the network itself"]
    frame = pd.DataFrame({"classifier": names, "images": images, "A (%)": [80.0, 85.0 - gap, 85.0]})
    frame.to_csv(tmp_path / "tables" / "07_feature_space-linear.csv", index=False)
    frame = pd.DataFrame(
        {"method": ["Grad-CAM", "occlusion"], "value": 1.2, "low": 1.1, "high": 1.3, "verdict": nucleus}
    )
    frame.to_csv(tmp_path / "tables" / "08_activation_maps-verdict.csv", index=False)
    return pd.DataFrame({"tested": TESTED[:2], "images": images, "role": "test", "lodocv": True})


@pytest.mark.parametrize("claim", ["mdft-separable", "not-linear", "nuclei-decide"])
@pytest.mark.parametrize(
    "gap, images, nucleus, expected",
    [
        (20, 108, ["supported", "supported"], SUPPORTED),
        (-20, 108, ["supported", "not supported: the cytoplasm is favoured"], NOT_SUPPORTED),
        (1, 108, ["supported", "not told apart"], UNDECIDED),
        (8, 26, ["not told apart", "not told apart"], UNDECIDED),  # once "not supported": 8 points of 26 images
    ],
)
def test_tables_of_pages_support_contradict_and_leave_open(tmp_path, claim, gap, images, nucleus, expected):
    frame = page_tables(tmp_path, gap, images, nucleus)
    assert judged(claim, frame, tmp_path).verdict == expected
    assert judged(claim, frame, tmp_path / "empty").verdict == CANNOT


@pytest.mark.parametrize("claim", ["mdft-separable", "dft-separable-within"])
@pytest.mark.parametrize("absent", [("DFT",), ("SFT", "DFT"), ("mSFT",), ("mDFT",)])
def test_features_that_were_not_run_leave_the_claim_open(tmp_path, claim, absent):
    """A laptop has no SFT and DFT: once a KeyError that broke the ledger, or "supported" over what was left."""
    frame = page_tables(tmp_path, 20, 108, "supported", ledger.rules()[claim]["first"])
    assert judged(claim, frame, tmp_path).verdict == SUPPORTED
    path = tmp_path / "tables" / "07_feature_space-table10.csv"
    table = pd.read_csv(path)
    table[~table["features"].isin(absent)].to_csv(path, index=False)
    found = judged(claim, frame, tmp_path)
    assert found.verdict == CANNOT and found.number.endswith(", ".join(f"{n} on ALL-IDB 2" for n in absent))


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
        write_json(folder / "run.json", {"settings": {}})
        for name in ("split.csv", "environment.json", "weights.json", "predictions.parquet"):
            (folder / name).write_text("{}")
        seal(folder, {"seconds": 1.0})
    found = judged("no-overfitting", pd.concat([inside, *left_out(*outside)], ignore_index=True), tmp_path)
    assert found.verdict == expected, found


def test_every_claim_has_an_entry_whose_findings_and_rule_exist():
    entries = ledger.rules()
    assert set(entries) == set(tables.claims()["id"])
    assert all(entry["decides"] for entry in entries.values())
    assert {entry["rule"] for entry in entries.values() if "rule" in entry} == set(claim_rules.RULES)
    assert all("rule" in entry or entry.get("settled") or "neither" in entry["decides"] for entry in entries.values())
    tested = {entries[claim]["rule"] for claim in BY_RUNS} | {"shared", "separable", "linear", "nuclei", "overfitting"}
    assert tested == set(claim_rules.RULES)


def test_one_run_or_nothing_to_compare_with_cannot_be_tested():
    frame = pd.concat(approaches(0.95, 0.7, 0.72, 0.8))
    assert judged("mdft-best", frame[frame["seed"] == 0]).verdict == CANNOT
    assert judged("mdft-best", frame[frame["approach"] == "mDFT"]).verdict == CANNOT
    assert judged("mdft-best", pd.DataFrame()).verdict == CANNOT


def test_transfer_matters_outside_only():
    inside = {"mDFT": 0.98, "scratch": 0.98, "vogado": 0.9}
    found = judged("scratch-equivalent", apart(inside, {"mDFT": 0.8, "scratch": 0.7, "vogado": 0.6}))
    assert found.verdict == DEPENDS and "LeukNet over Vogado et al." in found.number
    alone = judged("scratch-equivalent", apart({"mDFT": 0.98, "scratch": 0.98}, {"mDFT": 0.7, "scratch": 0.7}))
    assert alone.verdict == CANNOT and "Vogado et al. was not run" in alone.number


def test_a_network_that_calls_the_larger_class_is_compared_with_nothing():
    """Its fall from the folds to the set apart is a difference of two prevalences."""
    inside, outside = {"mDFT": 0.9, "scratch": 0.55}, {"mDFT": 0.6, "scratch": 0.5}
    assert judged("moderate-decay", apart(inside, outside)).verdict == CANNOT
    found = judged("moderate-decay", apart(inside | {"vogado": 0.8}, outside | {"vogado": 0.4}))
    assert "left out, as no better than the larger class: scratch" in found.number and found.verdict == CANNOT
    idle = judged("mdft-best", pd.concat(approaches(0.95, 0.55, 0.7, 0.7)))
    assert "no better than the larger class: VGG16 SFT on ALL-IDB 1" in idle.number and "4 of 4" in idle.number
    assert idle.verdict == CANNOT  # ahead of the others is not the claim; behind one of them would refute it
    assert judged("mdft-best", pd.concat(approaches(0.75, 0.55, 0.7, 0.8))).verdict == NOT_SUPPORTED
    alone = judged("mdft-best", pd.concat(approaches(0.95, 0.5, 0.5, 0.5)))
    assert alone.verdict == CANNOT


@pytest.mark.parametrize("claim, missing", [("mdft-best", "SFT on ALL-IDB 1"), ("head-best", "1024–1024 on ALL-IDB 1")])
def test_what_was_not_run_is_named_and_leaves_the_claim_open(claim, missing):
    frames = approaches(0.95, 0.7, 0.72, 0.8) if claim == "mdft-best" else head(0.95, 0.8)
    whole = pd.concat([*frames, runs(0.9, folds=("UFG",))])  # page 06's run: no other approach is tested there
    assert judged(claim, whole).verdict == SUPPORTED
    found = judged(claim, whole[(whole["approach"] != "SFT") & (whole["dense"] != "1024–1024")])
    assert found.verdict == CANNOT and f"not run: {missing}" in found.number


def test_networks_that_began_from_other_weights_are_not_compared():
    drawn = [part.assign(weights="random") for part in deeper(0.7)]
    found = judged("deepest-not-best", pd.concat([runs(0.95), *drawn]))
    assert found.verdict == CANNOT and "VGG16 from ImageNet; " in found.number and "from random" in found.number


def test_lodocv_is_as_good_as_its_sources_are_unseen():
    frame = pd.concat([pooled(0.97), *left_out(0.7, 0.72, 0.8, shared=770)], ignore_index=True)
    assert judged("lodocv-excellent", frame).verdict == DEPENDS


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


@pytest.mark.parametrize("claim", ["mdft-best", "choice-essential", "head-best", "vgg-equivalent", "deepest-not-best"])
def test_networks_that_trained_on_ufg_are_not_pooled_with_those_that_did_not(claim):
    frames = [*approaches(0.95, 0.7, 0.72, 0.8), *head(0.95, 0.8)[1:], *deeper(0.8), runs(0.95, backbone="VGG19")]
    plain = pd.concat(frames).assign(cohort="development")
    both = pd.concat([plain, runs(0.6), runs(0.99, "SFT"), runs(0.99, dense="512–256")])
    assert judged(claim, both) == judged(claim, plain) and judged(claim, plain).verdict == SUPPORTED


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


def test_controls_are_no_rivals():
    control = {"mean-colour": 0.9}
    frame = apart({"mDFT": 0.98} | works(0.92) | control, {"mDFT": 0.7} | works(0.6) | control)
    found, rivals = judged("generalises-better", frame), len(works(0))
    assert found.verdict == SUPPORTED and f"ahead in {rivals} of {rivals}" in found.number
    one = judged("generalises-better", apart({"mDFT": 0.98, "vogado": 0.92}, {"mDFT": 0.8, "vogado": 0.6}))
    assert one.verdict == CANNOT and "ahead in 1 of 1" in one.number and "Sahlol et al. [23]" in one.number


def test_a_control_is_no_run_of_leuknet(tmp_path):
    root = golden_runs(tmp_path / "trainings")
    whole = results.results(tmp_path)
    folder = next(path for path in sorted(root.iterdir()) if path.name in set(whole["run"]))
    record = read(folder)
    write_json(folder / "run.json", record.run | {"role": "control"})
    seal(folder, record.done)
    left = results.results(tmp_path)
    assert set(whole["run"]) - set(left["run"]) == {folder.name}
    assert sorted(left["run"]) == sorted(whole.loc[whole["run"] != folder.name, "run"])


def test_shared_training_images_are_counted():
    assert judged("lodocv-excludes", runs(0.9)).verdict == SUPPORTED
    found = judged("lodocv-excludes", runs(0.9, shared=770))
    assert found.verdict == NOT_SUPPORTED and "770 of 4000" in found.number
    assert judged("lodocv-excludes", pooled(0.9)).verdict == CANNOT


def test_ledger_of_fake_runs_and_of_an_empty_folder(tmp_path):
    made = Finding("most-images", "Table 11", "m", "inconsistent", "changes a conclusion", "One has more.", "1")
    found = [made] + [
        Finding(name, "p", "m", "not decidable", "changes a number", "s", "a")
        for name in {n for entry in ledger.rules().values() for n in entry.get("audit", ())} - {"most-images"}
    ]
    empty = ledger.ledger(tmp_path, found).set_index("claim")
    assert len(empty) == len(tables.claims()) and set(empty["verdict"]) <= set(ledger.VERDICTS)
    assert empty.loc["most-images", ["verdict", "decided by"]].tolist() == ["not supported", "print"]
    assert empty.loc["mdft-best", "verdict"] == CANNOT
    assert set(empty.loc[["lodocv-excludes", "lodocv-no-overlap"], "decided by"]) <= {"outside knowledge", ""}
    golden_runs(tmp_path / "trainings")
    table = ledger.ledger(tmp_path, found).set_index("claim")
    assert "ALL-IDB 2" in table.loc["lodocv-excludes", "these runs"]
    assert table.loc["k-fold-accuracy", "these runs"].startswith("no run, published 98.61")


@pytest.mark.parametrize(
    "verdicts, expected", [(("consistent",), "supported"), (("consistent", "inconsistent"), "not supported")]
)
def test_settled_by_print(verdicts, expected):
    found = [Finding("x", "p", "m", v, "" if v == "consistent" else "typographical", "s", "a") for v in verdicts]
    assert ledger.settled(found) == expected


@pytest.mark.parametrize("claim", ["lodocv-needed", "lodocv-excellent"])
def test_a_network_that_has_not_learnt_answers_no_question_of_protocols(claim):
    """Its gap between two test sets is that of their classes' shares."""
    frame = pd.concat([pooled(0.5), *left_out(0.4, 0.42, 0.41)], ignore_index=True).assign(majority=0.55)
    found = judged(claim, frame)
    assert found.verdict == CANNOT and "no better than the larger class" in found.number
