"""Entry points of a result folder: the index of all pages, and the summary table."""

import os
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd

from leuknet import _io
from leuknet._escape import csv_cell
from leuknet.pages.html import link_pages
from leuknet.pages.outputs import html_page

PAGE_NAME = re.compile(r"\d\d_\w+")
SIGNS = {  # files of this room, and what each holds
    "index.html": "<title>LeukNet study companion: results</title>",
    "summary.csv": "page,status,seconds",
    "summary.md": "| page | status | seconds",
}
SUMMARY = ["page", "status", "seconds", "peak_mb", "profile", "backend", "cohort", "finished", "error"]


def read_records(out: str | os.PathLike) -> list[dict[str, Any]]:
    """Return the records of the pages in the result folder `out`, in page order; other JSON files are skipped."""
    records = {path.stem: _io.object_or_empty(path) for path in sorted((Path(out) / "pages").glob("*.json"))}
    empty = dict.fromkeys([*SUMMARY, "title", "question"], "")
    return [
        empty | record for name, record in records.items() if record.get("page") == name and PAGE_NAME.fullmatch(name)
    ]


def write(out: str | os.PathLike) -> None:
    """Write ``index.html``, ``summary.csv`` and ``summary.md`` of the result folder `out`, and link its pages."""
    out = Path(out)
    records = read_records(out)
    link_pages(out / "pages", records)
    names = [record["page"] for record in records]
    figures, tables = _by_page(out / "figures", (".png",), names), _by_page(out / "tables", (".csv", ".md"), names)
    _io.write_text(out / "index.html", html_page("index", records=records, figures=figures, tables=tables))
    summary = pd.DataFrame(records, columns=SUMMARY)
    _io.write_text(out / "summary.csv", summary.map(csv_cell).to_csv(index=False))
    _io.write_text(out / "summary.md", _io.markdown(summary))


def _by_page(folder: Path, suffixes: tuple[str, ...], pages: list[str]) -> dict[str, list[dict[str, str]]]:
    """Return the files of `folder`, each {"name", "text"}, by the page that created them; "" if none of `pages` did."""
    by_page = defaultdict(list)
    for path in sorted(path for path in folder.glob("*") if path.suffix in suffixes):
        about = _io.object_or_empty(path.with_suffix(".json"))
        page, text = about.get("page", ""), about.get("alt") or about.get("caption", "")
        by_page[page if page in pages else ""].append({"name": path.name, "text": text})
    return by_page
