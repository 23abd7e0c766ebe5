"""A page's HTML: answers folded, no plumbing, no log of TensorFlow, links between the pages there are."""

import re

import pytest
from bs4 import BeautifulSoup
from nbformat import v4

from leuknet.pages import html

RECORD = {"title": "T & U", "profile": "demo", "cohort": "synthetic", "backend": "jax", "finished": "", "seconds": 1}


def rendered(*cells, **record):
    return BeautifulSoup(html.page_html(v4.new_notebook(cells=list(cells)), RECORD | record), "html.parser")


def streams(*texts, name="stderr"):
    return v4.new_code_cell("", outputs=[v4.new_output("stream", name=name, text=text) for text in texts])


def test_widgets_become_a_line_of_text():
    view = v4.new_output("display_data", {html.WIDGET: {"model_id": "x"}, "text/plain": "VBox()"})
    picture = v4.new_output("display_data", {"text/plain": "picture"})
    cell = v4.new_code_cell("", outputs=[view, picture])
    page = rendered(cell, profile="paper", cohort="slides <b>")
    assert "open the notebook in JupyterLab" in page.text and "VBox()" not in page.text and "picture" in page.text
    assert page.title.text == "T & U" and "reduced run" not in page.text and "slides <b> cohort" in page.text
    assert html.WIDGET in cell.outputs[0].data


def test_answers_are_inside_a_closed_details_and_out_of_print():
    source = "<details><summary>Answers</summary>\n\n**1.** First.\n\n**2.** Second.\n\n</details>"
    page = rendered(v4.new_markdown_cell(source, metadata={"tags": ["solution"]}))
    answers = page.body.find("details")
    assert "First" in answers.text and "Second" in answers.text and not answers.has_attr("open")
    assert answers.find_parent(class_="celltag_solution")
    printed = [style.text.split("@media print")[-1] for style in page.find_all("style") if "@media print" in style.text]
    assert re.search(r"\.celltag_solution[^{}]*\{ display: none \}", printed[-1])


@pytest.mark.parametrize(
    ("tag", "words"), [("parameters", "Default parameters"), ("injected-parameters", "Parameters of this run")]
)
def test_parameters_are_folded(tag, words):
    page = rendered(v4.new_code_cell("profile = 'x'", metadata={"tags": [tag]}), v4.new_code_cell("shown = 1"))
    folded = page.body.find_all("details")
    assert [part.summary.text for part in folded] == [words] and "profile" in folded[0].text
    assert "shown" not in folded[0].text and "Out[" not in page.body.text and "In\xa0[" not in page.body.text


NOISE = {
    "absl": "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n",
    "information": "I0000 00:00:1795498424.238007   31241 cudart_stub.cc:31] Could not find cuda drivers.\n",
    "error": "E0000 00:00:1795498439.493863   31241 cuda_platform.cc:52] failed call to cuInit: INTERNAL\n",
    "retracing": "WARNING:tensorflow:5 out of the last 8 calls to <function f> triggered tf.function retracing.\n",
    "absl logging": "WARNING:absl:You are saving your model as an HDF5 file\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stderr", "stdout"])
@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_log_lines_of_tensorflow_are_left_out_and_warnings_kept(noise, name):
    page = rendered(streams(noise, noise + "ConvergenceWarning: no\n" + noise, name=name))
    assert noise.strip() not in page.text and len(page.body.find_all(class_="jp-OutputArea-output")) == 1
    assert "ConvergenceWarning: no" in page.text


def test_pages_link_to_those_that_exist(tmp_path):
    records = [RECORD | {"page": f"0{number}_p", "title": f"0{number} <x>"} for number in range(4)]
    for record in records:
        if record["page"] != "02_p":  # it failed: no HTML
            (tmp_path / f"{record['page']}.html").write_text(html.page_html(v4.new_notebook(), record))
    for _ in range(2):  # again after each page: links are replaced, not added
        html.link_pages(tmp_path, records)
    found = {}
    for path in sorted(tmp_path.glob("*.html")):
        above, below = BeautifulSoup(path.read_text("utf-8"), "html.parser").find_all("nav", class_="pages")
        assert above == below
        found[path.stem] = [(link["href"], link.text) for link in above.find_all("a")]
    everything = ("../index.html", "All pages")
    assert found == {
        "00_p": [everything, ("01_p.html", "01 <x> →")],
        "01_p": [("00_p.html", "← 00 <x>"), everything, ("03_p.html", "03 <x> →")],
        "03_p": [("01_p.html", "← 01 <x>"), everything],
    }


def test_both_themes_and_no_script_from_the_network():
    page = rendered(v4.new_code_cell("1"))
    media = [style.get("media") for style in page.find_all("style")]
    assert "screen and (prefers-color-scheme: dark)" in media
    assert not page.find_all("script", src=True) and not page.find_all("link", rel="stylesheet")
