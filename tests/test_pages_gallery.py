"""The gallery: made from the side-car files, complete, and the committed one is up to date."""

import json
import re
from pathlib import Path

import pytest

from leuknet import plots
from leuknet.exceptions import LeuknetError
from leuknet.pages import gallery

ROOT = Path(__file__).parent.parent
FIGURES = ROOT / "figures"


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run" / "figures"
    folder.mkdir(parents=True)
    for page, name, made in (("06_lodocv", "b", "1"), ("06_lodocv", "a", "2"), ("01_x", "smears", "3")):
        stem = folder / f"{page}-{name}"
        about = {
            "page": page,
            "name": name,
            "made": made,
            "alt": f'What "{name}" & co show',
            "caption": "n = 3 · smoke",
        }
        stem.with_suffix(".json").write_text(json.dumps(about))
        stem.with_suffix(".png").write_bytes(b"png")
        stem.with_suffix(".svg").write_text("<svg/>")
    return folder.parent


def test_pictures_come_by_page_and_making_with_what_the_records_say(run, tmp_path):
    text = gallery.gallery(run, tmp_path / "out").read_text()
    assert re.findall(r"^### (\S+)", text, flags=re.MULTILINE) == ["01_x-smears", "06_lodocv-b", "06_lodocv-a"]
    assert '<img src="06_lodocv-b.png" alt="What &quot;b&quot; &amp; co show"' in text
    assert "## 06 · Leave one data set out" in text and "](../notebooks/06_lodocv.ipynb)" in text
    assert text.count("*n = 3 · smoke*") == 3 and "not in this run" in text


def test_svg_stays_in_the_results(run, tmp_path):
    text = gallery.gallery(run, tmp_path / "out").read_text()
    assert ".svg" not in text and not list((tmp_path / "out").glob("*.svg"))


def test_records_are_text_not_markup(run, tmp_path):
    path = run / "figures" / "06_lodocv-a.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | {"caption": "s<svg onload=x> | [a](b)\n# h", "alt": 'x" onerror="y'}))
    text = gallery.gallery(run, tmp_path / "out").read_text()
    assert "<svg" not in text and r"&lt;svg onload=x&gt; \| \[a\](b) \# h" in text and 'alt="x&quot; onerror=' in text


@pytest.mark.parametrize(
    "record",
    ["[]", "{", '{"page": "06_lodocv"}', '{"page": 6, "made": "", "alt": "", "caption": ""}',
     '{"page": "../x](javascript:y)", "made": "", "alt": "", "caption": ""}'],
)  # fmt: skip
def test_a_picture_without_a_sound_record_is_left_out(run, tmp_path, record):
    (run / "figures" / "06_lodocv-a.json").write_text(record)
    text = gallery.gallery(run, tmp_path / "out").read_text()
    assert re.findall(r"^### (\S+)", text, flags=re.MULTILINE) == ["01_x-smears", "06_lodocv-b"]
    assert "javascript" not in text


def test_a_picture_whose_name_is_markup_is_left_out(run, tmp_path):
    for suffix in (".json", ".png"):
        (run / "figures" / f"06_lodocv-a{suffix}").rename(run / "figures" / f"06_<svg onload=x>{suffix}")
    assert "onload" not in gallery.gallery(run, tmp_path / "out").read_text()


def test_a_folder_without_figures_is_refused(tmp_path):
    with pytest.raises(LeuknetError, match="no figures in"):
        gallery.gallery(tmp_path, tmp_path / "out")


def test_each_figure_of_the_paper_has_its_function_and_its_page():
    assert gallery.paper_figures()["figure"].tolist() == list(range(1, 13))
    books = {path.stem: path.read_text("utf-8") for path in (ROOT / "notebooks").glob("*.ipynb")}
    for _, functions, stems in gallery.paper_figures().itertuples(index=False):
        for name in functions:
            assert callable(getattr(plots, name)) and any(
                f"plots.{name}(" in books[stem.split("-")[0]] for stem in stems
            )
        assert all((FIGURES / f"{stem}.png").is_file() for stem in stems)


def test_the_committed_gallery_is_made_of_the_committed_records():
    assert (FIGURES / "README.md").read_text("utf-8") == gallery.as_markdown(gallery.entries(FIGURES), "../notebooks")
