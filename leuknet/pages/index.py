"""What a reader opens first: the index of all pages, and the summary table."""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader

from leuknet import _io
from leuknet.pages.html import TEMPLATES, link_pages

SUMMARY = ["page", "status", "seconds", "peak_mb", "profile", "backend", "cohort", "finished", "error"]


def read_records(out: str | os.PathLike) -> list[dict[str, Any]]:
    """Return the records of the pages in the result folder `out`, in the pages' order."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((Path(out) / "pages").glob("*.json"))]


def write(out: str | os.PathLike) -> None:
    """Write ``index.html``, ``summary.csv`` and ``summary.md`` of the result folder `out`, and link its pages."""
    out = Path(out)
    records = read_records(out)
    link_pages(out / "pages", records)
    names = [record["page"] for record in records]
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    text = environment.get_template("index.html.j2").render(
        records=records,
        figures=_by_page(out / "figures", (".png",), names),
        tables=_by_page(out / "tables", (".csv", ".md"), names),
    )
    _io.write_text(out / "index.html", text)
    summary = pd.DataFrame(records, columns=SUMMARY)
    _io.write_text(out / "summary.csv", summary.to_csv(index=False))
    _io.write_text(out / "summary.md", _io.markdown(summary))


def _by_page(folder: Path, suffixes: tuple[str, ...], pages: list[str]) -> dict[str, list[dict[str, str]]]:
    """Return the files of `folder`, each {"name", "text"}, by the page that made it: "" if none of `pages` did."""
    found = defaultdict(list)
    for path in sorted(path for path in folder.glob("*") if path.suffix in suffixes):
        about = _io.object_or_empty(path.with_suffix(".json"))
        page, text = about.get("page", ""), about.get("alt") or about.get("caption", "")
        found[page if page in pages else ""].append({"name": path.name, "text": text})
    return found
