"""Gates that a standard requires, and which of a model's gates meets them best."""

from collections.abc import Iterator, Sequence

from mlhops.api.gate import Across, Gate, min_rows_of
from mlhops.api.standard import RequiredGate
from mlhops.measures.measure import MEASURES
from mlhops.rollout.standards.shortfall import StandardShortfall

GATES = "spec.evaluation.gates"


def missing_gates(
    required: Sequence[RequiredGate], gates: Sequence[Gate]
) -> Iterator[StandardShortfall]:
    """Yield in what a model's gates fall short of those that a standard requires."""
    for floor in required:
        measured = [
            gate for gate in gates if gate.type == floor.type and gate.metric in floor.metrics
        ]
        if not measured:
            yield _none(floor)
            continue
        # Of several gates the one that lacks least is told of; one that lacks nothing is enough.
        yield from min((list(_lacks(floor, gate)) for gate in measured), key=len)


def _none(floor: RequiredGate) -> StandardShortfall:
    metrics = " or ".join(floor.metrics)
    return StandardShortfall(
        GATES,
        f"without a {floor.type} gate of {metrics}",
        f"gate {floor.name}",
        f"add a required {floor.type} gate of {metrics}{_told(floor)}",
    )


def _told(floor: RequiredGate) -> str:
    """Say what else is asked of a gate that is missing."""
    across = [*floor.groups, *(" and ".join(one) for one in floor.intersections)]
    told = f" across {', '.join(across)}" if across else ""
    return told + (f" with limit {floor.limit:g}" if floor.limit is not None else "")


def _lacks(floor: RequiredGate, gate: Gate) -> Iterator[StandardShortfall]:
    yield from _kind(floor, gate)
    yield from _across(floor, gate)
    yield from _limit(floor, gate)
    yield from _tolerance(floor, gate)
    yield from _margin(floor, gate)
    yield from _certainty(floor, gate)


def _at(gate: Gate, name: str) -> str:
    return f"{GATES}[{gate.name}].{name}"


def _kind(floor: RequiredGate, gate: Gate) -> Iterator[StandardShortfall]:
    """What kind of gate it is: whether it blocks, and how it compares groups."""
    if not gate.required:
        yield StandardShortfall(_at(gate, "required"), "false", "true", "set it to true")
    compares = gate.comparison or "Difference"
    if floor.comparison not in (None, compares):
        remedy = f"set it to {floor.comparison}"
        yield StandardShortfall(_at(gate, "comparison"), compares, str(floor.comparison), remedy)
    against = gate.against or "Rest"
    if floor.against not in (None, against):
        remedy = f"set it to {floor.against}"
        yield StandardShortfall(_at(gate, "against"), against, str(floor.against), remedy)


def _across(floor: RequiredGate, gate: Gate) -> Iterator[StandardShortfall]:
    across = gate.across or Across()
    for group in floor.groups:
        if group not in across.groups:
            place = _at(gate, "across.groups")
            listed = ", ".join(across.groups) or "empty"
            yield StandardShortfall(place, listed, f"group {group}", f"add {group}")
    there = {frozenset(one) for one in across.intersections}
    for wanted in floor.intersections:
        if frozenset(wanted) not in there:
            together = " and ".join(wanted)
            listed = "; ".join(" and ".join(one) for one in across.intersections) or "empty"
            yield StandardShortfall(
                _at(gate, "across.intersections"),
                listed,
                f"{together} together",
                f"add [{', '.join(wanted)}]",
            )


def _limit(floor: RequiredGate, gate: Gate) -> Iterator[StandardShortfall]:
    if floor.limit is None:
        return
    place, at_least = _at(gate, "limit"), _more_is_stricter(floor, gate)
    asked = f"{floor.limit:g} or {'more' if at_least else 'less'}"
    strictness = floor.limit if at_least else -floor.limit
    if gate.limit is None:
        yield StandardShortfall(
            place, "left out", asked, f"set it to {floor.limit:g}", "", strictness
        )
    elif (gate.limit < floor.limit) if at_least else (gate.limit > floor.limit):
        value = f"{gate.limit:g}"
        yield StandardShortfall(place, value, asked, f"set it to {floor.limit:g}", "", strictness)


def _more_is_stricter(floor: RequiredGate, gate: Gate) -> bool:
    """Whether a greater limit asks for more."""
    if floor.type == "Fairness":
        return floor.comparison == "Ratio"
    return floor.type == "Performance" and MEASURES[gate.metric].better == "Higher"


def _tolerance(floor: RequiredGate, gate: Gate) -> Iterator[StandardShortfall]:
    most, given = floor.tolerance, gate.tolerance
    if most is not None and given is not None and given > most:
        place, asked = _at(gate, "tolerance"), f"{most:g} or less"
        yield StandardShortfall(place, f"{given:g}", asked, f"set it to {most:g}", "", -most)


def _margin(floor: RequiredGate, gate: Gate) -> Iterator[StandardShortfall]:
    if floor.margin is None:
        return
    place, asked = _at(gate, "nonInferiority.margin"), f"{floor.margin:g} or less"
    given = gate.non_inferiority.margin if gate.non_inferiority is not None else None
    if given is None or given > floor.margin:
        value = "left out" if given is None else f"{given:g}"
        yield StandardShortfall(
            place, value, asked, f"set it to {floor.margin:g}", "", -floor.margin
        )


def _certainty(floor: RequiredGate, gate: Gate) -> Iterator[StandardShortfall]:
    """How sure a verdict has to be, and of how many people."""
    if floor.assurance == "Proven" and gate.assurance != "Proven":
        yield StandardShortfall(
            _at(gate, "assurance"), gate.assurance, "Proven", "set it to Proven"
        )
    for name, least, given in (
        ("confidence", floor.confidence, gate.confidence),
        ("minPositives", floor.min_positives, gate.min_positives),
        ("minNegatives", floor.min_negatives, gate.min_negatives),
        ("minRows", floor.min_rows, min_rows_of(gate)),
    ):
        if least is not None and given is not None and given < least:
            value, asked = f"{given:g}", f"{least:g} or more"
            yield StandardShortfall(
                _at(gate, name), value, asked, f"set it to {least:g}", "", least
            )
