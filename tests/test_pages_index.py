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
