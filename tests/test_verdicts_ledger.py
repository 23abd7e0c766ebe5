"""The claims ledger: every claim has a rule; rules give the verdicts that made-up runs must give."""

from pathlib import Path

import pandas as pd
import pytest
from fake_runs import (
    APART,
    TESTED,
    apart,
    approaches,
    deeper,
    golden_runs,
    head,
    judged,
    left_out,
    pooled,
    runs,
    scattered,
    works,
)

from leuknet._io import write_json
from leuknet.paper import tables
from leuknet.paper.consistency import Finding
from leuknet.runs.record import read, seal
from leuknet.verdicts import claim_rules, ledger, results
from leuknet.verdicts.claim_rules.pages import FEATURES
from leuknet.verdicts.evidence import CANNOT, NOT_SUPPORTED, SUPPORTED, UNDECIDED

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


@pytest.mark.parametrize("claim", ["mdft-best", "choice-essential", "head-best", "vgg-equivalent", "deepest-not-best"])
def test_networks_that_trained_on_ufg_are_not_pooled_with_those_that_did_not(claim):
    frames = [*approaches(0.95, 0.7, 0.72, 0.8), *head(0.95, 0.8)[1:], *deeper(0.8), runs(0.95, backbone="VGG19")]
    plain = pd.concat(frames).assign(cohort="development")
    both = pd.concat([plain, runs(0.6), runs(0.99, "SFT"), runs(0.99, dense="512–256")])
    assert judged(claim, both) == judged(claim, plain) and judged(claim, plain).verdict == SUPPORTED


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_the_kept_ledger_of_the_demo_has_each_claim_in_todays_words():
    text = (Path(__file__).parents[1] / "docs" / "ledger.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    claims = tables.claims().set_index("id")["gist"]
    assert [row[0] for row in rows] == [f"`{name}`: {gist}" for name, gist in claims.items()]
    assert all(len(row) >= 5 and set(row[1:3]) <= set(ledger.VERDICTS) for row in rows)
    assert all(row[4].split(" (")[0] in ledger.VERDICTS for row in rows)
    for column, title in ((1, "First rules"), (2, "Intervals"), (4, "Today")):
        words = pd.Series([row[column].split(" (")[0] for row in rows]).value_counts()
        [stated] = [line for line in text.splitlines() if line.startswith(f"- *{title}*")]
        assert all(f"{number} {word}" in stated for word, number in words.items()), title
