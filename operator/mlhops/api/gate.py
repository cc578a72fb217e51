"""Gates: what a revision must meet before it gets any traffic."""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field

from mlhops.api.base import Resource, list_map, rules
from mlhops.api.interface import SET, GroupName, Label
from mlhops.measures.measure import (
    GATE_TYPES,
    MEASURES,
    SHARE,
    GateType,
    Measure,
    MeasureBounds,
    measures_of,
)
from mlhops.tasks.binary import CALLED, NOT_CALLED

Declared = Annotated[str, Field(min_length=1, max_length=63)]
"""The name of a group; how it may look, its declaration says, which a rule of the model asks for."""

Intersection = Annotated[list[Declared], Field(min_length=1, max_length=4, json_schema_extra=SET)]


class Across(
    Resource,
    json_schema_extra=rules(
        (
            "size(self.groups) + size(self.intersections) > 0",
            "across names nothing: list at least one group, or one intersection of groups",
        ),
        (
            "self.intersections.all(i, size(i) >= 2)",
            "an intersection names two or more groups: list a single group under groups instead",
            ".intersections",
        ),
    ),
):
    """The groups over which a gate compares."""

    groups: Annotated[list[Declared], Field(max_length=16, json_schema_extra=SET)] = []
    """Groups declared in `spec.interface.groups`; each is compared value by value."""
    intersections: Annotated[list[Intersection], Field(max_length=16)] = []
    """Combinations of groups, such as `[sex, ageBand]`; each combination of values is a group of
    its own."""

    @property
    def divisions(self) -> list[tuple[str, ...]]:
        """Each way to divide people, once: by a group, or by several at a time."""
        named = [(name,) for name in self.groups] + [tuple(part) for part in self.intersections]
        return list(dict.fromkeys(named))


def _margin(bounds: MeasureBounds) -> str:
    """Return what somebody is told whose margin is larger than the span of a metric."""
    return f"margin must be more than 0 and less than {bounds.high - bounds.low:g}: {bounds.margin}"


Margin = Annotated[
    float,
    Field(
        json_schema_extra=rules(
            ("self > 0.0", _margin(SHARE)),
        )
    ),
]
"""How much worse something may be, in the metric's own unit."""

Confidence = Annotated[
    float,
    Field(
        json_schema_extra=rules(  # the server's own message would round the bounds to 0
            (
                "self >= 0.5 && self <= 0.999",
                "confidence must be between 0.5 and 0.999: write 0.95 for 95 %",
            )
        )
    ),
]
"""A confidence level."""


class NonInferiority(Resource):
    """What a candidate must prove against the stable revision, on the same people."""

    margin: Margin
    """How much worse than stable is still acceptable, in the metric's own unit."""


class ReferenceValue(Resource):
    """The value of one group that all others are compared with."""

    group: Declared
    """The group."""
    value: Label
    """Its value, or the name of its bin such as `40-65`, `<40`, `>=65` or `Unknown`."""


if TYPE_CHECKING:
    Metric: TypeAlias = str
else:
    Metric = Literal[tuple(MEASURES)]


def _one_of(type_: GateType) -> tuple[str, str, str]:
    """Return the rule that a type of gate has only some metrics."""
    names = [each.name for each in measures_of(type_)]
    return (
        f"self.type != '{type_}' || self.metric in {names}",
        f"metric of a {type_} gate must be one of {', '.join(names)}",
        ".metric",
    )


def _margins() -> Iterator[tuple[str, str, str]]:
    """Yield the rules of how large a margin may be, one for each bounds that metrics have."""
    performance = measures_of("Performance")
    for bounds in dict.fromkeys(each.bounds for each in performance):
        others = _none_of([each for each in MEASURES.values() if each.bounds == bounds])
        span = f"self.nonInferiority.margin < {bounds.high - bounds.low}"
        yield (
            f"!has(self.nonInferiority) || {others} || {span}",
            _margin(bounds),
            ".nonInferiority.margin",
        )


def _limits() -> Iterator[tuple[str, str, str]]:
    """Yield the rules of how large a limit may be, one for each bounds that metrics have."""
    for bounds in dict.fromkeys(each.bounds for each in MEASURES.values()):
        others = _none_of([each for each in MEASURES.values() if each.bounds == bounds])
        least = ">" if bounds.open else ">="
        inside = f"self.limit {least} {bounds.low} && self.limit <= {bounds.high}"
        yield f"!has(self.limit) || {others} || ({inside})", bounds.remedy, ".limit"


def _none_of(these: Collection[Measure]) -> str:
    """Return in CEL that a gate has none of some metrics: by its type, where that tells."""
    others = [each for each in MEASURES.values() if each not in these]
    for type_ in GATE_TYPES:
        alone = [each for each in measures_of(type_) if each.gates == (type_,)]
        if alone == others:
            return f"self.type == '{type_}'"
        if alone == these:
            return f"self.type != '{type_}'"
    if len(others) < len(these):
        return f"self.metric in {[each.name for each in others]}"
    return f"!(self.metric in {[each.name for each in these]})"


def _called(cases: str) -> str:
    """Return the metrics that are about those whom the model calls so."""
    return ", ".join(each.name for each in MEASURES.values() if each.cases == cases)


_TOLERANT = [each.name for each in MEASURES.values() if each.parameter == "tolerance"]
_RATIOS = sorted(each.name for each in measures_of("Fairness") if each.how.ratio)


class Gate(
    Resource,
    json_schema_extra=rules(
        *map(_one_of, GATE_TYPES),
        (
            "self.type != 'Fairness' || has(self.across)",
            "a Fairness gate needs across: list the groups that it compares",
            ".across",
        ),
        (
            "self.type == 'Fairness' || !has(self.across) || has(self.nonInferiority)",
            (
                "across of a Performance gate goes with nonInferiority, which then holds for each "
                "group: set that, or remove across"
            ),
            ".across",
        ),
        (
            "self.type == 'Performance' || !has(self.nonInferiority)",
            "nonInferiority is for Performance gates: remove it, or set type to Performance",
            ".nonInferiority",
        ),
        (
            "has(self.limit) || has(self.nonInferiority)",
            (
                "limit is required: say what is still acceptable (a Performance gate may have "
                "nonInferiority in its place)"
            ),
            ".limit",
        ),
        *_limits(),
        *_margins(),
        (
            f"has(self.tolerance) == (self.metric in {_TOLERANT})",
            (
                f"tolerance is the largest error that {', '.join(_TOLERANT)} counts as right, in the unit of the "
                "outcome: set it for that metric, and for no other"
            ),
            ".tolerance",
        ),
        (
            (
                "self.type == 'Fairness' || !(has(self.comparison) || has(self.against) || "
                "has(self.reference) || self.primary)"
            ),
            "comparison, against, reference and primary are for Fairness gates: remove them",
        ),
        (
            (f"!has(self.comparison) || self.comparison != 'Ratio' || self.metric in {_RATIOS}"),
            "a Ratio compares rates, and this metric is none: set comparison to Difference",
            ".comparison",
        ),
        (
            "!has(self.comparison) || self.comparison != 'Ratio' || !has(self.limit) || self.limit <= 1.0",
            "limit of a Ratio is at most 1: write 0.8 for the four-fifths rule",
            ".limit",
        ),
        (
            "(has(self.against) && self.against == 'Reference') == has(self.reference)",
            "reference goes with against: Reference: set both or neither",
            ".reference",
        ),
        (
            (
                "!has(self.reference) || !has(self.across) || ("
                "self.across.groups.all(n, self.reference.exists(r, r.group == n)) && "
                "self.across.intersections.all(i, i.all(n, "
                "self.reference.exists(r, r.group == n))))"
            ),
            "reference must name a value of every group in across: add {group, value} for each",
            ".reference",
        ),
        (
            "!self.primary || self.required",
            "the primary gate must be required: set required to true, or primary to false",
            ".primary",
        ),
    ),
):
    """One condition that a revision must meet before it gets any traffic."""

    name: GroupName
    """The gate's name, unique in the model; Decisions with action Override refer to it."""
    type: GateType
    """Fairness bounds the gap of a measure between groups; Performance bounds a measure of the
    whole model, or how much worse than the stable revision it may be; Latency bounds the time that
    the answer for one patient takes."""
    metric: Metric
    """What is measured."""
    across: Across | None = None
    """The groups that a Fairness gate compares, or in each of which nonInferiority must hold."""
    comparison: Literal["Difference", "Ratio"] | None = None
    """How two rates of a Fairness gate are compared. Difference, the default, bounds how far they
    are apart; Ratio how small the smaller may be as a share of the larger (0.8 is the four-fifths
    rule)."""
    against: Literal["Rest", "Best", "Reference"] | None = None
    """With whom each group is compared: Rest, the default, is everybody else; Best is the group of
    the same division with the best estimate; Reference is a group that is named."""
    reference: (
        Annotated[
            list[ReferenceValue],
            Field(
                min_length=1,
                max_length=16,
                json_schema_extra={
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["group"],
                },
            ),
        ]
        | None
    ) = None
    """For each group in across the value that all others are compared with."""
    limit: float | None = None
    """Fairness: the largest acceptable difference, or the smallest acceptable ratio. Performance:
    the worst acceptable value. Both between 0 and 1, or in the outcome's unit where the metric is. Latency: the
    longest acceptable time, in seconds."""
    tolerance: (
        Annotated[
            float,
            Field(
                json_schema_extra=rules(
                    (
                        "self >= 0.0 && self <= 1000000.0",
                        "tolerance must be between 0 and 1000000: write 5 for errors of up to five units",
                    ),
                )
            ),
        ]
        | None
    ) = None
    """Of WithinTolerance: the largest error that counts as right, in the outcome's unit."""
    non_inferiority: NonInferiority | None = None
    """Performance: the candidate must be proven not worse than the stable revision by more than a
    margin, on the same people, overall and in every group of across. On a first deployment there
    is nothing to be worse than."""
    assurance: Literal["Proven", "NotRefuted"] = "Proven"
    """Proven passes only if the whole interval is within the limit; NotRefuted unless it is wholly
    beyond. Non-inferiority is always to be proven."""
    confidence: Confidence = 0.95
    """Simultaneous confidence level of the gate's intervals."""
    min_positives: Annotated[int, Field(ge=1)] = Field(
        20,
        description=f"Groups with fewer positive cases ({_called(CALLED)}: cases that the model calls positive) "
        "cannot be judged.",
    )
    min_negatives: Annotated[int, Field(ge=1)] = Field(
        20,
        description=f"Groups with fewer negative cases ({_called(NOT_CALLED)}: cases that the model calls negative) "
        "cannot be judged.",
    )
    min_rows: Annotated[int, Field(ge=1)] | None = None
    """Groups with fewer rows cannot be judged, where the outcome has no positive cases; 40 where it is left out. Of a
    Binary task minPositives and minNegatives count."""
    required: bool = True
    """Whether the gate blocks the rollout; an advisory gate is measured and reported only."""
    primary: bool = False
    """Whether this is the fairness measure that the model stands for; of several required Fairness
    gates one must be."""


MIN_ROWS = 40
"""The minRows of a gate that leaves it out: as many as of positive and negative cases together."""

Gates = Annotated[
    list[Gate],
    Field(min_length=1, max_length=32, json_schema_extra=list_map("name", "gates")),
]


def measure_of(gate: Gate) -> Measure:
    """Return the metric of a gate, as the gate sets it."""
    return MEASURES[gate.metric].with_parameter(gate.tolerance)


def min_rows_of(gate: Gate) -> int | None:
    """Return how many rows a group must have, None where positive and negative cases count."""
    if "Binary" in MEASURES[gate.metric].tasks:
        return None
    return gate.min_rows or MIN_ROWS


def primary_of(gates: Sequence[Gate]) -> str | None:
    """Return the name of the primary gate: the declared one, or the only required Fairness gate."""
    fairness = [gate for gate in gates if gate.type == "Fairness" and gate.required]
    declared = [gate.name for gate in fairness if gate.primary]
    names = declared or [gate.name for gate in fairness]
    return names[0] if len(names) == 1 else None
