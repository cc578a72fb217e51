"""A card as a CycloneDX bill of materials with one machine-learning model and its `modelCard`.

The schema takes numbers of measures as text, and slices of the data as text: each group is a slice of its own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from mlhops.cli.card import wording
from mlhops.cli.card.entries import GateFinding, ModelCard

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

SpecVersion = Literal["1.6", "1.7"]
_NAMESPACE = uuid.UUID("a2d4f4c4-6f0e-5f0e-9c54-0c3f2d1b7a10")
"""Of serial numbers that follow from the content alone: the same card has the same one."""
_PROPERTIES = (
    "owner",
    "clinicalOwner",
    "riskClass",
    "regulatory",
    "pccp",
    "population",
    "decisionRole",
    "funding",
    "stakeholders",
    "consent",
    "availability",
    "stage",
    "released",
    "sensitiveInputs",
    "maintenance",
    "fairnessMonitoring",
    "updateSchedule",
    "overridden",
    "deciders",
)
"""Entries that the schema has no place for."""


def cyclonedx(card: ModelCard, version: SpecVersion = "1.6") -> str:
    """Return the card as JSON of a version of the specification."""
    found: Manifest = {
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "version": 1,
        **({"metadata": {"timestamp": _ended(card)}} if _ended(card) else {}),
        "components": [_component(card)],
    }
    written = json.dumps(found, sort_keys=True, allow_nan=False)
    serial = uuid.uuid5(_NAMESPACE, written)
    return (
        json.dumps({"serialNumber": f"urn:uuid:{serial}", **found}, indent=2, ensure_ascii=False)
        + "\n"
    )


def _ended(card: ModelCard) -> str:
    ended = card.evidence.finished if card.evidence is not None else None
    return ended.isoformat(timespec="seconds").replace("+00:00", "Z") if ended is not None else ""


def _component(card: ModelCard) -> Json:
    maker = card.entry("developer") if card.entry("developer").stated else card.entry("owner")
    contact = card.entry("contact")
    manufacturer: Manifest = {"name": maker.text}
    if contact.stated:
        manufacturer["contact"] = [{"name": contact.text}]
    references: list[Json] = [
        {"type": "documentation", "url": url} for url in _urls(card.entry("citations").values)
    ]
    return {
        "type": "machine-learning-model",
        "bom-ref": f"{card.namespace}/{card.name}@{card.revision or card.version}",
        "name": card.name,
        "version": card.version,
        "description": card.entry("intendedUse").text,
        "manufacturer": manufacturer,
        **({"externalReferences": references} if references else {}),
        "modelCard": {
            "modelParameters": _parameters(card),
            "quantitativeAnalysis": {
                "performanceMetrics": [m for each in card.findings for m in _metrics(each)]
            },
            "considerations": _considerations(card),
            "properties": list(_properties(card)),
        },
    }


def _urls(citations: tuple[str, ...]) -> Iterator[str]:
    for each in citations:
        _, _, url = each.rpartition(" <")
        if url.startswith(("https://", "http://")) and url.isascii():
            yield url.removesuffix(">")


def _parameters(card: ModelCard) -> Json:
    datasets: list[Json] = []
    if card.entry("trainingData").stated:
        contents: Json = {
            "properties": [_property("trainingData", card.entry("trainingData").text)]
        }
        datasets.append({"type": "dataset", "name": "training data", "contents": contents})
    if card.entry("testData").stated:
        told = [_property("testData", value) for value in card.entry("testData").values]
        datasets.append(
            {"type": "dataset", "name": "held-out data", "contents": {"properties": told}}
        )
    inputs: list[Json] = [{"format": value} for value in card.entry("inputs").values]
    outputs: list[Json] = [{"format": value} for value in card.entry("output").values]
    return {
        "approach": {"type": "supervised"},
        "task": card.entry("label").text,
        "modelArchitecture": card.entry("modelType").text,
        "datasets": datasets,
        "inputs": inputs,
        "outputs": outputs,
    }


def _metrics(of: GateFinding) -> Iterator[Json]:
    if of.estimate is not None:
        bounds: Manifest = {}
        if of.lower is not None:
            bounds["lowerBound"] = repr(of.lower)
        if of.upper is not None:
            bounds["upperBound"] = repr(of.upper)
        yield {
            "type": f"{of.what} ({of.name})",
            "value": repr(of.estimate),
            "slice": of.group or "all",
            **({"confidenceInterval": bounds} if bounds else {}),
        }
    for each in of.groups:
        rate = wording.measured_rate(each)
        value = wording.HIDDEN if rate is None else repr(rate)
        yield {"type": f"{of.metric} ({of.name})", "value": value, "slice": each.group}


def _considerations(card: ModelCard) -> Json:
    fairness: list[Json] = [
        {
            "groupAtRisk": each.group or "every group",
            "harms": f"{each.name}: {wording.verdict(each)}. {each.message}".strip(),
            "mitigationStrategy": card.entry("biasMitigation").text,
        }
        for each in card.of_type("Fairness")
    ]
    limits: list[Json] = [f"not for: {card.entry('outOfScope').text}"]
    limits += card.entry("limitations").values
    ethics: Json = [{"name": card.entry("ethics").text}]
    found: Manifest = {
        "users": [card.entry("users").text],
        "useCases": [
            card.entry("intendedUse").text,
            f"how to use it: {card.entry('howToUse').text}",
        ],
        "technicalLimitations": limits,
        "ethicalConsiderations": ethics,
        **({"fairnessAssessments": fairness} if fairness else {}),
    }
    return found


def _properties(card: ModelCard) -> Iterator[Json]:
    for key in _PROPERTIES:
        entry = card.entry(key)
        yield _property(key, entry.text)
        yield _property(f"{key}:from", wording.whence(entry))
    for note in card.notes:
        yield _property("note", note)


def _property(name: str, value: str) -> Json:
    return {"name": f"mlhops:{name}", "value": wording.printable(value)}
