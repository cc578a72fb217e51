"""Operators that are broken on purpose, each in one place, as a careless change might break them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from unittest.mock import patch

from mlhops.api.action import PolicyAction, Trigger
from mlhops.api.base import Json, Manifest
from mlhops.api.decision import Action
from mlhops.api.evaluation import (
    FINISHED,
    Evaluation,
    EvaluationPhase,
    EvaluationStatus,
    GateResult,
)
from mlhops.api.status import Candidate, ClinicalModelStatus, Finding, Taken, TakenStep
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.reconcile.apply import Applier
from mlhops.controller.reconcile.facts import Gathered
from mlhops.controller.resources import MODELS
from mlhops.rollout.candidate.candidate import choose_candidate
from mlhops.rollout.draft import Draft
from mlhops.rollout.evaluation.gates import EvidenceVerdict, judge
from mlhops.rollout.intents import Intent, Plan, SetTraffic
from mlhops.rollout.monitoring import actions
from mlhops.rollout.monitoring.monitoring import hear_looks
from mlhops.rollout.observed import Observed
from mlhops.rollout.plan import plan
from mlhops.routing.exposure import naming
from mlhops.routing.route import Answerer

Mutant = Callable[[], AbstractContextManager[object]]


def _without_version(self: Applier, gathered: Gathered, status: ClinicalModelStatus) -> object:
    """The status is written whatever the model has become."""
    meta = gathered.seen.model.metadata
    manifest: Manifest = {
        "metadata": {"name": meta.name, "namespace": meta.namespace},
        "status": status.to_json(),
    }
    return self._client.apply(MODELS, manifest, "status")


def _early(decided: Plan) -> Plan:
    """Weights are raised before the status says so."""
    raised = tuple(i for i in decided.after if isinstance(i, SetTraffic))
    rest: tuple[Intent, ...] = tuple(i for i in decided.after if not isinstance(i, SetTraffic))
    return replace(decided, before=(*decided.before, *raised), after=rest)


def _late(decided: Plan) -> Plan:
    """Weights are lowered after the status says so."""
    lowered = tuple(i for i in decided.before if isinstance(i, SetTraffic))
    rest: tuple[Intent, ...] = tuple(i for i in decided.before if not isinstance(i, SetTraffic))
    return replace(decided, before=rest, after=(*lowered, *decided.after))


def _planned(change: Callable[[Plan], Plan]) -> Mutant:
    def planning(seen: Observed, now: datetime) -> Plan:
        return change(plan(seen, now))

    return lambda: patch("mlhops.controller.reconcile.models.plan", planning)


def _for_the_dying(seen: Observed, now: datetime) -> Plan:
    metadata = seen.model.metadata.model_copy(update={"deletion_timestamp": None})
    return plan(replace(seen, model=seen.model.model_copy(update={"metadata": metadata})), now)


def _frozen(seen: Observed, now: datetime) -> Plan:
    """What is being deleted is left as it is."""
    decided = plan(seen, now)
    if seen.model.metadata.deletion_timestamp is None:
        return decided
    return replace(decided, before=(), status=None, after=(), events=())


def _asked(draft: Draft, service: str) -> int | None:
    """The weight that was asked for, whatever the Gateway says."""
    return None if draft.seen.route is None else draft.seen.route.traffic.of(service)


def _nothing(*_: object) -> None:
    """Somebody thought that this was not needed."""


def _at_once(moment: datetime, after: str) -> datetime:
    """No time has to pass."""
    del after
    return moment


def _hold_lifted(draft: Draft) -> None:
    """A hold ends by itself once nothing is found any more."""
    hear_looks(draft)
    found = draft.monitoring.verdict if draft.monitoring is not None else None
    if draft.candidate is not None and draft.candidate.hold is not None and found == "NoDrift":
        draft.change(hold=None)


def _held_at_all(draft: Draft, action: PolicyAction, held: actions.Held) -> None:
    """A hold lets the candidate have what people asked for already."""
    PAUSE(draft, action, held)
    if draft.candidate is not None and draft.candidate.hold is not None:
        draft.change(promoting=True)


PAUSE = actions._ACTIONS["PauseRollout"]


def _triggers(draft: Draft) -> dict[Trigger, Finding | None]:
    """What cannot be told is answered like drift."""
    unknown = draft.monitoring is not None and draft.monitoring.verdict != "NoDrift"
    return {"Drift": None, "Candidate": None} if unknown else {}


def _believed(
    evaluation: object, status: EvaluationStatus, live: object, model: object, pod: str
) -> EvaluationStatus:
    """What an evaluator signs is taken for what it handed over."""
    del evaluation, live, model, pod
    return status


@contextmanager
def _any_server() -> Iterator[None]:
    """Whatever answers is taken for what was measured."""
    with ExitStack() as stack:
        for module in ("evaluation.evidence", "evaluation.gates", "candidate.servers"):
            stack.enter_context(patch(f"mlhops.rollout.{module}.change_of", _nothing))
        yield


def _any_answer(candidate: Candidate, step: TakenStep, action: Action) -> bool:
    """An answer counts for whatever step asks for such a one."""
    del step
    return any(d.action is action and d.attempt == candidate.attempt for d in candidate.deciders)


def _edited(candidate: Candidate, taken: Taken, step: TakenStep, here: str | None) -> Taken:
    """What the rollout waits at is passed by taking it off the list."""
    del candidate
    return taken if step.step == here else taken.model_copy(update={"present": None})


def _for_one_candidate(draft: Draft) -> None:
    """A person's hold ends with the candidate that they named."""
    choose_candidate(draft)
    if draft.hold is not None and draft.candidate is not None:
        same = draft.candidate.revision == draft.hold.revision
        draft.hold = draft.hold if same else None


def _passed(draft: Draft, candidate: Candidate, evaluation: Evaluation) -> EvidenceVerdict:
    """Whatever an evaluator found is taken for a success."""
    if evaluation.status.phase in FINISHED:
        passed = EvaluationPhase.SUCCESSFUL
        gates = [GateResult(name=gate.name, phase=passed) for gate in evaluation.spec.gates]
        status = evaluation.status.model_copy(update={"phase": passed, "gates": gates})
        evaluation = evaluation.model_copy(update={"status": status})
    return judge(draft, candidate, evaluation)


def _everything(*_: object) -> list[Json]:
    """Callers are let in to all that a model server answers."""
    return [{"path": {"type": "PathPrefix", "value": "/"}}]


def _first_of_all(model: str, answerers: list[Answerer]) -> Manifest:
    """The revision that comes first is named, whoever answers."""
    FIRST.append(answerers[0])
    return naming(model, FIRST[:1])


FIRST: list[Answerer] = []


def _as_wished(*_: object) -> tuple[EvaluationPhase, str]:
    """What serves is said to have passed, whatever was measured."""
    return EvaluationPhase.SUCCESSFUL, "all is well"


@contextmanager
def _one_pod_is_enough() -> Iterator[None]:
    """All requests come to a model server that is ready, however many pods it has."""
    with ExitStack() as changes:
        for module in ("traffic.advance", "traffic.weights"):
            found = patch(f"mlhops.rollout.{module}.is_short", lambda *_: False)
            changes.enter_context(found)
        yield


MUTANTS: Mapping[str, Mutant] = {
    "a weight is raised before the status": _planned(_early),
    "a weight is lowered after the status": _planned(_late),
    "the status is written on any version": lambda: patch.object(
        Applier, "_write_status", _without_version
    ),
    "a model that leaves is served": lambda: patch(
        "mlhops.controller.reconcile.models.plan", _for_the_dying
    ),
    "a model that leaves is frozen": lambda: patch(
        "mlhops.controller.reconcile.models.plan", _frozen
    ),
    "every gate has passed": lambda: patch("mlhops.rollout.evaluation.evidence.judge", _passed),
    "last words need make no sense": lambda: patch(
        "mlhops.rollout.evaluation.last_words.problem", lambda *_: ""
    ),
    "anybody's pod is evidence": lambda: patch(
        "mlhops.controller.reconcile.evaluations.owned", lambda *_: True
    ),
    "the Gateway is not waited for": lambda: patch.object(Draft, "actual", _asked),
    "what is retired stays": lambda: patch("mlhops.rollout.plan.remove_retired", _nothing),
    "everything is let in": lambda: patch("mlhops.routing.gateway_api.matches", _everything),
    "another revision is named": lambda: patch("mlhops.routing.gateway_api.naming", _first_of_all),
    "a detector is told only once": lambda: patch(
        "mlhops.rollout.plan.configure_detectors", _nothing
    ),
    "a Job is started each time": lambda: patch(
        "mlhops.rollout.monitoring.actions.later", _at_once
    ),
    "a hold ends by itself": lambda: patch("mlhops.rollout.plan.hear_looks", _hold_lifted),
    "a hold promotes": lambda: patch.dict(actions._ACTIONS, PauseRollout=_held_at_all),
    "what cannot be told is drift": lambda: patch(
        "mlhops.rollout.monitoring.actions._triggers", _triggers
    ),
    "a profile is kept unseen": lambda: patch(
        "mlhops.rollout.evaluation.profiles.settle", _believed
    ),
    "whatever answers was measured": _any_server,
    "one pod is enough": _one_pod_is_enough,
    "an answer counts for any step": lambda: patch(
        "mlhops.rollout.decisions.decisions._answered", _any_answer
    ),
    "an edit passes what is waited at": lambda: patch(
        "mlhops.rollout.traffic.taken._edited", _edited
    ),
    "a Pause is for one candidate": lambda: patch(
        "mlhops.rollout.plan.choose_candidate", _for_one_candidate
    ),
    "what was rolled back from comes back": lambda: patch(
        "mlhops.rollout.candidate.candidate.is_rolled_back", lambda _: False
    ),
    "anybody's verdict is about what serves": lambda: patch(
        "mlhops.rollout.evaluation.remeasure._verdict", _as_wished
    ),
    "what was known stays after a restore": lambda: patch.object(Hearing, "set_back", _nothing),
    "what was given is given below a standard": lambda: patch(
        "mlhops.rollout.traffic.weights.below_standard", _nothing
    ),
    "no standard holds": lambda: patch("mlhops.rollout.plan.check_standards", _nothing),
    "what a detector was told stays": lambda: patch(
        "mlhops.controller.reconcile.facts._config_maps", lambda *_: {}
    ),
}
