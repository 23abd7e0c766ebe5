"""The public address: one place, and all that repeats it agrees; on Colab, and only there, a page installs."""

import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nbformat
import pytest

from leuknet.exceptions import LeuknetError
from leuknet.pages import address

ROOT = Path(__file__).parent.parent


@pytest.fixture
def checkout(tmp_path):
    for name in ("CITATION.cff", "README.md"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "notebooks").mkdir()
    for name in ("00_start_here", "06_lodocv"):
        shutil.copyfile(ROOT / "notebooks" / f"{name}.ipynb", tmp_path / "notebooks" / f"{name}.ipynb")
    return tmp_path


def cells(folder):
    books = [nbformat.read(path, as_version=4) for path in sorted((folder / "notebooks").glob("*.ipynb"))]
    return [book.cells[2] for book in books]


def test_what_is_committed_agrees():
    stated = address.address(ROOT)
    assert {cell.source for cell in cells(ROOT)} == {address.line(stated)}
    assert all(cell.id.endswith("-colab") for cell in cells(ROOT))
    assert f"<!-- address -->\n{address.badges(stated)}\n<!-- /address -->" in (ROOT / "README.md").read_text("utf-8")


def test_an_address_is_written_everywhere_and_can_be_changed(checkout):
    for url in ("https://github.com/first/one", "https://github.com/second/two"):
        address.set_address(url, checkout)
    readme = (checkout / "README.md").read_text("utf-8")
    assert address.address(checkout) == url and {cell.source for cell in cells(checkout)} == {address.line(url)}
    assert "mybinder.org/v2/gh/second/two/HEAD" in readme and "github/second/two/blob" in readme
    assert "first/one" not in readme and "is not set" not in readme


def test_only_the_cells_change(checkout):
    before = nbformat.read(checkout / "notebooks" / "06_lodocv.ipynb", as_version=4)
    address.set_address("https://github.com/a/b", checkout)
    after = nbformat.read(checkout / "notebooks" / "06_lodocv.ipynb", as_version=4)
    assert [c for c in after.cells if c.id != "p06-colab"] == [c for c in before.cells if c.id != "p06-colab"]


def test_another_host_is_refused(checkout):
    with pytest.raises(LeuknetError, match="is not https://github.com/OWNER/NAME"):
        address.set_address("https://elsewhere.org/a/b", checkout)


def test_the_line_installs_on_colab_and_does_nothing_elsewhere(monkeypatch):
    asked = []
    shell = SimpleNamespace(run_line_magic=lambda *words: asked.append(words))
    source = address.line("https://github.com/a/b")
    exec(source, {"get_ipython": lambda: shell})
    assert asked == []
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    exec(source, {"get_ipython": lambda: shell})
    assert asked == [("pip", "install -q git+https://github.com/a/b")]


def test_without_an_address_colab_is_told(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    exec(address.line(""), {})
    assert "is not set" in capsys.readouterr().out
