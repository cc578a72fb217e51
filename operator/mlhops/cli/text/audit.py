"""The audit for people: the timeline, and what a check of a bundle found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlhops.cli.audit.check import BundleVerdict
from mlhops.cli.audit.timeline import AuditTimeline
from mlhops.cli.text.line import Line, Span, Style, line, table
from mlhops.cli.text.page import Page
from mlhops.cli.text.times import stamp
from mlhops.cli.views.installation import State


def timeline_lines(view: AuditTimeline, *, header: bool) -> list[Line]:
    """Return who did what when as a table, the oldest first."""
    rows = [
        (
            stamp(each.at),
            each.who or "-",
            Span(each.what, Style.TITLE),
            each.about,
            each.told,
            each.record,
        )
        for each in view.records
    ]
    return table(("WHEN", "WHO", "WHAT", "ABOUT", "TOLD", "RECORD"), rows, header=header)


def verdict_lines(view: BundleVerdict, page: Page) -> Iterator[Line]:
    """Return what was checked, each failure by itself."""
    by = f" by {view.exported_by}" if view.exported_by else ""
    yield line(
        Span(f"{view.namespace}/{view.name}", Style.TITLE), f", exported {view.exported_at}{by}"
    )
    marks = {
        State.OK: Span(page.marks.good, Style.GOOD),
        State.WARNING: Span(page.marks.waits, Style.WAITS),
        State.FAILED: Span(page.marks.bad, Style.BAD),
        State.UNTOLD: Span(page.marks.next, Style.FAINT),
    }
    words = {State.FAILED: "NO", State.WARNING: "not all", State.UNTOLD: "not known"}
    section = ""
    for each in view.checks:
        if each.section != section:
            section = each.section
            yield line(Span(section, Style.TITLE))
        yield line("  ", marks[each.state], f" {each.what}: {words.get(each.state, 'yes')}")
        yield from (line(f"      {part}") for part in _parts(each.detail))
    if view.signed_by:
        yield line(f"signed by the key {view.signed_by}")


def _parts(detail: str) -> Sequence[str]:
    return detail.split("; ") if detail else ()
