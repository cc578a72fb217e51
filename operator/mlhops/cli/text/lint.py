"""What lint found, for people: one line for each finding, and what helps where a code comes first."""

from __future__ import annotations

from collections.abc import Iterator

from mlhops.cli.lint.codes import Level
from mlhops.cli.lint.finding import LintFinding, LintView
from mlhops.cli.text.line import Line, Span, Style, line, wrapped
from mlhops.cli.text.page import Page

_STYLES = {Level.ERROR: Style.BAD, Level.WARNING: Style.WAITS, Level.INFO: Style.FAINT}


def lint_lines(view: LintView, page: Page) -> Iterator[Line]:
    """Return the findings by file and line, and how many there are."""
    told: set[str] = set()
    for each in view.findings:
        yield _finding(each)
        if each.code not in told:
            yield from wrapped(each.remedy, page.width, "    ")
        told.add(each.code)
    yield line(_summary(view))


def _finding(finding: LintFinding) -> Line:
    place = f"{finding.file}:{finding.line}:{finding.column}: "
    word = Span(f"{finding.level.lower()} {finding.code}", _STYLES[finding.level])
    about = f"{finding.kind}/{finding.name} " if finding.name else ""
    field = f"{finding.field}: " if finding.field else ""
    return line(Span(place, Style.TITLE), word, f" {about}{field}{finding.message}")


def _summary(view: LintView) -> str:
    counts = [
        _counted(view.errors, "error"),
        _counted(view.warnings, "warning"),
        _counted(view.infos, "note"),
    ]
    if view.suppressed:
        counts.append(f"{view.suppressed} suppressed")
    where = f"{_counted(view.objects, 'object')} of mlhops.io in {_counted(view.files, 'file')}"
    others = f", {_counted(view.others, 'other object')}" if view.others else ""
    unchecked = "; not all rules were checked" if view.unchecked else ""
    return f"{', '.join(counts)}: {where}{others}{unchecked}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
