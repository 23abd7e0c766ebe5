"""Text from users (names of folders, files and runs) made safe for where it is printed; one function a target.

HTML is escaped by `html.escape` and Jinja's autoescape. What is returned here is one line without control characters.
"""

import hashlib
import re
import unicodedata

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~$#])")
_HASHED = re.compile(r"-[0-9a-f]{8}$")
LONGEST = 60  # characters of a file name, before its suffix


def one_line(text: str) -> str:
    """Return `text` with every run of white space and control characters as one space."""
    plain = "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in str(text))
    return " ".join(plain.split())


def shortened(text: str, width: int) -> str:
    """Return `text` with its middle left out where it is longer than `width` characters."""
    half = (width - 1) // 2
    return text if len(text) <= width else f"{text[:half]}…{text[len(text) - (width - 1 - half) :]}"


def markdown_cell(text: str) -> str:
    """Return `text` as a cell of a Markdown table: neither markup nor HTML, and no end of the cell or row.

    Examples
    --------
    >>> print(markdown_cell("a|b <i> *c*"))
    a\\|b &lt;i&gt; \\*c\\*
    """
    escaped = _MARKDOWN.sub(r"\\\1", one_line(text).replace("&", "&amp;"))
    return escaped.replace("\\<", "&lt;").replace("\\>", "&gt;")


def label(text: str, width: int = 80) -> str:
    """Return `text` as a label in a figure: one line, and not left out of legends for its leading underscore.

    Examples
    --------
    >>> label("_hidden"), label("a\\nb")
    (' _hidden', 'a b')
    """
    line = shortened(one_line(text), width)
    return f" {line}" if line.startswith("_") else line


def csv_cell(value: object) -> object:
    """Return `value` for a CSV file that a spreadsheet may open: text is no formula there; numbers stay.

    Examples
    --------
    >>> csv_cell("=cmd|' /C calc'!A0"), csv_cell("-0.5"), csv_cell(-0.5)
    ("'=cmd|' /C calc'!A0", '-0.5', -0.5)
    """
    if not isinstance(value, str) or not value.lstrip().startswith(("=", "+", "-", "@", "|")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def file_name(text: str) -> str:
    """Return a name for a file, without suffix: different texts give different names, also where case does not count.

    Letters, digits, ``-`` and ``_`` stay; a text with anything else, or a long one, gets the beginning of its SHA-256.

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
