"""The report of a result folder: self-contained, complete, and plain about what is not comparable."""

import base64
import io
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from fake_runs import golden_runs, published_runs
from PIL import Image

from leuknet._escape import csv_cell
from leuknet._io import write_json
from leuknet.evaluation.significance import resampled_t
from leuknet.exceptions import LeuknetError
from leuknet.pages import report as reports
from leuknet.paper.consistency import Finding
from leuknet.verdicts import ledger

pytestmark = pytest.mark.slow

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")


def made_up_findings():
    """Return a made-up audit: one finding for each that a claim rests on."""
    names = sorted({name for entry in ledger.rules().values() for name in entry.get("audit", ())})
    weights = {"most-images": "changes a conclusion"}
    return [
        Finding(name, "p", "m", "inconsistent", weights.get(name, "changes a number"), f"says {name}", "1 + 1")
        for name in names
    ]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return a result folder of fake runs with one figure and one table, which tests that write copy."""
    folder = tmp_path_factory.mktemp("results")
    golden_runs(folder / "trainings")
    (folder / "figures").mkdir()
    (folder / "tables").mkdir()
    (folder / "figures" / "06_lodocv-x.png").write_bytes(PNG)
    write_json(folder / "figures" / "06_lodocv-x.json", {"alt": "two <curves>", "caption": "synthetic cohort"})
    (folder / "tables" / "06_lodocv-y.csv").write_text("a,b\n1,<i>\n")
    write_json(folder / "tables" / "06_lodocv-y.json", {"page": "06_lodocv", "name": "y", "caption": "a table"})
    return folder


@pytest.fixture(scope="module")
def written(results):
    """Return the report of that folder, as HTML and as Markdown."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reports, "audit", made_up_findings)
        return [path.read_text("utf-8") for path in reports.report(results)]


@pytest.fixture
def folder(results, tmp_path, monkeypatch):
    """Return a copy of that folder for reports without a ledger, which takes seconds and is tested above."""
    columns = ["verdict", "claim", "section", "gist", "decides", "printed numbers", "these runs", "decided by"]
    monkeypatch.setattr(reports, "ledger", lambda *_: pd.DataFrame(columns=columns))
    monkeypatch.setattr(reports, "audit", list)
    return shutil.copytree(results, tmp_path / "results", ignore=shutil.ignore_patterns("report.*"))


def test_report_is_one_file_with_everything_in_it(written):
    html, text = written
    for title in (
        "Settings",
        "Environment",
        "Protocols and what",
        "Results",
        "Published | reproduced",
        "claims ledger",
        "audit",
        "checklist",
        "Figures",
    ):
        assert title in html and title in text
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert "not a medical device" in html and "Not a medical device" in text
    assert "synthetic cohort" in html and "narrow network" in text
    assert "two &lt;curves&gt;" in html and "&lt;i&gt;" in html and "<i>" not in html
    assert "![two &lt;curves&gt;](figures/06_lodocv-x.png)" in text and "<i>" not in text
    assert "says most-images" in html


def test_first_comes_what_was_run_then_results_leakage_claims_and_findings(written):
    html, _ = written
    order = ["runs; networks", "comparable with", "within pooled folds", "Leakage", "supported", "says most-images"]
    for form in written:
        assert sorted(order, key=form.index) == order
        assert form.index(order[-1]) < form.index("A1.")
    colour = reports.COLOURS["not supported"]
    assert f'style="background:{colour}"' in html and f'style="color:{colour}"' in html


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Return the results of runs at the paper's own numbers."""
    return reports.results.results(published_runs(tmp_path_factory.mktemp("published")))


def test_headlines_have_intervals_and_say_what_was_not_run(published):
    runs = published
    pooled, fall, apart = reports.headlines(runs)["here (95 % interval)"]
    for accuracy in (pooled, apart):
        assert re.fullmatch(r"\d\d\.\d \(\d\d\.\d to \d\d\.\d\); 10 runs", accuracy)
    assert pooled.startswith("98.8 (98.7 to 98.8)")  # what the printed recall and specificity give, over 18 sets
    assert re.fullmatch(r"[+−]?\d+\.\d \([−\d.]+ to [−\d.]+\)", fall)
    empty = reports.headlines(runs[runs["approach"] == "vogado"])
    assert set(empty["here (95 % interval)"]) == {reports.NONE}


def test_headlines_without_leuknet_are_those_of_the_network_with_most_runs(published):
    own = published[published["approach"] == "mDFT"].replace({"backbone": {"VGG16": "DenseNet169"}})
    own = own.assign(approach="mSFT").reset_index(drop=True)
    frame = reports.headlines(own)
    assert list(frame) == ["DenseNet169 mSFT", "here (95 % interval)", "published, for LeukNet"]
    there = reports.headlines(published)
    assert frame["here (95 % interval)"].iloc[0].startswith(there["here (95 % interval)"].iloc[0][:4])


def test_html_of_a_column_becomes_plain_text_in_markdown():
    rows = reports.block("x", pd.DataFrame({"a": ["<b>work&#x27;s</b> &lt;i&gt;"]}), ("a",))["rows"]
    assert "work's" in rows and "#x27" not in rows and "&lt;i&gt;" in rows


def test_rows_stand_in_the_order_of_the_pages_and_under_their_names(published):
    runs = reports.in_order(published.sample(frac=1, random_state=0))
    table = reports.named(reports.scores(runs))
    assert list(dict.fromkeys(table["network"]))[:5] == list(reports.results.NETWORKS)
    vgg = table[(table["network"] == "VGG16") & (table["head"] == "")]
    assert list(dict.fromkeys(vgg["approach"])) == list(reports.APPROACH_COLOURS)
    assert "Vogado et al. [22]" in set(table["approach"]) and "vogado" not in set(table["approach"])


def test_runs_of_two_cohorts_are_neither_pooled_nor_counted_together(published):
    runs = published[published["lodocv"]]
    runs = runs[runs["cohort"] == runs["cohort"].iloc[0]]
    other = runs.assign(cohort="other", run="other " + runs["run"], A=runs["A"] / 2, trained_on=9999)
    both = pd.concat([runs, other], ignore_index=True)
    alone, table = reports.scores(runs), reports.scores(both).set_index("cohort")
    assert len(table) == 2 * len(alone) and table.loc["other", "runs"].tolist() == alone["runs"].tolist()
    pd.testing.assert_frame_equal(table.drop("other").reset_index()[list(alone)], alone)
    counted = reports.leakage(both).set_index("cohort")["training images of a tested source"]
    assert counted["other"].str.endswith(" of 9999").all() and not counted.drop("other").str.contains("9999").any()


def test_figures_of_any_size_fit_into_three_megabytes(folder):
    noise = np.random.default_rng(0).integers(0, 255, (900, 1200, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    for number in range(6):
        (folder / "figures" / f"06_lodocv-{number}.png").write_bytes(file.getvalue())
    html, _ = reports.report(folder)
    assert html.stat().st_size < 3e6 and html.read_text("utf-8").count("data:image/webp") == 7


def test_strange_figures_and_side_cars_do_not_stop_the_report(folder):
    sidecars = ["", "[]", "{", '{"caption": 7, "alt": ["<b>"], "name": null}', "x" * (2 << 20)]
    for kind, suffix, content in (("figures", "png", PNG), ("tables", "csv", b"a,b\n1,<i>\n")):
        for number, sidecar in enumerate(sidecars):
            (folder / kind / f"06_lodocv-{number}.{suffix}").write_bytes(content)
            (folder / kind / f"06_lodocv-{number}.json").write_text(sidecar)
    (folder / "figures" / "none.png").write_text("<svg onload=alert(1)>")
    html, text = (path.read_text("utf-8") for path in reports.report(folder))
    assert html.count("<figure>") == 1 + len(sidecars) and "<b>" not in text and "onload" not in html


def test_leakage_is_counted_from_the_splits(results):
    table = reports.leakage(reports.results.results(results)).set_index("tested")
    assert table.loc["ALL-IDB 2", "sources"] == "shared"
    assert table.loc["ALL-IDB 2", "training images of a tested source"] == "618 of 3142"  # 108 + 510 of 3402 - 260
    assert (table.loc["UFG", ["sources"]] == "apart").all().all()


def test_folder_without_finished_runs(tmp_path):
    (tmp_path / "trainings" / "x").mkdir(parents=True)
    (tmp_path / "trainings" / "x" / "run.json").write_text("{}")
    with pytest.raises(LeuknetError, match="no finished run"):
        reports.report(tmp_path)
    with pytest.raises(LeuknetError, match="no runs in"):
        reports.report(tmp_path / "nowhere")


def test_a_report_that_somebody_else_wrote_stays(folder):
    reports.report(folder)
    reports.report(folder)  # its own is replaced
    (folder / "report.md").write_text("my thesis")
    before = (folder / "report.html").read_bytes()
    with pytest.raises(LeuknetError, match="report.md was not written by leuknet"):
        reports.report(folder)
    assert (folder / "report.md").read_text() == "my thesis" and (folder / "report.html").read_bytes() == before


def test_folds_of_one_pool_share_training_images_in_the_report_too(published):
    """Once the results' interval took folds as independent runs, and the headline above it did not."""
    ours = published[
        (published["backbone"] == "VGG16") & (published["approach"] == "mDFT") & (published["dense"] == "")
    ]
    folds = ours[(ours["protocol"] == "5-fold") & (ours["role"] == "test")]
    known = resampled_t(100 * folds["A"], 1 / 4)
    assert reports.scores(folds)["interval of A"].tolist() == [f"{known.low:.1f} to {known.high:.1f}"]


def test_tables_of_pages_are_as_on_the_pages(tmp_path):
    path = tmp_path / "t.csv"
    frame = pd.DataFrame(
        {"": ["x"], "step": ["+ cells"], "accuracy (%)": [57.14285714285714], "n": [84], "kappa": [0.38]}
    )
    frame.map(csv_cell).to_csv(path, index=False)
    shown = reports.page_table(path)
    assert list(shown.columns) == ["", "step", "accuracy (%)", "n", "kappa"]
    assert shown.iloc[0].tolist() == ["x", "+ cells", "57.1", "84", "0.38"]
