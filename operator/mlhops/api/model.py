"""ClinicalModel: one clinical model, from its card to its rollout."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from mlhops.api.base import (
    Deadline,
    Duration,
    Hour,
    ObjectMeta,
    ObjectName,
    Resource,
    matching,
    rules,
)
from mlhops.api.card import Card
from mlhops.api.data import DataSource, ReportSink
from mlhops.api.gate import Gates
from mlhops.api.interface import SET, Interface
from mlhops.api.predictor import Predictor, Resources
from mlhops.api.status import ClinicalModelStatus
from mlhops.api.step import Evidence, Pause, Step
from mlhops.measures.measure import MEASURES
from mlhops.small_cells import MIN_CELL_SIZE, MinCellSize
from mlhops.tasks.task import TASKS

_HOST = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_PATH = r"^/([-A-Za-z0-9._~!$&()*+,;=:@/]|%[0-9a-fA-F]{2})*$"
_CROOKED = r"//|/[.]{1,2}(/|$)|%2[fFeE]|%5[cC]"
_VERSION = r"^[A-Za-z0-9]([A-Za-z0-9._+-]*[A-Za-z0-9])?$"


class Gateway(Resource):
    """The Gateway through which callers reach the model."""

    name: ObjectName
    """The Gateway's name."""
    namespace: ObjectName | None = None
    """The Gateway's namespace; the model's own where it is left out."""
    hostnames: Annotated[
        list[
            Annotated[
                str,
                Field(
                    min_length=1,
                    max_length=253,
                    pattern=_HOST,
                    json_schema_extra=matching(
                        _HOST,
                        "a host name is lower case and has no scheme, port or path: "
                        "write it like sepsis.models.example",
                    ),
                ),
            ]
        ],
        Field(min_length=1, max_length=16, json_schema_extra=SET),
    ]
    """The host names that callers use."""


class CallersPath(
    Resource,
    json_schema_extra=rules(
        (
            "self.type != 'PathPrefix' || self.value == '/' || !self.value.endsWith('/')",
            "a prefix has no / at its end, and takes all that is below it: write it like /v2/health",
            ".value",
        ),
    ),
):
    """A path that callers may ask for beside the model's own, in Gateway API's terms."""

    type: Literal["Exact", "PathPrefix"] = "Exact"
    """Exact, the default, is that path alone; PathPrefix is all that lies below it as well."""
    value: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            json_schema_extra=rules(
                (
                    f"self.matches(r'{_PATH}')",
                    (
                        "a path begins with / and has neither a query nor blanks: write it like "
                        "/v2/health/ready"
                    ),
                ),
                (
                    f"!self.matches(r'{_CROOKED}')",
                    (
                        "a path must not have //, /./, /../ or an encoded / or dot, which Gateways read "
                        "in different ways: write the path that is meant"
                    ),
                ),
            ),
        ),
    ]
    """The path, such as `/v2/health/ready`. `/` with type PathPrefix lets in everything that the model
    server answers, also the API that unloads the model."""
    method: Literal["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] | None = None
    """The only method that is let in; each one where it is left out."""


class Exposure(
    Resource,
    json_schema_extra=rules(
        (
            "self.mode != 'Standard' || has(self.gateway)",
            "gateway is required in mode Standard: it carries the weights of a rollout",
            ".gateway",
        ),
        (
            "self.mode == 'Standard'",
            "mode Knative is not supported yet: leave mode out, or set Standard",
            ".mode",
        ),
    ),
):
    """How callers reach the model."""

    mode: Literal["Standard", "Knative"] = "Standard"
    """KServe's deployment mode. Knative is not supported yet."""
    gateway: Gateway | None = None
    """The Gateway that callers go through; the operator writes an HTTPRoute for it."""
    paths: Annotated[list[CallersPath], Field(max_length=32)] = []
    """Paths that callers may ask for beside the model's own. Its own are, by protocolVersion, for v2
    GET `/v2/models/<name>`, GET `/v2/models/<name>/ready` and POST `/v2/models/<name>/infer`, and for v1
    GET `/v1/models/<name>`, POST `/v1/models/<name>:predict` and POST `/v1/models/<name>:explain`."""
    response_headers: Literal["On", "Off"] = "On"
    """Whether answers say who gave them, by the headers mlhops-model, mlhops-version and
    mlhops-revision, which the Gateway sets. On by default; Off is for a Gateway that cannot."""


class EvaluationSettings(
    Resource,
    json_schema_extra=rules(
        (
            "self.gates.exists(g, g.type == 'Fairness' && g.required)",
            "at least one gate must be a required Fairness gate: no model is promoted without one",
            ".gates",
        ),
        (
            (
                "self.gates.filter(g, g.primary).size() == 1 || (!self.gates.exists(g, g.primary) && "
                "self.gates.filter(g, g.type == 'Fairness' && g.required).size() <= 1)"
            ),
            (
                "of several required Fairness gates exactly one is the primary measure: set primary "
                "to true for that one and no other, and the others to required: false where they only "
                "inform"
            ),
            ".gates",
        ),
    ),
):
    """The gates that a revision must pass before it gets any traffic."""

    data: DataSource
    """The held-out data."""
    gates: Gates
    """What is measured on it, and what is good enough."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 20
    """The seed of the bootstrap: the same data and seed give the same verdict."""
    min_cell_size: MinCellSize = MIN_CELL_SIZE
    """Counts below this are suppressed in status, logs and reports."""
    deadline: Deadline = "30m"
    """How long one run of the gates may take; a run that takes longer is an Error."""
    service_account_name: ObjectName | None = None
    """The ServiceAccount whose credentials read the data; the evaluator gets no access to the
    API."""
    resources: Resources | None = None
    """What the evaluator may use of a node. Of cpu or memory that is not named here the operator's own request and
    limit count (`evaluator.resources` of the chart): 100m and 512Mi are requested, and 4Gi of memory are the limit."""
    report: ReportSink | None = None
    """Where each Evaluation's report goes; one that cannot be stored changes no verdict."""
    every: Hour | None = None
    """How often what serves is measured again on the held-out data; never where it is left out. A change of the
    gates, their data or groups, and a Decision Evaluate, have it measured at once."""
    on_stable_failure: Literal["Alert", "Restore"] = "Alert"
    """What happens when what serves Fails that: Alert tells people, and it serves on. Restore goes back to the
    previous revision, where that is kept, well, and proven by the same gates; otherwise it is as Alert."""


class Rollout(
    Resource,
    json_schema_extra=rules(
        (
            "self.steps.filter(s, has(s.setWeight)).map(s, s.setWeight).isSorted()",
            "setWeight must not go down from one step to the next: put the steps in order",
            ".steps",
        ),
    ),
):
    """How a new revision takes over."""

    steps: Annotated[list[Step], Field(max_length=32)] = [
        Step(set_weight=10),
        Step(pause=Pause()),
    ]
    """By default ten percent, and then a person decides. With none a revision that passes its gates
    takes over at once. On a first deployment there is nothing to weigh against or to pause beside,
    so setWeight, pause and observe are passed over; evaluate and approve hold."""
    evidence: Evidence = Evidence()
    """What live requests must have shown before a step with a weight is done."""
    progress_deadline: Deadline = "10m"
    """How long a candidate may take to become ready, and a weight to be accepted by the Gateway."""
    on_failure: Literal["Rollback", "Pause"] = "Rollback"
    """Rollback removes a failed candidate; Pause keeps it at weight 0 for a person to look at."""
    keep_previous: Duration = "7d"
    """How long the last stable revision stays with its pods, so that going back to it is instant."""
    paused: bool = False
    """Hold the rollout where it is."""


class PolicyRef(Resource):
    """A MonitoringPolicy in the same namespace."""

    name: ObjectName
    """The policy's name."""


class Monitoring(Resource):
    """How the model is watched."""

    policy_ref: PolicyRef | None = None
    """The policy that says how inputs and scores are watched; without one nobody looks for drift."""
    sidecar: Literal["On", "Off"] = "On"
    """Whether a sidecar counts requests and failures beside each model server. It is part of a revision:
    with `"Off"` (in quotes, since YAML takes the bare word for false) the next one comes without, and nobody
    knows whether it answers its callers."""


_SCORED = [each.name for each in MEASURES.values() if each.scored]
_RISKS = [each.name for each in MEASURES.values() if each.how.needs_answer == "Probability"]


def listed(names: Sequence[str]) -> str:
    """Return two or more names as a sentence has them."""
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _metrics() -> Iterator[tuple[str, str, str]]:
    """Yield the rules of which metrics the gates of a task may have."""
    for task in TASKS.values():
        names = [each.name for each in MEASURES.values() if task.name in each.tasks]
        yield (
            f"self.interface.task != '{task.name}' || self.evaluation.gates.all(g, g.metric in {names})",
            (
                f"a gate has a metric that a {task.name} model has none of; it has {listed(names)}: change the gate's "
                "metric, or set interface.task to what the model predicts"
            ),
            ".evaluation.gates",
        )


class ClinicalModelSpec(
    Resource,
    json_schema_extra=rules(
        *_metrics(),
        (
            (
                "self.evaluation.gates.all(g, !has(g.across) || g.across.groups.all(n, "
                "self.interface.groups.exists(d, d.name == n)))"
            ),
            (
                "evaluation.gates[].across.groups names a group that interface.groups does not "
                "declare: declare it there"
            ),
            ".evaluation.gates",
        ),
        (
            (
                "self.evaluation.gates.all(g, !has(g.across) || g.across.intersections.all(i, "
                "i.all(n, "
                "self.interface.groups.exists(d, d.name == n))))"
            ),
            (
                "evaluation.gates[].across.intersections names a group that interface.groups "
                "does not declare: "
                "declare it there"
            ),
            ".evaluation.gates",
        ),
        (
            f"self.interface.output.type != 'Class' || !self.evaluation.gates.exists(g, g.metric in {_SCORED})",
            f"{listed(_SCORED)} need a score, and an output of type Class has none: remove the gate, or serve a score",
            ".evaluation.gates",
        ),
        (
            f"self.interface.output.type != 'Score' || !self.evaluation.gates.exists(g, g.metric in {_RISKS})",
            (
                f"{listed(_RISKS)} need a probability, and an output of type Score is none: remove the gate, or "
                "serve a Probability"
            ),
            ".evaluation.gates",
        ),
    ),
):
    """What is served, to whom, and on what evidence."""

    version: Annotated[
        str,
        Field(
            pattern=_VERSION,
            max_length=63,
            json_schema_extra=matching(
                _VERSION,
                "a version begins and ends with a letter or digit, and has only those and . _ + - "
                "in between: write it like 2.1.0",
            ),
        ),
    ]
    """The clinical version. A new one is a new revision, and goes through the gates."""
    card: Card
    """What a clinician must know before relying on the model."""
    predictor: Predictor
    """The model server, in KServe's own terms."""
    interface: Interface
    """The contract between the model and its callers."""
    exposure: Exposure
    """How callers reach the model."""
    evaluation: EvaluationSettings
    """The gates that a revision must pass before it gets any traffic."""
    rollout: Rollout = Rollout()
    """How a new revision takes over."""
    monitoring: Monitoring | None = None
    """How the model is watched."""

    @property
    def policy(self) -> str | None:
        """The name of the MonitoringPolicy that watches the model."""
        watched = self.monitoring.policy_ref if self.monitoring is not None else None
        return watched.name if watched is not None else None


class ClinicalModel(Resource):
    """One clinical model: its card, what serves it, and the gates that each version must pass."""

    metadata: ObjectMeta
    spec: ClinicalModelSpec
    status: ClinicalModelStatus = ClinicalModelStatus()
