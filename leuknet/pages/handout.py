"""The student edition of the pages: everything but the answers."""

from pathlib import Path

import nbformat

from leuknet._io import write_text
from leuknet.exceptions import LeuknetError
from leuknet.pages.runner import list_pages, notebooks_dir

TAG = "solution"


def without_answers(notebook):
    """Return a copy of a notebook without its cells tagged ``solution``; ids of the others stay."""
    copy = nbformat.from_dict(notebook)
    copy.cells = [cell for cell in copy.cells if TAG not in cell.metadata.get("tags", [])]
    return copy


def handout(out, folder=None):
    """Write every page without answers into the folder `out`.

    Parameters
    ----------
    out : path
        Not the pages' own folder.
    folder : path, optional
        Where the pages are, the checkout's ``notebooks`` by default.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    LeuknetError
        If `out` is the pages' folder: the answers would be lost.
    """
    source, out = Path(folder or notebooks_dir()).resolve(), Path(out).expanduser().resolve()
    if out == source:
        raise LeuknetError(f"the handout does not go into {out}, where the answers are: name another folder")
    paths = []
    for page in list_pages(source):
        paths.append(out / f"{page.name}.ipynb")
        write_text(paths[-1], nbformat.writes(without_answers(page.notebook), indent=1) + "\n")
    return paths
