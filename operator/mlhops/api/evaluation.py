"""The Evaluation, which records one run of the gates, and the data that it is made on."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from mlhops.api.base import Fingerprint, GivenTime, ObjectMeta, Resource, Time
from mlhops.api.data import DataSource, ReportSink, StoredReport
from mlhops.api.gate import Gates
from mlhops.api.interface import Interface
from mlhops.api.profile import StoredProfile
from mlhops.small_cells import MIN_CELL_SIZE, MinCellSize, SmallCells


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


class StableRevision(Resource):
    """The revision that serves while another is evaluated, to which that one must not be inferior."""

    revision: Annotated[str, Field(min_length=1, max_length=63)]
    """The revision that serves."""
    digest: Fingerprint | None = None
    """The sha256 of what it serves."""
    version: Annotated[str, Field(min_length=1, max_length=63)]
    """Its clinical version."""
    endpoint: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """The base URL at which it is served; absent where it, or how it must be asked, is not known."""
    protocol_version: Literal["v1", "v2"] = "v2"
    """The protocol that it speaks."""
    interface: Interface | None = None
    """Its inputs, output and groups, where they are not those of the revision that is measured."""


class EvaluationSpec(Resource):
    """All that determines a verdict, so that a run can be repeated years later."""

    model: Annotated[str, Field(min_length=1, max_length=63)]
    """The ClinicalModel."""
    revision: Annotated[str, Field(min_length=1, max_length=63)]
    """The revision that is measured."""
    digest: Fingerprint | None = None
    """The sha256 of what that revision serves."""
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
    stable: StableRevision | None = None
    """The revision that serves, where a gate compares with it; absent on a first deployment."""
    server: Annotated[list[Annotated[str, Field(max_length=512)]], Field(max_length=64)] = []
    """What answers as this is asked for: the digest of each container's image, and of the runtime."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """The seed of the bootstrap."""
    min_cell_size: MinCellSize = MIN_CELL_SIZE
    """Counts below this are suppressed wherever they would be shown."""
    report: ReportSink | None = None
    """Where the report goes; no part of what determines the verdict."""
    profile: bool = False
    """Whether the evaluator also makes the revision's profile, with which monitoring compares; no
    part of what determines the verdict."""

    @property
    def cells(self) -> SmallCells:
        """Which counts are told."""
        return SmallCells(self.min_cell_size)


HonoursNames = Literal["True", "False", "Refused", "Unknown"]
"""Whether a model goes by the names of its inputs: of the same rows with the features in another order it
gives the same answers (True) or others (False), or the server refuses them. Unknown where names are
not sent, or the answers do not depend on which value is whose."""


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
    """The group's own value."""
    rest: float | None = None
    """The value of those whom it is compared with: everybody else, another group, or the stable
    revision."""
    gap: float | None = None
    """What the gate compares: the absolute difference of the two, their ratio (the smaller by the
    larger), or how much worse than the stable revision the candidate is."""
    lower: float | None = None
    """Lower bound of the gap's simultaneous interval."""
    upper: float | None = None
    """Upper bound of the gap's simultaneous interval."""
    phase: EvaluationPhase
    """The verdict on this group alone."""


class Needed(Resource):
    """About how many more cases would decide a gate that these data cannot decide."""

    group: str | None = None
    """The group that lacks them; absent where several do, or the whole data."""
    more: int
    """How many more in all, rounded up."""
    each: int | None = None
    """How many each group then has at least, where several lack them."""
    cases: str
    """Cases of which kind: `positives`, `negatives`, `rows`, `called positive`, `called negative`."""


class GateResult(Resource):
    """The verdict of one gate, with what it rests on."""

    name: str
    """The gate."""
    phase: EvaluationPhase
    message: str = ""
    """The verdict in a sentence."""
    required: bool = True
    """Whether the gate blocks the rollout."""
    primary: bool = False
    """Whether it is the primary fairness gate: the one that is declared so, else the only required one."""
    metric: str | None = None
    """What was measured."""
    estimate: float | None = None
    """The worst gap, or the measure of the whole model."""
    lower: float | None = None
    """Lower bound of its interval."""
    upper: float | None = None
    """Upper bound of its interval."""
    limit: float | None = None
    """The limit that it was held against."""
    worst_group: str | None = None
    """The group with the worst gap."""
    groups: list[GroupEstimate] = []
    """What was measured for each group."""
    needed: Needed | None = None
    """What would decide it, where these data cannot."""


class EvaluationStatus(Resource):
    """What one run of the gates found."""

    phase: EvaluationPhase = EvaluationPhase.PENDING
    message: str = ""
    """What was found, in a sentence."""
    final: bool | None = None
    """Of an Error: no other run ends otherwise, before the spec, the data or the model is changed."""
    passed: str | None = None
    """Required gates that passed, of all required ones, such as `2/3`."""
    primary: str | None = None
    """What the primary fairness gate found: the worst group, its gap and the limit."""
    gates: Annotated[
        list[GateResult],
        Field(
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            }
        ),
    ] = []
    """The verdict of each gate, the primary one first."""
    rows: int | None = None
    """Rows that were scored."""
    data_digest: str | None = None
    """sha256 of the data that was read."""
    report: StoredReport | None = None
    """Where the report is, or why there is none."""
    profile: StoredProfile | None = None
    """Which profile monitoring compares with, or why there is none."""
    honours_names: HonoursNames | None = None
    """Whether the model goes by the names of its inputs, so that callers may send them in any order."""
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


def headline(gates: Sequence[GateResult]) -> str | None:
    """Return what the primary gate found in a few words, such as `sex=F 0.34, limit 0.15`."""
    for gate in gates:
        if gate.primary and gate.estimate is not None and gate.limit is not None:
            return f"{gate.worst_group} {gate.estimate:.2g}, limit {gate.limit:g}"
        if gate.primary:
            return f"not measured, limit {gate.limit:g}" if gate.limit is not None else None
    return None


class Evaluation(Resource):
    """One run of the gates on one revision."""

    metadata: ObjectMeta
    spec: EvaluationSpec
    status: EvaluationStatus = EvaluationStatus()
