"""One static site of a result folder: executed pages, gallery, report and API reference, to open from disk."""

import shutil
import tempfile
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat

import leuknet
from leuknet._io import write_text
from leuknet.exceptions import LeuknetError
from leuknet.pages import html, index
from leuknet.pages.gallery import gallery
from leuknet.pages.runner import list_pages, notebooks_dir

ROOMS = {
    "paper": "What was published, and the audit of it",
    "cohort": "Images: data sets, the synthetic cohort, copies",
    "protocol": "Splits, metrics, intervals, tests",
    "learn": "Augmentation, networks, training, activation maps",
    "compare": "The comparison systems",
    "study": "Profiles, runs, records, pages",
    "show": "Figures, tables, widgets, this site",
}
SETTINGS = {
    "project": "LeukNet study companion",
    "html_title": "LeukNet study companion",
    "version": leuknet.__version__,
    "extensions": ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"],
    "html_theme": "furo",
    "html_static_path": ["_static"],
    "html_css_files": ["site.css"],
    "html_copy_source": False,
    "html_show_search_summary": False,
    "html_show_copyright": False,
    "html_show_sphinx": False,
    "default_role": "literal",
    "napoleon_use_param": False,  # a type such as "(n, size, 3)" is text, not links to whatever is called size
    "napoleon_use_rtype": False,
    "add_module_names": False,
    "nb_execution_mode": "off",
    "myst_heading_anchors": 4,
    "myst_enable_extensions": ["html_image"],
}
STYLE = """.cell_output, .table-wrapper { overflow-x: auto }
.cell_output img, article img { max-width: 100%; height: auto; background: white }
.cell_output table { border-collapse: collapse; font-size: .85rem }
.cell_output th, .cell_output td { padding: .2rem .5rem; text-align: left }
.cell_output tbody tr, .table-wrapper tbody tr { border-bottom: 1px solid var(--color-background-border) }
div.cell_output { margin-top: .5rem }
h1, h2, h3 { overflow-wrap: anywhere }
"""
NOT_A_DEVICE = "**Not a medical device.** For study, teaching and research only: nothing here may guide a diagnosis."


def site(folder, out=None):
    """Build the site of a result folder; nothing is run again.

    Parameters
    ----------
    folder : path
        A result folder of ``leuknet study``; its ``report.md`` becomes a page if it is there.
    out : path, optional
        ``<folder>/site`` by default; what lies there is replaced.

    Returns
    -------
    pathlib.Path
        The first page, ``index.html``.

    Raises
    ------
    LeuknetError
        If the folder holds no executed page, Sphinx is not installed, or the site has a link that leads nowhere.
    """
    folder = Path(folder)
    out = Path(out or folder / "site")
    records = [record for record in index.read_records(folder) if record["status"] == "ok"]
    if not records:
        raise LeuknetError(f"no executed page in {folder}: run 'leuknet study' first")
    if find_spec("sphinx") is None or find_spec("myst_nb") is None:
        raise LeuknetError("the site needs Sphinx: install it with pip install -e '.[site]' in the checkout")
    with tempfile.TemporaryDirectory(prefix="leuknet-site-") as scratch:
        source, built = Path(scratch) / "source", Path(scratch) / "html"
        write_source(folder, with_the_rest(records), source)
        render(source, built)
        if broken := broken_links(built):
            raise LeuknetError(f"{len(broken)} links of the site lead nowhere, first {broken[0]}")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(built, out, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo"))
    return out / "index.html"


def with_the_rest(records):
    """Return the records of all pages in order; those that were not run stand in the site as they are."""
    done = {record["page"] for record in records}
    rest = [page for page in list_pages() if page.name not in done]
    told = [{"page": one.name, "title": one.title, "question": one.question, "status": "not run"} for one in rest]
    return sorted([*records, *told], key=lambda record: record["page"])


def write_source(folder, records, source):
    """Write what Sphinx reads into `source`: pages, gallery, report, API reference, first page."""
    write_text(source / "_static" / "site.css", STYLE)
    for record in records:
        write_text(source / "pages" / f"{record['page']}.ipynb", nbformat.writes(page(folder, record)))
    gallery(folder, source / "figures", notebooks="../pages")
    for room, about in ROOMS.items():
        write_text(source / "api" / f"{room}.rst", reference(room, about))
    if (folder / "report.md").is_file():
        shutil.copyfile(folder / "report.md", source / "report.md")
    write_text(source / "index.md", first_page(records, (folder / "report.md").is_file()))


def page(folder, record):
    """Return a page for the site: widgets named, a line on the run, or that there was none, under its title."""
    ran = record["status"] == "ok"
    place = Path(folder) / "pages" if ran else notebooks_dir()
    notebook = html.readable(nbformat.read(place / f"{record['page']}.ipynb", as_version=4))
    said = "not run here: without results"
    if ran:
        kind = f"profile {record['profile']} · {record['cohort']} cohort · {record['backend']}"
        said = f"{kind} · {record['finished'][:10]} · {record['seconds']} s"
    title, _, rest = notebook.cells[0].source.partition("\n")
    notebook.cells[0].source = f"{title}\n\n*{said}*\n{rest}"
    return notebook


def first_page(records, reported):
    """Return the first page's text: what this is, the pages with their questions, and the way to the rest."""
    rows = "\n".join(
        f"| [{record['title']}](pages/{record['page']}.ipynb) | {record['question']} |" for record in records
    )
    parts = {
        "Pages": [f"pages/{record['page']}" for record in records],
        "Results": ["figures/README"] + ["report"] * reported,
        "API reference": [f"api/{room}" for room in ROOMS],
    }
    trees = [
        "\n".join(["```{toctree}", f":caption: {words}", ":hidden:", ":titlesonly:", "", *names, "```"])
        for words, names in parts.items()
    ]
    more = ["[All figures](figures/README.md)"] + ["[the report](report.md)"] * reported
    more.append(f"[the API](api/{next(iter(ROOMS))}.rst)")
    opening = (
        "Pages that re-run, teach and audit one paper: Vogado et al., Sensors 2021, 21, 2989 (doi:10.3390/s21092989)."
    )
    head = ["# LeukNet study companion", NOT_A_DEVICE, opening, f"| page | asks |\n|---|---|\n{rows}"]
    return "\n\n".join([*head, " · ".join(more), *trees]) + "\n"


def reference(room, about):
    """Return the reST of one room's reference: every module's public functions, from their docstrings."""
    top = Path(leuknet.__file__).parent
    modules = sorted(
        ".".join(path.relative_to(top.parent).with_suffix("").parts) for path in (top / room).rglob("*.py")
    )
    title = f"leuknet.{room}"
    blocks = [f"{title}\n{'=' * len(title)}\n\n{about}."]
    for name in modules:
        if not name.endswith(("__init__", "__main__")):
            blocks.append(f"{name}\n{'-' * len(name)}\n\n.. automodule:: {name}\n   :members:")
    return "\n\n".join(blocks) + "\n"


def render(source, built):
    """Let Sphinx make HTML of `source`; its warnings go to standard error."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    with patch_docutils(), docutils_namespace():
        doctrees = built.parent / "doctrees"
        Sphinx(str(source), None, str(built), str(doctrees), "html", confoverrides=SETTINGS, status=None).build()
    for path in (built / "pages").glob("*.html"):  # links in a cell's output still name notebooks
        path.write_text(html.PAGE_LINK.sub(r'href="\1.html', path.read_text("utf-8")), "utf-8")


class _Page(HTMLParser):
    """What a page offers and wants: its fragments and its links."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids |= {found[name] for name in ("id", "name") if found.get(name) and (name == "id" or tag == "a")}
        self.links += [found[name] for name in ("href", "src") if found.get(name)]


def broken_links(folder):
    """Return the links within a folder of HTML that lead to no file or no such place in it, as "page: link".

    Links to the network are not followed; what a page would load from there, a script or a style, is not looked for.
    """
    pages = {path.resolve(): _Page(path.read_text("utf-8")) for path in sorted(Path(folder).rglob("*.html"))}
    broken = []
    for path, found in pages.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            place = unquote(parts.fragment)
            if not target.is_file() or (place and target in pages and place not in pages[target].ids):
                broken.append(f"{path.relative_to(Path(folder).resolve())}: {link}")
    return broken
