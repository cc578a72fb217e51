"""Gates, the data they are measured on, and the Evaluation that records one run of them."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from mlhops.api.base import GivenTime, ObjectMeta, Resource, Time, list_map, rules
from mlhops.api.data import DataSource, ReportSink, StoredReport
from mlhops.api.interface import SET, GroupName, Interface

Name = GroupName


class EvaluationPhase(StrEnum):
    """Phases of an Evaluation and of each of its gates (the words of Argo Rollouts'
    AnalysisRun)."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    INCONCLUSIVE = "Inconclusive"
    ERROR = "Error"


FINISHED = frozenset(
    {
        EvaluationPhase.SUCCESSFUL,
        EvaluationPhase.FAILED,
        EvaluationPhase.INCONCLUSIVE,
        EvaluationPhase.ERROR,
    }
)


Intersection = Annotated[list[Name], Field(min_length=1, max_length=4, json_schema_extra=SET)]


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
    """The groups over which a fairness gate compares."""

    groups: Annotated[list[Name], Field(max_length=16, json_schema_extra=SET)] = []
    """Groups declared in `spec.interface.groups`; each is compared value by value."""
    intersections: Annotated[list[Intersection], Field(max_length=16)] = []
    """Combinations of groups, such as `[sex, ageBand]`; each combination of values is a group of
    its own."""


class FairnessMetric(StrEnum):
    """Rates whose largest gap between a group and everybody else is bounded."""

    FALSE_NEGATIVE_RATE = "FalseNegativeRate"
    FALSE_POSITIVE_RATE = "FalsePositiveRate"
    SELECTION_RATE = "SelectionRate"


class PerformanceMetric(StrEnum):
    """Measures of the whole model."""

    AUROC = "AUROC"


_FAIRNESS = ", ".join(f"'{metric}'" for metric in FairnessMetric)
_PERFORMANCE = ", ".join(f"'{metric}'" for metric in PerformanceMetric)


class Gate(
    Resource,
    json_schema_extra=rules(
        (
            f"self.type != 'Fairness' || self.metric in [{_FAIRNESS}]",
            f"metric of a Fairness gate must be one of {_FAIRNESS}".replace("'", ""),
            ".metric",
        ),
        (
            f"self.type != 'Performance' || self.metric in [{_PERFORMANCE}]",
            f"metric of a Performance gate must be one of {_PERFORMANCE}".replace("'", ""),
            ".metric",
        ),
        (
            "has(self.across) == (self.type == 'Fairness')",
            (
                "a Fairness gate needs across (the groups that it compares); a Performance gate "
                "takes none"
            ),
            ".across",
        ),
    ),
):
    """One condition that a revision must meet before it gets any traffic."""

    name: Name
    """The gate's name, unique in the model; Decisions with action Override refer to it."""
    type: Literal["Fairness", "Performance"]
    """Fairness bounds the gap of a rate between groups; Performance bounds a measure of the whole
    model."""
    metric: Literal["FalseNegativeRate", "FalsePositiveRate", "SelectionRate", "AUROC"]
    """What is measured."""
    across: Across | None = None
    """The groups that a Fairness gate compares."""
    limit: Annotated[
        float,
        Field(
            json_schema_extra=rules(
                (
                    "self >= 0.0 && self <= 1.0",
                    "limit must be between 0 and 1: write 0.1 for ten percentage points",
                )
            )
        ),
    ]
    """Fairness: the largest acceptable gap. Performance: the worst acceptable value. Between 0 and
    1."""
    assurance: Literal["Proven", "NotRefuted"] = "Proven"
    """Proven passes only if the whole interval is within the limit; NotRefuted unless it is wholly
    beyond."""
    confidence: Annotated[
        float,
        Field(
            json_schema_extra=rules(  # the server's own message would round the bounds to 0
                (
                    "self >= 0.5 && self <= 0.999",
                    "confidence must be between 0.5 and 0.999: write 0.95 for 95 %",
                )
            )
        ),
    ] = 0.95
    """Simultaneous confidence level of the gate's intervals."""
    min_positives: Annotated[int, Field(ge=1)] = 20
    """Groups with fewer true positives and false negatives together cannot be judged."""
    min_negatives: Annotated[int, Field(ge=1)] = 20
    """Groups with fewer true negatives and false positives together cannot be judged."""
    required: bool = True
    """Whether the gate blocks the rollout; an advisory gate is measured and reported only."""


Gates = Annotated[
    list[Gate],
    Field(min_length=1, max_length=32, json_schema_extra=list_map("name", "gates")),
]


class EvaluationSpec(Resource):
    """All that determines a verdict, so that a run can be repeated years later."""

    model: Annotated[str, Field(min_length=1, max_length=63)]
    """The ClinicalModel."""
    revision: Annotated[str, Field(min_length=1, max_length=63)]
    """The revision that is measured."""
    version: Annotated[str, Field(min_length=1, max_length=63)]
    """The clinical version of that revision."""
    candidate_since: GivenTime | None = None
    """When the revision became the candidate; what an earlier candidacy measured is no evidence for this one."""
    endpoint: Annotated[str, Field(min_length=1, max_length=1024)]
    """The base URL at which the revision is served."""
    protocol_version: Literal["v1", "v2"] = "v2"
    """KServe's inference protocol."""
    interface: Interface
    """The model's inputs, output and groups at the time."""
    data: DataSource
    """The held-out data."""
    gates: Gates
    """The gates that are measured."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """The seed of the bootstrap."""
    min_cell_size: Annotated[int, Field(ge=1, le=1000)] = 10
    """Counts below this are suppressed wherever they would be shown."""
    report: ReportSink | None = None
    """Where the report goes; no part of what determines the verdict."""


class GroupEstimate(Resource):
    """What a gate measured for one group."""

    group: str
    """The group's name and value, such as `sex=F` or `sex=F,ageBand=70-80`."""
    rows: int | None = None
    """Rows in the group; absent where suppressed."""
    positives: int | None = None
    """Rows with a positive label; absent where suppressed."""
    negatives: int | None = None
    """Rows with a negative label; absent where suppressed."""
    rate: float | None = None
    """The group's own rate."""
    rest: float | None = None
    """The rate of everybody else."""
    gap: float | None = None
    """The absolute difference between the two."""
    lower: float | None = None
    """Lower bound of the gap's simultaneous interval."""
    upper: float | None = None
    """Upper bound of the gap's simultaneous interval."""
    phase: EvaluationPhase
    """The verdict on this group alone."""


class GateResult(Resource):
    """The verdict of one gate, with what it rests on."""

    name: str
    """The gate."""
    phase: EvaluationPhase
    message: str = ""
    """The verdict in a sentence."""
    required: bool = True
    """Whether the gate blocks the rollout."""
    estimate: float | None = None
    """The largest gap, or the measure of the whole model."""
    lower: float | None = None
    """Lower bound of its interval."""
    upper: float | None = None
    """Upper bound of its interval."""
    limit: float | None = None
    """The limit that it was held against."""
    worst_group: str | None = None
    """The group with the largest gap."""
    groups: list[GroupEstimate] = []
    """What was measured for each group."""


class EvaluationStatus(Resource):
    """What one run of the gates found."""

    phase: EvaluationPhase = EvaluationPhase.PENDING
    message: str = ""
    """What was found, in a sentence."""
    passed: str | None = None
    """Gates passed of gates measured, such as `2/3`."""
    gates: Annotated[
        list[GateResult],
        Field(
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            }
        ),
    ] = []
    """The verdict of each gate."""
    rows: int | None = None
    """Rows that were scored."""
    data_digest: str | None = None
    """sha256 of the data that was read."""
    report: StoredReport | None = None
    """Where the report is, or why there is none."""
    seed: int | None = None
    """The seed that the bootstrap used."""
    evaluator: str | None = None
    """Version of the evaluator."""
    started_at: Time | None = None
    """When the evaluator started."""
    finished_at: Time | None = None
    """When the verdict was there."""
    observed_generation: int = 0
    """The generation of the spec that this status is about."""


class Evaluation(Resource):
    """One run of the gates on one revision."""

    metadata: ObjectMeta
    spec: EvaluationSpec
    status: EvaluationStatus = EvaluationStatus()
