"""The student edition of the pages: everything but the answers."""

import os
from pathlib import Path

import nbformat
from nbconvert.preprocessors import TagRemovePreprocessor

from leuknet._io import write_text
from leuknet.pages.outputs import replaced_folder
from leuknet.pages.runner import list_pages

TAG = "solution"


def without_answers(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy of a notebook without its cells tagged ``solution``; ids of the others stay."""
    return TagRemovePreprocessor(remove_cell_tags={TAG}).preprocess(nbformat.from_dict(notebook), {})[0]


def handout(out: str | os.PathLike, folder: str | os.PathLike | None = None) -> list[Path]:
    """Write every page without answers into the folder `out`.

    Parameters
    ----------
    out : path
        A new or empty folder, or an earlier handout, which is replaced.
    folder : path, optional
        Where the pages are, the checkout's ``notebooks`` by default.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    LeuknetError
        If `out` holds files that are not of an earlier handout: the pages themselves, or a student's answers.
    """
    pages = list_pages(folder)
    with replaced_folder(out) as new:
        for page in pages:
            write_text(new / f"{page.name}.ipynb", nbformat.writes(without_answers(page.notebook), indent=1) + "\n")
    return [Path(out) / f"{page.name}.ipynb" for page in pages]
