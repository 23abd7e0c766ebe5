"""The gallery: a result folder's figures in one Markdown file, with what each shows, its page, the paper's figure."""

import json
import os
import re
import shutil
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from leuknet._io import write_text
from leuknet.exceptions import LeuknetError
from leuknet.pages.outputs import replaced_folder
from leuknet.pages.runner import list_pages

PAPER_FIGURES = {
    1: ("smears", ["01_data_survey-smears"]),
    2: ("contact_sheet", ["01_data_survey-contact-sheet"]),
    3: ("augmented", ["03_augmentation-figure-3"]),
    4: ("transfer_diagram", ["05_leuknet_training-transfer"]),
    5: ("approach_diagram", ["04_backbone_ablation-approaches"]),
    6: ("filter_heat_maps", ["08_activation_maps-filters"]),
    7: ("learning_curves", ["05_leuknet_training-curves"]),
    8: ("network_diagram", ["05_leuknet_training-network"]),
    9: ("map_sheet", ["08_activation_maps-maps"]),
    10: ("decision_regions", ["07_feature_space-regions-ALL-IDB-1"]),
    11: ("decision_regions", ["07_feature_space-regions-ALL-IDB-2"]),
    12: ("image_map, decision_regions", ["07_feature_space-image-map", "07_feature_space-classes"]),
}
"""The paper's figure: the functions of `leuknet.plots` that draw it, and the files that pages give them."""


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
    found = []
    for path in Path(figures).glob("*.png"):
        record = path.with_suffix(".json")
        if record.is_file():
            found.append(json.loads(record.read_text("utf-8")) | {"stem": path.stem})
    if not found:
        raise LeuknetError(f"no figures in {figures}: run 'leuknet study' first")
    return sorted(found, key=lambda entry: (entry["page"], entry["made"], entry["stem"]))


def as_markdown(found: list[dict[str, Any]], notebooks: str) -> str:
    """Return the gallery's text: the paper's figures first, then page by page each picture with what it shows."""
    stems = {entry["stem"] for entry in found}
    numbers = {stem: number for number, (_, of) in PAPER_FIGURES.items() for stem in of}
    titles = {page.name: page.title for page in list_pages()}
    lines = ["# Figures", INTRODUCTION, "## The paper's figures", PAPER_HEAD]
    for number, (functions, of) in PAPER_FIGURES.items():
        links = ", ".join(f"[{stem}](#{anchor(stem)})" for stem in of if stem in stems) or "not in this run"
        lines[-1] += f"\n| {number} | {links} | `{functions}` |"
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
