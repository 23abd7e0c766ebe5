"""The documentation: its configuration gathers what a run left, refuses folders of others, and checks its links."""

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from leuknet.exceptions import LeuknetError

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from check_links import broken_links  # noqa: E402

pytestmark = pytest.mark.slow

RECORD = {"page": "06_lodocv", "title": "06 · Leave one data set out", "question": "How much is left?", "status": "ok"}
RECORD |= {"profile": "smoke", "cohort": "lab<svg>", "backend": "jax", "finished": "2026-01-02T03:04", "seconds": 5.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    for name in ("pages", "figures"):
        (folder / name).mkdir()
    png = folder / "figures" / "06_lodocv-protocols.png"
    Image.new("RGB", (20, 10)).save(png)
    png.with_suffix(".json").write_text(
        json.dumps({"page": "06_lodocv", "name": "protocols", "made": "1", "alt": "Three rows", "caption": "n = 3"})
    )
    shown = [
        new_output("display_data", {"text/html": '<a href="06_lodocv.ipynb">this page</a>'}),
        new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}),
    ]
    prose = "# 06 · Leave one data set out\n\nPooled sunflowers. See [itself](06_lodocv.ipynb)."
    cells = [new_markdown_cell(prose), new_code_cell("raise SystemExit", outputs=shown)]
    nbformat.write(new_notebook(cells=cells), folder / "pages" / "06_lodocv.ipynb")
    (folder / "pages" / "06_lodocv.json").write_text(json.dumps(RECORD))
    (folder / "report.md").write_text("# Report\n\n![Three rows](figures/06_lodocv-protocols.png)\n")
    return folder


def sphinx(run, out, source):
    """Build the site of `run` from a copy of the sources without the API pages, which import every module."""
    if not source.exists():
        for path in (ROOT / "docs").rglob("*"):
            relative = path.relative_to(ROOT / "docs")
            if path.is_file() and relative.parts[0] not in ("_build", "api", "figures", "pages", "report.md"):
                (source / relative).parent.mkdir(parents=True, exist_ok=True)
                (source / relative).write_bytes(path.read_bytes())
        (source / "api").mkdir()
        (source / "api" / "modules.md").write_text("# API\n")
    options = ["-q", "-D", "apidoc_modules=", "-d", f"{source}.doctrees"]
    command = [sys.executable, "-m", "sphinx", *options, str(source), str(out)]
    environment = os.environ | {"LEUKNET_RESULTS": str(run), "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def built(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "site"
    done = sphinx(run, out, out.parent / "source")
    assert done.returncode == 0, done.stderr[-2000:]
    return out, {path.relative_to(out).as_posix(): path.read_text("utf-8") for path in out.rglob("*.html")}


def test_guides_pages_figures_and_report_are_there(built):
    _, pages = built
    assert "Not a medical device" in pages["index.html"] and "<h1>Report" in pages["report.html"]
    assert "06_lodocv-protocols" in pages["figures/README.html"]
    for name in ("teaching", "glossary", "running"):
        assert f'href="{name}.html"' in pages["index.html"]


def test_executed_pages_say_what_the_run_was_and_others_that_there_was_none(built):
    _, pages = built
    assert "Profile smoke · lab&lt;svg&gt; cohort · jax · 2026-01-02" in pages["pages/06_lodocv.html"]
    assert "Not run here" in pages["pages/05_leuknet_training.html"] and "Not run" not in pages["pages/06_lodocv.html"]
    assert "Interactive widget" in pages["pages/06_lodocv.html"] and 'href="06_lodocv.html">this' in str(pages)


def test_it_opens_from_disk_with_search_and_both_themes(built):
    out, pages = built
    assert all('src="http' not in text and 'stylesheet" href="http' not in text for text in pages.values())
    assert "sunflow" in (out / "searchindex.js").read_text("utf-8") and "search.html" in pages
    assert "theme-toggle" in pages["index.html"] and 'name="viewport"' in pages["index.html"]


def test_every_link_of_the_site_resolves(built):
    assert broken_links(built[0]) == []


def test_a_folder_of_something_else_is_left_as_it_is(built, run, monkeypatch):
    source = built[0].parent / "source"
    thesis = built[0].parent / "thesis"
    thesis.mkdir()
    (thesis / "index.html").write_text("a year's work")
    done = sphinx(run, thesis, source)
    assert done.returncode != 0 and "did not write" in done.stderr
    assert [path.name for path in thesis.rglob("*")] == ["index.html"]
    assert (thesis / "index.html").read_text() == "a year's work"
    before = sorted(path.name for path in run.rglob("*"))
    monkeypatch.setenv("LEUKNET_RESULTS", str(run))
    with pytest.raises(LeuknetError, match="did not write"):
        runpy.run_path(str(source / "conf.py"))["setup"](SimpleNamespace(outdir=run))
    assert before == sorted(path.name for path in run.rglob("*"))


def test_results_without_pages_are_refused(built, tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_RESULTS", str(tmp_path))
    with pytest.raises(LeuknetError, match="no executed page"):
        runpy.run_path(str(built[0].parent / "source" / "conf.py"))["setup"](SimpleNamespace(outdir=tmp_path / "site"))


def test_the_checker_finds_what_leads_nowhere(tmp_path):
    (tmp_path / "sub").mkdir()
    links = ["b.html#there", "b.html#gone", "sub/", "no.png", "https://example.org/x", "#top", "b.html?q=1", "%62.html"]
    (tmp_path / "a.html").write_text("".join(f'<a href="{link}">x</a>' for link in links) + '<p id="top">')
    (tmp_path / "b.html").write_text('<h2 id="there"></h2><img src="sub/index.html">')
    (tmp_path / "sub" / "index.html").write_text('<a href="../a.html">up</a><a href="../c.html">x</a>')
    assert broken_links(tmp_path) == ["a.html: b.html#gone", "a.html: no.png", "sub/index.html: ../c.html"]


def test_every_test_that_a_guide_names_exists():
    defined = {
        name
        for path in (ROOT / "tests").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "fidelity.md").read_text("utf-8")))
    assert len(named) > 40 and named <= defined, named - defined
