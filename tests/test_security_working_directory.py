"""Commands that are run in an untrusted folder: nothing in the working directory is executed or changes a result."""

import os
import subprocess
import sys

import matplotlib.pyplot as plt
import nbformat
import pytest

from leuknet._io import module_command
from leuknet.pages.html import page_html
from leuknet.pages.kernel import Meter, execute
from leuknet.plots.style import language

OWNED = "import pathlib; pathlib.Path('owned').touch()\n"
MODULES = ("numpy", "pandas", "keras", "matplotlib", "nbformat", "functools", "json", "threading", "leuknet")


@pytest.fixture
def untrusted(tmp_path, monkeypatch):
    """Return the working directory, a folder of modules, templates and settings that leave a file ``owned``."""
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text(OWNED)
    for name in ("lab", "base", "classic"):
        (tmp_path / name).mkdir()
        for file in ("index.html.j2", "base.html.j2"):
            code = "{{ cycler.__init__.__globals__.os.system('touch owned') }}"
            (tmp_path / name / file).write_text(code)
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\naxes.facecolor: red\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("module", ["leuknet.runs.executors.worker", "leuknet.runs.planning.preview"])
def test_processes_import_no_module_of_the_working_directory(untrusted, module):
    done = subprocess.run(module_command(module), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert not (untrusted / "owned").exists()
    assert "No module named" not in done.stderr


@pytest.mark.slow
def test_a_kernel_imports_no_module_of_the_working_directory(untrusted, tmp_path_factory):
    cells = [
        nbformat.v4.new_code_cell(source) for source in ("out = None", "import nbformat, threading, leuknet, numpy")
    ]
    cells[0].metadata.tags = ["parameters"]
    book = nbformat.v4.new_notebook(cells=cells)
    with open(os.devnull, "w") as log:
        execute(book, tmp_path_factory.mktemp("page") / "page.ipynb", {}, log, {}, Meter())
    assert not (untrusted / "owned").exists()


def test_a_page_is_rendered_by_no_template_of_the_working_directory(untrusted):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title of the page")])
    names = ("page", "title", "question", "status", "profile", "backend", "cohort", "finished", "version", "error")
    text = page_html(book, dict.fromkeys(names, "x") | {"seconds": 1, "peak_mb": 1})
    assert "Title of the page" in text and not (untrusted / "owned").exists()


def test_figures_are_drawn_in_our_style_whatever_the_working_directory_sets(untrusted):
    with plt.rc_context(fname=untrusted / "matplotlibrc"):
        assert plt.rcParams["text.usetex"]
        with language():
            assert not plt.rcParams["text.usetex"] and plt.rcParams["axes.facecolor"] == "white"


def test_a_command_runs_this_interpreter():
    assert module_command("a.b", "1")[0] == sys.executable and module_command("a.b", "1")[-3:] == ["-m", "a.b", "1"]
