"""The gallery: all figures of a result folder in one Markdown file, with title, page and the paper's figure."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from leuknet._io import object_or_empty, write_text
from leuknet._outputs import replaced_folder
from leuknet.exceptions import LeuknetError
from leuknet.pages.index import PAGE_NAME
from leuknet.pages.outputs import markdown_page
from leuknet.pages.runner import list_pages


def paper_figures() -> pd.DataFrame:
    """Return the functions of `leuknet.plots` that draw each of the paper's figures, and the names of the files.

    Returns
    -------
    pandas.DataFrame
        ``figure`` (int), ``functions``, ``files`` (lists of str).
    """
    frame = pd.read_csv(Path(__file__).with_name("paper_figures.csv"))
    return frame.assign(functions=frame["functions"].str.split(), files=frame["files"].str.split())


def gallery(folder: str | os.PathLike, out: str | os.PathLike, notebooks: str = "../notebooks") -> Path:
    """Copy the figures of a result folder into `out` as PNG with their records, and write ``README.md`` there.

    Parameters
    ----------
    folder : path
        A result folder of ``leuknet study``; its SVG files are not copied.
    out : path
        A new or empty folder, or an earlier gallery, which is replaced.
    notebooks : str
        Path of the pages relative to `out`.

    Returns
    -------
    pathlib.Path
        The README.

    Raises
    ------
    LeuknetError
        If the result folder has no figures, or `out` contains unrelated files.
    """
    figures = entries(Path(folder) / "figures")
    with replaced_folder(out) as new:
        for entry in figures:
            for suffix in (".png", ".json"):
                shutil.copyfile(Path(folder) / "figures" / f"{entry['stem']}{suffix}", new / f"{entry['stem']}{suffix}")
        write_text(new / "README.md", as_markdown(figures, notebooks))
    return Path(out) / "README.md"


def entries(figures: str | os.PathLike) -> list[dict[str, Any]]:
    """Return the JSON records of the PNG files in a folder, ordered by page and then by time of creation.

    Files whose record does not name a page and describe the picture are skipped.
    """
    pictures = own_files(figures, "*.png")
    records = {path.stem: object_or_empty(path.with_suffix(".json")) for path in pictures}
    described = [record | {"stem": stem} for stem, record in records.items() if _is_record(stem, record)]
    if not described:
        raise LeuknetError(f"no figures in {figures}: run 'leuknet study' first")
    return sorted(described, key=lambda entry: (entry["page"], entry["made"], entry["stem"]))


def own_files(folder: str | os.PathLike, pattern: str) -> list[Path]:
    """Return the matching regular files in `folder`, sorted; symbolic links may expose other files and are skipped."""
    return [path for path in sorted(Path(folder).glob(pattern)) if path.is_file() and not path.is_symlink()]


def _is_record(stem: str, record: dict[str, Any]) -> bool:
    texts = [record.get(name) for name in ("page", "made", "alt", "caption")]
    named = bool(re.fullmatch(r"[\w-]+", stem))  # as all files of `leuknet.plots.output`
    return named and all(isinstance(text, str) for text in texts) and bool(PAGE_NAME.fullmatch(record["page"]))


def as_markdown(figures: list[dict[str, Any]], notebooks: str) -> str:
    """Return the gallery's text: the paper's figures first, then all figures page by page with their descriptions."""
    stems, titles = {entry["stem"] for entry in figures}, {page.name: page.title for page in list_pages()}
    paper = paper_figures().to_dict("records")
    return markdown_page("gallery", figures=figures, notebooks=notebooks, stems=stems, titles=titles, paper=paper)
