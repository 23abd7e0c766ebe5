"""Markdown and plain text rendered from Jinja templates."""

from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from leuknet._escape import markdown_cell, one_line
from leuknet._io import markdown


def rendered_text(template: Path, **values: Any) -> str:
    """Return the text of `template` rendered with `values`.

    The template escapes user-supplied texts with the filters ``text`` (for a table's cell or a link), ``attribute``
    (for an attribute of an HTML element) and ``line`` (one line of plain text), and writes data frames with ``table``.
    """
    environment = Environment(loader=FileSystemLoader(template.parent), trim_blocks=True, keep_trailing_newline=True)
    environment.filters |= {"text": markdown_cell, "table": markdown, "attribute": escape, "line": one_line}
    return environment.get_template(template.name).render(**values)
