"""The report of a result folder: self-contained, complete, and plain about what is not comparable."""

import base64
import re

import pytest
from fake_runs import golden_runs

from leuknet._io import write_json
from leuknet.exceptions import LeuknetError
from leuknet.pages import report as reports
from leuknet.paper.consistency import Finding
from leuknet.verdicts import ledger

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a result folder of fake runs with one figure and one table; the audit is made up."""
    names = sorted({name for entry in ledger.rules().values() for name in entry.get("audit", ())})
    found = [Finding(name, "p", "m", "inconsistent", "changes a number", f"says {name}", "1 + 1") for name in names]
    monkeypatch.setattr(reports, "audit", lambda: found)
    golden_runs(tmp_path / "trainings")
    (tmp_path / "figures").mkdir()
    (tmp_path / "tables").mkdir()
    (tmp_path / "figures" / "06_lodocv-x.png").write_bytes(PNG)
    write_json(tmp_path / "figures" / "06_lodocv-x.json", {"alt": "two <curves>", "caption": "synthetic cohort"})
    (tmp_path / "tables" / "06_lodocv-y.csv").write_text("a,b\n1,<i>\n")
    write_json(tmp_path / "tables" / "06_lodocv-y.json", {"page": "06_lodocv", "name": "y", "caption": "a table"})
    return tmp_path


def test_report_is_one_file_with_everything_in_it(folder):
    html, text = (path.read_text("utf-8") for path in reports.report(folder))
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
    assert "Not a medical device" in html and "Not a medical device" in text
    assert "synthetic cohort" in html and "narrow network" in text
    assert "two &lt;curves&gt;" in html and "&lt;i&gt;" in html and "<i>" not in html
    assert "![two <curves>](figures/06_lodocv-x.png)" in text
    assert "says most-images" in html


def test_leakage_is_counted_from_the_splits(folder):
    table = reports.leakage(reports.results.results(folder)).set_index("tested")
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
