"""ClinicalStandard: the floor of a safety board, which whoever writes a model cannot lower."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field

from mlhops.api.base import (
    Deadline,
    Duration,
    Hour,
    ObjectMeta,
    Resource,
    list_map,
    matching,
    rules,
)
from mlhops.api.card import RiskClass
from mlhops.api.gate import Confidence, Declared, Intersection, Margin
from mlhops.api.interface import SET, GroupName
from mlhops.measures.measure import GATE_TYPES, MEASURES, GateType, measures_of
from mlhops.small_cells import MinCellSize

_KEY = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
_PREFIX = r"^(pvc|s3|gs|https?|file)://[^?#@\s]*/$"

LabelKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=317,
        json_schema_extra=matching(
            _KEY, "a label is a name like team, or one below a domain like example.org/team"
        ),
    ),
]
LabelValue = Annotated[
    str,
    Field(
        max_length=63,
        json_schema_extra=matching(
            _VALUE, "the value of a label has letters, digits and - _ . between them alone"
        ),
    ),
]

if TYPE_CHECKING:
    MeasureName: TypeAlias = str
else:
    MeasureName = Literal[tuple(MEASURES)]


class Floor(Resource):
    """What a standard asks for. Fields that this version of the operator does not know are not passed over."""

    model_config = ConfigDict(extra="forbid")


class LabelRequirement(
    Floor,
    json_schema_extra=rules(
        (
            "(self.operator in ['In', 'NotIn']) == (size(self.values) > 0)",
            "In and NotIn need values, Exists and DoesNotExist take none",
            ".values",
        ),
    ),
):
    """What a label of a namespace has to be."""

    key: LabelKey
    """The label."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How it is looked at."""
    values: Annotated[list[LabelValue], Field(max_length=64, json_schema_extra=SET)] = []
    """The values, for In and NotIn."""


class NamespaceSelector(Floor):
    """Namespaces by their labels, as Kubernetes selects them; all of it has to be so."""

    match_labels: Annotated[dict[str, LabelValue], Field(max_length=32)] = {}
    """Labels with their values; kubernetes.io/metadata.name has a namespace's name."""
    match_expressions: Annotated[list[LabelRequirement], Field(max_length=32)] = []
    """Further requirements."""


class AppliesTo(Floor):
    """The models that a standard is for; all of it has to be so, and what is left out is anything."""

    risk_classes: Annotated[list[RiskClass], Field(max_length=4, json_schema_extra=SET)] = []
    """Those of `spec.card.riskClass`; all classes where none is named."""
    namespace_selector: NamespaceSelector | None = None
    """The namespaces; all where it is left out."""


def _of_type(type_: GateType) -> tuple[str, str, str]:
    """Return the rule that a type of gate has only some metrics."""
    names = [each.name for each in measures_of(type_)]
    return (
        f"self.type != '{type_}' || self.metrics.all(m, m in {names})",
        f"metrics of a {type_} gate must be among {', '.join(names)}",
        ".metrics",
    )


def _ways() -> Iterator[tuple[str, str, str]]:
    """Yield the rule that a limit is for metrics of which the same way is better."""
    lower = [each.name for each in measures_of("Performance") if each.better == "Lower"]
    yield (
        (
            f"!has(self.limit) || self.type != 'Performance' || self.metrics.all(m, m in {lower}) || "
            f"self.metrics.all(m, !(m in {lower}))"
        ),
        (
            "a limit is the largest value of some metrics and the smallest of others: name those alone of which "
            "the same way is better, and others in a gate of their own"
        ),
        ".metrics",
    )


def _bounds() -> Iterator[tuple[str, str, str]]:
    """Yield the rules of how large a limit may be, one for each bounds that metrics have."""
    for bounds in dict.fromkeys(each.bounds for each in MEASURES.values()):
        names = [each.name for each in MEASURES.values() if each.bounds == bounds]
        least = ">" if bounds.open else ">="
        inside = f"self.limit {least} {bounds.low} && self.limit <= {bounds.high}"
        others = f"!self.metrics.exists(m, m in {names})"
        yield f"!has(self.limit) || {others} || ({inside})", bounds.remedy, ".limit"


class RequiredGate(
    Floor,
    json_schema_extra=rules(
        *map(_of_type, GATE_TYPES),
        *_ways(),
        *_bounds(),
        (
            (
                "self.type == 'Fairness' || has(self.margin) || "
                "(size(self.groups) == 0 && size(self.intersections) == 0)"
            ),
            "groups and intersections are for Fairness gates, and for a margin: remove them",
            ".groups",
        ),
        (
            "self.type == 'Fairness' || !(has(self.comparison) || has(self.against))",
            "comparison and against are for Fairness gates: remove them",
        ),
        (
            "self.type == 'Performance' || !has(self.margin)",
            "margin is of nonInferiority, which Performance gates have: remove it",
            ".margin",
        ),
        (
            "self.type != 'Fairness' || !has(self.limit) || has(self.comparison)",
            "say of what limit is: set comparison to Difference or to Ratio",
            ".comparison",
        ),
    ),
):
    """A gate that a model must have, whatever it calls that gate. It must be a required one."""

    name: GroupName
    """The name by which messages call it."""
    type: GateType
    """The type of the gate."""
    metrics: Annotated[list[MeasureName], Field(min_length=1, max_length=32, json_schema_extra=SET)]
    """What it measures: one of these."""
    groups: Annotated[list[Declared], Field(max_length=16, json_schema_extra=SET)] = []
    """Groups that it must compare, each of them."""
    intersections: Annotated[list[Intersection], Field(max_length=16)] = []
    """Combinations of groups that it must compare, each of them."""
    comparison: Literal["Difference", "Ratio"] | None = None
    """How a Fairness gate must compare two rates; either way where it is left out."""
    against: Literal["Rest", "Best", "Reference"] | None = None
    """With whom a Fairness gate must compare each group; with anybody where it is left out."""
    limit: float | None = None
    """The most lenient limit: the largest difference, time or value of a metric of which lower is better, the
    smallest ratio or value of one of which higher is."""
    tolerance: Annotated[float, Field(ge=0)] | None = None
    """The largest tolerance, of metrics that have one."""
    margin: Margin | None = None
    """The largest margin of nonInferiority, which the gate then must have."""
    assurance: Literal["Proven", "NotRefuted"] = "NotRefuted"
    """With Proven the gate must be Proven, too."""
    confidence: Confidence | None = None
    """The least confidence."""
    min_positives: Annotated[int, Field(ge=1)] | None = None
    """The least minPositives."""
    min_negatives: Annotated[int, Field(ge=1)] | None = None
    """The least minNegatives."""
    min_rows: Annotated[int, Field(ge=1)] | None = None
    """The least minRows, of metrics of outcomes that have no positive cases; a gate without it has 40."""


class DataFloor(Floor):
    """What the held-out data must be."""

    digest: bool = False
    """Whether evaluation.data.digest must say which bytes they are."""
    uri_prefixes: Annotated[
        list[
            Annotated[
                str,
                Field(
                    min_length=1,
                    max_length=1024,
                    json_schema_extra=matching(
                        _PREFIX,
                        "a prefix is the beginning of a uri up to a /, as in s3://held-out/cardiology/",
                    ),
                ),
            ]
        ],
        Field(max_length=32, json_schema_extra=SET),
    ] = []
    """Where they must lie: evaluation.data.uri begins with one of these. Where evaluation.data.endpoint is set, that
    with bucket or container and path does, as in `https://minio.example/held-out/`. Anywhere where none is named."""
    min_cell_size: MinCellSize | None = None
    """The least evaluation.minCellSize."""


class RolloutFloor(Floor):
    """How carefully a new revision must take over."""

    max_first_weight: Annotated[int, Field(ge=1, le=100)] | None = None
    """The largest first weight above 0, in percent. Without a step that sets one the first weight is 100."""
    min_pause: Deadline | None = None
    """For so long the rollout must pause at its first weight: by pause steps with that duration together, or by one
    without a duration, which waits for a person."""
    min_requests: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """The least evidence.minRequests at each weight."""


class OverrideFloor(Floor):
    """What an Override may do."""

    longest: Duration | None = None
    """For so long an Override may hold at most; with 0s none does."""
    failed: Literal["Allowed", "Refused"] = "Allowed"
    """Whether it may let pass what has Failed, and not only what has no verdict."""


class MonitoringFloor(Floor):
    """How a model must be watched."""

    policy: bool = False
    """Whether monitoring.policyRef must name a MonitoringPolicy."""
    sidecar: bool = False
    """Whether monitoring.sidecar must be On."""
    evaluate_every: Hour | None = None
    """What serves must be measured again so often at least (evaluation.every)."""


CardField: TypeAlias = Literal[
    "users",
    "population",
    "outOfScope",
    "clinicalOwner",
    "label",
    "trainingData",
    "limitations",
    "references",
    "regulatory",
]
"""A field of a card that may be left out."""


class CardFloor(Floor):
    """What the card must say."""

    required: Annotated[list[CardField], Field(max_length=16, json_schema_extra=SET)] = []
    """Fields that must be there."""
    risk_classes: Annotated[list[RiskClass], Field(max_length=4, json_schema_extra=SET)] = []
    """The only risk classes that models here may have; any where none is named."""


class ClinicalStandardSpec(Floor):
    """The floor for the models that a standard applies to. Several standards that apply to one model count together."""

    applies_to: AppliesTo = AppliesTo()
    """The models that it is for; all of the cluster where nothing is said."""
    gates: Annotated[
        list[RequiredGate], Field(max_length=32, json_schema_extra=list_map("name", "gates"))
    ] = []
    """Gates that a model must have."""
    data: DataFloor = DataFloor()
    """What the held-out data must be."""
    rollout: RolloutFloor = RolloutFloor()
    """How carefully a new revision must take over."""
    overrides: OverrideFloor = OverrideFloor()
    """What an Override may do."""
    monitoring: MonitoringFloor = MonitoringFloor()
    """How a model must be watched."""
    card: CardFloor = CardFloor()
    """What the card must say."""


class ClinicalStandard(Resource):
    """The floor for models of some risk classes and namespaces: what is below it gets no more requests."""

    metadata: ObjectMeta
    spec: ClinicalStandardSpec


def named(standards: Collection[ClinicalStandard]) -> str:
    """Return the names of some standards, in their order."""
    return ", ".join(sorted(one.metadata.name for one in standards))
