"""The executed pages, the index and the report as a reader sees them in headless Chromium: ``make test-browser``.

`LEUKNET_RESULTS` names the result folder of ``leuknet study`` whose pages are opened.
"""

import os
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import chromium

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(os.environ.get("LEUKNET_RESULTS", ROOT / "runs" / "smoke-tensorflow")).resolve()
LAPTOP, PROJECTOR = (1200, 900), (1920, 1080)
TALLEST = 14_000  # px at the width of a laptop
SHORT = {"09_comparison_tables": 8_000}  # pages that fold their long tables
SHEET = 688  # px of a sheet's text: A4 with the margins of the page's style
SHEETS = 22  # of a page that is handed out

ALIGNED = """[...document.querySelectorAll('.lk tbody :is(th, td):not(.num)')]
    .map(cell => getComputedStyle(cell).textAlign)"""
CUT = """[...document.querySelectorAll('.lk, pre, figure, .jp-RenderedMarkdown, .result')]
    .filter(box => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).display != 'inline')
    .map(box => `${box.scrollWidth} in ${box.clientWidth} px: ${box.innerText.slice(0, 80)}`)"""
HEADLESS = """[...document.querySelectorAll('h2')]
    .filter(head => !['avoid', 'avoid-page'].includes(getComputedStyle(head).breakAfter)).map(head => head.innerText)"""
SEEN = """[...document.querySelectorAll('nav.pages, details.parameters, .celltag_solution')]
    .filter(box => box.checkVisibility()).map(box => box.innerText)"""


@pytest.fixture(scope="module")
def browser():
    """Return a started browser."""
    with chromium() as started:
        yield started


def documents():
    """Return the HTML files of the result folder."""
    found = [*sorted(RESULTS.glob("pages/*.html")), *sorted(RESULTS.glob("*.html"))]
    return found or [RESULTS / "pages" / "missing.html"]


@pytest.mark.parametrize("size", [LAPTOP, PROJECTOR], ids=["laptop", "projector"])
@pytest.mark.parametrize("document", documents(), ids=lambda path: path.stem)
def test_page_fits_and_is_accessible(browser, document, size):
    """No serious finding of axe-core, nothing wider than the window, no page taller than its limit."""
    assert document.is_file(), f"no pages in {RESULTS}: run 'make smoke' first"
    page = browser.new_page(viewport=dict(zip(("width", "height"), size, strict=True)))
    page.goto(document.as_uri())
    violations = Axe().run(page).response["violations"]
    serious = [
        f"{one['id']}: {node['target']} {node['html'][:120]}"
        for one in violations
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
    assert set(page.evaluate(ALIGNED)) <= {"left"}, "text in a table is not left-aligned"
    cut = page.evaluate(CUT) if document.parent.name == "pages" else []
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    page.close()
    assert not serious, "\n".join(serious)
    assert not cut, "\n".join(cut)
    assert width <= size[0], f"{width} px wide"
    limited = size == LAPTOP and document.parent.name == "pages"  # the report has an appendix
    assert not limited or height <= SHORT.get(document.stem, TALLEST), f"{height} px tall"


@pytest.mark.parametrize("document", documents()[:13], ids=lambda path: path.stem)
def test_a_printed_page_is_fit_to_hand_out(browser, document, tmp_path):
    """Nothing is wider than the sheet or scrolls, a heading stays with its text, and no answer or link is printed."""
    page = browser.new_page(viewport={"width": SHEET, "height": 1000})
    page.emulate_media(media="print")
    page.goto(document.as_uri())
    cut, headless, seen = (page.evaluate(script) for script in (CUT, HEADLESS, SEEN))
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    sheets = len(re.findall(rb"/Type */Page\b", page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)))
    page.close()
    assert not cut and not headless and not seen, "\n".join([*cut, *headless, *seen])
    assert width <= SHEET and 1 < sheets <= min(SHEETS, 2 + 1.5 * height / 1017), f"{width} px wide, {sheets} sheets"
