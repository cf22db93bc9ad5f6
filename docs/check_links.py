"""Check every link of the built pages that stays within them, without the network: ``python docs/check_links.py docs/_build``.

A link is broken if its page or picture is not there, or if the page has no such anchor.
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """Anchors of a page, and the links that it holds."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := found.get(name))}
        self.links += [value for name in ("href", "src") if (value := found.get(name))]


def broken_links(folder: Path) -> list[str]:
    """One line for each broken link in the HTML files below ``folder``."""
    paths = [
        path for path in sorted(folder.rglob("*.html")) if "_static" not in path.parts
    ]  # the theme's own are templates
    pages = {path.resolve(): Page(path) for path in paths}
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                found.append(f"{path.relative_to(folder.resolve())}: {link}: no such file")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{path.relative_to(folder.resolve())}: {link}: no such anchor")
    return sorted(set(found))


if __name__ == "__main__":
    lines = broken_links(Path(sys.argv[1]))
    print(*lines, f"{len(lines)} broken links", sep="\n")
    sys.exit(bool(lines))
