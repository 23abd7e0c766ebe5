"""The checker of executed pages finds each kind of fault, and nothing in a page without any."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import check_pages

GOOD = (
    "<style>.Warning: nan {}</style><details><summary>Answer</summary>2</details>"
    '<figure><img alt="a curve" src="data:,"><figcaption>A curve</figcaption></figure>'
    "<table><tr><th>data set</th><td>–</td></tr></table><pre>6 runs: 6 from before, 0 trained in 0 s</pre>"
)
BAD = {
    "answer open": "<details open><summary>Answer</summary>2</details>",
    "figure without a caption": '<figure><img alt="a" src="data:,"></figure>',
    "image without an alternative text": '<img alt="" src="data:,">',
    "table cell 'nan'": "<table><tr><td> nan </td></tr></table>",
    "table cell 'data_set'": "<table><tr><th>data_set</th></tr></table>",
    "table cell 'singhal'": "<table><tr><td>singhal</td></tr></table>",
    "bare value": '<div class="jp-OutputArea-executeResult" data-mime-type="text/plain"><pre>13</pre></div>',
    "a warning": "<pre>x.py:3: FutureWarning: will change</pre>",
    "a traceback": "<pre>Traceback (most recent call last)</pre>",
    "a prompt": "<div>Out[6]:</div>",
    "runs that were not planned": "<pre>6 runs: 4 from before, 2 trained in 3 s</pre>",
}


@pytest.mark.parametrize(("finding", "html"), BAD.items(), ids=BAD)
def test_each_kind_of_fault_is_found(finding, html):
    [found] = check_pages.findings(GOOD + html)
    assert found.startswith(finding)


def test_a_good_page_has_no_findings_and_an_empty_folder_is_one(tmp_path):
    assert check_pages.findings(GOOD) == []
    (tmp_path / "pages").mkdir()
    assert check_pages.check(tmp_path) == [f"no pages in {tmp_path}"]
    (tmp_path / "pages" / "01_a.html").write_text(GOOD + BAD["a prompt"])
    assert check_pages.check(tmp_path) == ["01_a.html: a prompt: 'Out[6]:'"]


@pytest.mark.parametrize(
    ("cell", "finding"),
    [
        ("81 ± 9", []),
        ("60.5 (50 to 70)", ["04_x: t, VGG-16, A is 60.5, not 81 ± 20"]),
        ("−3", ["04_x: t, VGG-16, A is -3, not 81 ± 20"]),
        (None, ["04_x: t has no cell VGG-16, A"]),
    ],
)
def test_a_golden_number_is_compared_within_its_tolerance(tmp_path, cell, finding):
    (tmp_path / "tables").mkdir()
    if cell:
        (tmp_path / "tables" / "04_x-t.csv").write_text(f"network,A\nVGG-16,{cell}\nVGG-16,99\n")
    expected = tmp_path / "expected.csv"
    expected.write_text("page,table,row,column,value,tolerance\n04_x,t,VGG-16,A,81,20\n")
    assert check_pages.numbers(tmp_path, expected) == finding


def test_every_page_has_a_golden_number():
    root = Path(__file__).parent
    pages = {path.stem for path in (root.parent / "notebooks").glob("*.ipynb")}
    listed = (root / "golden" / "smoke.csv").read_text("utf-8").splitlines()[1:]
    assert {line.split(",")[0] for line in listed} == pages
