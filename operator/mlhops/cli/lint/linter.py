"""All that is found in some manifests: each object by itself, and all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mlhops.cli.lint import admission, codes
from mlhops.cli.lint.advice import Together, advice
from mlhops.cli.lint.codes import Level
from mlhops.cli.lint.finding import Document, Fault, LintFinding, LintView, found, identity
from mlhops.cli.lint.rules import Rules
from mlhops.json_access import text

if TYPE_CHECKING:
    from collections.abc import Collection

IGNORE = "mlhops.io/lint-ignore"
"""The annotation that names codes which are not to be told of an object, such as `MLH211, MLH212`."""


@dataclass(frozen=True)
class Sources:
    """What was read: the objects, and what kept files from being read."""

    files: int
    documents: Sequence[Document]
    faults: Sequence[tuple[Document, Fault]]
    earlier: Sequence[Document] | None = None
    """The objects as they were, for rules about changes; None where nobody gave any."""


@dataclass(frozen=True)
class Wanted:
    """What is to be told."""

    ignored: Collection[str] = ()
    """Codes that are left out."""
    least: Level = Level.INFO


def lint(sources: Sources, engine: Rules | None, wanted: Wanted, now: datetime) -> LintView:
    """Return what is found in manifests.

    Args:
        sources: the manifests.
        engine: evaluates rules; None where there is none, which is told.
        wanted: what is left out. An error of an object never is.
        now: for what ends at a moment.
    """
    ours = [each for each in sources.documents if admission.is_ours(each.manifest)]
    told = [*sources.faults, *_each(sources.documents, engine)]
    if engine is not None and sources.earlier is not None:
        told += _changes(ours, sources.earlier, engine)
    told += advice(Together.of(sources.documents), now)
    if engine is None and ours:
        told.append((ours[0], Fault(codes.RULES_UNCHECKED, (), codes.RULES_UNCHECKED.meaning)))
    kept = [each for each in told if not _ignored(*each, wanted)]
    findings = sorted({found(*each) for each in kept}, key=_order)
    shown = tuple(each for each in findings if _shown(each, wanted.least))
    return LintView(
        files=sources.files,
        objects=len(ours),
        others=len(sources.documents) - len(ours),
        unchecked=sum(each.code == codes.RULES_UNCHECKED.number for each in findings),
        errors=_count(findings, Level.ERROR),
        warnings=_count(findings, Level.WARNING),
        infos=_count(findings, Level.INFO),
        suppressed=len(told) - len(kept),
        findings=shown,
    )


def _each(documents: Iterable[Document], engine: Rules | None) -> Iterator[tuple[Document, Fault]]:
    for document in documents:
        manifest = document.manifest
        if not text(manifest, "apiVersion") or not text(manifest, "kind"):
            said = "a Kubernetes object has apiVersion and kind, and this document lacks one"
            yield document, Fault(codes.NO_OBJECT, (), said)
        elif admission.is_ours(manifest):
            yield from ((document, fault) for fault in admission.faults(manifest, engine))


def _changes(
    documents: Iterable[Document], earlier: Iterable[Document], engine: Rules
) -> Iterator[tuple[Document, Fault]]:
    before = {identity(each.manifest): each for each in earlier}
    for document in documents:
        old = before.get(identity(document.manifest))
        if old is not None:
            changed = admission.changes(document.manifest, old.manifest, engine)
            yield from ((document, fault) for fault in changed)


def _ignored(document: Document, fault: Fault, wanted: Wanted) -> bool:
    """Whether a finding is left out; what the API server refuses is told in any case."""
    if fault.code.level is Level.ERROR or fault.code is codes.RULES_UNCHECKED:
        return False
    given = text(document.manifest, "metadata", "annotations", IGNORE)
    named = {each.strip() for each in given.split(",")}
    return fault.code.number in named or fault.code.number in wanted.ignored


_GRAVEST = (Level.ERROR, Level.WARNING, Level.INFO)


def _shown(finding: LintFinding, least: Level) -> bool:
    return _GRAVEST.index(finding.level) <= _GRAVEST.index(least)


def _order(finding: LintFinding) -> tuple[str, int, int, str, str]:
    return finding.file, finding.line, finding.column, finding.code, finding.message


def _count(findings: Iterable[LintFinding], level: Level) -> int:
    return sum(each.level is level for each in findings)
