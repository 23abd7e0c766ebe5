"""Escaping of user-supplied text (names of folders, files and runs), one function per output format.

HTML is escaped by `html.escape` and Jinja's autoescape. All functions return a single line without control characters.
"""

import hashlib
import re
import unicodedata

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$#])")
_STARTS = r"""(^|[;\t\r\n]"?)"""  # of a cell
_FORMULA = r"""(?=["\s]*[=+\-@|＝＋－＠])"""  # noqa: RUF001
_HASHED = re.compile(r"-[0-9a-f]{8}$")
LONGEST = 60  # characters of a file name, before its suffix


def one_line(text: str) -> str:
    """Return `text` with each run of white space and control characters replaced by one space."""
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in str(text))
    return " ".join(plain.split())


def shortened(text: str, width: int) -> str:
    """Return `text`, with its middle elided if it is longer than `width` characters."""
    half = (width - 1) // 2
    return text if len(text) <= width else f"{text[:half]}…{text[len(text) - (width - 1 - half) :]}"


def markdown_cell(text: str) -> str:
    """Return `text` escaped for a cell of a Markdown table: no markup, no HTML, no cell or row separator.

    Examples
    --------
    >>> print(markdown_cell("a|b <i> *c*"))
    a\\|b &lt;i&gt; \\*c\\*
    """
    escaped = _MARKDOWN.sub(r"\\\1", one_line(text).replace("&", "&amp;"))
    return escaped.replace("\\<", "&lt;").replace("\\>", "&gt;")


def label(text: str, width: int = 80) -> str:
    """Return `text` as a label for a figure: one line, and no leading underscore, which would hide it from legends.

    Examples
    --------
    >>> label("_hidden"), label("a\\nb")
    (' _hidden', 'a b')
    """
    line = shortened(one_line(text), width)
    return f" {line}" if line.startswith("_") else line


def csv_cell(value: object) -> object:
    """Return `value` escaped for a CSV file: spreadsheets do not read text as a formula; numbers are unchanged.

    Where the separator of lists is a semicolon, spreadsheets also split cells at semicolons and tabs, and a formula may
    begin after each. Full-width signs begin formulas, too.

    Examples
    --------
    >>> csv_cell("=cmd|' /C calc'!A0"), csv_cell("a;=1+1"), csv_cell("-0.5"), csv_cell(-0.5)
    ("'=cmd|' /C calc'!A0", "a;'=1+1", '-0.5', -0.5)
    """
    if not isinstance(value, str):
        return value
    try:
        float(value)
    except ValueError:
        return re.sub(_STARTS + _FORMULA, r"\1'", value)
    return value


def text_of_csv_cell(value: str) -> str:
    """Return the text that `csv_cell` escaped.

    Examples
    --------
    >>> text_of_csv_cell("'=1+1")
    '=1+1'
    """
    return re.sub(f"{_STARTS}'{_FORMULA}", r"\1", value)


def file_name(text: str) -> str:
    """Return a file name without suffix; different texts get different names, even on case-insensitive file systems.

    Letters, digits, ``-`` and ``_`` are preserved; a text with other characters, or a long one, gets a prefix of its
    SHA-256 appended.

    Examples
    --------
    >>> file_name("lodocv-curves"), file_name("lab v1.2") == file_name("lab v1.3")
    ('lodocv-curves', False)
    """
    plain = re.sub(r"[^a-z0-9_-]+", "-", unicodedata.normalize("NFKD", text).lower()).strip("-")[:LONGEST].strip("-")
    if plain == text and text and not _HASHED.search(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain or 'name'}-{digest}"
