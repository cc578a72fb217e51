"""The site's configuration: `make site` has Sphinx build the pages of docs/ and those around it.

The source directory is the repository, so that every link of a page holds on a forge and on the site alike. The
navigation is docs/index.md: each of its sections becomes a part of it, in the order of the links there.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

REPOSITORY = Path(__file__).resolve().parents[1]
INDEX = "docs/index"
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]\n]+)\]\(([\w./-]+)\)")
_PAGE = re.compile(r"\]\(((?:\.\./)?[\w./-]+)\.md\)")

project = "MLHOps operator"
version = release = re.search(  # type: ignore[union-attr]
    '"(.+)"', (REPOSITORY / "operator/mlhops/__init__.py").read_text().partition("__version__")[2]
)[1]
extensions = ["myst_parser"]
root_doc = INDEX
include_patterns = [
    "docs/**.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "bench/RESULTS.md",
    "manifests/**.md",
]
exclude_patterns = ["build", ".venv*", "lab", "operator", "tests", "**/node_modules"]
myst_heading_anchors = 4
nitpicky = True
suppress_warnings = [
    "myst.header",  # the changelog begins its sections anew for each version
]

# What commands print is no program.
highlight_language = "none"
html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["site"]
html_css_files = ["site.css"]
html_extra_path = ["site/index.html"]
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
# Nothing is asked of anybody else: no fonts, no search service, no scripts but those that are built.
html_theme_options = {"footer_icons": []}


def _read(app: Sphinx, docname: str, content: list[str]) -> None:
    """Give the index its navigation, which a forge shows as the lists that they are; links to folders have no page."""
    page = REPOSITORY / f"{docname}.md"
    content[0] = _LINK.sub(lambda match: _linked(match, page), content[0])
    if docname.endswith(
        "README"
    ):  # what other pages lead to has no place of its own in the navigation
        content[0] = f"---\norphan: true\n---\n{content[0]}"
    if docname == INDEX:
        content[0] += "\n".join(_navigation(content[0], set(app.env.found_docs)))


def _navigation(index: str, pages: set[str]) -> Iterator[str]:
    """Yield a hidden table of contents for each section of the index; pages that it does not name come last."""
    _, *parts = _SECTION.split(index)
    left = {page for page in pages if page.startswith("docs/")} - {INDEX}
    for caption, body in zip(parts[::2], parts[1::2], strict=True):
        named = [_docname(link) for link in _PAGE.findall(body)]
        left -= set(named)
        yield from _toctree(caption, [name for name in dict.fromkeys(named) if name in pages])
    below = {name for name in left if name.startswith("docs/runbooks/")}
    yield from _toctree("Runbooks", sorted(below))
    yield from _toctree("More", sorted(left - below))


def _docname(link: str) -> str:
    """Return the page that a link of the index leads to."""
    return link.removeprefix("../") if link.startswith("../") else f"docs/{link}"


def _toctree(caption: str, names: list[str]) -> Iterator[str]:
    if names:
        yield from ("", "```{toctree}", ":hidden:", f":caption: {caption}", "")
        yield from (f"/{name}" for name in names)
        yield from ("```", "")


def _linked(match: re.Match[str], page: Path) -> str:
    """Return a link of a page, or its text alone where it leads to a folder of the repository."""
    return match[1] if (page.parent / match[2]).is_dir() else match[0]


# What axe-core finds in the theme's pages: headings without a level, places of one name, and regions that scroll
# and that no keyboard reaches.
_ACCESSIBLE = {
    '<p class="caption" role="heading">': '<p class="caption" role="heading" aria-level="2">',
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="On this page">',
    '<aside class="toc-drawer no-toc">': '<aside class="toc-drawer no-toc" aria-hidden="true">',
    '<th class="head"><p></p></th>': '<td class="head"></td>',
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
}


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Have those read the pages who use a keyboard or a screen reader."""
    for page in Path(app.outdir).rglob("*.html") if error is None else ():
        text = page.read_text()
        for found, better in _ACCESSIBLE.items():
            text = text.replace(found, better)
        page.write_text(text)


def setup(app: Sphinx) -> None:
    """Connect what this page adds."""
    app.connect("build-finished", _finish)
    app.connect("source-read", _read)
