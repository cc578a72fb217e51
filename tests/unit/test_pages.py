"""The pages hold together: links lead somewhere, each page is found, and what they name is there."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from testkit.images import REPOSITORY

DOCS = REPOSITORY / "docs"
AROUND = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/RESULTS.md")
PAGES = [*sorted(DOCS.rglob("*.md")), *(REPOSITORY / name for name in AROUND)]
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?)\s*$", re.MULTILINE)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Each link of a page that stays in the repository: the file, and the heading where it names one."""
    for target in _LINK.findall(_CODE.sub("", page.read_text())):
        if "://" not in target and not target.startswith("mailto:"):
            path, _, heading = target.partition("#")
            yield (page.parent / path if path else page).resolve(), heading


@cache
def headings(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as forges and the site make them."""
    found = _HEADING.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", each).lower() for each in found]
    return frozenset(re.sub(r"[^\w\- ]", "", each).strip().replace(" ", "-") for each in plain)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_each_link_leads_to_what_is_there(page: Path) -> None:
    for target, heading in links(page):
        assert target.exists(), f"{page.name}: {target} is not there"
        if heading and target.suffix == ".md":
            assert heading in headings(target), f"{page.name}: {target.name} has no #{heading}"


def test_each_page_is_found_from_the_index() -> None:
    found, waiting = set[Path](), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in found and page.suffix == ".md":
            found.add(page)
            waiting += [target for target, _ in links(page)]

    # Runbooks are found by their alerts, and listed by the site.
    pages = set(DOCS.glob("*.md"))
    assert pages <= found, f"no page leads to {sorted(page.name for page in pages - found)}"


def test_a_test_that_is_named_as_evidence_is_there() -> None:
    page = (DOCS / "capability-levels.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    files = [file.read_text() for file in (REPOSITORY / "tests").rglob("test_*.py")]
    there = set(re.findall(r"^def (test_\w+)\(", "\n".join(files), re.MULTILINE))

    assert len(named) > 15
    assert named <= there
    for path in re.findall(r"`(tests/[\w/.]+)`", page):
        assert (REPOSITORY / path).exists()
