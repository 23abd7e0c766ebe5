"""The audit accuses nothing that is right, finds what is wrong, and does its sums as its references do."""

import json
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from leuknet import _random
from leuknet.paper import consistency as auditing
from leuknet.paper import tables
from leuknet.paper.consistency import (
    cross_checks,
    grim,
    printed,
    protocol,
    significance,
    sprite,
    sums,
    timing,
)

CLASSES = [(59, 49), (130, 130)]


def decimals(number, digits, truncate):
    """Return `number` as it is printed, rounded or cut off."""
    scaled = Fraction(number) * 10**digits
    whole = int(scaled) if truncate else round(scaled)
    return f"{'-' * (whole < 0)}{abs(whole) // 10**digits}.{abs(whole) % 10**digits:0{digits}d}"


def print_runs(tp, tn, classes, truncate, ddof=1):
    """Return the cells that runs with these counts would be printed as."""
    negatives, positives = classes
    fp, fn = negatives - tn, positives - tp
    values = {
        "A": 100 * (tp + tn) / (negatives + positives),
        "R": 100 * tp / positives,
        "S": 100 * tn / negatives,
        "P": sprite.precision(tp, fp),
        "MCC": sprite.matthews(tp, tn, fp, fn),
    }
    return {
        m: f"{decimals(v.mean(), 2, truncate)} ± {decimals(v.std(ddof=ddof), 2, truncate)}" for m, v in values.items()
    }


def draw_runs(generator, classes, n=5):
    """Return true positives and negatives of `n` runs, scattered about a common level."""
    levels = generator.uniform(0.2, 1, 2)
    spread = generator.uniform(0, 0.25)
    shares = np.clip(generator.normal(levels[:, None], spread, (2, n)), 0, 1)
    return np.rint(shares[0] * classes[1]).astype(int), np.rint(shares[1] * classes[0]).astype(int)


def print_single(tp, tn, classes, truncate):
    """Return A, P, R and Kappa of one confusion matrix as printed."""
    found = grim.rates(tp, tn, *classes)
    return {m: decimals(found[m], 4 if m == "Kappa" else 2, truncate) for m in ("A", "P", "R", "Kappa")}


@pytest.mark.slow
def test_true_runs_are_never_accused():
    generator = _random.rng("audit", "runs")
    for i in range(1000):
        classes = CLASSES[i % 2]
        tp, tn = draw_runs(generator, classes)
        texts = print_runs(tp, tn, classes, truncate=bool(i & 2), ddof=i // 4 % 2)
        assert cross_checks.accusations(texts, *classes, n=5) == [], (tp, tn, texts)


def test_true_matrices_are_never_accused():
    generator = _random.rng("audit", "single")
    for i in range(1000):
        classes = CLASSES[i % 2]
        tp, tn = int(generator.integers(1, classes[1] + 1)), int(generator.integers(0, classes[0] + 1))
        texts = print_single(tp, tn, classes, truncate=bool(i & 2))
        assert (tp, tn) in grim.matrices(texts, *classes)
        assert cross_checks.accusations(texts, *classes) == []


def test_search_finds_the_runs_that_were_printed():
    generator = _random.rng("audit", "recover")
    for i in range(12):
        tp, tn = draw_runs(generator, (59, 49))
        found = sprite.recover(print_runs(tp, tn, (59, 49), truncate=i % 2), (59, 49))
        assert found.complete
        assert tuple(sorted(zip(tp.tolist(), tn.tolist(), strict=True))) in found.runs


def test_a_changed_digit_is_caught_where_granularity_makes_it_certain():
    generator = _random.rng("audit", "digit")
    caught = certain = 0
    for i in range(100):
        classes = CLASSES[i % 2]
        tp, tn = draw_runs(generator, classes)
        texts = print_runs(tp, tn, classes, truncate=False)
        mean, spread = printed.split(texts["R"])
        other = mean[:-1] + str((int(mean[-1]) + 1 + int(generator.integers(9))) % 10)
        items = 5 * classes[1]
        totals = [k for k in range(items + 1) if printed.could_print(Fraction(100 * k, items), other)]
        accused = cross_checks.accusations(texts | {"R": f"{other} ± {spread}"}, *classes, n=5)
        certain += not totals
        caught += bool(accused)
        assert ("granularity R" in accused) == (not totals)
    assert certain > 50 and caught >= certain


@pytest.mark.parametrize(
    "text, number, fits",
    [
        ("98.15", Fraction(10600, 108), True),
        ("98.14", Fraction(10600, 108), True),
        ("98.16", Fraction(10600, 108), False),
        ("0.5", Fraction(9, 20), True),
        ("0.4", Fraction(9, 20), True),
        ("−0.007", Fraction(-1, 130), True),
        ("−0.008", Fraction(-1, 130), True),
        ("-0.009", Fraction(-1, 130), False),
        ("60%", 60, True),
        ("0.7", 0.7, True),
    ],
)
def test_printed_numbers_allow_every_rounding(text, number, fits):
    assert printed.could_print(number, text) is fits


def test_means_of_rounded_runs_are_allowed_for():
    low, high = printed.bounds("73.92", runs_rounded=True)
    assert (low, high) == (Fraction("73.91"), Fraction("73.94"))
    assert printed.only_truncated(Fraction(60000, 650), "92.30")
    assert not printed.only_truncated(Fraction(60000, 650), "92.31")


def test_multisets_are_all_of_them():
    from itertools import combinations_with_replacement

    window = sprite.square_window(20, 4, (Fraction(10), Fraction(25)), 9, 1)
    brute = {
        c
        for c in combinations_with_replacement(range(10), 4)
        if sum(c) == 20 and 10 <= 100 / 9 * np.std(c, ddof=1) <= 25
    }
    assert set(sprite.multisets(20, 9, 4, *window)) == brute and len(brute) == 9


def test_known_rows():
    table = {(b, r): t for _, b, r, t in grim.printed_rows((4,))}
    found = sprite.recover(table["ALL-IDB 1", "DFT"], (59, 49))
    assert found.runs == (((47, 57), (48, 57), (48, 57), (48, 57), (48, 57)),)
    assert sprite.recover(table["ALL-IDB 1", "DFT"], (59, 49), ddof=0).runs == ()
    assert sprite.debit(Fraction(1, 5), 5) == pytest.approx(0.4472, abs=1e-4)


def test_recovered_runs_print_the_table_again():
    frame = sprite.recovered()
    assert len(frame) == 31 * 5
    texts = {(n, b, r): t for n, b, r, t in grim.printed_rows(grim.RUN_TABLES)}
    for (number, block, name), group in frame.groupby(["table", "block", "row"]):
        again = print_runs(group["tp"].to_numpy(), group["tn"].to_numpy(), grim.CLASSES[block], truncate=False)
        for metric, text in texts[number, block, name].items():
            for ours, theirs in zip(printed.split(again[metric]), printed.split(text), strict=True):
                if theirs:
                    value, unit = printed.parse(theirs)
                    assert abs(Fraction(ours) - value) <= unit, (number, block, name, metric)


def test_matrix_of_the_exchanged_cells():
    texts = {"A": "91.66", "P": "95.45", "R": "83.04", "Kappa": "0.8571"}
    assert grim.matrices(texts, 59, 49) == []
    assert grim.matrices(grim.exchanged(texts), 59, 49) == [(42, 57)]


def test_weighted_averages():
    tp, tn = 56, 7
    found = cross_checks.weighted(tp, tn, 57, 64)
    y = np.repeat([1, 1, 0, 0], [56, 8, 50, 7])
    p = np.repeat([1, 0, 1, 0], [56, 8, 50, 7])
    from sklearn.metrics import precision_score, recall_score

    assert float(found["P"]) == pytest.approx(100 * precision_score(y, p, average="weighted"))
    assert float(found["R"]) == pytest.approx(100 * recall_score(y, p, average="weighted"))
    texts = {"A": "52.06", "P": "49.9", "R": "52.1", "S": "47.7"}
    assert cross_checks.weighted_matrices(texts, 57, 64) == [(tp, tn)]


def test_operations():
    assert timing.networks()["macs"]["VGG-16"] + timing.dense_macs("VGG-16", (4096, 4096, 1000)) == pytest.approx(
        15.47e9, rel=1e-3
    )  # Simonyan & Zisserman's network
    assert timing.networks()["macs"]["ResNet50"] == pytest.approx(3.86e9, rel=1e-2)  # He et al., table 1: 3.8e9
    assert timing.training_operations("VGG-16") == pytest.approx(6 * 15.37e9, rel=0.02)
    assert timing.seconds_needed("VGG-16", 200) == pytest.approx(2 * timing.seconds_needed("VGG-16", 100))


def test_t_test_holds_scipys_p_and_widens_with_rounding():
    p = stats.ttest_ind_from_stats(97.04, 1.21, 5, 94.81, 1.40, 5).pvalue
    low, high = significance.p_range("97.04 ± 1.21", "94.81 ± 1.40", 5)
    assert low < p < high
    assert significance.p_range("50.00 ± 1.00", "50.00 ± 1.00", 5)[1] == 1


def every_pairing(first, second, negatives, positives):
    """Return the exact p of every way in which two classifiers with these ``(TP, TN)`` may share their errors."""
    ways = []
    for mine, theirs, n in zip(first, second, (positives, negatives), strict=True):
        both = range(max(0, mine + theirs - n), min(mine, theirs) + 1)
        ways.append([(mine - k, theirs - k) for k in both])
    pairs = [(a + c, b + d) for a, b in ways[0] for c, d in ways[1]]
    return [stats.binomtest(a, a + b).pvalue if a + b else 1.0 for a, b in set(pairs)]


@pytest.mark.parametrize(
    "first, second, negatives, positives",
    [((4, 5), (4, 3), 5, 5), ((43, 52), (22, 59), 59, 49), ((48, 59), (48, 58), 59, 49), ((3, 3), (5, 0), 6, 7)],
)
def test_mcnemar_bounds_hold_every_pairing_that_the_counts_allow(first, second, negatives, positives):
    p = every_pairing(first, second, negatives, positives)
    assert significance.mcnemar_range(first, second, negatives, positives) == pytest.approx((min(p), max(p)))
    assert significance.mcnemar_range(second, first, negatives, positives) == pytest.approx((min(p), max(p)))


def test_table_10s_ranges_leave_out_impossible_pairings():
    [finding] = significance.check_single()
    assert "ALL-IDB 1, LODOCV: mDFT over mSFT, 95 against 81 of 108 images, p = 0.025 to 0.078" in finding.arithmetic
    assert "p = 3.2e-07 to 0.036" in finding.arithmetic.split("ALL-IDB 2, LODOCV")[1]


def test_a_classifier_that_names_the_data_set():
    [found] = protocol.check_one_class()
    assert "3223 of 3402" in found.arithmetic and "94.7 %" in found.says
    [found] = protocol.check_components()
    assert "at most 87 for training, and 86 components" in found.arithmetic


def test_stated_counts_of_the_development_set_are_tried_too():
    ids = {f.id: f for f in cross_checks.check_table12()}
    fits, not_ = ids["accuracy-table12-vgg16"], ids["accuracy-table12-leuknet"]
    assert "which fits, but P 98.34" in fits.arithmetic and "caption" in fits.depends_on
    assert "which fits" not in not_.arithmetic and "98.699 to 98.714" in not_.arithmetic


def test_containments():
    names = tables.table(1)["row"].unique()
    assert protocol.shared("ALL-IDB 1", names) == ["ALL-IDB 1 (Crop)", "ALL-IDB 2"]
    assert protocol.shared("UFG", names) == []


@pytest.fixture(scope="module")
def findings():
    return auditing.checked()


@pytest.mark.slow
def test_kept_findings_are_those_computed(findings):
    assert auditing.audit() == auditing.audit() == findings


def test_audit_finds_what_is_known_to_be_wrong(findings):
    ids = {f.id: f for f in findings}
    assert len(ids) == len(findings)
    wrong = {i for i, f in ids.items() if f.verdict == "inconsistent"}
    assert {
        "grim-table5-allidb1-mdft",
        "matrix-table10-allidb1-mdft-kfold",
        "accuracy-table12-leuknet",
        "sums-table1",
        "development-classes",
        "weighted-table13-vogado",
        "bold-table9-allidb2-s",
        "physics-20x50",
        "time-allidb2-inceptionv3",
        "shared-allidb1",
        "most-images",
        "rehman-below-shafique",
        "only-thanh-complex",
        "alexnet-layers",
    } <= wrong
    open_ = {i for i, f in ids.items() if f.verdict == "not decidable"}
    assert {"fastest", "different-images", "allidb1-duplicates"} <= open_
    assert ids["different-images"].weight == "changes a conclusion"
    outside = {i for i, f in ids.items() if f.depends_on.startswith("outside knowledge")}
    assert outside == {"shared-allidb1", "shared-allidb2", "allidb1-duplicates"}
    grim = [i for i in wrong if i.startswith("grim")]
    assert grim == ["grim-table5-allidb1-mdft"]
    scaled = {i for i in wrong if i.startswith("spreadscale")}
    assert {i.split("-", 1)[1] for i in scaled} == {
        "table3-allidb2-msft",
        "table3-allidb2-mdft",
        "table9-allidb2-1024to256",
    }
    right = ("shared-ufg", "repeat-table9", "two-superior", "vgg-over-deeper", "parameters-table2", "depths-table2")
    assert {ids[name].verdict for name in right} == {"consistent"}
    assert ids["runs-recovered"].says.startswith("31 rows")


def test_findings_show_their_arithmetic_and_are_fair(findings):
    assert [auditing.WEIGHTS.index(f.weight) for f in findings] == sorted(
        auditing.WEIGHTS.index(f.weight) for f in findings
    )
    for f in findings:
        assert any(c.isdigit() for c in f.arithmetic + f.says), f.id
        assert f.verdict != "inconsistent" or f.may_have_meant, f.id
    with pytest.raises(ValueError, match="weight"):
        auditing.Finding("x", "", "", "consistent", "typographical", "", "")


def test_forms(findings):
    frame = auditing.to_frame(findings)
    assert list(frame["id"]) == [f.id for f in findings] == [f["id"] for f in json.loads(auditing.to_json(findings))]
    text = auditing.to_text(findings)
    assert text.index("CHANGES A CONCLUSION") < text.index("TYPOGRAPHICAL") < text.index("CONSISTENT")
    assert all(f.says in text for f in findings)


def test_a_corrected_table_is_no_longer_accused(monkeypatch):
    table = tables.table

    def corrected(number):
        frame = table(number)
        if number == 1:
            frame.loc[(frame["row"] == "MIDB Dataset") & (frame["column"] != "Non-Pathological"), "value"] += 13
        return frame

    monkeypatch.setattr(tables, "table", corrected)

    assert "sums-table1" not in {f.id for f in sums.check_sums()}


def test_readings_rest_on_sentences_of_the_paper():
    known = set(tables.settings()["name"]) | set(tables.claims()["id"]) | set(tables.quotes()["id"])
    for rests in tables.read("readings.csv")["rests_on"]:
        assert rests and set(rests.split("; ")) <= known, rests
