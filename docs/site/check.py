"""Checks the links and the search of a built site: `python docs/site/check.py FOLDER`."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lunr import lunr

# What people search for, and a page that must be among the first results.
SEARCHES = {
    "restart": "guide/server/",
    "checkbox": "guide/answers/",
    "429": "guide/errors/",
    "pytest": "guide/testing/",
}
MAX_RANK = 5


class Links(HTMLParser):
    """Collects the links and the anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect a link or an anchor."""
        attributes = dict(attrs)
        if anchor := attributes.get("id"):
            self.anchors.add(anchor)
        target = attributes.get("href" if tag in {"a", "link"} else "src")
        if target is not None:
            self.targets.append(target)


def find_broken_links(site: Path) -> list[str]:
    """Return every internal link that leads to no file or no anchor."""
    pages = {path: _parse(path) for path in site.rglob("*.html")}
    problems: list[str] = []
    for page, links in pages.items():
        # The error page is shown at any address, so its links are absolute.
        root = site if page.name == "404.html" else page.parent
        for target in links.targets:
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            path = (root / unquote(url.path).lstrip("/")).resolve() if url.path else page
            path = path / "index.html" if path.is_dir() else path
            anchor = unquote(url.fragment)
            anchors = pages[path].anchors if path in pages else {anchor}
            if not path.exists() or (anchor and anchor not in anchors):
                problems.append(f"{page.relative_to(site)}: {target}")
    return problems


def _parse(path: Path) -> Links:
    links = Links()
    links.feed(path.read_text(encoding="utf-8"))
    return links


def find_failed_searches(site: Path) -> list[str]:
    """Return every search that does not show its page among the first results."""
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    fields = [{"field_name": "title", "boost": 1000}, {"field_name": "text", "boost": 1}]
    engine = lunr(ref="location", fields=fields, documents=index["docs"])
    problems: list[str] = []
    for text, expected in SEARCHES.items():
        locations = [str(match["ref"]).partition("#")[0] for match in engine.search(text)]
        pages = list(dict.fromkeys(locations))[:MAX_RANK]
        if expected not in pages:
            problems.append(f"a search for {text} shows {pages}, not {expected}")
    return problems


def main() -> int:
    """Print the problems of the site in the folder of the first argument."""
    site = Path(sys.argv[1]).resolve()
    problems = find_broken_links(site) + find_failed_searches(site)
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
