"""Published | reproduced | verdict: committed fake run records give exactly the committed tables."""

import json

import numpy as np
import pandas as pd
import pytest
from fake_runs import GOLDEN, golden_runs, write_run

from leuknet._io import write_json
from leuknet.exceptions import LeuknetError
from leuknet.plots.output import table_html
from leuknet.verdicts import results, verdicts
from leuknet.verdicts.matching import feature_spaces


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    return verdicts.compare(results.results(golden_runs(tmp_path_factory.mktemp("runs"))))


def of(cells, number, row, block="", metric="A"):
    keep = (cells["table"] == number) & (cells["row"] == row) & (cells["block"] == block) & (cells["metric"] == metric)
    return cells[keep].iloc[0]


@pytest.mark.parametrize("suffix", [".csv", ".md", ".tex", ".html"])
def test_golden_tables(cells, tmp_path, suffix):
    run = cells[cells["verdict"] != verdicts.NOT_RUN]
    verdicts.write(run, tmp_path / "verdicts")
    assert (tmp_path / f"verdicts{suffix}").read_bytes() == (GOLDEN / f"verdicts{suffix}").read_bytes()


def test_verdicts_by_hand(cells):
    close = of(cells, 3, "mDFT", "ALL-IDB 1")
    assert close["here"] == pytest.approx(100 * (104 + 103 + 105 + 106 + 105) / 5 / 108)
    assert close["verdict"] == "reproduced" and close["n here"] == 5
    half = 2.7764451 * close["spread here"] / np.sqrt(5)
    assert (close["low"], close["high"]) == pytest.approx((close["here"] - half, close["here"] + half))
    assert of(cells, 3, "DFT", "ALL-IDB 1")["verdict"] == "different: lower"
    assert of(cells, 3, "SFT", "ALL-IDB 1")["verdict"] == "different: higher"
    assert of(cells, 13, "LeukNet")["verdict"] == "reproduced"
    assert "2 of the 3 runs needed" in of(cells, 3, "mSFT", "ALL-IDB 1")["verdict"]
    assert "almost anything" in of(cells, 7, "mSFT", "ALL-IDB 1", "R")["verdict"]
    assert "50 + 60 images, Table 1 has 57 + 64" in of(cells, 13, "VGG-16 *")["verdict"]
    assert of(cells, 12, "LeukNet")["verdict"] == verdicts.NOT_RUN


def test_the_chosen_head_is_the_run_of_table_3(cells):
    assert of(cells, 9, "1024–256", "ALL-IDB 1")["here"] == of(cells, 3, "mDFT", "ALL-IDB 1")["here"]


def test_spreads_printed_as_fractions_are_read_in_points(cells):
    assert of(cells, 3, "mDFT", "ALL-IDB 2")["spread"] == pytest.approx(2)
    assert of(cells, 12, "LeukNet", metric="MCC")["spread"] == pytest.approx(0.9)


@pytest.mark.parametrize(
    "recipe, settings, why",
    [
        ({"data": None, "size": 224}, {}, "synthetic cohort"),
        ({"data": "d", "size": 64}, {}, "64 px"),
        ({"data": "d", "size": 224}, {"backbone": "VGG16-nano"}, "narrow network"),
        ({"data": "d", "size": 224}, {"weights": "formula"}, "formula weights"),
        ({"data": "d", "size": 224}, {"epochs": 6}, "epochs 6"),
        (None, {}, "does not say"),
    ],
)
def test_whatever_differs_from_the_paper_is_named(recipe, settings, why):
    paper = results.TrainSettings().as_dict()
    assert why in "; ".join(results.unlike_paper({"recipe": recipe, "settings": paper | settings}))
    assert results.unlike_paper({"recipe": {"data": "d", "size": 224}, "settings": paper}) == []


def test_drawn_or_reduced_runs_never_reproduce(cells):
    for number, row, block in ((3, "mDFT", "ALL-IDB 2"), (4, "mDFT", "ALL-IDB 1")):
        part = cells[(cells["table"] == number) & (cells["row"] == row) & (cells["block"] == block)]
        assert len(part) == 5 and part["verdict"].str.startswith("not comparable: ").all()
    assert "synthetic cohort" in of(cells, 3, "mDFT", "ALL-IDB 2")["verdict"]
    assert abs(of(cells, 3, "mDFT", "ALL-IDB 2")["difference"]) < 1


def test_times_are_shown_and_never_judged(cells):
    minutes = of(cells, 8, "VGG-16", "ALL-IDB 1", "minutes")
    assert minutes["here"] == pytest.approx(2 / 60) and minutes["verdict"] == "not comparable: another machine"
    assert of(cells, 8, "VGG-16", "ALL-IDB 1", "ms an image")["published"] == pytest.approx(5)


def test_table_10_is_shown_next_to_the_rows_of_page_07(tmp_path):
    assert feature_spaces(tmp_path) is None
    texts = {"LODOCV A (%)": "63.00", "LODOCV P (%)": "–", "LODOCV R (%)": "80.00", "LODOCV Kappa": "0.300"}
    texts |= {name.replace("LODOCV", "k-fold"): text for name, text in texts.items()}
    rows = [{"data set": "ALL-IDB 1", "features": name, "who": "here"} | texts for name in ("SFT", "no fine-tuning")]
    (tmp_path / "tables").mkdir()
    stem = tmp_path / "tables" / "07_feature_space-table10"
    pd.DataFrame(rows).to_csv(stem.with_suffix(".csv"), index=False)
    write_json(stem.with_suffix(".json"), {"cohort": "synthetic cohort", "profile": "demo"})
    cells = verdicts.compare(pd.DataFrame(), feature_spaces(tmp_path))
    line = of(cells, 10, "SFT", "ALL-IDB 1, LODOCV", "Kappa")
    assert (line["published"], line["here"]) == (pytest.approx(30.2, abs=0.1), pytest.approx(30))
    assert line["verdict"] == "not comparable: synthetic cohort; demo profile"
    assert of(cells, 10, "ImageNet", "ALL-IDB 1, k-fold", "A")["here"] == pytest.approx(63)
    write_json(stem.with_suffix(".json"), {"cohort": "cohort mine", "profile": "paper"})
    cells = verdicts.compare(pd.DataFrame(), feature_spaces(tmp_path))
    assert "1 of the 3 runs needed" in of(cells, 10, "SFT", "ALL-IDB 1, LODOCV", "A")["verdict"]
    assert of(cells, 10, "SFT", "ALL-IDB 1, LODOCV", "P")["verdict"] == "not comparable: no number"
    assert of(cells, 10, "DFT", "ALL-IDB 1, LODOCV")["verdict"] == verdicts.NOT_RUN


@pytest.mark.slow
def test_table_11_judges_leuknets_own_row_only(tmp_path):
    runs = results.results(golden_runs(tmp_path))
    apart = runs[(runs["role"] == "external") & (runs["approach"] == "mDFT")]
    folds = apart.assign(role="test", tested="pooled data sets", protocol="5-fold", A=0.985)
    rival = folds.assign(backbone="", approach="sahlol", run=folds["run"] + "s")
    seventeen = folds.assign(protocol="5-fold, UFG external", A=0.9, run=folds["run"] + "u")
    cells = verdicts.compare(pd.concat([folds, rival, seventeen]))
    own, table12 = of(cells, 11, "LeukNet"), of(cells, 12, "LeukNet")
    assert own["here"] == pytest.approx(98.5) and own["verdict"] == "reproduced"
    assert table12["here"] == pytest.approx(90) and table12["verdict"] == "different: lower"
    block = "Feature extraction with CNNs"
    for row in ("Sahlol et al. [23], ALL-IDB 2", "Sahlol et al. [23], C-NMC"):
        line = of(cells, 11, row, block)
        assert line["here"] == pytest.approx(98.5) and "article's own images" in line["verdict"]
    assert of(cells, 11, "Vogado et al. [22]", block)["verdict"] == verdicts.NOT_RUN


@pytest.mark.parametrize(
    "protocol, trained_on, cohort, fits",
    [
        ("5-fold", 2818, "all", True),  # 80 % of the 3523 images in the rows of Table 1
        ("5-fold", 2829, "all", True),
        ("5-fold", 2722, "development", False),
        ("5-fold, UFG external", 2722, "development", True),
        ("5-fold, UFG external", 2818, "all", False),
    ],
)
def test_table_11_is_over_18_data_sets_and_table_12_over_17(protocol, trained_on, cohort, fits):
    many = ["ALL-IDB 1", "ALL-IDB 2", "CellaVision", "Hoffbrand"]
    assert (results.unlike_images(many, (1, 1), trained_on, "test", protocol, cohort) == []) == fits


@pytest.mark.parametrize(
    "trained_on, cohort, fits",
    [(3294, "development", True), (3307, "development", True), (3350, "development", False)]
    + [(3415, "all", True), (3428, "all", True), (3294, "all", False)],
)
def test_lodocv_trains_on_the_images_of_its_cohort(trained_on, cohort, fits):
    found = results.unlike_images(["ALL-IDB 1"], (59, 49), trained_on, "test", "LODOCV as published", cohort)
    assert (found == []) == fits


@pytest.mark.slow
def test_runs_with_ufg_in_training_are_not_pooled_with_runs_without(tmp_path):
    """Pages 06 and 09 test LODOCV with all data sets; Tables 3 to 10 are over the development set."""
    plain = results.results(golden_runs(tmp_path / "plain" / "trainings"))
    records = json.loads((GOLDEN / "records.json").read_text("utf-8"))
    with_ufg = [r | {"cohort": "all", "tp_tn": [[40, 40]] * 5} for r in records if r["approach"] == "mDFT"][:1]
    golden_runs(tmp_path / "both" / "trainings", [*records, *with_ufg])
    both = results.results(tmp_path / "both")
    assert len(both) == len(plain) + 5 and set(both["cohort"]) == {"all", "development"}
    pd.testing.assert_frame_equal(verdicts.compare(both), verdicts.compare(plain))
    alone = of(verdicts.compare(both[both["cohort"] == "all"]), 3, "mDFT", "ALL-IDB 1")
    assert alone["here"] == pytest.approx(100 * 80 / 108) and alone["verdict"] == "different: lower"  # §3.5's reading


def test_folds_of_one_pool_share_training_images(cells):
    """Once five folds, and a hundred of twenty repeats, were as good as so many independent runs."""
    line = of(cells, 13, "LeukNet")
    ours = line["spread here"] ** 2 * (1 / 5 + 1 / 4)
    theirs = line["spread"] ** 2 / 99  # an s.d. over 100 models, with n or n - 1
    assert line["n"] == 100 and line["error"] == pytest.approx(np.sqrt(theirs + ours))
    first = of(cells, 3, "mDFT", "ALL-IDB 1")  # with n - 1, as the recovered runs show
    assert first["error"] == pytest.approx(np.hypot(first["spread"], first["spread here"]) / np.sqrt(5))
    half = 2.7764451 * line["spread here"] * np.sqrt(1 / 5 + 1 / 4)
    assert (line["low"], line["high"]) == pytest.approx((line["here"] - half, min(100, line["here"] + half)))


def test_counts_add_up_to_all_published_cells(cells):
    table = verdicts.counts(cells)
    assert table.drop(columns="table").to_numpy().sum() == len(cells)
    assert verdicts.counts(verdicts.compare(pd.DataFrame()))["not run here"].sum() == len(cells)


def test_folder_without_runs(tmp_path):
    with pytest.raises(LeuknetError, match="no runs in"):
        results.results(tmp_path)


@pytest.mark.parametrize(
    "protocol, tested, lodocv, source_out",
    [
        ("LODOCV as published", "UFG", True, True),  # one run, whichever of the two protocols it was made for
        ("leave-one-source-out", "UFG", True, True),
        ("LODOCV as published", "ALL-IDB 1", True, False),  # its crops and ALL-IDB 2 are in training
        ("5-fold", "UFG", False, False),
    ],
)
def test_a_run_answers_every_protocol_that_its_split_fits(tmp_path, protocol, tested, lodocv, source_out):
    record = {"approach": "mDFT", "data": "d", "fold": tested, "protocol": protocol}
    write_run(tmp_path / "trainings" / "one", record, 0, 40, 40)
    row = results.results(tmp_path).iloc[0]
    assert (row["tested"], row["lodocv"], row["source_out"]) == (tested, lodocv, source_out)


def test_runs_that_no_published_row_has_leave_an_empty_table_with_its_head():
    frame = verdicts.compact(verdicts.compare(pd.DataFrame()))
    assert frame.empty and list(frame) == ["table", "test set", "row", "runs", "verdict"]
    assert table_html(frame, "no rows").count("<th") >= 5
