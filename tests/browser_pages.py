"""The executed pages, the index and the report as a reader sees them in headless Chromium: ``make test-browser``.

`LEUKNET_RESULTS` names the result folder of ``leuknet study`` whose pages are opened.
"""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import chromium

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(os.environ.get("LEUKNET_RESULTS", ROOT / "runs" / "smoke-tensorflow")).resolve()
LAPTOP, PROJECTOR = (1200, 900), (1920, 1080)
TALLEST = 14_000  # px at the width of a laptop
SHORT = {"09_comparison_tables": 9_000}  # pages that fold their long tables

ALIGNED = """[...document.querySelectorAll('.lk tbody :is(th, td):not(.num)')]
    .map(cell => getComputedStyle(cell).textAlign)"""


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
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    page.close()
    assert not serious, "\n".join(serious)
    assert width <= size[0], f"{width} px wide"
    limited = size == LAPTOP and document.parent.name == "pages"  # the report has an appendix
    assert not limited or height <= SHORT.get(document.stem, TALLEST), f"{height} px tall"
