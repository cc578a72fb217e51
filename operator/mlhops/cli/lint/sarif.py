"""SARIF 2.1.0 (OASIS Static Analysis Results Interchange Format), which code hosts and editors show in place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote

from mlhops.cli.lint.codes import CODES, Level, LintCode
from mlhops.cli.lint.finding import LintFinding, LintView

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.INFO: "note"}


def sarif(view: LintView, version: str) -> Manifest:
    """Return what was found as a SARIF log with one run.

    Args:
        view: what was found.
        version: of the plug-in.
    """
    used = sorted({each.code for each in view.findings})
    rules: list[Json] = [_rule(CODES[code]) for code in used]
    driver: Manifest = {"name": "kubectl-mlhops-lint", "version": version, "rules": rules}
    results: list[Json] = [_result(each, used) for each in view.findings]
    run: Manifest = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": view.unchecked == 0}],
        "results": results,
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }


def _rule(code: LintCode) -> Json:
    return {
        "id": code.number,
        "name": "".join(part.capitalize() for part in code.name.split("-")),
        "shortDescription": {"text": code.meaning},
        "help": {"text": code.remedy},
        "defaultConfiguration": {"level": _LEVELS[code.level]},
    }


def _result(finding: LintFinding, used: Sequence[str]) -> Json:
    names = (finding.namespace, finding.kind, finding.name, finding.field)
    place: Manifest = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(PurePath(finding.file).as_posix())},
            "region": {"startLine": finding.line, "startColumn": finding.column},
        }
    }
    if finding.kind:
        full = "/".join(part for part in names if part)
        place["logicalLocations"] = [{"fullyQualifiedName": full, "kind": "object"}]
    return {
        "ruleId": finding.code,
        "ruleIndex": used.index(finding.code),
        "level": _LEVELS[finding.level],
        "message": {"text": _sentence(finding)},
        "locations": [place],
    }


def _sentence(finding: LintFinding) -> str:
    return f"{finding.field}: {finding.message}" if finding.field else finding.message
