"""Sphinx configuration: guides, pages, figures and the API as one static site; nothing is executed.

``make site`` sets ``LEUKNET_RESULTS`` to a result folder of ``leuknet study``: its executed pages, figures and report
become part of the site. Pages that were not run there, or all pages where it is not set, stand in it without results.
"""

import os
import shutil
from pathlib import Path

import nbformat

import leuknet
from leuknet._io import write_text
from leuknet.exceptions import LeuknetError
from leuknet.pages import html, index
from leuknet.pages.gallery import gallery
from leuknet.pages.runner import list_pages

HERE = Path(__file__).parent
RESULTS = Path(os.environ["LEUKNET_RESULTS"]).resolve() if os.environ.get("LEUKNET_RESULTS") else None

project = "LeukNet study companion"
html_title = project
version = leuknet.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.apidoc"]
exclude_patterns = ["_build"]
default_role = "literal"
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
nb_execution_mode = "off"
myst_heading_anchors = 4
myst_enable_extensions = ["html_image", "deflist"]
apidoc_modules = [{"path": "../leuknet", "destination": "api", "automodule_options": {"members"}}]
add_module_names = False
autodoc_typehints = "none"  # the NumPy sections name types and shapes
napoleon_use_param = False  # a type such as "(n, size, 3)" is text, not links to whatever is called size
napoleon_use_rtype = False
napoleon_use_ivar = True  # fields of a dataclass are members already


def place_pages() -> None:
    """Copy every page into ``docs/pages``: executed where `RESULTS` has it, with a line that says what the run was."""
    records = {record["page"]: record for record in index.read_records(RESULTS)} if RESULTS else {}
    done = {name: record for name, record in records.items() if record["status"] == "ok"}
    if RESULTS and not done:
        raise LeuknetError(f"no executed page in {RESULTS}: run 'leuknet study' first")
    for page in list_pages():
        notebook, line = page.notebook, "Not run here: without results."
        if record := done.get(page.name):
            notebook = nbformat.read(RESULTS / "pages" / f"{page.name}.ipynb", as_version=4)
            kind = f"Profile {record['profile']} · {record['cohort']} cohort · {record['backend']}"
            line = f"{kind} · {record['finished'][:10]} · {record['seconds']} s"
        notebook = html.readable(notebook)
        title, _, rest = notebook.cells[0].source.partition("\n")
        notebook.cells[0].source = f"{title}\n\n*{line.replace('<', '&lt;')}*\n{rest}"
        write_text(HERE / "pages" / f"{page.name}.ipynb", nbformat.writes(notebook))


def place_results() -> None:
    """Put the figures with their gallery into ``docs/figures``, and the run's report next to the guides."""
    shutil.rmtree(HERE / "figures", ignore_errors=True)  # this file's own output, ignored by git
    gallery(RESULTS or HERE.parent, HERE / "figures", notebooks="../pages")
    report = RESULTS / "report.md" if RESULTS else None
    text = report.read_text("utf-8") if report and report.is_file() else "# Report\n\nNo run is part of this site.\n"
    write_text(HERE / "report.md", text)


def link_to_html(app, error) -> None:
    """Let links in the cells' outputs, which name notebooks, lead to the pages' HTML."""
    for path in () if error else Path(app.outdir, "pages").glob("*.html"):
        path.write_text(html.PAGE_LINK.sub(r'href="\1.html', path.read_text("utf-8")), "utf-8")


def setup(app) -> None:
    """Refuse a folder that Sphinx did not write, then gather what the site shows."""
    out = Path(app.outdir)
    if any(out.glob("*")) and not (out / ".buildinfo").is_file():
        raise LeuknetError(f"{out} holds files that this site did not write: name a new folder")
    place_pages()
    place_results()
    app.connect("build-finished", link_to_html)
