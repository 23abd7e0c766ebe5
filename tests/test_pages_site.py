"""The site: built from a small result folder, opens from disk, and no link in it leads nowhere."""

import json

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from leuknet.exceptions import LeuknetError
from leuknet.pages import site
from leuknet.plots.output import picture

pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated")  # MyST-Parser's, in Sphinx 9

RECORD = {"page": "06_lodocv", "title": "06 · Leave one data set out", "question": "How much is left?", "status": "ok"}
RECORD |= {"profile": "smoke", "cohort": "synthetic", "backend": "jax", "finished": "2026-01-02T03:04", "seconds": 5.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "pages").mkdir()
    (folder / "figures").mkdir()
    png = folder / "figures" / "06_lodocv-protocols.png"
    Image.new("RGB", (20, 10)).save(png)
    shown = [
        new_output("display_data", {"text/html": picture(png.read_bytes(), "Three rows of points", 20)}),
        new_output("display_data", {"text/html": '<a href="06_lodocv.ipynb">this page</a>'}),
        new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}),
    ]
    prose = "# 06 · Leave one data set out\n\nPooled sunflowers. See [itself](06_lodocv.ipynb)."
    book = new_notebook(cells=[new_markdown_cell(prose), new_code_cell("print(1)", outputs=shown)])
    nbformat.write(book, folder / "pages" / "06_lodocv.ipynb")
    (folder / "pages" / "06_lodocv.json").write_text(json.dumps(RECORD))
    said = {"page": "06_lodocv", "name": "protocols", "made": "1", "alt": "Three rows of points", "caption": "n = 3"}
    png.with_suffix(".json").write_text(json.dumps(said))
    (folder / "report.md").write_text("# Report\n\n![Three rows](figures/06_lodocv-protocols.png)\n")
    return folder


@pytest.fixture(scope="module")
def built(run):
    rooms, site.ROOMS = site.ROOMS, {"protocol": "Splits"}
    try:
        first = site.site(run).parent
    finally:
        site.ROOMS = rooms
    return {path.relative_to(first).as_posix(): path.read_text("utf-8") for path in first.rglob("*.html")}, first


def test_pages_gallery_report_and_reference_are_there(built):
    pages, _ = built
    assert "How much is left?" in pages["index.html"] and "Not a medical device" in pages["index.html"]
    assert "profile smoke · synthetic cohort · jax · 2026-01-02" in pages["pages/06_lodocv.html"]
    assert "06_lodocv-protocols" in pages["figures/README.html"] and "<h1>Report" in pages["report.html"]
    assert "leuknet.evaluation.splits.k_fold" in pages["api/protocol.html"]


def test_a_page_that_was_not_run_is_there_and_says_so(built):
    pages, _ = built
    assert "not run here" in pages["pages/05_leuknet_training.html"] and "not run" not in pages["pages/06_lodocv.html"]


def test_every_picture_has_its_alternative_text(built):
    pages, _ = built
    for name in ("pages/06_lodocv.html", "figures/README.html", "report.html"):
        assert 'alt="Three rows' in pages[name], name


def test_it_opens_from_disk_with_search_and_both_themes(built):
    pages, first = built
    assert all('src="http' not in text and 'stylesheet" href="http' not in text for text in pages.values())
    assert "sunflow" in (first / "searchindex.js").read_text("utf-8") and "search.html" in pages
    assert "theme-toggle" in pages["index.html"] and 'name="viewport"' in pages["index.html"]
    assert "here stands a widget" in pages["pages/06_lodocv.html"].lower()


def test_the_checker_finds_what_leads_nowhere(tmp_path):
    (tmp_path / "sub").mkdir()
    links = ["b.html#there", "b.html#gone", "sub/", "no.png", "https://example.org/x", "#top", "b.html?q=1", "%62.html"]
    (tmp_path / "a.html").write_text("".join(f'<a href="{link}">x</a>' for link in links) + '<p id="top">')
    (tmp_path / "b.html").write_text('<h2 id="there"></h2><img src="sub/index.html">')
    (tmp_path / "sub" / "index.html").write_text('<a href="../a.html">up</a><a href="../c.html">x</a>')
    assert site.broken_links(tmp_path) == ["a.html: b.html#gone", "a.html: no.png", "sub/index.html: ../c.html"]


def test_a_folder_without_pages_is_refused(tmp_path):
    with pytest.raises(LeuknetError, match="no executed page"):
        site.site(tmp_path)


def test_a_broken_link_stops_the_site_and_leaves_the_old_one(run, monkeypatch, tmp_path):
    monkeypatch.setattr(
        site, "render", lambda source, built: (built.mkdir(), (built / "i.html").write_text('<a href="x">'))
    )
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("old")
    with pytest.raises(LeuknetError, match="1 links of the site lead nowhere, first i.html: x"):
        site.site(run, tmp_path / "site")
    assert (tmp_path / "site" / "index.html").read_text() == "old"
