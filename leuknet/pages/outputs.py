"""Pages, reports and galleries as text, rendered from templates."""

from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from leuknet._escape import markdown_cell
from leuknet._io import markdown

TEMPLATES = Path(__file__).parent / "templates"


def html_page(name: str, **values: Any) -> str:
    """Return the template ``<name>.html.j2`` rendered with `values`, which are escaped unless marked as safe."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return environment.get_template(f"{name}.html.j2").render(**values)


def markdown_page(name: str, **values: Any) -> str:
    """Return the template ``<name>.md.j2`` rendered with `values`.

    Its filters are ``text`` (escapes external text), ``table`` (formats a DataFrame), and ``attribute`` (escapes an
    attribute of an HTML element).
    """
    environment = Environment(loader=FileSystemLoader(TEMPLATES), trim_blocks=True, keep_trailing_newline=True)
    environment.filters |= {"text": markdown_cell, "table": markdown, "attribute": escape}
    return environment.get_template(f"{name}.md.j2").render(**values)
