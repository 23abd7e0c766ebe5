"""Page 09's verdicts and ledger: folded by verdict, escaped, kept as files, counted in a sentence."""

import re
from types import SimpleNamespace

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from leuknet.plots.results import verdicts as shown


@pytest.fixture
def study(tmp_path):
    profile = SimpleNamespace(name="smoke", banner="a test")
    return SimpleNamespace(out=tmp_path, page="09_comparison_tables", profile=profile, data=None, seed=0)


@pytest.fixture
def pages(monkeypatch):
    found = []
    monkeypatch.setattr(shown, "display", lambda html: found.append(html.data))
    return found


@pytest.mark.slow
def test_a_folder_without_runs_gives_every_cell_and_claim_a_verdict(study, pages):
    cells = shown.verdict_cells(study)
    assert set(cells["verdict"]) and (study.out / "tables" / "09_comparison_tables-verdicts.csv").is_file()
    assert shown.verdict_sentence(cells).startswith(f"Of {len(cells)} published cells: ")
    ledger = shown.claims_ledger(study)
    assert pages[0].count("<details>") == ledger["verdict"].nunique()
    assert pages[0].count("<tr") == len(ledger) + ledger["verdict"].nunique()  # one head a table
    heads = [summary.text for summary in BeautifulSoup(pages[0], "html.parser")("summary")]
    assert all(len(places) == len(set(places)) for places in (re.findall("abstract|§ [0-9.]+", head) for head in heads))
    assert "§ Abstract" not in pages[0] and any("abstract" in head for head in heads)
    counts = ledger["verdict"].value_counts()
    assert all(f"{count} {verdict}" in shown.verdict_sentence(ledger, "claims") for verdict, count in counts.items())


def test_claims_are_escaped_and_verdicts_coloured():
    row = {"claim": "c-1", "section": "4.1", "gist": "a <b> & c", "decides": "d", "printed numbers": "",
           "these runs": "r < s", "verdict": "supported", "decided by": "runs"}  # fmt: skip
    cells = shown.ledger_cells(pd.DataFrame([row])).iloc[0]
    assert cells["claim"] == "a &lt;b&gt; &amp; c<br><small>§ 4.1 · c-1</small>"
    assert cells["the printed numbers"] == "–" and cells["this study's runs"] == "r &lt; s"
    assert shown.COLOURS["supported"] in cells["verdict"] and "for these runs only" in cells["verdict"]
