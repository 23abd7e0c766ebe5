"""The index of a result folder, written from the pages' records, which may be somebody else's."""

import json

import pytest

from leuknet.pages import index


@pytest.mark.parametrize(
    "record",
    [[], "{", {"page": "../../x"}, {"page": "01_other"}, {"page": ["01_a"]}, {}, {"page": "01_a", "title": None}],
    ids=repr,
)
def test_records_of_pages_from_somebody_else_are_left_out_or_escaped(tmp_path, record):
    """A record may name no page but its own, and be damaged in any way."""
    (tmp_path / "pages").mkdir()
    nav = '<nav class="pages"></nav>'
    (tmp_path / "x.html").write_text(nav)
    (tmp_path / "pages" / "01_a.html").write_text(nav)
    text = record if isinstance(record, str) else json.dumps(record)
    (tmp_path / "pages" / "01_a.json").write_text(text)
    hostile = {"page": "02_b", "title": "<svg onload=x>", "error": "<script>", "status": '"><svg onload=x>'}
    (tmp_path / "pages" / "02_b.json").write_text(json.dumps(hostile))
    (tmp_path / "pages" / "02_b.html").write_text(nav)
    index.write(tmp_path)
    assert (tmp_path / "x.html").read_text() == nav
    for path in (tmp_path / "index.html", *(tmp_path / "pages").glob("*.html")):
        assert "<svg" not in path.read_text() and "<script>" not in path.read_text()


@pytest.mark.parametrize("html", [b"\xff", b'<nav class="pages"' * 50_000, b'<nav class="pages">' * 50_000])
def test_html_that_is_no_page_of_ours_stays_and_takes_no_time(tmp_path, html):
    """Text in another encoding, and elements without an end, of which a search would be quadratic."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "01_a.html").write_bytes(html)
    (tmp_path / "pages" / "01_a.json").write_text('{"page": "01_a", "error": "=1+1", "cohort": "a;@b"}')
    index.write(tmp_path)
    assert (tmp_path / "pages" / "01_a.html").read_bytes() == html
    assert "'=1+1" in (tmp_path / "summary.csv").read_text() and "a;'@b" in (tmp_path / "summary.csv").read_text()


@pytest.mark.parametrize("field", ["title", "question", "error"])
def test_a_record_whose_text_cannot_be_written_is_left_out(tmp_path, field):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "01_a.json").write_text(json.dumps({"page": "01_a", field: "\ud800"}))
    assert index.read_records(tmp_path) == []
    index.write(tmp_path)
