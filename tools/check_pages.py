"""Check the executed pages of a result folder: ``python tools/check_pages.py RESULTS``.

Each page's HTML must hold figures with captions and alternative texts, folded answers, no warnings, no undefined
numbers, no name that only the code uses, and must have trained nothing that ``leuknet study`` had not planned. Ends
with code 1 and one line a finding.
"""

import re
import sys
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from leuknet.baselines.registry import BASELINES

INTERNAL = {*BASELINES, "scratch", "data_set", "image_id", "run_id"}
UNWANTED = {
    "a warning": re.compile(r"\w*Warning: "),
    "a traceback": re.compile(r"Traceback \(most recent call last\)"),
    "a prompt": re.compile(r"\b(?:Out|In) ?\[\d*\]:"),
    "a raw table": re.compile(r"\n\s*\[\d+ rows x \d+ columns\]"),
    "runs that were not planned": re.compile(r"from before, [1-9]\d* trained"),
}


def findings(text: str) -> list[str]:
    """Return what is wrong with the HTML of one executed page, one line a finding."""
    page = BeautifulSoup(text, "html.parser")
    for hidden in page(["style", "script"]):
        hidden.decompose()
    found = [f"answer open: {_start(tag)}" for tag in page("details") if tag.has_attr("open")]
    found += [f"figure without a caption: {_start(tag)}" for tag in page("figure") if not tag.find("figcaption")]
    found += [
        f"image without an alternative text: {str(tag.get('src'))[:40]}" for tag in page("img") if not _named(tag)
    ]
    found += [f"table cell {cell!r}" for cell in _cells(page) if cell in INTERNAL or cell.lower() in ("nan", "none")]
    prose = page.get_text("\n")
    return found + [
        f"{name}: {hit[0].strip()!r}" for name, pattern in UNWANTED.items() if (hit := pattern.search(prose))
    ]


def _named(image: Tag) -> bool:
    return bool(str(image.get("alt", "")).strip()) or image.get("role") == "presentation"


def _cells(page: BeautifulSoup) -> list[str]:
    return [cell.get_text().strip() for table in page("table") for cell in table(["td", "th"])]


def _start(tag: Tag) -> str:
    return " ".join(tag.get_text().split())[:60]


def check(results: Path) -> list[str]:
    """Return the findings of all pages of a result folder, with the page's name before each."""
    pages = sorted((results / "pages").glob("*.html"))
    if not pages:
        return [f"no pages in {results}"]
    return [f"{path.name}: {finding}" for path in pages for finding in findings(path.read_text("utf-8"))]


if __name__ == "__main__":
    wrong = check(Path(sys.argv[1]))
    print(*wrong, sep="\n")
    sys.exit(f"{len(wrong)} findings" if wrong else 0)
