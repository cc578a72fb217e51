"""Whether a model is below a ClinicalStandard, by those of its floors that people in campaigns ask for."""

from collections.abc import Iterable

from campaign.raw_json import Object, entries, part, whole, word


def below(standards: Iterable[Object], model: Object, spec: Object) -> str:
    """Return in what a model's spec is below standards that are for its risk class; empty where in nothing."""
    for standard in standards:
        classes = part(standard, "spec", "appliesTo").get("riskClasses")
        if isinstance(classes, list) and classes and _class_of(model) not in classes:
            continue
        floor = part(standard, "spec")
        found = _data(floor, spec) or _rollout(floor, spec) or _gates(floor, spec)
        if found:
            return f"{found}, below {word(standard, 'metadata', 'name')}"
    return ""


def _class_of(model: Object) -> str:
    return word(model, "spec", "card", "riskClass")


def _data(floor: Object, spec: Object) -> str:
    pinned = bool(word(spec, "evaluation", "data", "digest"))
    asked = part(floor, "data").get("digest") is True
    return "without a digest" if asked and not pinned else ""


def _rollout(floor: Object, spec: Object) -> str:
    rollout = part(floor, "rollout")
    weights = [whole(step, "setWeight") for step in entries(spec, "rollout", "steps")]
    first = next((weight for weight in weights if weight > 0), 100)
    if first > (whole(rollout, "maxFirstWeight") or 100):
        return f"with a first weight of {first}"
    asked = part(spec, "rollout", "evidence").get("minRequests", 100)
    if isinstance(asked, int) and asked < whole(rollout, "minRequests"):
        return f"on {asked} requests"
    return ""


def _gates(floor: Object, spec: Object) -> str:
    gates = [
        gate for gate in entries(spec, "evaluation", "gates") if gate.get("required") is not False
    ]
    for wanted in entries(floor, "gates"):
        if not any(_is_as_strict(gate, wanted) for gate in gates):
            return f"without gate {word(wanted, 'name')}"
    return ""


def _is_as_strict(gate: Object, wanted: Object) -> bool:
    metrics, most, limit = wanted.get("metrics"), wanted.get("limit"), gate.get("limit")
    same = isinstance(metrics, list) and gate.get("metric") in metrics
    if not isinstance(most, int | float):
        return same
    return same and isinstance(limit, int | float) and limit <= most
