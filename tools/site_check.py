"""Looks for requests to anybody else in a built site: `python -m tools.site_check build/site`.

A link that a reader may follow is none; what a browser loads by itself is.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

_FOREIGN = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_IN_CSS = re.compile(r"(?:url\(|@import)\s*['\"]?\s*((?:https?:)?//[^'\")\s]+)", re.IGNORECASE)
_LOADED = ("src", "srcset", "poster", "data", "background", "action", "ping")


class Loads(HTMLParser):
    """What a browser loads of a page: the addresses, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of a tag that are loaded without a click."""
        names = (*_LOADED, "href") if tag in ("link", "image", "use") else _LOADED
        self.addresses += [value for name, value in attrs if value and name in names]
        self.addresses += [
            each for name, value in attrs if name == "style" for each in _styles(value)
        ]


def foreign(site: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file of a site with each address of somebody else that it has a browser load."""
    for file in sorted(site.rglob("*")):
        if file.suffix in (".html", ".svg"):
            page = Loads()
            text = file.read_text()
            page.feed(text)
            loaded = [each for each in page.addresses if _FOREIGN.match(each)]
            yield from ((file, each) for each in [*loaded, *_styles(text)])
        elif file.suffix == ".css":
            yield from ((file, each) for each in _styles(file.read_text()))


def _styles(text: str | None) -> list[str]:
    return _IN_CSS.findall(text or "")


def main(argv: list[str] | None = None) -> int:
    """Print what a built site would load from elsewhere; 1 if there is any, or if there is no site."""
    parser = argparse.ArgumentParser(prog="python -m tools.site_check", description=main.__doc__)
    parser.add_argument("site", type=Path)
    site = parser.parse_args(argv).site
    if not (site / "index.html").is_file():
        print(f"{site} has no index.html: it is no site", file=sys.stderr)
        return 1
    found = list(foreign(site))
    for file, address in found:
        print(f"{file} loads {address}", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
