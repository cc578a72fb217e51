"""GitHub annotations: workflow commands that a runner takes from the output of a step."""

from __future__ import annotations

from collections.abc import Iterator

from mlhops.cli.lint.codes import CODES, Level
from mlhops.cli.lint.finding import LintFinding, LintView

_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "notice"}


def commands(view: LintView) -> Iterator[str]:
    """Return a line for each finding."""
    return (_line(each) for each in view.findings)


def _line(finding: LintFinding) -> str:
    given = {
        "file": finding.file,
        "line": str(finding.line),
        "col": str(finding.column),
        "title": f"{finding.code} {CODES[finding.code].name}",
    }
    properties = ",".join(f"{key}={_property(value)}" for key, value in given.items())
    message = f"{finding.field}: {finding.message}" if finding.field else finding.message
    return f"::{_COMMANDS[finding.level]} {properties}::{_data(message)}"


def _data(text: str) -> str:
    """Return a text in which nothing ends the command, as the runner's own toolkit escapes it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
