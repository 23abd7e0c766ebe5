"""Check the executed pages of a result folder: ``python tools/check_pages.py RESULTS [NUMBERS]``.

Each page's HTML must contain figures with captions and alternative texts, and folded solutions; no warnings, undefined
numbers or internal names may be visible, and the page must not have trained anything that ``leuknet study`` had not
planned. NUMBERS is a CSV file of cells of the pages' tables (``tests/golden/smoke.csv``): each must lie within its
tolerance, which is wider for trained networks, since backends differ. Exits with code 1 and one line per finding.
"""

import re
import sys
from pathlib import Path

import pandas as pd
from bs4 import BeautifulSoup, Tag

from leuknet.baselines.registry import BASELINES

INTERNAL = {*BASELINES, "scratch", "data_set", "image_id", "run_id"}
BARE = '.jp-OutputArea-executeResult[data-mime-type="text/plain"]'  # output of a cell's last expression
UNWANTED = {
    "a warning": re.compile(r"\w*Warning: "),
    "a traceback": re.compile(r"Traceback \(most recent call last\)"),
    "a prompt": re.compile(r"\b(?:Out|In) ?\[\d*\]:"),
    "a raw table": re.compile(r"\n\s*\[\d+ rows x \d+ columns\]"),
    "runs that were not planned": re.compile(r"from before, [1-9]\d* trained"),
}


def findings(text: str) -> list[str]:
    """Return the problems in the HTML of one executed page, one line per finding."""
    page = BeautifulSoup(text, "html.parser")
    for hidden in page(["style", "script"]):
        hidden.decompose()
    found = [f"answer open: {_start(tag)}" for tag in page("details") if tag.has_attr("open")]
    found += [f"figure without a caption: {_start(tag)}" for tag in page("figure") if not tag.find("figcaption")]
    found += [
        f"image without an alternative text: {str(tag.get('src'))[:40]}" for tag in page("img") if not _named(tag)
    ]
    found += [f"table cell {cell!r}" for cell in _cells(page) if cell in INTERNAL or cell.lower() in ("nan", "none")]
    found += [f"bare value: {_start(tag)}" for tag in page.select(BARE)]
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
    """Return the findings of all pages of a result folder, each prefixed with the page's name."""
    pages = sorted((results / "pages").glob("*.html"))
    if not pages:
        return [f"no pages in {results}"]
    return [f"{path.name}: {finding}" for path in pages for finding in findings(path.read_text("utf-8"))]


def numbers(results: Path, expected: Path) -> list[str]:
    """Return the cells of the pages' tables that are not within the tolerance of `expected`, one line per finding.

    Among rows with the same first column the first is used; in a cell with an interval, its first number.
    """
    found = []
    for page, table, row, column, value, tolerance in pd.read_csv(expected).itertuples(index=False):
        try:
            number = _number(results / "tables" / f"{page}-{table}.csv", row, column)
        except (OSError, LookupError):
            found.append(f"{page}: {table} has no cell {row}, {column}")
            continue
        if not abs(number - value) <= tolerance:
            found.append(f"{page}: {table}, {row}, {column} is {number:g}, not {value:g} ± {tolerance:g}")
    return found


def _number(path: Path, row: str, column: str) -> float:
    cells = pd.read_csv(path, index_col=0, dtype=str)[column]
    return float(str(cells[cells.index == row].iloc[0]).split()[0].replace("−", "-"))


if __name__ == "__main__":
    wrong = check(Path(sys.argv[1]))
    wrong += numbers(*map(Path, sys.argv[1:])) if len(sys.argv) > 2 else []
    print(*wrong, sep="\n")
    sys.exit(f"{len(wrong)} findings" if wrong else 0)
