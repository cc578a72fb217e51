"""A cluster in memory: it applies plans write by write, and plays everybody else who acts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.api.decision import Action, Decision
from mlhops.api.evaluation import FINISHED, Evaluation, EvaluationPhase
from mlhops.api.model import ClinicalModel
from mlhops.api.status import Candidate, ClinicalModelStatus
from mlhops.kserve.names import detector_map
from mlhops.kserve.servers import Server
from mlhops.kserve.state import ReadyPod
from mlhops.rollout.intents import (
    AnswerDecision,
    ConfigureDetector,
    EnsureEvaluation,
    EnsureService,
    Event,
    Intent,
    Plan,
    PostCloudEvent,
    ReleaseRecord,
    Remove,
    SetTraffic,
    StartRetraining,
)
from mlhops.rollout.monitoring.drift_snapshot import Monitored, ServingLook
from mlhops.rollout.observed import Hostnames, Observed, Record, Retraining, Route, Service
from mlhops.rollout.plan import plan
from mlhops.rollout.revisions.identity import target_of
from mlhops.rollout.revisions.revision import service_name
from mlhops.rollout.standards.applying import NO_STANDARDS, Standards
from mlhops.routing.gateway_api import GatewayRouter
from mlhops.routing.router import Router
from mlhops.routing.traffic import Traffic
from testkit.builders import clinical_model, with_path
from tests.unit.rollout.judge import Judge

START = datetime(2030, 1, 1, 8, 0, 0, 250_000, tzinfo=UTC)
NAME = "sepsis"
GATE = "equal-misses"
ADA = "ada@hospital.example"
SERVER = Server(("ClusterServingRuntime/sklearn=sha256:2", "kserve-container=sha256:1"))
_NEW = ("stepId", "seen", "digest", "gatesHash", "stepsHash")


class Crash(Exception):
    """The operator dies."""


class Conflict(Exception):
    """The object is no longer the one that was planned on."""


@dataclass
class LiveRoute:
    """The HTTPRoute, and what the Gateway does with it."""

    weights: dict[str, int]
    generation: int = 1
    accepted_generation: int = 0
    accepted: bool = False
    in_force: dict[str, int] = field(default_factory=dict)
    message: str = ""
    current: bool = True
    foreign: bool = False
    unanswered: str = ""


class World:
    """Holds what the API server would hold; everything goes through JSON, as it would there."""

    router: Router = GatewayRouter()

    def __init__(self, steps: list[Json] | None = None, **changes: Json) -> None:
        """Begin with one ClinicalModel that the operator has not seen yet."""
        self.now = START
        self.ahead = timedelta(0)
        """How far the operator's clock is ahead of the API server's."""
        self.manifest = clinical_model({"metadata.uid": "uid-model", "metadata.generation": 1})
        self.version = 1
        self.services: dict[str, Service] = {}
        self.route: LiveRoute | None = None
        self.evaluations: dict[str, Manifest] = {}
        self.decisions: dict[str, Manifest] = {}
        self.revisions: dict[str, str] = {}
        """The digest of what each record says, by revision."""
        self.stale: set[str] = set()
        """Revisions whose record is to be made anew."""
        self.owned_records: set[str] = set()
        """Revisions whose record is to outlive the model and does not yet."""
        self.config_maps: dict[str, str] = {}
        """The windows that each detector's ConfigMap has, by its name."""
        self.windows = "hour"
        """The windows that the policy asks for."""
        self.gateway_exists = self.kserve_installed = self.gateway_api_installed = True
        self.hostnames = Hostnames()
        self.unprogrammed = ""
        """Why the Gateway takes no requests."""
        self.monitored: Monitored | None = None
        self.standards: Standards = NO_STANDARDS
        """Those that apply, or why nobody knows."""
        self.serving: ServingLook | None = None
        self.jobs: dict[str, Manifest] = {}
        """Jobs that retrain, by name."""
        self.trainings: dict[str, Retraining] = {}
        """What became of these Jobs."""
        self.notices: list[Manifest] = []
        """CloudEvents that were posted."""
        self.reading = False
        """Whether the operator has begun and reads Evaluations still: it knows those that it asked for by name."""
        self.gateway: str = "prompt"
        """prompt, silent, or the message with which it refuses."""
        self.kserve_prompt = self.evaluator_prompt = True
        self.room = 1000
        """For so many pods of an InferenceService there is room."""
        self.slow_deletion = False
        self.verdict = EvaluationPhase.SUCCESSFUL
        self.final = False
        """Whether an Error is one that no other run ends otherwise."""
        self.events: list[Event] = []
        self.writes: list[Intent | ClinicalModelStatus] = []
        self.crash_after: int | None = None
        """The number of the write after which the operator dies, once."""
        self._decided = 0
        self._parsed: tuple[Manifest, ClinicalModel] | None = None
        self._read: dict[str, tuple[Manifest, Evaluation]] = {}
        """Evaluations by name, with what each was read from: what is replaced is read again."""
        self.judge = Judge()
        if steps is not None:
            self.edit({"spec.rollout.steps": steps})
        self.edit({"spec.rollout.keepPrevious": "1h", **changes})

    # --- the operator -------------------------------------------------------------------------

    @property
    def model(self) -> ClinicalModel:
        """The ClinicalModel as it is now."""
        if self._parsed is None or self._parsed[0] is not self.manifest:
            meta = {**cast(Manifest, self.manifest["metadata"])}
            meta["resourceVersion"] = self.resource_version
            parsed = ClinicalModel.model_validate({**self.manifest, "metadata": meta})
            self._parsed = (self.manifest, parsed)
        return self._parsed[1]

    @property
    def resource_version(self) -> str:
        """The model's; between two of them there is room for those of Decisions."""
        return str(self.version * 10_000)

    @property
    def status(self) -> ClinicalModelStatus:
        """The model's status."""
        return self.model.status

    @property
    def candidate(self) -> Candidate:
        """The candidate, which must exist."""
        found = self.status.candidate
        assert found is not None
        return found

    def observe(self) -> Observed:
        """Gather the facts, as the controller does."""
        evaluations = {name: self._evaluation(name) for name in self.evaluations}
        return Observed(
            model=self.model,
            router=self.router,
            services=dict(self.services) if self.kserve_installed else {},
            route=self._observed_route(),
            evaluations=evaluations,
            records={} if self.reading else {n: Record.of(e) for n, e in evaluations.items()},
            all_recorded=not self.reading,
            decisions=tuple(Decision.model_validate(d) for d in self.decisions.values()),
            recorded=dict(self.revisions),
            stale=frozenset(self.stale),
            owned_records=frozenset(self.owned_records),
            unconfigured=frozenset(
                revision
                for revision in {*self.revisions, self.target}
                if self.config_maps.get(detector_map(service_name(NAME, revision))) != self.windows
            ),
            config_maps={
                name: name.removeprefix(f"{NAME}-").removesuffix("-detector")
                for name in self.config_maps
            },
            gateway_exists=self.gateway_exists,
            hostnames=self.hostnames,
            unprogrammed=self.unprogrammed,
            kserve_installed=self.kserve_installed,
            gateway_api_installed=self.gateway_api_installed,
            monitored=self.monitored,
            standards=self.standards,
            serving=self.serving,
            retrainings=dict(self.trainings),
        )

    def _evaluation(self, name: str) -> Evaluation:
        manifest = self.evaluations[name]
        if name not in self._read or self._read[name][0] is not manifest:
            self._read[name] = manifest, Evaluation.model_validate(manifest)
        return self._read[name][1]

    def _observed_route(self) -> Route | None:
        route = self.route
        if route is None or not self.gateway_api_installed:
            return None
        seen = route.accepted_generation == route.generation
        return Route(
            traffic=Traffic(dict(route.weights)),
            accepted=route.accepted if seen else None,
            message=route.message,
            current=route.current,
            foreign=route.foreign,
            unanswered=route.unanswered,
        )

    def plan(self) -> Plan:
        """Plan on the world as it is."""
        return plan(self.observe(), self.now)

    def reconcile(self, meanwhile: Callable[[], None] | None = None) -> Plan:
        """Make one pass; something may happen between the look around and the writes."""
        seen = self.observe()
        decided = plan(seen, self.now)
        if meanwhile is not None:
            meanwhile()
        for item in (*decided.before, decided.status, *decided.after):
            if item is not None:
                self._write(item, seen.model)
        self.judge.told(decided)
        self.events += decided.events
        return decided

    def _write(self, item: Intent | ClinicalModelStatus, seen: ClinicalModel) -> None:
        if isinstance(item, ClinicalModelStatus):
            if seen.metadata.resource_version != self.resource_version:
                raise Conflict
            item = ClinicalModelStatus.model_validate(item.to_json())
        self.judge.before_write(self, item, seen)
        self.writes.append(item)
        self._apply(item)
        if len(self.writes) == self.crash_after:
            raise Crash

    def _apply(self, item: Intent | ClinicalModelStatus) -> None:
        if isinstance(item, ClinicalModelStatus):
            self.version += 1
            self.manifest = {**self.manifest, "status": item.to_json()}
            return
        match item:
            case EnsureService(revision):
                name = service_name(NAME, revision)
                about = target_of(self.model.spec, self.status, self.revisions)
                self.stale.discard(revision)
                if about.name == revision:
                    self.revisions.setdefault(revision, about.digest)
                self.config_maps[detector_map(name)] = self.windows
                fresh = Service(name=name, revision=revision, ready=None, server=SERVER)
                self.services[name] = replace(self.services.get(name, fresh), current=True)
            case ConfigureDetector(revision):
                self.config_maps[detector_map(service_name(NAME, revision))] = self.windows
            case SetTraffic(traffic):
                route = self.route or LiveRoute({}, generation=0)
                route.weights, route.current = dict(traffic.weights), True
                route.generation += 1
                self.route = route
            case EnsureEvaluation(name, spec):
                made = self.now.replace(microsecond=0).isoformat()
                self.evaluations.setdefault(
                    name,
                    {
                        "metadata": {"name": name, "creationTimestamp": made},
                        "spec": spec.to_json(),
                    },
                )
            case Remove(kind, name):
                self._remove(kind, name)
            case ReleaseRecord(revision):
                self.owned_records.discard(revision)
            case StartRetraining(_, job):
                self.jobs.setdefault(str(cast(Manifest, job["metadata"])["name"]), job)
            case PostCloudEvent(_, _, event):
                self.notices.append(event)
            case AnswerDecision(name, status):
                meta = {**cast(Manifest, self.decisions[name]["metadata"])}
                meta["resourceVersion"] = str(self.version * 10_000 + 5_000 + self._decided)
                told: Manifest = {"metadata": meta, "status": status.to_json()}
                self.decisions[name] = {**self.decisions[name], **told}

    def _remove(self, kind: str, name: str) -> None:
        if kind == "Evaluation":
            del self.evaluations[name]
        elif kind == "ConfigMap":
            del self.config_maps[name]
        elif kind == "ControllerRevision":
            del self.revisions[name.removeprefix(f"{NAME}-")]
        elif self.slow_deletion:
            self.services[name] = replace(self.services[name], deleting=True)
        else:
            del self.services[name]

    # --- everybody else -----------------------------------------------------------------------

    def edit(self, changes: Mapping[str, Json]) -> None:
        """Change fields of the spec, named by their path."""
        for path, value in changes.items():
            self.manifest = with_path(self.manifest, path, value)
        meta = cast(Manifest, self.manifest["metadata"])
        generation = cast(int, meta["generation"]) + (1 if changes else 0)
        self.version += 1
        self.manifest = {**self.manifest, "metadata": {**meta, "generation": generation}}

    def forget_new_fields(self) -> None:
        """Leave what an operator would have left that knew steps by their place and noted nothing."""
        status = {**cast(Manifest, self.manifest["status"])}
        status.pop("hold", None)
        candidate = {**cast(Manifest, status["candidate"])}
        for name in ("taken", "seen", "gatesHash", "stepsHash"):
            candidate.pop(name, None)
        candidate["deciders"] = [
            {key: value for key, value in decider.items() if key not in _NEW}
            for decider in cast("list[Manifest]", candidate["deciders"])
        ]
        self.manifest = {**self.manifest, "status": {**status, "candidate": candidate}}
        for name, decision in self.decisions.items():
            told = {**cast(Manifest, decision.get("status", {}))}
            told.pop("noted", None)
            self.decisions[name] = {**decision, **({"status": told} if told else {})}

    def release(self, version: str) -> str:
        """Ask for a version, and return its revision."""
        self.edit({"spec.version": version})
        return self.target

    @property
    def target(self) -> str:
        """The revision that the spec asks for."""
        return target_of(self.model.spec, self.status, self.revisions).name

    def decide(self, action: Action, revision: str | None = None, **fields: Json) -> str:
        """Make a Decision, on the present candidate unless said otherwise; return its name."""
        self._decided += 1
        name = f"decision-{self._decided}"
        made = (self.now - self.ahead).replace(microsecond=0).isoformat()
        found = self.status.candidate
        about = revision or (found.revision if found else self.target)
        self.decisions[name] = {
            "metadata": {
                "name": name,
                "uid": f"uid-{name}",
                "creationTimestamp": made,
                "resourceVersion": str(self.version * 10_000 + self._decided),
            },
            "spec": {
                "model": NAME,
                "revision": about,
                "action": action.value,
                "reason": "seen with the ward",
                "decidedBy": ADA,
                **fields,
            },
        }
        return name

    def override(self, lasts: float, gates: Iterable[str] = (GATE,), **fields: Json) -> str:
        """Override gates of the candidate for so many seconds."""
        end = (self.now + timedelta(seconds=lasts)).isoformat()
        return self.decide(Action.OVERRIDE, None, gates=list(gates), expires=end, **fields)

    def answer_to(self, name: str) -> tuple[str, str]:
        """What became of a Decision: its phase and message."""
        status = Decision.model_validate(self.decisions[name]).status
        return status.phase, status.message

    @property
    def failure(self) -> str:
        """Why the candidate failed, empty where it has not."""
        failure = self.candidate.failure
        return failure.reason if failure is not None else ""

    @property
    def pause(self) -> str:
        """Why the candidate waits, empty where it does not."""
        pause = self.candidate.pause
        return pause.reason if pause is not None else ""

    def service_of(self, version_or_revision: str | None = None) -> str:
        """The name of a revision's InferenceService; the candidate's where none is named."""
        revision = version_or_revision or self.candidate.revision
        return service_name(NAME, revision)

    def set_service(
        self,
        name: str,
        ready: bool | None = None,
        trouble: str | None = None,
        fatal: bool = False,
    ) -> None:
        """Let KServe and the pods say something about an InferenceService."""
        endpoint = f"http://{name}-predictor.default.svc" if ready else None
        self.services[name] = replace(
            self.services[name],
            ready=ready,
            pods=self._pods() if ready else (),
            endpoint=endpoint,
            trouble=trouble,
            symptom=trouble,
            fatal=fatal,
        )

    def _pods(self) -> tuple[ReadyPod, ...]:
        """As many as are asked for, and as there is room for."""
        number = min(self.model.spec.predictor.min_replicas, self.room)
        return tuple(ReadyPod(f"uid-{i}", f"10.0.0.{i}", has_sidecar=True) for i in range(number))

    def lose_pods(self, name: str, left: int, lagging: str = "") -> None:
        """Let only so many pods of an InferenceService be ready."""
        live = self.services[name]
        self.services[name] = replace(live, pods=live.pods[:left], lagging=lagging)

    def finish(self, name: str, phase: EvaluationPhase, gates: list[Json] | None = None) -> None:
        """Let the evaluator report."""
        if gates is None and phase is EvaluationPhase.ERROR:
            gates = []
        if gates is None:
            gates = [{"name": GATE, "phase": phase.value, "estimate": 0.02}]
        self.evaluations[name] = {
            **self.evaluations[name],
            "status": {"phase": phase.value, "message": f"gap is {phase.value}", "gates": gates}
            | ({"final": True} if self.final and phase is EvaluationPhase.ERROR else {}),
        }

    def accept_route(self) -> None:
        """Let the Gateway take over the route as it is."""
        route = self.route
        if route is not None:
            route.accepted_generation, route.accepted = route.generation, True
            route.in_force, route.message = dict(route.weights), ""

    def react(self) -> bool:
        """Let KServe, the evaluator and the Gateway do what is due; return whether they did."""
        did = [self._kserve_reacts(), self._evaluator_reacts(), self._gateway_reacts()]
        return any(did)

    def _kserve_reacts(self) -> bool:
        gone = [name for name, service in self.services.items() if service.deleting]
        for name in gone:
            del self.services[name]
        enough = len(self._pods())
        starting = [
            s.name
            for s in self.services.values()
            if (s.ready is None and s.trouble is None) or (s.ready and len(s.pods) < enough)
        ]
        if self.kserve_prompt:
            for name in starting:
                self.set_service(name, ready=True)
        return bool(gone) or (self.kserve_prompt and bool(starting))

    def _evaluator_reacts(self) -> bool:
        if not self.evaluator_prompt:
            return False
        waiting = [
            name
            for name, manifest in self.evaluations.items()
            if Evaluation.model_validate(manifest).status.phase not in FINISHED
        ]
        for name in waiting:
            self.finish(name, self.verdict)
        return bool(waiting)

    def _gateway_reacts(self) -> bool:
        route = self.route
        if route is None or route.accepted_generation == route.generation:
            return False
        if self.gateway == "silent":
            return False
        if self.gateway == "prompt":
            self.accept_route()
        else:
            route.accepted_generation, route.accepted = route.generation, False
            route.message = self.gateway
        return True

    # --- time ---------------------------------------------------------------------------------

    def settle(self) -> None:
        """Plan until there is nothing to write; without others acting that must be soon."""
        for _ in range(10):
            try:
                if self.reconcile().empty:
                    assert self.reconcile().empty
                    return
            except Crash:
                continue
        raise AssertionError(f"does not come to rest: {self.plan()}")

    def run(self) -> None:
        """Let everybody act until nobody has anything to do; time stands still."""
        for _ in range(100):
            self.settle()
            if not self.react():
                return
        raise AssertionError(f"goes on for ever: {self.status.message}")

    def wait(self, seconds: float) -> None:
        """Let time pass; the operator looks again only when its plan asked for that."""
        end = self.now + timedelta(seconds=seconds)
        self.run()
        while True:
            due = self.plan().requeue_after
            if due is None or self.now + timedelta(seconds=due) > end:
                break
            self.now += timedelta(seconds=due)
            self.run()
        self.now = end
        assert self.plan().empty, "time alone changed the plan, and it had not asked to be woken"

    def told(self) -> list[str]:
        """The reasons of all Events so far."""
        return [event.reason.value for event in self.events]

    def shares(self) -> dict[str, int]:
        """The route's weights, empty where there is no route."""
        return dict(self.route.weights) if self.route is not None else {}

    def deploy(self, version: str = "1.0.0") -> str:
        """Bring a version all the way to stable; return its revision."""
        revision = self.release(version)
        for _ in range(30):
            self.run()
            if self.status.stable is not None and self.status.stable.revision == revision:
                return revision
            self.decide(Action.PROMOTE)
        raise AssertionError(f"{version} is not promoted: {self.status.message}")
