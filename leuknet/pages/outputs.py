"""Output of commands: folders that are replaced atomically if this program created them, and pages from templates."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from leuknet._escape import markdown_cell
from leuknet._io import markdown
from leuknet.exceptions import LeuknetError

MARKER = ".leuknet-output"
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


@contextmanager
def replaced_folder(out: str | os.PathLike) -> Iterator[Path]:
    """Yield an empty folder that replaces `out` if the block exits without an exception.

    Parameters
    ----------
    out : path
        A new or empty folder, or one created by this function, which contains the file `MARKER`.

    Raises
    ------
    LeuknetError
        If `out` is not empty and contains no `MARKER`; its content is left unchanged.
    """
    out = Path(out).expanduser().resolve()
    if out.exists() and not out.is_dir():
        raise LeuknetError(f"{out} is a file: name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise LeuknetError(f"{out} holds files that leuknet did not write: name a new or an empty folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        (new / MARKER).write_text("Written by leuknet, which replaces this folder as a whole.\n", "utf-8")
        yield new
        if out.exists():
            out.rename(Path(scratch) / "old")
        new.rename(out)


def check_report_file(path: Path, sign: str) -> None:
    """Raise LeuknetError if `path` exists and does not contain `sign`, which identifies this program's files."""
    if path.exists() and sign not in path.read_text("utf-8", errors="replace"):
        raise LeuknetError(f"{path} was not written by leuknet: rename it first")
