"""The gallery: a result folder's figures in one Markdown file, with what each shows, its page, the paper's figure."""

import os
import re
import shutil
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from leuknet._io import object_or_empty, write_text
from leuknet.exceptions import LeuknetError
from leuknet.pages.outputs import replaced_folder
from leuknet.pages.runner import list_pages


def paper_figures() -> pd.DataFrame:
    """Return the functions of `leuknet.plots` that draw each of the paper's figures, and the files pages give them.

    Returns
    -------
    pandas.DataFrame
        ``figure`` (int), ``functions``, ``files`` (lists of str).
    """
    with files("leuknet.pages").joinpath("paper_figures.csv").open(encoding="utf-8") as file:
        frame = pd.read_csv(file)
    return frame.assign(functions=frame["functions"].str.split(), files=frame["files"].str.split())


def gallery(folder: str | os.PathLike, out: str | os.PathLike, notebooks: str = "../notebooks") -> Path:
    """Copy the figures of a result folder into `out` as PNG, with their records, and write ``README.md`` there.

    Parameters
    ----------
    folder : path
        A result folder of ``leuknet study``; its SVG stay there.
    out : path
        A new or empty folder, or an earlier gallery, which is replaced.
    notebooks : str
        Where the pages lie, as seen from `out`.

    Returns
    -------
    pathlib.Path
        The README.

    Raises
    ------
    LeuknetError
        If the result folder has no figures, or `out` holds files of something else.
    """
    found = entries(Path(folder) / "figures")
    with replaced_folder(out) as new:
        for entry in found:
            for suffix in (".png", ".json"):
                shutil.copyfile(Path(folder) / "figures" / f"{entry['stem']}{suffix}", new / f"{entry['stem']}{suffix}")
        write_text(new / "README.md", as_markdown(found, notebooks))
    return Path(out) / "README.md"


def entries(figures: str | os.PathLike) -> list[dict[str, Any]]:
    """Return what the JSON next to each PNG of a folder says, as dictionaries in the order of pages and of making."""
    records = {path.stem: object_or_empty(path.with_suffix(".json")) for path in Path(figures).glob("*.png")}
    found = [record | {"stem": stem} for stem, record in records.items() if record]
    if not found:
        raise LeuknetError(f"no figures in {figures}: run 'leuknet study' first")
    return sorted(found, key=lambda entry: (entry["page"], entry["made"], entry["stem"]))


def as_markdown(found: list[dict[str, Any]], notebooks: str) -> str:
    """Return the gallery's text: the paper's figures first, then page by page each picture with what it shows."""
    stems, titles = {entry["stem"] for entry in found}, {page.name: page.title for page in list_pages()}
    lines = ["# Figures", INTRODUCTION, "## The paper's figures", PAPER_HEAD]
    numbers: dict[str, int] = {}
    for number, functions, of in paper_figures().itertuples(index=False):
        numbers |= dict.fromkeys(of, number)
        links = ", ".join(f"[{stem}](#{anchor(stem)})" for stem in of if stem in stems) or "not in this run"
        lines[-1] += f"\n| {number} | {links} | `{', '.join(functions)}` |"
    page = None
    for entry in found:
        if entry["page"] != page:
            page = entry["page"]
            lines.append(f"## {titles.get(page, page)}\n\n[The page]({notebooks}/{page}.ipynb)")
        lines.append(_entry(entry, numbers.get(entry["stem"])))
    return "\n\n".join(lines) + "\n"


INTRODUCTION = """Each picture was made by one function of `leuknet.plots`; the JSON next to it says by which commit,
with which packages and seed. `make figures` renews them all. Not a medical device."""
PAPER_HEAD = "| figure of the paper | here | drawn by |\n|---|---|---|"


def anchor(stem: str) -> str:
    """Return the fragment of a figure's heading, as GitHub and MyST make it."""
    return stem.lower()


def _entry(entry: dict[str, Any], number: int | None) -> str:
    answers = f"**The paper's Figure {number}.** " * bool(number)
    picture = f'<img src="{quote(entry["stem"])}.png" alt="{escape(entry["alt"])}" width="600">'
    return f"### {entry['stem']}\n\n{picture}\n\n{answers}{prose(entry['alt'])}.\n\n*{prose(entry['caption'])}*"


def prose(text: str) -> str:
    """Return a text from outside as Markdown that shows it: no element, no emphasis, no line break of its own."""
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", escape(" ".join(text.split()), quote=False))
