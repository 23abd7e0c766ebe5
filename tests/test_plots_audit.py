"""Page 10's figures and tables: what they show is what the audit says; nothing is trained."""

import json

import numpy as np
import pytest

from leuknet.pages.runner import list_pages
from leuknet.paper import consistency
from leuknet.paper.consistency import Finding
from leuknet.plots.format import rendered
from leuknet.plots.results import audit as shown


class Made:
    """A study's outward side: enough for a page without images."""

    page, seed, data = "10_paper_audit", 0, None

    def __init__(self, out):
        self.out = out
        self.profile = type("Profile", (), {"name": "smoke", "banner": "a test"})()


@pytest.fixture(scope="module")
def found():
    return consistency.audit()


@pytest.mark.slow
def test_summary_counts_every_finding_once(found):
    table = shown.audit_summary(found)
    assert table[list(consistency.VERDICTS)].to_numpy().sum() == len(found)
    assert table.loc[table["weight"] == "none: consistent", "inconsistent"].item() == 0


@pytest.mark.slow
def test_findings_are_kept_whole_and_shown_escaped(found, tmp_path):
    shown.findings(Made(tmp_path), found, "changes a conclusion", "conclusions")
    kept = (tmp_path / "tables" / "10_paper_audit-conclusions.csv").read_text("utf-8")
    wanted = [finding for finding in found if finding.weight == "changes a conclusion"]
    assert wanted and all(finding.id in kept for finding in wanted)
    record = json.loads((tmp_path / "tables" / "10_paper_audit-conclusions.json").read_text("utf-8"))
    assert record["caption"] == "Findings: changes a conclusion" and record["page"] == "10_paper_audit"
    one = Finding("x", "Table <1>", "m", "inconsistent", "typographical", "a < b", "1" * 400, "", "c & d")
    html = rendered("findings", findings=[one])
    assert "Table &lt;1&gt;" in html and "a &lt; b" in html and "c &amp; d" in html and "<details>" in html


@pytest.mark.slow
def test_findings_are_numbered_and_ordered_by_consequence(found):
    names = [finding.id for finding in shown.ordered(found, "changes a conclusion")]
    assert names[0] == "one-class-sets" and set(names) == {f.id for f in found if f.weight == "changes a conclusion"}
    verdicts = [finding.verdict for finding in shown.ordered(found, "changes a number")]
    assert verdicts == sorted(verdicts)  # inconsistent before not decidable
    assert rendered("findings", findings=found).count("<b>7. ") == 1
    assert "that change a conclusion, " in shown.audit_sentence(found)
    assert "The strongest: In k-fold the data set nearly" in shown.audit_sentence(found)


@pytest.mark.slow
def test_findings_that_say_the_same_of_several_places_are_one_card(found):
    conclusions = shown.merged(shown.ordered(found, "changes a conclusion"))
    [both] = [finding for finding in conclusions if finding.id == "shared-allidb1"]
    assert "ALL-IDB 1;" in both.place and "ALL-IDB 2;" in both.place and "Tables 3–10" in both.place
    assert both.says.startswith("Tested on ALL-IDB 1 and ALL-IDB 2, LODOCV trains")
    statements = [finding.says for finding in shown.merged(shown.ordered(found, "changes a number"))]
    assert (
        len(statements) == len(set(statements))
        and sum("cannot be percentage points" in words for words in statements) == 2
    )


def test_impossible_cells_are_those_of_the_finding():
    fig = shown.possible_values()
    words = {
        " ".join(label.get_text().split(" ")[:2]): note.get_text()
        for label, note in zip(fig.axes[0].get_yticklabels(), fig.axes[0].texts, strict=True)
    }
    assert words == {
        "mSFT, recall": "fits",
        "mSFT, specificity": "fits",
        "mDFT, recall": "no five runs",
        "mDFT, specificity": "no five runs",
    }


def test_accuracy_line_needs_the_printed_share_only_where_the_row_agrees():
    titles = [ax.get_title(loc="left") for ax in shown.accuracy_between().axes]
    needed, has = zip(
        *[[float(word) for word in title.replace(",", "").split() if "." in word] for title in titles], strict=True
    )
    assert abs(needed[0] - has[0]) > 10 and abs(needed[1] - has[1]) > 5 and abs(needed[2] - has[2]) < 0.1


def test_five_runs_have_the_printed_mean():
    ax = shown.five_runs((3,)).axes[0]
    dots = ax.get_lines()[3].get_xdata()
    assert len(dots) == 5 and round(sum(dots) / 5, 2) == 97.04


def test_stated_time_lies_below_what_the_longest_reading_needs():
    fig = shown.stated_and_needed()
    lines = {line.get_label(): line.get_xdata() for line in fig.axes[0].get_lines()}
    needed = lines["20 images made of each, 50 epochs"].reshape(5, 3)
    [stated] = [line.get_xdata() for line in fig.axes[0].get_lines() if line.get_markersize() == 30]
    assert (np.array(stated) < needed.min(axis=1)).all()


def test_rates_never_accuse_and_follow_theory():
    rates = shown.catch_rates()
    assert (rates["measured (%)"][:2] == 0).all() and (rates["draws"][:2] >= 10_000).all()
    pairs = rates[2:].dropna(subset=["theory (%)"])
    assert len(pairs) == 12 and (pairs["measured (%)"] - pairs["theory (%)"]).abs().max() < 1.5
    assert len(shown.rate_dots(pairs).axes[0].get_yticklabels()) == 12


def test_checklist_asks_once_and_names_pages():
    frame = shown.questions()
    names = {page.name for page in list_pages()} | {"02_leakage_and_splits", "08_activation_maps"}
    assert frame["question"].is_unique and frame["question"].str.endswith("?").all()
    assert set(frame["page"]) <= names
