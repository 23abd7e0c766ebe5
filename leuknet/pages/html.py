"""Export of an executed page as one HTML file that works offline, prints well and links to the other pages."""

import re
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import FileSystemLoader
from nbconvert import HTMLExporter

from leuknet import _io
from leuknet.pages.outputs import TEMPLATES

WIDGET = "application/vnd.jupyter.widget-view+json"
WIDGET_NOTE = "<p><em>Interactive widget: open the notebook in JupyterLab to use it.</em></p>"
NATIVE_LOG = re.compile(
    r"^(?:[IWE]\d{4} [\d:.]+ +\d+ \S+:\d+\]|WARNING: All log messages before absl|WARNING:(?:tensorflow|absl):).*\n?",
    re.MULTILINE,
)
MAX_HTML_BYTES = 1 << 28
PAGE_LINK = re.compile(r'href="(\d\d_\w+)\.ipynb')
NAVIGATION = re.compile(r'<nav class="pages"[^<>]*>(?:(?!<nav).)*?</nav>', re.DOTALL)  # linear in the length


def page_html(notebook: nbformat.NotebookNode, record: dict[str, Any]) -> str:
    """Return an executed notebook as HTML with embedded figures, labels for widgets, and a banner with its record.

    Solutions are folded and not printed; parameter cells are folded. Links to other pages remain empty until
    `link_pages` fills them.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    record : dict
        The page's `leuknet.pages.runner.Record` as a dictionary.
    """
    notebook = readable(notebook)
    math = any("$" in cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    exporter = HTMLExporter(  # embed_images in nbconvert 7.17 would close every HTML block at its first blank line
        template_file="page.html.j2",
        extra_loaders=[FileSystemLoader(TEMPLATES)],
        extra_template_basedirs=[],  # default: the working directory, whose templates could run code
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    resources = {"metadata": {"name": record["title"]}, "record": record | {"math": math}}
    text = exporter.from_notebook_node(notebook, resources=resources)[0]
    return PAGE_LINK.sub(r'href="\1.html', text)  # notebooks link to notebooks, HTML to HTML


def readable(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy without TensorFlow's log lines and with a line of text in place of each live widget."""
    notebook = nbformat.from_dict(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output.data = nbformat.from_dict({"text/html": WIDGET_NOTE})
            if output.output_type == "stream":
                output.text = NATIVE_LOG.sub("", output.text)
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if output.get("text") != ""]
    return notebook


def link_pages(folder: Path, records: list[dict[str, Any]]) -> None:
    """Add links to the previous page, the index and the next page to each page's HTML, where these exist.

    Files that are not text, or larger than `MAX_HTML_BYTES`, are left as they are.

    Parameters
    ----------
    folder : path
        Folder of the pages' HTML; ``../index.html`` lists all pages.
    records : list of dict
        The records of all pages, in order.
    """
    finished = [record for record in records if (folder / f"{record['page']}.html").is_file()]
    for before, record, after in zip([None, *finished], finished, [*finished[1:], None], strict=False):
        path = folder / f"{record['page']}.html"
        links = [_link(before, "← {}", "prev"), '<a href="../index.html">All pages</a>', _link(after, "{} →", "next")]
        navigation = f'<nav class="pages" aria-label="Pages">{" · ".join(filter(None, links))}</nav>'
        try:
            text = _io.read_limited(path, MAX_HTML_BYTES).decode("utf-8")
        except (OSError, ValueError):  # not a page of ours
            continue
        if (linked := NAVIGATION.sub(navigation.replace("\\", r"\\"), text)) != text:
            _io.write_text(path, linked)


def _link(record: dict[str, Any] | None, text: str, relation: str) -> str:
    if record is None:
        return ""
    return f'<a rel="{relation}" href="{record["page"]}.html">{escape(text.format(record["title"]))}</a>'
