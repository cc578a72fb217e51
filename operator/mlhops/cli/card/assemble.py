"""A card filled: what people were asked, what was measured, and what follows from spec and status."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mlhops.cli.card import derived
from mlhops.cli.card.entries import CardEntry, CardEvidence, CardSection, ModelCard, Source
from mlhops.cli.card.findings import evidence, findings
from mlhops.cli.card.subject import Subject
from mlhops.cli.views.fields import texts
from mlhops.cli.views.gates import overridden_by
from mlhops.json_access import at, items, text

if TYPE_CHECKING:
    from mlhops.api.base import Json

_LAYOUT: dict[str, tuple[tuple[str, str, str], ...]] = {
    "The model": (
        ("developer", "Developer", "developer.name"),
        ("contact", "Developer's contact", "developer.contact"),
        ("owner", "Answers for the model", "owner"),
        ("clinicalOwner", "Answers for its clinical use", "clinicalOwner"),
        ("stage", "Stage", ""),
        ("released", "Released", ""),
        ("modelType", "Kind of model", "modelType"),
        ("artefact", "Artefact", ""),
        ("funding", "Funding", "funding"),
        ("availability", "Availability", "availability"),
    ),
    "What it is for": (
        ("intendedUse", "Intended use", "intendedUse"),
        ("users", "Intended users", "users"),
        ("population", "Intended patients", "population"),
        ("decisionRole", "Role in the decision", "decisionRole"),
        ("howToUse", "How to use it", "howToUse"),
        ("label", "What it predicts", "label.definition"),
        ("output", "Output", ""),
        ("outOfScope", "Not for", "outOfScope"),
    ),
    "Risks": (
        ("riskClass", "Risk class (IMDRF SaMD)", "riskClass"),
        ("regulatory", "Standing with the regulator", "regulatory.status"),
        ("pccp", "Predetermined change control plan", "regulatory.pccpReference"),
        ("limitations", "Known limitations", "limitations"),
        ("ethics", "Known biases and ethical considerations", "ethics"),
        ("consent", "Consent of patients, or what they are told", "consent"),
    ),
    "How it was made": (
        ("trainingData", "Training data", "trainingData"),
        ("inputSource", "Where inputs come from", "inputSource"),
        ("inputs", "Inputs", ""),
        ("sensitiveInputs", "Sensitive inputs", "sensitiveInputs"),
        ("groups", "Groups that are compared", ""),
        ("biasMitigation", "What was done against bias", "biasMitigation"),
        ("stakeholders", "Who was consulted", "stakeholders"),
    ),
    "How it was tested": (
        ("fairnessApproach", "Approach to fairness", "fairnessApproach"),
        ("gates", "Gates", ""),
        ("testOrigin", "Origin of the held-out data", "testData.origin"),
        ("testSetting", "Setting of the held-out data", "testData.setting"),
        ("testPeriod", "Period of the held-out data", "testData.period"),
        ("testPreparedBy", "Who prepared the held-out data", "testData.preparedBy"),
        ("testData", "Held-out data as measured", ""),
        ("validation", "How it was measured", ""),
        ("verdict", "Verdict", ""),
        ("overridden", "Gates that a person let pass", ""),
    ),
    "How it is watched": (
        ("maintenance", "Monitoring of validity", ""),
        ("fairnessMonitoring", "Monitoring of fairness", ""),
        ("updateSchedule", "Updates and corrections", "updateSchedule"),
        ("deciders", "Who decided", ""),
    ),
    "Sources": (
        ("references", "References", "references"),
        ("citations", "Citations", "citations"),
    ),
}
"""Sections with their entries: a key, a title, and the field of the card that a person was asked for, if any."""


def model_card(of: Subject) -> ModelCard:
    """Return the card of a revision."""
    found = evidence(of.evaluation) if of.evaluation is not None else None
    overridden = overridden_by(of.holder) or texts(of.entry, "overridden")
    gates = findings(of.evaluation, overridden) if of.evaluation is not None else ()
    sections = tuple(
        CardSection(title, tuple(_entry(of, found, overridden, *each) for each in rows))
        for title, rows in _LAYOUT.items()
    )
    return ModelCard(
        namespace=text(of.model, "metadata", "namespace"),
        name=text(of.model, "metadata", "name"),
        version=of.version,
        revision=of.revision,
        task=text(of.interface, "task") or "Binary",
        role=of.role,
        told_by=of.told_by,
        notes=tuple(_notes(of, found)),
        sections=sections,
        evidence=found,
        findings=gates,
    )


def _entry(
    of: Subject,
    found: CardEvidence | None,
    overridden: tuple[str, ...],
    key: str,
    title: str,
    path: str,
) -> CardEntry:
    said = _said(of.card, key, path) if path else ()
    if said:
        return CardEntry(key, title, said, Source.ASKED, f"{of.told_by}.{path}")
    if key in _MEASURED:
        values = _MEASURED[key](of, found, overridden) if found is not None else ()
        origin = f"Evaluation {found.name}" if found is not None else "an Evaluation"
        return _filled(key, title, values, Source.MEASURED, origin)
    if key in _DERIVED:
        values, origin = _DERIVED[key](of)
        return _filled(key, title, values, Source.DERIVED, origin)
    return CardEntry(key, title, (), Source.NOT_STATED, f"spec.card.{path}")


def _filled(key: str, title: str, values: Iterable[str], source: Source, origin: str) -> CardEntry:
    told = tuple(value for value in values if value)
    return CardEntry(key, title, told, source if told else Source.NOT_STATED, origin)


def _said(card: Json, key: str, path: str) -> tuple[str, ...]:
    """Return what a person wrote into a field of the card; blanks say nothing."""
    if key == "citations":
        return tuple(derived.citation(each) for each in items(card, "citations"))
    if key == "sensitiveInputs":
        named = items(card, "sensitiveInputs")
        return tuple(f"{text(each, 'name')}: {text(each, 'kind')}" for each in named)
    value = at(card, *path.split("."))
    if isinstance(value, list):
        return tuple(each.strip() for each in value if isinstance(each, str) and each.strip())
    said = value.strip() if isinstance(value, str) else ""
    if said and key == "label" and at(card, "label", "proxy") is True:
        said += " (a proxy: it stands in for what is really meant)"
    return (said,) if said else ()


Values = tuple[tuple[str, ...], str]
_DERIVED: dict[str, Callable[[Subject], Values]] = {
    "stage": derived.stage,
    "released": derived.released,
    "modelType": derived.model_type,
    "artefact": derived.artefact,
    "output": derived.output,
    "inputs": derived.inputs,
    "groups": derived.groups,
    "gates": derived.gates,
    "maintenance": derived.maintenance,
    "fairnessMonitoring": derived.fairness_monitoring,
    "deciders": derived.deciders,
}
_MEASURED: dict[str, Callable[[Subject, CardEvidence, tuple[str, ...]], tuple[str, ...]]] = {
    "testData": lambda of, found, _: derived.test_data(of, found),
    "validation": lambda of, found, _: derived.validation(of, found),
    "verdict": lambda _, found, __: (f"{found.phase}: {found.message}".rstrip(": "),),
    "overridden": lambda _, __, overridden: overridden or ("none",),
}


def _notes(of: Subject, found: CardEvidence | None) -> Iterable[str]:
    if not of.told_by:
        yield (
            "what people said of this revision is not on record any more: its ControllerRevision is gone, or was made "
            "before cards were kept"
        )
    elif not of.is_asked_for:
        yield "the card as it was when this revision was put forward; the spec has moved on"
    elif of.edited:
        yield "the card was edited since this revision was put forward"
    if found is None:
        yield "no Evaluation of this revision has ended: nothing was measured"
    elif found.phase != "Successful":
        yield f"the Evaluation ended as {found.phase}"
    if of.role in ("rolled back", "earlier"):
        yield "this revision does not serve"
