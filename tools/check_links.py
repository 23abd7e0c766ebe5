"""Check the internal links of a folder of HTML: ``python tools/check_links.py FOLDER``.

External links are not checked. Exits with code 1 and one line per broken link.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The fragments (`ids`) that a page defines, and its links (`links`)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the identifiers and links of one element."""
        values = dict(attrs)
        self.ids |= {value for name in ("id", "name") if (value := values.get(name)) and (name == "id" or tag == "a")}
        self.links += [value for name in ("href", "src") if (value := values.get(name))]


def broken_links(folder: Path) -> list[str]:
    """Return the internal links of a folder of HTML whose file or fragment does not exist, as "page: link"."""
    folder = Path(folder).resolve()
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(folder.rglob("*.html"))}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            place = unquote(parts.fragment)
            if not target.is_file() or (place and target in pages and place not in pages[target].ids):
                broken.append(f"{path.relative_to(folder)}: {link}")
    return broken


if __name__ == "__main__":
    found = broken_links(Path(sys.argv[1]))
    print(*found, sep="\n")
    sys.exit(f"{len(found)} links lead nowhere" if found else 0)
