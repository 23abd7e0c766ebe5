"""Names from users, printed everywhere: no target sees markup, a formula, a second cell or one file for two names."""

import io
from html.parser import HTMLParser
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from PIL import Image

from leuknet import _escape
from leuknet._io import markdown
from leuknet.plots import output, style
from leuknet.plots.style import language
from leuknet.runs import query

NAMES = [
    "s<svg onload=alert(1)>",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'onmouseover='alert(1)",
    "&lt;svg onload=alert(1)&gt;",
    "&amp;",
    "a|b",
    "a\nb",
    "a\r\n\r\n<h1>b",
    "a\u2028b",
    "\x1b[31mred\x07",
    "\u202ereversed",
    "$x^2$",
    "$\\undefined$",
    "$unbalanced",
    "\\input{/etc/passwd}",
    "_hidden",
    "__init__",
    "50 %",
    "a#b",
    "~{}^",
    "{0}",
    "{{ 7 * 7 }}",
    "{% include 'x' %}",
    "*bold* `code`",
    "[link](javascript:alert(1))",
    "![image](http://127.0.0.1:9/)",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "|pipe",
    "白血病",
    "صورة",
    "🩸",
    "e\u0301",
    "x" * 200,
    "CON",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "a:b",
    ".hidden",
    "lab v1.2",
    "lab v1.3",
    "Lab v1.2",
    "lab-v1-2",
    "",
]
OURS = set(
    [
        "style",
        "div",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "p",
        "small",
        "strong",
        "b",
        "i",
        "br",
        "details",
        "summary",
        "figure",
        "figcaption",
        "img",
    ]
)


class Elements(HTMLParser):
    """Collect every element and every attribute that a browser would see."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def elements(html):
    parser = Elements()
    parser.feed(html)
    return parser.found


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_cell_of_markdown_is_one_cell_without_markup(name):
    lines = markdown(pd.DataFrame({"name": [name], "n": [1]})).splitlines()
    assert len(lines) == 3
    cell = lines[2].removeprefix("| ").removesuffix(" | 1 |")
    assert "<" not in cell and ">" not in cell and "|" not in cell.replace("\\|", "")
    plain = cell
    for character in "\\`*_[]|~$#":
        plain = plain.replace(f"\\{character}", "")
    assert not set(plain) & set("`*_[]|~$#")


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_spreadsheet_sees_no_formula(name, tmp_path):
    path = tmp_path / "table.csv"
    query.save(pd.DataFrame({"name": [name, "-0.5", "1e3"], "n": [-1.5, 2, 3]}), path)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert not frame.loc[0, "name"].lstrip().startswith(("=", "+", "-", "@", "|"))
    assert list(frame["name"][1:]) == ["-0.5", "1e3"] and frame.loc[0, "n"] == "-1.5"


def test_names_of_files_are_injective_and_safe_everywhere():
    names = [*NAMES, *(f"lab v1.{i}" for i in range(20)), "lab", "LAB", "x" * 201]
    names += [_escape.file_name(name) for name in names if _escape.file_name(name) not in names]
    files = [_escape.file_name(name) for name in names]
    assert len({file.lower() for file in files}) == len(set(names))
    for file in files:
        assert file and set(file) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_") and len(file) < 80


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_matplotlib_draws_a_name_and_no_formula(name):
    with language():
        fig, ax = plt.subplots()
        ax.plot([0, 1], label=_escape.label(name) or "none")
        ax.set_title(_escape.label(name))
        assert len(ax.legend().get_texts()) == 1
        fig.savefig(io.BytesIO(), dpi=20)
        plt.close(fig)


def test_a_font_with_the_names_glyphs_is_taken_where_there_is_one(monkeypatch):
    style.families.cache_clear()
    monkeypatch.setattr(style.font_manager, "get_font_names", lambda: ["DejaVu Sans", "SimHei", "Noto Sans CJK JP"])
    assert style.families() == ["sans-serif", "Noto Sans CJK JP"]
    style.families.cache_clear()
    monkeypatch.setattr(style.font_manager, "get_font_names", lambda: ["DejaVu Sans"])
    assert style.families() == ["sans-serif"]
    style.families.cache_clear()


@pytest.mark.filterwarnings("error:Glyph")
def test_names_that_no_font_can_draw_stay_different_and_legible(monkeypatch):
    """Ticks, titles and legends: code points in place of empty boxes, which look alike."""
    style.can_draw.cache_clear()
    monkeypatch.setattr(style, "families", lambda: ["DejaVu Sans"])
    names = ["\u5b9e\u9a8c\u5ba4 A", "\u533b\u9662 A", "Labor M\u00fcnchen"]
    with language():
        fig, ax = plt.subplots()
        ax.bar(names, [1, 2, 3], label=names)
        ax.set_title(names[0])
        ax.legend()
        style.make_drawable(fig)
        fig.savefig(io.BytesIO(), dpi=20)
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert ticks == ["[5B9E 9A8C 5BA4] A", "[533B 9662] A", "Labor M\u00fcnchen"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ticks and ax.get_title() == ticks[0]
    plt.close(fig)
    style.can_draw.cache_clear()
    assert style.drawable("lab \u00b5") == "lab \u00b5"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Return the HTML that a figure and a table with every hostile name put on a page, and the study's folder."""
    out, shown = tmp_path_factory.mktemp("out"), []
    cohort = SimpleNamespace(
        table=pd.DataFrame({"label": [0, 1]}), rejected=[], size=32, key="k", name=NAMES[0], __len__=lambda: 2
    )
    study = SimpleNamespace(
        page="06_lodocv", out=out, seed=0, data=SimpleNamespace(name=NAMES[0]), cohort=cohort,
        profile=SimpleNamespace(name="demo", banner="a banner"),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "display", lambda html: shown.append(html.data))
        frame = pd.DataFrame({"name": NAMES, NAMES[1]: NAMES[::-1]})
        output.table(study, frame, "names", NAMES[2], n=len(NAMES), weights=NAMES[3], protocol=NAMES[4])
        for name in ("lab v1.2", "lab v1.3"):
            with language():
                fig, ax = plt.subplots(figsize=(2, 2))
                ax.set_title(NAMES[12])
            output.figure(study, fig, name, NAMES[0], n=1, weights=NAMES[3], protocol=NAMES[4])
    return "".join(shown), out


def test_a_page_holds_no_element_that_is_not_ours(page):
    found = elements(page[0])
    assert {tag for tag, _ in found} <= OURS
    assert not [name for _, attributes in found for name in attributes if name.startswith("on")]
    assert all(attributes["src"].startswith("data:image/png;base64,") for tag, attributes in found if tag == "img")


def test_two_names_are_two_files_and_what_is_kept_can_be_read(page):
    figures = sorted((page[1] / "figures").glob("*.png"))
    assert len(figures) == 2 and all(Image.open(path).size[0] > 0 for path in figures)
    assert {path.suffix for path in (page[1] / "figures").iterdir()} == {".png", ".svg", ".json"}
    [table] = (page[1] / "tables").glob("*.md")
    assert "<svg" not in table.read_text("utf-8").split("| --- |")[1].rsplit("\n\n", 1)[0]


def test_a_notebook_with_such_a_page_is_html_of_ours_only(page):
    """The same output, through nbconvert: nothing more than nbconvert's own elements and ours."""
    from leuknet.pages.html import page_html

    def rendered(html):
        data = nbformat.v4.new_output("display_data", {"text/html": html})
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[data])])
        record = {"page": "06_lodocv", "title": "t", "question": "q", "status": "ok", "seconds": 1, "peak_mb": 1}
        record |= {"profile": "demo", "backend": "b", "cohort": NAMES[0], "finished": "f", "version": "0", "error": ""}
        return elements(page_html(notebook, record))

    plain, hostile = rendered("<p>none</p>"), rendered(page[0])
    assert {tag for tag, _ in hostile} - {tag for tag, _ in plain} <= OURS
    handlers = [{name for _, attrs in part for name in attrs if name.startswith("on")} for part in (plain, hostile)]
    assert handlers[1] <= handlers[0]
