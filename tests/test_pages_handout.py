"""The student edition: every page, without answers, and never over the originals."""

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


def test_answers_are_never_overwritten():
    before = [path.read_bytes() for path in sorted(notebooks_dir().glob("*.ipynb"))]
    with pytest.raises(LeuknetError, match="where the answers are"):
        handout(notebooks_dir())
    assert before == [path.read_bytes() for path in sorted(notebooks_dir().glob("*.ipynb"))]
