"""The gallery: a result folder's figures in one Markdown file, with what each shows, its page, the paper's figure."""

import json
import shutil
from html import escape
from pathlib import Path
from urllib.parse import quote

from leuknet._io import write_text
from leuknet.exceptions import LeuknetError
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

LARGEST_SVG = 300_000
"""Bytes; a larger SVG is mostly the pixels of slides, which the PNG holds already, and is not copied."""


def gallery(folder, out, notebooks="../notebooks"):
    """Copy the figures of a result folder into `out` and write ``README.md`` there.

    Parameters
    ----------
    folder : path
        A result folder of ``leuknet study``.
    out : path
        Files that lie there and are not of this run stay.
    notebooks : str
        Where the pages lie, as seen from `out`.

    Returns
    -------
    pathlib.Path
        The README.

    Raises
    ------
    LeuknetError
        If the result folder has no figures.
    """
    figures, out = Path(folder) / "figures", Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(figures.glob("*")):
        if path.suffix in (".png", ".json") or (path.suffix == ".svg" and path.stat().st_size <= LARGEST_SVG):
            shutil.copyfile(path, out / path.name)
    write_text(out / "README.md", as_markdown(entries(out), notebooks))
    return out / "README.md"


def entries(figures):
    """Return what the JSON beside each PNG of a folder says, as dictionaries in the order of pages and of making."""
    found = []
    for path in Path(figures).glob("*.png"):
        beside = path.with_suffix(".json")
        if beside.is_file():
            vector = path.with_suffix(".svg").is_file()
            found.append(json.loads(beside.read_text("utf-8")) | {"stem": path.stem, "vector": vector})
    if not found:
        raise LeuknetError(f"no figures in {figures}: run 'leuknet study' first")
    return sorted(found, key=lambda entry: (entry["page"], entry["made"], entry["stem"]))


def as_markdown(found, notebooks):
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
        lines.append(_told(entry, numbers.get(entry["stem"])))
    return "\n\n".join(lines) + "\n"


INTRODUCTION = """Each picture was made by one function of `leuknet.plots`; the JSON beside it says by which commit,
with
which packages and seed. `make figures` renews them all. Not a medical device."""
PAPER_HEAD = "| figure of the paper | here | drawn by |\n|---|---|---|"


def anchor(stem):
    """Return the fragment of a figure's heading, as GitHub and MyST make it."""
    return stem.lower()


def _told(entry, number):
    stem, place = entry["stem"], quote(entry["stem"])
    vector = f" · [SVG]({place}.svg)" * entry["vector"]
    answers = f"**The paper's Figure {number}.** " * bool(number)
    picture = f'<img src="{place}.png" alt="{escape(entry["alt"])}" width="600">'
    return f"### {stem}\n\n{picture}\n\n{answers}{entry['alt']}.\n\n*{entry['caption']}*{vector}"
