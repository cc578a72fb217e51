"""A card as XML of the Coalition for Health AI's applied model card, version 0.2.

The schema fixes the order of elements, each leaf is a text, and text may be Markdown. What is not stated says so: an
empty element would be valid, and hide it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mlhops.cli.card import wording
from mlhops.cli.card.entries import NOT_STATED, GateFinding, ModelCard, not_stated
from mlhops.cli.card.markdown import escaped

NAMESPACE = "https://mc.chai.org/v0.2/schema.xsd"
Tree: TypeAlias = "str | Sequence[tuple[str, Tree]]"
"""A text, or elements in their order."""
REQUIRED = (
    "developer",
    "contact",
    "stage",
    "released",
    "availability",
    "intendedUse",
    "users",
    "howToUse",
    "population",
    "outOfScope",
    "limitations",
    "ethics",
    "riskClass",
    "output",
    "modelType",
    "inputSource",
    "inputs",
    "trainingData",
    "biasMitigation",
    "maintenance",
    "funding",
    "stakeholders",
    "consent",
)
"""Entries behind elements that the schema requires."""


def chai(card: ModelCard) -> str:
    """Return the card as XML."""
    root = Element("AppliedModelCard", {"xmlns": NAMESPACE})
    _fill(root, _tree(card))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _fill(parent: Element, parts: Sequence[tuple[str, Tree]]) -> None:
    for name, part in parts:
        child = SubElement(parent, name)
        if isinstance(part, str):
            child.text = _xml(part)
        else:
            _fill(child, part)


def _xml(value: str) -> str:
    """Return a text without what XML 1.0 has no way to write."""
    return "".join(
        sign
        if sign in "\n\t"
        or " " <= sign <= "\ud7ff"
        or "\ue000" <= sign <= "\ufffd"
        or sign > "\uffff"
        else "\ufffd"
        for sign in wording.printable(value)
    )


def _said(card: ModelCard, *keys: str) -> str:
    """Return entries as Markdown, a paragraph each; where none is stated, that."""
    entries = [card.entry(key) for key in keys]
    stated = [each for each in entries if each.stated]
    if not stated:
        return NOT_STATED
    many = len(keys) > 1
    parts = []
    for each in stated:
        listed = "\n".join(f"- {escaped(value)}" for value in each.values)
        one = escaped(each.values[0])
        told = listed if len(each.values) > 1 else one
        between = ":\n" if len(each.values) > 1 else ": "
        parts.append(f"{each.title}{between}{told}" if many else told)
    return "\n\n".join(parts)


def _tree(card: ModelCard) -> Sequence[tuple[str, Tree]]:
    return (
        ("BasicInfo", _basics(card)),
        ("ReleaseInfo", _release(card)),
        ("ModelSummary", (("Summary", _summary(card)), ("Keywords", _keywords(card)))),
        ("UsesAndDirections", _uses(card)),
        ("Warnings", _warnings(card)),
        (
            "TrustIngredients",
            (("AISystemFacts", _facts(card)), ("TransparencyInformation", _open(card))),
        ),
        ("KeyMetrics", _metrics(card)),
        ("Resources", _resources(card)),
        # Text outside of entries is a comment in BibTeX.
        ("Bibliography", "no BibTeX is kept; sources are listed in Resources"),
    )


def _basics(card: ModelCard) -> Tree:
    return (
        ("ModelName", card.name),
        ("ModelDeveloper", _developer(card)),
        ("DeveloperContact", _said(card, "contact")),
    )


def _developer(card: ModelCard) -> str:
    if card.entry("developer").stated or not card.entry("owner").stated:
        return _said(card, "developer")
    return f"{NOT_STATED}; {_said(card, 'owner')} answers for the model"


def _release(card: ModelCard) -> Tree:
    return (
        ("ReleaseStage", _said(card, "stage")),
        ("ReleaseDate", _said(card, "released")),
        ("ReleaseVersion", f"{card.version} (revision {card.revision or 'none'})"),
        ("GlobalAvailability", _said(card, "availability")),
        ("RegulatoryApproval", _said(card, "regulatory", "pccp")),
    )


def _summary(card: ModelCard) -> str:
    gaps = ", ".join(each.title for each in not_stated(card))
    parts = [_said(card, "intendedUse"), *map(escaped, card.notes)]
    return "\n\n".join([*parts, f"Not stated: {escaped(gaps)}." if gaps else ""]).rstrip()


def _keywords(card: ModelCard) -> Tree:
    told = ("clinical", *dict.fromkeys(each.metric for each in card.findings if each.metric))
    return tuple(("Keyword", each) for each in told)


def _uses(card: ModelCard) -> Tree:
    return (
        ("IntendedUseAndWorkflow", _said(card, "intendedUse", "decisionRole")),
        ("PrimaryIntendedUsers", _said(card, "users")),
        ("HowToUse", _said(card, "howToUse")),
        ("TargetedPatientPopulation", _said(card, "population")),
        ("CautionedOutOfScopeSettings", _said(card, "outOfScope")),
    )


def _warnings(card: ModelCard) -> Tree:
    failed = [each for each in card.findings if each.phase != "Successful"]
    beside = [f"- {escaped(each.name)}: {escaped(wording.verdict(each))}" for each in failed]
    biases = _said(card, "ethics")
    if beside:
        biases += "\n\nGates that did not pass:\n" + "\n".join(beside)
    return (
        ("KnownRisksAndLimitations", _said(card, "limitations")),
        ("KnownBiasesOrEthicalConsiderations", biases),
        ("ClinicalRiskLevel", _said(card, "riskClass")),
    )


def _facts(card: ModelCard) -> Tree:
    return (
        ("OutcomesAndOutputs", _said(card, "label", "output")),
        ("ModelType", _said(card, "modelType")),
        ("InputDataSource", _said(card, "inputSource")),
        ("OutputAndInputDataTypes", _said(card, "output", "inputs", "sensitiveInputs", "groups")),
        ("DevelopmentDataCharacterization", _said(card, "trainingData")),
        ("BiasMitigationApproaches", _said(card, "biasMitigation", "fairnessApproach")),
        ("OngoingMaintenance", _said(card, "maintenance", "fairnessMonitoring", "updateSchedule")),
        ("Security", _said(card, "artefact")),
        ("Transparency", _said(card, "owner", "clinicalOwner", "deciders", "overridden")),
    )


def _open(card: ModelCard) -> Tree:
    return (
        ("FundingSource", _said(card, "funding")),
        ("StakeholdersConsulted", _said(card, "stakeholders")),
    )


def _resources(card: ModelCard) -> Tree:
    return (
        ("EvaluationReferences", _cited(card, "Evaluation", "Documentation")),
        ("ClinicalTrial", _cited(card, "Trial")),
        ("PeerReviewedPublications", _publications(card)),
        ("PatientConsentOrDisclosure", _said(card, "consent")),
    )


def _publications(card: ModelCard) -> str:
    """Return publications; references of which nobody says what they are stand beside them."""
    cited, references = _cited(card, "Publication"), card.entry("references")
    if not references.stated:
        return cited
    listed = "\n".join(f"- {escaped(value)}" for value in references.values)
    return listed if cited == NOT_STATED else f"{cited}\n{listed}"


def _cited(card: ModelCard, *kinds: str) -> str:
    begins = tuple(f"{kind}:" for kind in kinds)
    found = [each for each in card.entry("citations").values if each.startswith(begins)]
    return "\n".join(f"- {escaped(value)}" for value in found) or NOT_STATED


def _metrics(card: ModelCard) -> Tree:
    return (
        ("UsefulnessUsabilityEfficacy", _metric(card, card.of_type("Performance"))),
        ("FairnessEquity", _metric(card, card.of_type("Fairness"))),
        ("SafetyReliability", _metric(card, card.of_type("Latency", ""))),
    )


def _metric(card: ModelCard, found: Sequence[GateFinding]) -> Tree:
    results = [result for each in found for result in _result(each)]
    results = results or [("no gate measures this", _single(None))]
    told: Tree = tuple(
        ("MetricResult", (("Label", label), ("ValueJson", value))) for label, value in results
    )
    goals = "\n".join(f"- {escaped(each.name)}: {escaped(each.goal)}" for each in found)
    read = "\n".join(f"- {_reading(each)}" for each in found)
    return (
        ("MetricGoal", goals or NOT_STATED),
        ("Results", told),
        ("Interpretation", read or NOT_STATED),
        ("TestType", _said(card, "validation")),
        ("TestingDataDescription", _said(card, *_DATA)),
        ("ValidationProcessAndJustification", _said(card, "gates", "fairnessApproach", "verdict")),
    )


_DATA = ("testData", "testOrigin", "testSetting", "testPeriod", "testPreparedBy")


def _reading(of: GateFinding) -> str:
    before = "a person let this gate pass although it had not passed. " if of.overridden else ""
    return f"{escaped(of.name)}: {before}{escaped(of.phase)}. {escaped(of.message)}".rstrip()


def _result(of: GateFinding) -> Iterator[tuple[str, str]]:
    """Return the estimate with its interval, and the rate of each group that may be told."""
    where = f", {wording.one_line(of.group)}" if of.group else ""
    if of.estimate is None:
        yield f"{of.name}: {of.what}{where} (not measured)", _single(None)
    elif of.lower is None or of.upper is None or of.confidence is None:
        yield f"{of.name}: {of.what}{where}", _single(of.estimate, of.unit)
    else:
        value = {
            "kind": "estimate_ci",
            "estimate": of.estimate,
            "lower": of.lower,
            "upper": of.upper,
            "level": round(100 * of.confidence, 3),
            "unit": of.unit,
        }
        yield f"{of.name}: {of.what}{where}", json.dumps(value, allow_nan=False)
    for each in of.groups:
        label = f"{of.name}: {of.metric} of {wording.one_line(each.group)}"
        rate = wording.measured_rate(each)
        yield (label if rate is not None else f"{label} (hidden)"), _single(rate, of.unit)


def _single(value: float | None, unit: str = "") -> str:
    return json.dumps({"kind": "single", "value": value, "unit": unit}, allow_nan=False)
