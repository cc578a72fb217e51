"""A card as a FHIR R4 Bundle: a Device, and a DocumentReference that carries the card as Markdown and as CHAI XML.

After the ballot draft 1.0.0 of HL7's AI Transparency on FHIR (profiles AI-Device and AI-ModelCard).
"""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING

from mlhops.cli.card.chai import chai
from mlhops.cli.card.entries import ModelCard
from mlhops.cli.card.markdown import markdown

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

CANONICAL = "http://hl7.org/fhir/uv/aitransparency"
_INPUTS = f"{CANONICAL}/CodeSystem/AIinputsCS"
_DEVICE_TYPES = f"{CANONICAL}/CodeSystem/AIdeviceTypeCS"
_CARD_EXTENSION = f"{CANONICAL}/StructureDefinition/aitransparency.modelCardDescription"
_LABEL: Json = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
}
_NAMESPACE = uuid.UUID("5d4d0b1e-7c1f-5c38-8d8e-0f0ab7a9f6a1")


def fhir(card: ModelCard) -> str:
    """Return the card as a Bundle; the same card has the same identifiers."""
    name = f"{card.namespace}/{card.name}/{card.revision or card.version}"
    device = f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'device/{name}')}"
    document = f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'card/{name}')}"
    entries: list[Json] = [
        {"fullUrl": device, "resource": _device(card, name, document)},
        {"fullUrl": document, "resource": _document(card, device)},
    ]
    bundle: Manifest = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return json.dumps(bundle, indent=2, ensure_ascii=False) + "\n"


def _device(card: ModelCard, name: str, document: str) -> Manifest:
    contact = card.entry("contact")
    maker = card.entry("developer")
    found: Manifest = {
        "resourceType": "Device",
        "meta": {"profile": [f"{CANONICAL}/StructureDefinition/AI-Device"]},
        "extension": [{"url": _CARD_EXTENSION, "valueReference": {"reference": document}}],
        "identifier": [{"system": "urn:mlhops:revision", "value": name}],
        "status": "active" if card.role in ("serves", "candidate") else "inactive",
        "deviceName": [{"name": card.name, "type": "model-name"}],
        "type": {"coding": [{"system": _DEVICE_TYPES, "code": "Artificial-Intelligence"}]},
        "version": [{"value": card.version}],
        "owner": {"display": card.entry("owner").text},
        "safety": [{"text": f"IMDRF SaMD class {card.entry('riskClass').text}"}],
    }
    if maker.stated:
        found["manufacturer"] = maker.text
    if contact.stated:
        found["contact"] = [{"system": "other", "value": contact.text}]
    return found


def _document(card: ModelCard, device: str) -> Manifest:
    ended = card.evidence.finished if card.evidence is not None else None
    forms = (("text/markdown", markdown(card)), ("application/xml", chai(card)))
    content: list[Json] = [
        {"attachment": {"contentType": type_, "data": _encoded(told)}} for type_, told in forms
    ]
    codes = ("AIModelCardMarkdownFormat", "AImodelCardCHAIformat")
    found: Manifest = {
        "resourceType": "DocumentReference",
        "meta": {
            "profile": [f"{CANONICAL}/StructureDefinition/AI-ModelCard"],
            "security": [_LABEL],
        },
        "status": "current" if card.role in ("serves", "candidate") else "superseded",
        "type": {"coding": [{"system": _INPUTS, "code": "AIModelCard"}]},
        "category": [{"coding": [{"system": _INPUTS, "code": code}]} for code in codes],
        "subject": {"reference": device},
        "description": f"Model card of {card.name} {card.version}",
        "content": content,
    }
    if ended is not None:
        found["date"] = ended.isoformat(timespec="seconds")
    return found


def _encoded(told: str) -> str:
    return base64.b64encode(told.encode()).decode()
