"""The student edition: every page, without answers, and never over the originals."""

import shutil

import nbformat
import pytest

from leuknet.exceptions import LeuknetError
from leuknet.pages.handout import handout
from leuknet.pages.runner import list_pages, notebooks_dir


def test_every_page_without_answers(tmp_path):
    paths = handout(tmp_path / "students")
    assert [path.stem for path in paths] == [page.name for page in list_pages()]
    for path in paths:
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
        assert "## Exercises" in book.cells[-1].source
        assert not any("solution" in cell.metadata.get("tags", []) for cell in book.cells)


def test_neither_the_pages_nor_a_students_work_are_overwritten(tmp_path):
    for folder in (tmp_path / "notebooks", tmp_path / "mine"):
        shutil.copytree(notebooks_dir(), folder)
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(LeuknetError, match="did not write"):
            handout(folder, tmp_path / "notebooks")
        assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
