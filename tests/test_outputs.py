"""Folders that commands fill whole: never over what this program did not write, never half."""

import os
from pathlib import Path

import pytest

from leuknet._outputs import MARKER, check_own, replaced_folder
from leuknet.exceptions import LeuknetError


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
    (out / ".DS_Store").write_text("of the desktop")
    write(out, "second")
    assert content(out) == {"page": "second"} and [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("how", ["added", "added below", "changed", "a link", "a pipe"])
def test_what_somebody_did_in_our_folder_stays(tmp_path, how):
    out = tmp_path / "out"
    write(out, "first")
    (tmp_path / "first").write_text("first")
    {
        "added": lambda: (out / "notes").write_text("mine"),
        "added below": lambda: [(out / "my").mkdir(), (out / "my" / "notes").write_text("mine")],
        "changed": lambda: (out / "page").write_text("first, with my answers"),
        "a link": lambda: [(out / "page").unlink(), (out / "page").symlink_to(tmp_path / "first")],
        "a pipe": lambda: os.mkfifo(out / "notes"),
    }[how]()
    names = sorted(out.rglob("*"))
    with pytest.raises(LeuknetError, match="added or changed since leuknet wrote"):
        write(out, "second")
    assert sorted(out.rglob("*")) == names and len(list(tmp_path.iterdir())) == 2


def test_work_done_while_the_new_folder_is_made_stays(tmp_path):
    write(tmp_path / "out", "first")
    with pytest.raises(LeuknetError, match="added or changed"), replaced_folder(tmp_path / "out") as new:
        (new / "page").write_text("second")
        (tmp_path / "out" / "page").write_text("answers")
    assert content(tmp_path / "out") == {"page": "answers"}


def test_folders_of_earlier_versions_without_a_list_are_replaced(tmp_path):
    write(tmp_path / "out", "first")
    (tmp_path / "out" / MARKER).write_text("Written by leuknet, which replaces this folder as a whole.\n")
    write(tmp_path / "out", "second")
    assert content(tmp_path / "out") == {"page": "second"}


def test_two_processes_may_write_one_folder_at_once(tmp_path):
    with replaced_folder(tmp_path / "out") as new:
        (new / "page").write_text("mine")
        write(tmp_path / "out", "of another process")
    assert content(tmp_path / "out") == {"page": "mine"} and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("there", [b"a thesis", b"", b"x" * 200_000], ids=["text", "empty", "long"])
def test_a_file_of_somebody_else_is_not_written_over(tmp_path, there):
    path = tmp_path / "file.csv"
    check_own(path, "run,status")
    path.write_bytes(there)
    with pytest.raises(LeuknetError, match="was not written by leuknet"):
        check_own(path, "run,status")
    path.write_bytes(there + b"run,status")
    check_own(path, "other", "run,status")
    with pytest.raises(LeuknetError, match="was not written by leuknet"):
        check_own(Path("/dev/null"), "")


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


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_error_between_the_two_moves_leaves_the_earlier_folder(tmp_path, monkeypatch, error):
    write(tmp_path / "out", "first")
    rename = Path.rename

    def interrupted(path, target):
        if path.name == "new":
            raise error
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises((KeyboardInterrupt, OSError)), replaced_folder(tmp_path / "out") as new:
        (new / "page").write_text("second")
    assert content(tmp_path / "out") == {"page": "first"} and len(list(tmp_path.iterdir())) == 1
