"""The tools that CI runs: what counts as code, what notebooks reach, and that a limit fails."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import count_code  # noqa: E402

SOURCE = '''"""A module."""

import leuknet.b  # used


def f():
    """Do it.

    More.
    """
    # nothing yet
    text = """
    two
    """
    return text
'''


def test_code_lines_are_without_docstrings_comments_and_wrapped_heads():
    assert len(count_code.code_lines("def f(\n    a: int,\n    b: int,\n) -> int:\n    return a + b\n")) == 2
    assert len(count_code.code_lines(SOURCE)) == 6 and count_code.bodies(SOURCE) == [4]


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "leuknet" / "room").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    for name, text in (("__init__", ""), ("a", SOURCE), ("b", "x = 1\n"), ("c", "y = 2\n"), ("room/d", "z = 3\n")):
        (tmp_path / "leuknet" / f"{name}.py").write_text(text)
    cells = [{"cell_type": "code", "source": ["from leuknet import a"]}, {"cell_type": "markdown", "source": ["c"]}]
    (tmp_path / "notebooks" / "00_x.ipynb").write_text(json.dumps({"cells": cells}))
    return tmp_path


def test_notebooks_reach_what_their_imports_import(checkout):
    figures, lines = count_code.count(checkout)
    assert figures == {"total": 9, "notebooks": 7, "body": 4, "file": 15, "level": 3}
    assert "longest file: leuknet/a.py, 15 lines" in lines


@pytest.mark.parametrize(("limit", "code"), [("9", 0), ("8", 1)])
def test_a_figure_beyond_its_limit_fails(checkout, monkeypatch, capsys, limit, code):
    figures = count_code.count(checkout)
    monkeypatch.setattr(count_code, "count", lambda: figures)
    assert count_code.main(["--total", limit]) == code
    assert ("total: 9 is more than 8" in capsys.readouterr().out) == bool(code)
