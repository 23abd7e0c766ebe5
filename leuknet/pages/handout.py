"""The student edition of the pages: the pages without their solutions."""

import os
from pathlib import Path

import nbformat
from nbconvert.preprocessors import TagRemovePreprocessor

from leuknet._io import write_text
from leuknet._outputs import replaced_folder
from leuknet.pages.runner import list_pages

TAG = "solution"


def without_answers(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy of a notebook without the cells tagged ``solution``; the ids of the other cells are unchanged."""
    return TagRemovePreprocessor(remove_cell_tags={TAG}).preprocess(nbformat.from_dict(notebook), {})[0]


def handout(out: str | os.PathLike, folder: str | os.PathLike | None = None) -> list[Path]:
    """Write every page without solutions into the folder `out`.

    Parameters
    ----------
    out : path
        A new or empty folder, or an earlier handout, which is replaced.
    folder : path, optional
        Folder of the pages; defaults to the checkout's ``notebooks``.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    LeuknetError
        If `out` contains files that are not from an earlier handout, such as the pages themselves or a student's work.
    """
    pages = list_pages(folder)
    with replaced_folder(out) as new:
        for page in pages:
            write_text(new / f"{page.name}.ipynb", nbformat.writes(without_answers(page.notebook), indent=1) + "\n")
    return [Path(out) / f"{page.name}.ipynb" for page in pages]
