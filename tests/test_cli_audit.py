"""`leuknet paper` and `leuknet paper audit` print what the functions return."""

import json

import pytest
import typer
from typer.testing import CliRunner

from leuknet.cli import audit
from leuknet.exceptions import LeuknetError
from leuknet.paper import tables


@pytest.fixture(scope="module")
def call():
    app = typer.Typer()
    app.add_typer(audit.paper_app, name="paper")
    app.command("audit")(audit.audit_command)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_tables(call):
    found = json.loads(call("paper", "tables", "3", "--json").output)
    assert len(found) == len(tables.table(3))
    assert found[0]["text"] == "79.07 ± 2.13" and found[0]["n_runs"] == 5
    assert "97.04 ± 1.21" in call("paper", "tables", "3").output
    assert isinstance(call("paper", "tables", "14").exception, LeuknetError)


@pytest.mark.parametrize("name", ["settings", "claims"])
def test_words(call, name):
    assert json.loads(call("paper", name, "--json").output) == getattr(tables, name)().to_dict("records")
    assert call("paper", name).exit_code == 0


def test_audit(call, monkeypatch):
    from leuknet.paper import consistency

    found = [
        consistency.Finding("a", "Table 1", "m", "inconsistent", "typographical", "One.", "1"),
        consistency.Finding("b", "Table 2", "m", "inconsistent", "changes a number", "Two.", "2"),
    ]
    monkeypatch.setattr(consistency, "audit", lambda: found)
    assert [f["id"] for f in json.loads(call("audit", "--json").output)] == ["a", "b"]
    assert "Two." in call("audit").output
    assert [f["id"] for f in json.loads(call("audit", "--json", "--weight", "number").output)] == ["b"]
