"""What a reader opens: each page as HTML, the index of all pages, and the summary table."""

import json
import re
from collections import defaultdict
from pathlib import Path

import nbformat
import pandas as pd
from jinja2 import Environment, FileSystemLoader
from nbconvert import HTMLExporter

from leuknet import _io

TEMPLATES = Path(__file__).parent / "templates"
WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_NOTE = "<p><em>Here stands a widget: open the notebook in JupyterLab to use it.</em></p>"
NATIVE_LOG = re.compile(
    r"^(?:[IWE]\d{4} [\d:.]+ +\d+ \S+:\d+\]|WARNING: All log messages before absl).*\n?", re.MULTILINE
)
PAGE_LINK = re.compile(r'href="(\d\d_\w+)\.ipynb')
SUMMARY = ["page", "status", "seconds", "peak_mb", "profile", "backend", "cohort", "finished", "error"]


def page_html(notebook, record):
    """Return an executed notebook as one HTML text: figures inside, widgets named, a banner with its `record` on top.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    record : dict
        The page's `leuknet.pages.runner.Record` as a dictionary.
    """
    notebook = readable(notebook)
    math = any("$" in cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    loaders = [FileSystemLoader(TEMPLATES)]
    exporter = HTMLExporter(template_file="page.html.j2", extra_loaders=loaders, embed_images=True)
    resources = {"metadata": {"name": record["title"]}, "record": record | {"math": math}}
    text = exporter.from_notebook_node(notebook, resources=resources)[0]
    return PAGE_LINK.sub(r'href="\1.html', text)  # a page points at notebooks, its HTML at HTML


def readable(notebook):
    """Return a copy without TensorFlow's own log lines, and with a line of text in place of each live widget."""
    notebook = nbformat.from_dict(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output.data = nbformat.from_dict({"text/html": WIDGET_NOTE})
            if output.get("name") == "stderr":
                output.text = NATIVE_LOG.sub("", output.text)
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if output.get("text") != ""]
    return notebook


def read_records(out):
    """Return the records of the pages in the result folder `out`, in the pages' order."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((Path(out) / "pages").glob("*.json"))]


def write(out):
    """Write ``index.html``, ``summary.csv`` and ``summary.md`` of the result folder `out` from what lies in it."""
    out = Path(out)
    records = read_records(out)
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
    said = json.loads(sidecar.read_text(encoding="utf-8"))
    return said.get("page", ""), said.get("alt") or said.get("caption", "")
