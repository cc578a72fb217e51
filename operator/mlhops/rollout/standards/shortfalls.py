"""In what a model's spec falls short of its standards: a pure function of both."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf
from urllib.parse import unquote, urlsplit

from pydantic.alias_generators import to_snake

from mlhops.api.base import Duration, seconds
from mlhops.api.card import Card
from mlhops.api.data import DataSource
from mlhops.api.model import ClinicalModelSpec, EvaluationSettings, Rollout
from mlhops.api.standard import (
    CardFloor,
    ClinicalStandard,
    DataFloor,
    MonitoringFloor,
    RolloutFloor,
)
from mlhops.api.step import Step
from mlhops.rollout.standards.required_gates import missing_gates
from mlhops.rollout.standards.shortfall import StandardShortfall

_STEPS = "spec.rollout.steps"


def shortfalls(
    standards: Sequence[ClinicalStandard], spec: ClinicalModelSpec
) -> tuple[StandardShortfall, ...]:
    """Return in what a spec is below standards that apply to it, each field once, with the strictest that is asked.

    All standards have to be met, so that several together ask for the strictest of each.
    """
    found: dict[tuple[str, str], StandardShortfall] = {}
    for standard in sorted(standards, key=lambda one: one.metadata.name):
        for one in _of(standard, spec):
            told = replace(one, standard=standard.metadata.name)
            key = (one.field, "" if one.strictness < inf else one.floor)
            before = found.get(key)
            if before is None or before.strictness < told.strictness:
                found[key] = told
    return tuple(found.values())


def _of(standard: ClinicalStandard, spec: ClinicalModelSpec) -> Iterator[StandardShortfall]:
    floor = standard.spec
    yield from _card(floor.card, spec.card)
    yield from missing_gates(floor.gates, spec.evaluation.gates)
    yield from _data(floor.data, spec.evaluation)
    yield from _rollout(floor.rollout, spec.rollout)
    yield from _monitoring(floor.monitoring, spec)


def _card(floor: CardFloor, card: Card) -> Iterator[StandardShortfall]:
    if floor.risk_classes and card.risk_class not in floor.risk_classes:
        allowed = " or ".join(floor.risk_classes)
        remedy = "have a decider set it to one of these, or serve the model from another namespace"
        yield StandardShortfall("spec.card.riskClass", card.risk_class, allowed, remedy)
    for name in floor.required:
        if not getattr(card, to_snake(name)):
            yield StandardShortfall(f"spec.card.{name}", "left out", "it", "fill it in")


def _data(floor: DataFloor, evaluation: EvaluationSettings) -> Iterator[StandardShortfall]:
    data, place = evaluation.data, "spec.evaluation.data"
    if floor.digest and data.digest is None:
        remedy = "set it to sha256: and what sha256sum prints of the file"
        yield StandardShortfall(f"{place}.digest", "left out", "a digest", remedy)
    prefixes, lie = floor.uri_prefixes, _lie_at(data)
    up = ".." in unquote(lie).split("/")  # web servers take %2e%2e for ..
    if prefixes and (up or not lie.startswith(tuple(prefixes))):
        asked = f"data below {' or '.join(prefixes)}"
        field, remedy = f"{place}.uri", "have the data laid there, and name them"
        if data.endpoint is not None:
            field, remedy = f"{place}.endpoint", f"{remedy}; or have the board name that server"
        yield StandardShortfall(field, lie, asked, remedy)
    least, given = floor.min_cell_size, evaluation.min_cell_size
    if least is not None and given < least:
        asked, remedy = f"{least} or more", f"set it to {least}"
        yield StandardShortfall("spec.evaluation.minCellSize", f"{given}", asked, remedy, "", least)


def _lie_at(data: DataSource) -> str:
    """Return where data lie: at an endpoint of their own a bucket is another than the cloud's of that name."""
    if data.endpoint is None:
        return data.uri
    parts = urlsplit(data.uri)
    bucket = f"{parts.netloc}/" if parts.scheme == "s3" else ""
    return f"{data.endpoint.rstrip('/')}/{bucket}{parts.path.lstrip('/')}"


def _rollout(floor: RolloutFloor, rollout: Rollout) -> Iterator[StandardShortfall]:
    first = next((step.set_weight for step in rollout.steps if step.set_weight), 100)
    most = floor.max_first_weight
    if most is not None and first > most:
        value = f"a list with a first weight of {first} %"
        remedy = f"let setWeight: {most} be the first weight"
        yield StandardShortfall(
            _STEPS, value, f"a first weight of {most} % or less", remedy, "", -most
        )
    if floor.min_pause is not None:
        yield from _pause(floor.min_pause, rollout.steps)
    if floor.min_requests is not None:
        yield from _requests(floor.min_requests, rollout)


def _pause(least: Duration, steps: Sequence[Step]) -> Iterator[StandardShortfall]:
    paused = _paused(steps)
    if paused < seconds(least):
        value = f"a list with {paused:g} s of pauses at its first weight"
        remedy = f"add a pause with duration {least}, or one without, behind the first setWeight"
        # A field of its own: a first weight and its pause are both told.
        yield StandardShortfall(
            f"{_STEPS}[].pause", value, f"{least} or more", remedy, "", seconds(least)
        )


def _paused(steps: Sequence[Step]) -> float:
    """Return for how many seconds a rollout pauses at its first weight above 0; for ever where a person ends it."""
    first, total = 0, 0.0
    for step in steps:
        if first and step.set_weight is not None and step.set_weight > first:
            break
        if step.set_weight:
            first = step.set_weight
        elif first and step.pause is not None:
            total += seconds(step.pause.duration) if step.pause.duration is not None else inf
    return total


def _requests(least: int, rollout: Rollout) -> Iterator[StandardShortfall]:
    asked, remedy = f"{least} or more", f"set it to {least}"
    given = rollout.evidence.min_requests
    if given < least:
        place = "spec.rollout.evidence.minRequests"
        yield StandardShortfall(place, f"{given}", asked, remedy, "", least)
    for number, step in enumerate(rollout.steps):
        at_step = step.evidence.min_requests if step.evidence is not None else None
        if step.set_weight and at_step is not None and at_step < least:
            place = f"{_STEPS}[{number}].evidence.minRequests"
            yield StandardShortfall(place, f"{at_step}", asked, remedy, "", least)


def _monitoring(floor: MonitoringFloor, spec: ClinicalModelSpec) -> Iterator[StandardShortfall]:
    if floor.policy and spec.policy is None:
        remedy = "name a MonitoringPolicy of the namespace"
        yield StandardShortfall("spec.monitoring.policyRef", "left out", "a policy", remedy)
    if floor.sidecar and spec.monitoring is not None and spec.monitoring.sidecar == "Off":
        yield StandardShortfall("spec.monitoring.sidecar", "Off", "On", "set it to On")
    every, given = floor.evaluate_every, spec.evaluation.every
    if every is not None and (given is None or seconds(given) > seconds(every)):
        place, asked = "spec.evaluation.every", f"{every} or less"
        remedy = f"set it to {every}"
        yield StandardShortfall(place, given or "left out", asked, remedy, "", -seconds(every))
