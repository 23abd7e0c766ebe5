"""What a reader opens first: the index of all pages, and the summary table."""

import json
from collections import defaultdict
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader

from leuknet import _io
from leuknet.pages.html import TEMPLATES, link_pages

SUMMARY = ["page", "status", "seconds", "peak_mb", "profile", "backend", "cohort", "finished", "error"]


def read_records(out):
    """Return the records of the pages in the result folder `out`, in the pages' order."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((Path(out) / "pages").glob("*.json"))]


def write(out):
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


def _by_page(folder, suffixes, pages):
    """Return the files of `folder`, each {"name", "text"}, by the page that made it: "" if none of `pages` did."""
    found = defaultdict(list)
    for path in sorted(folder.glob("*")):
        if path.suffix in suffixes:
            page, text = _maker(path)
            found[page if page in pages else ""].append({"name": path.name, "text": text})
    return found


def _maker(path):
    """Return the page that a file's side-car JSON names, and what it says of the file; both empty without one."""
    sidecar = path.with_suffix(".json")
    if not sidecar.exists():
        return "", ""
    record = json.loads(sidecar.read_text(encoding="utf-8"))
    return record.get("page", ""), record.get("alt") or record.get("caption", "")
