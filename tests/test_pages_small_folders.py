"""Folders that cannot have every protocol: pages run on drawn images, and say why and what is shown instead."""

import html
import re

import nbformat
import numpy as np
import pytest
from PIL import Image

from leuknet._random import rng
from leuknet.pages.runner import run_study
from leuknet.study.protocols import GROUPED, ONE_CLASS

# Data sets and their classes; pictures of a patient in groups.csv; what the study says before it starts, and page 06.
CASES = {
    "one clinic": ({"Our clinic": (0, 1)}, 2, ["LODOCV as published needs two data sets", GROUPED]),
    "two of one class": ({"Blood donors": (0,), "AML ward": (1,)}, 1, ["LODOCV", ONE_CLASS, GROUPED]),
}
PAGES = ("06", "12")  # each page's runs under every kind of cohort: test_study_small_cohorts.py
# As small as they can be: this is about what pages say.
CHANGES = {"epochs": 1, "limit": 8, "size": 32}


def smear(label, number):
    """Return a drawn field: red cells, and dark nuclei that are larger where `label` is 1."""
    draw, image = rng("smear", label, number), np.full((160, 160, 3), (235, 225, 225), np.uint8)
    y, x = np.mgrid[:160, :160]
    for kind in range(9):
        place, nucleus = draw.integers(15, 145, 2), kind < 3
        radius, colour = (9 + 4 * label, (90, 40, 130)) if nucleus else (11, (205, 120, 120))
        image[(y - place[0]) ** 2 + (x - place[1]) ** 2 < radius**2] = colour
    return np.clip(image + draw.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("sets, patient, said", CASES.values(), ids=CASES)
def test_every_page_runs_and_says_what_is_not_possible(sets, patient, said, tmp_path, capsys):
    rows = ["image,group"]
    for name, labels in sets.items():
        for label in labels:
            folder = tmp_path / "slides" / name / ("negative", "positive")[label]
            folder.mkdir(parents=True)
            for number in range(8):
                Image.fromarray(smear(label, number)).save(folder / f"{number}.png")
                rows.append(f"{name}/{folder.name}/{number}.png,{label}-{number // patient}")
    (tmp_path / "slides" / "groups.csv").write_text("\n".join(rows))
    options = {"data": tmp_path / "slides", "out": tmp_path / "out", "parameters": {"changes": CHANGES}}
    records = run_study("smoke", PAGES, **options)
    assert {record.page: record.error for record in records if record.status != "ok"} == {}
    printed = capsys.readouterr().out
    before, _, _ = printed.partition("to train")
    assert all(words in before for words in ["Not possible here: ", *said])
    shown = text_of(tmp_path / "out" / "pages" / "06_lodocv.ipynb")
    assert all(words in shown for words in said)
    assert not re.search(r"\bnan\b|\bNone\b", text_of(tmp_path / "out" / "pages" / "12_what_generalises.ipynb"))


def text_of(path):
    """Return what the cells of an executed page show, as text."""
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])]
    parts = [output.get("text", "") + output.get("data", {}).get("text/html", "") for output in outputs]
    return html.unescape(re.sub("<[^>]*>", " ", " ".join(parts)))
