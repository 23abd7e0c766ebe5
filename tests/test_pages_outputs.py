"""Folders that commands fill whole: never over what this program did not write, never half."""

import pytest

from leuknet.exceptions import LeuknetError
from leuknet.pages.outputs import MARKER, replaced_folder


def content(folder):
    return {path.name: path.read_text() for path in folder.rglob("*") if path.name != MARKER}


def write(out, text):
    with replaced_folder(out) as new:
        (new / "page").write_text(text)


@pytest.mark.parametrize("prepare", [lambda out: None, lambda out: out.mkdir()], ids=["new", "empty"])
def test_a_new_or_empty_folder_is_filled_and_then_replaced(tmp_path, prepare):
    out = tmp_path / "deep" / "out"
    out.parent.mkdir()
    prepare(out)
    write(out, "first")
    (out / "stale").write_text("of the first")
    write(out, "second")
    assert content(out) == {"page": "second"} and [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["thesis.tex", ".hidden", "page"])
def test_what_somebody_else_wrote_stays(tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("a year's work")
    with pytest.raises(LeuknetError, match="did not write"):
        write(tmp_path / "out", "x")
    assert content(tmp_path / "out") == {name: "a year's work"}


def test_a_file_is_refused(tmp_path):
    (tmp_path / "out").write_text("text")
    with pytest.raises(LeuknetError, match="is a file"):
        write(tmp_path / "out", "x")
    assert (tmp_path / "out").read_text() == "text"


def test_an_error_leaves_the_earlier_folder_and_nothing_else(tmp_path):
    write(tmp_path / "out", "first")
    with pytest.raises(ZeroDivisionError), replaced_folder(tmp_path / "out") as new:
        (new / "page").write_text("half")
        raise ZeroDivisionError
    assert content(tmp_path / "out") == {"page": "first"} and len(list(tmp_path.iterdir())) == 1
