"""The repository's public address, set once: in CITATION.cff, in README's badges, in every page's cell for Colab."""

import re
from pathlib import Path

import nbformat

from leuknet._io import write_text
from leuknet.exceptions import LeuknetError
from leuknet.pages.runner import list_pages, notebooks_dir

CELL = "colab"
FIRST = "00_start_here"
BLOCK = re.compile(r"(<!-- address -->\n).*?(<!-- /address -->)", flags=re.DOTALL)
UNSET = "the public address is not set: leuknet address URL sets it"
PROSE = "On Google Colab the next line installs the package; anywhere else it does nothing."


def address(checkout):
    """Return the address that a checkout's CITATION.cff states as ``repository-code``, or "" while it states none."""
    found = re.search(r'^repository-code: "(\S+)"$', (Path(checkout) / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    return found.group(1) if found else ""


def set_address(url, checkout=None):
    """Write the repository's address wherever it is needed.

    Parameters
    ----------
    url : str
        ``https://github.com/OWNER/NAME``.
    checkout : path, optional
        This package's own by default.

    Returns
    -------
    list of pathlib.Path
        The files written.

    Raises
    ------
    LeuknetError
        If `url` is not of that form: Binder and Colab open pages from GitHub.
    """
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", url):
        raise LeuknetError(f"{url} is not https://github.com/OWNER/NAME, where Binder and Colab open pages from")
    url = url.removesuffix(".git")
    checkout = Path(checkout or notebooks_dir().parent)
    citation, readme = checkout / "CITATION.cff", checkout / "README.md"
    lines = [line for line in citation.read_text("utf-8").splitlines() if not line.startswith("repository-code:")]
    lines.insert(lines.index("type: software") + 1, f'repository-code: "{url}"')
    write_text(citation, "\n".join(lines) + "\n")
    write_text(readme, BLOCK.sub(rf"\g<1>{badges(url)}\n\g<2>", readme.read_text("utf-8")))
    return [citation, readme, *stamp(url, checkout / "notebooks")]


def stamp(url, folder):
    """Put the cell for Colab behind the header of every page in `folder`, in place of an earlier one."""
    written = []
    for page in list_pages(folder):
        book, number = page.notebook, page.number
        ids = (f"p{number}-{CELL}-why", f"p{number}-{CELL}")
        kept = [cell for cell in book.cells if cell.id not in ids]
        prose, code = nbformat.v4.new_markdown_cell(PROSE, id=ids[0]), nbformat.v4.new_code_cell(line(url), id=ids[1])
        book.cells = [kept[0], prose, code, *kept[1:]]
        written.append(Path(folder) / f"{page.name}.ipynb")
        write_text(written[-1], nbformat.writes(book, indent=1) + "\n")
    return written


def line(url):
    """Return the cell's one line: on Colab it installs the package from `url`, or says that there is none yet."""
    todo = f'get_ipython().run_line_magic("pip", "install -q git+{url}")' if url else f'print("{UNSET}")'
    return f'if "google.colab" in __import__("sys").modules: {todo}'


def badges(url):
    """Return README's line with the badges of Binder and Colab, or what to do while there is no address."""
    if not url:
        return f"Binder and Colab: {UNSET}, with the badges here and the first cell of each page."
    place = url.removeprefix("https://github.com/")
    binder = f"https://mybinder.org/v2/gh/{place}/HEAD?urlpath=lab/tree/notebooks/{FIRST}.ipynb"
    colab = f"https://colab.research.google.com/github/{place}/blob/HEAD/notebooks/{FIRST}.ipynb"
    return (
        f"[![Binder](https://mybinder.org/badge_logo.svg)]({binder})\n"
        f"[![Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})"
    )
