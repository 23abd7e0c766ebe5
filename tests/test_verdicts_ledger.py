"""The claims ledger: every claim has a rule; rules give the verdicts that made-up runs must give."""

import pandas as pd
import pytest
from fake_runs import golden_runs
from scipy import stats

from leuknet import _random
from leuknet.paper import tables
from leuknet.paper.consistency import Finding
from leuknet.verdicts import claim_rules, judgement, ledger

FOLDS = ("ALL-IDB 1", "ALL-IDB 2")
LODOCV = "LODOCV as published"


def frame(accuracies, backbone="VGG16", protocol=LODOCV, role="test", folds=FOLDS, shared=0, begun="ImageNet"):
    """Return rows as `evidence.results` gives them: {approach: accuracies of the seeds}."""
    return pd.DataFrame(
        {
            "run": f"{approach} {fold} {protocol} {seed}",
            "backbone": backbone,
            "approach": approach,
            "dense": "",
            "weights": begun,
            "protocol": protocol,
            "fold": fold,
            "seed": seed,
            "role": role,
            "tested": fold,
            "trained_on": 3307,
            "shared": shared,
            "A": value,
        }
        for approach, values in accuracies.items()
        for fold in folds
        for seed, value in enumerate(values)
    )


def judged(name, runs, out="nowhere"):
    rule = ledger.rules()[name]
    return claim_rules.RULES[rule["rule"]](rule, claim_rules.Sources(runs, claim_rules.Path(out)))


def test_every_claim_has_an_entry_whose_findings_and_rule_exist():
    entries = ledger.rules()
    assert set(entries) == set(tables.claims()["id"])
    assert all(entry["decides"] for entry in entries.values())
    assert {entry["rule"] for entry in entries.values() if "rule" in entry} <= set(claim_rules.RULES)
    assert all("rule" in entry or entry.get("settled") or "neither" in entry["decides"] for entry in entries.values())


def test_best_only_if_separably_ahead_everywhere():
    others = {"SFT": (0.7, 0.71, 0.7), "mSFT": (0.72, 0.7, 0.71), "DFT": (0.8, 0.79, 0.81)}
    assert judged("mdft-best", frame({"mDFT": (0.95, 0.96, 0.94)} | others)).verdict == "supported"
    close = judged("mdft-best", frame({"mDFT": (0.81, 0.79, 0.82)} | others))
    assert close.verdict == "cannot be tested here" and "4 of 6" in close.number and "too wide" in close.number
    behind = judged("mdft-best", frame({"mDFT": (0.75, 0.74, 0.75)} | others))
    assert behind.verdict == "not supported" and "behind in 2" in behind.number
    level = judged("mdft-best", frame({"mDFT": (0.80, 0.801, 0.80)} | others | {"DFT": (0.801, 0.80, 0.80)}))
    assert level.verdict == "not supported" and "behind in 0" in level.number
    assert (
        judged("mdft-best", frame({"mDFT": (0.9,)} | {k: v[:1] for k, v in others.items()})).verdict
        == claim_rules.CANNOT
    )
    assert judged("mdft-best", frame({"mDFT": (0.9, 0.9)})).verdict == "cannot be tested here"


def test_equivalent_needs_a_narrow_interval():
    a, b = (0.90, 0.905, 0.895, 0.9), (0.902, 0.898, 0.9, 0.904)
    same = pd.concat([frame({"mDFT": a}), frame({"mDFT": b}, backbone="VGG19")])
    assert judged("vgg-equivalent", same).verdict == "supported"
    wide = pd.concat([frame({"mDFT": (0.7, 0.95, 0.8)}), frame({"mDFT": (0.75, 0.9, 0.85)}, backbone="VGG19")])
    assert judged("vgg-equivalent", wide).verdict == "cannot be tested here"
    apart = pd.concat([frame({"mDFT": a}), frame({"mDFT": (0.7, 0.71, 0.7)}, backbone="VGG19")])
    assert judged("vgg-equivalent", apart).verdict == "not supported"


def test_transfer_matters_outside_only():
    same = {"mDFT": (0.98, 0.985, 0.982, 0.98), "scratch": (0.981, 0.983, 0.984, 0.98)}
    unlike = {"mDFT": (0.71, 0.7, 0.72, 0.7), "scratch": (0.6, 0.61, 0.6, 0.62)}
    protocol = "5-fold, UFG external"
    runs = pd.concat(
        [
            frame(same, protocol=protocol, folds=("r0",)),
            frame(unlike, protocol=protocol, folds=("r0",), role="external"),
        ]
    )
    assert judged("scratch-equivalent", runs).verdict == "depends on the protocol"
    assert judged("moderate-decay", runs).verdict == "supported"
    assert judged("generalises-better", runs).verdict == "cannot be tested here"


def test_networks_that_began_from_other_weights_are_not_compared():
    ours = frame({"mDFT": (0.95, 0.96, 0.94)})
    theirs = [frame({"mDFT": (0.7, 0.71, 0.7)}, backbone=name) for name in ("ResNet50", "InceptionV3", "Xception")]
    assert judged("deepest-not-best", pd.concat([ours, *theirs])).verdict == "supported"
    drawn = [part.assign(weights="random") for part in theirs]
    found = judged("deepest-not-best", pd.concat([ours, *drawn]))
    assert found.verdict == "cannot be tested here"
    assert "VGG16 from ImageNet; ResNet50" in found.number.replace("InceptionV3, Xception, ResNet50", "ResNet50")


def test_many_comparisons_are_corrected():
    rng = _random.rng("ledger", "null")
    draws = [[("x", rng.normal(0.8, 0.05, 5), rng.normal(0.8, 0.05, 5)) for _ in range(12)] for _ in range(200)]
    refused = sum(judgement.ahead_of(pairs).verdict == "not supported" for pairs in draws)
    assert refused <= 20  # about a quarter without the correction
    picked = [("best over worst", (0.90, 0.93, 0.91, 0.92), (0.86, 0.90, 0.88, 0.87))]
    assert judgement.ahead_of(picked).verdict == "supported"
    assert judgement.ahead_of(picked, picked=200).verdict == "cannot be tested here"


def test_lodocv_is_as_good_as_its_sources_are_unseen():
    pooled = frame({"mDFT": (0.97, 0.98, 0.97)}, protocol="5-fold")
    left = frame({"mDFT": (0.7, 0.72, 0.71)})
    assert judged("lodocv-excellent", pd.concat([pooled, left])).verdict == "supported"
    assert judged("lodocv-excellent", pd.concat([pooled, left.assign(shared=770)])).verdict == "depends on the protocol"


def test_controls_are_no_rivals():
    parts = [
        frame({name: values}, backbone="", protocol="5-fold, UFG external", role="external", folds=("r0",))
        for name, values in {"vogado": (0.5, 0.52, 0.51), "mean-colour": (0.9, 0.9, 0.91)}.items()
    ]
    ours = frame({"mDFT": (0.7, 0.71, 0.7)}, protocol="5-fold, UFG external", role="external", folds=("r0",))
    found = judged("generalises-better", pd.concat([ours, *parts]))
    assert found.verdict == "supported" and "1 of 1" in found.number


def test_shared_training_images_are_counted():
    assert judged("lodocv-excludes", frame({"mDFT": (0.9, 0.9)})).verdict == "supported"
    found = judged("lodocv-excludes", frame({"mDFT": (0.9, 0.9)}, shared=770))
    assert found.verdict == "not supported" and "770 of 3307" in found.number


def test_pooled_folds_against_left_out():
    runs = pd.concat([frame({"mDFT": (0.97, 0.98, 0.97)}, protocol="5-fold"), frame({"mDFT": (0.7, 0.72, 0.71)})])
    assert judged("lodocv-needed", runs).verdict == "supported"
    assert judged("lodocv-needed", runs[runs["protocol"] == LODOCV]).verdict == "cannot be tested here"


def test_tables_of_pages_are_read(tmp_path):
    (tmp_path / "tables").mkdir()
    rows = [("ALL-IDB 1", "mDFT", 88.0, 91.0), ("ALL-IDB 1", "DFT", 60.0, 99.0), ("ALL-IDB 1", "SFT", 61.0, 90.0)]
    table = pd.DataFrame(rows, columns=["data set", "features", "LODOCV A (%)", "k-fold A (%)"]).assign(who="here")
    table.to_csv(tmp_path / "tables" / "07_feature_space-table10.csv", index=False)
    assert judged("mdft-separable", pd.DataFrame(), tmp_path).verdict == "supported"
    assert judged("dft-separable-within", pd.DataFrame(), tmp_path).verdict == "supported"
    few = frame({"mDFT": (0.9,)}).assign(images=16)  # 27 points on 16 images may be chance
    assert judged("mdft-separable", few, tmp_path).verdict == "cannot be tested here"
    assert judged("mdft-separable", few.assign(images=108), tmp_path).verdict == "supported"
    assert judged("nuclei-decide", pd.DataFrame(), tmp_path).verdict == "cannot be tested here"
    names = ["linear SVM in the plane", "linear SVM on the features", "the network itself"]
    for images, values, verdict in (
        (26, 90.0, claim_rules.CANNOT),
        (707, 90.0, "not supported"),
        (707, 80.0, "supported"),
    ):
        table = pd.DataFrame({"classifier": names, "images": images, "A (%)": [85.0, values, 91.0]})
        table.to_csv(tmp_path / "tables" / "07_feature_space-linear.csv", index=False)
        assert judged("not-linear", pd.DataFrame(), tmp_path).verdict == verdict


def test_ledger_of_fake_runs_and_of_an_empty_folder(tmp_path):
    made = Finding("most-images", "Table 11", "m", "inconsistent", "changes a conclusion", "One has more.", "1")
    found = [made] + [
        Finding(name, "p", "m", "not decidable", "changes a number", "s", "a")
        for name in {n for entry in ledger.rules().values() for n in entry.get("audit", ())} - {"most-images"}
    ]
    empty = ledger.ledger(tmp_path, found).set_index("claim")
    assert len(empty) == len(tables.claims()) and set(empty["verdict"]) <= set(ledger.VERDICTS)
    assert empty.loc["most-images", ["verdict", "decided by"]].tolist() == ["not supported", "print"]
    assert empty.loc["mdft-best", "verdict"] == "cannot be tested here"
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


def test_interval_is_welch():
    a, b = (0.9, 0.92, 0.95, 0.91), (0.8, 0.86, 0.7)
    known = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    gap, bounds = judgement.difference(a, b)
    assert bounds == pytest.approx((100 * known.low, 100 * known.high)) and bounds[0] < gap < bounds[1]
