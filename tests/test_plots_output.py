"""What a page gives out: files with their record, absent cells empty, one drawing a format."""

import json
import re
from html import unescape
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from made import small_cohort
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from leuknet.evaluation.splits import k_fold
from leuknet.pages.html import page_html
from leuknet.plots import output, style
from leuknet.plots.data.leakage import shares_tested, split_map


@pytest.fixture
def study(tmp_path):
    profile = SimpleNamespace(name="smoke", banner="b")
    return SimpleNamespace(out=tmp_path, page="06_lodocv", profile=profile, data=None, seed=0)


def test_absent_cells_are_empty_and_numbers_have_two_decimals(study):
    frame = pd.DataFrame({"a": [1.234, np.nan], "b": ["x", None], "n": [3, 4]})
    output.table(study, frame, "t", "A caption", n=2)
    text = (study.out / "tables" / "06_lodocv-t.md").read_text()
    assert "| 1.23 | x | 3 |" in text and "|  |  | 4 |" in text and "nan" not in text
    assert "synthetic cohort · n = 2 · smoke profile" in text


def test_a_table_has_words_as_heads_and_numbers_to_the_right_where_one_is_not_given():
    frame = pd.DataFrame({"data_set": ["leave-one-source-out", "a name " * 9], "A, published": ["-", "92.80 ± 0.10"]})
    cells = frame.map(lambda value: output.cell(value, ""))
    page = BeautifulSoup(output.table_html(cells, "T"), "html.parser")
    heads, rows = page("th", scope="col"), page("th", scope="row")
    assert [head.text for head in heads] == ["data set", "accuracy, published"] and heads[1]["class"] == ["num"]
    assert [cell.text for cell in page("td", class_="num")] == ["–", "92.80 ± 0.10"]
    assert [row.get("class") for row in rows] == [["whole"], None]  # a short name is not broken at its hyphens


def test_a_figure_is_kept_as_png_svg_and_record(study):
    fig, ax = plt.subplots(figsize=(4, 3))
    output.figure(study, fig, "f", "A line", weights="random", protocol="LODOCV")
    stem = study.out / "figures" / "06_lodocv-f"
    assert Image.open(stem.with_suffix(".png")).size[0] > 300 and "<svg" in stem.with_suffix(".svg").read_text()
    record = json.loads(stem.with_suffix(".json").read_text())
    assert record["alt"] == "A line" and record["caption"].endswith("smoke profile · weights: random · LODOCV")
    assert not plt.fignum_exists(fig.number)


def test_every_figure_of_a_page_keeps_its_alternative_text_in_jupyterlab_and_in_html(study, monkeypatch):
    shown = []
    monkeypatch.setattr(output, "display", lambda html: shown.append(html.data))
    for name in ("one", "two"):
        output.figure(study, plt.figure(figsize=(3, 2)), name, f'Figure "{name}" & more', n=3)
    cells = [new_code_cell("x", outputs=[new_output("display_data", {"text/html": html})]) for html in shown]
    record = {
        "title": "t",
        "profile": "smoke",
        "cohort": "synthetic",
        "backend": "jax",
        "finished": "2026",
        "seconds": 1,
    }
    for text in ("".join(shown), page_html(new_notebook(cells=cells), record)):
        alts = [unescape(alt) for _, alt in re.findall(r"""<img[^>]* alt=(["'])(.*?)\1""", text)]
        assert [alt.split(" (")[0] for alt in alts] == ['Figure "one" & more', 'Figure "two" & more']
        assert text.count("<img") == 2


def test_a_long_caption_is_broken_and_a_wide_figure_brought_to_the_page(study):
    for size, wanted in (((3, 2), 3), ((10, 2), style.COLUMN)):
        fig, _ = plt.subplots(figsize=size)
        style.captioned(fig, "synthetic cohort · n = 32 · demo profile · weights: formula-driven · hold-out " * 2)
        fig.draw_without_rendering()
        text = fig._supxlabel
        assert fig.get_figwidth() == pytest.approx(wanted) and text.get_fontsize() == 9 and "\n" in text.get_text()
        assert text.get_window_extent().x1 <= fig.bbox.x1
        plt.close(fig)


def test_split_map_shows_each_fold_and_shares_add_up():
    table = small_cohort().table
    split = k_fold(table, 3, seed=0)
    np.testing.assert_allclose(shares_tested(table, split).sum(axis=1), 1)
    fig = split_map(table, [split])
    assert [tick.get_text() for tick in fig.axes[0].get_xticklabels()] == [f"fold {number}" for number in (1, 2, 3)]
    plt.close(fig)
