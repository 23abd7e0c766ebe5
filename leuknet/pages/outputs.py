"""Pages, reports and galleries as text, rendered from templates."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from leuknet._templates import rendered_text

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
    return rendered_text(TEMPLATES / f"{name}.md.j2", **values)
