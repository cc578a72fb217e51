"""Checks every write against the invariants. It shares no code with the plan that it judges."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from mlhops.api.base import Manifest
from mlhops.api.data import DataSource
from mlhops.api.decision import Action, Decision
from mlhops.api.evaluation import Evaluation, EvaluationPhase
from mlhops.api.gate import Gate
from mlhops.api.model import ClinicalModel, EvaluationSettings
from mlhops.api.status import Candidate, ClinicalModelStatus, HistoryEntry, Outcome, Proof, Serving
from mlhops.api.step import Step
from mlhops.kserve.state import Service
from mlhops.rollout.intents import (
    AnswerDecision,
    EnsureEvaluation,
    Intent,
    Plan,
    Remove,
    SetTraffic,
)
from mlhops.rollout.revisions.revision import Served

if TYPE_CHECKING:
    from tests.unit.rollout.world import World


def limit(steps: list[Step], index: int) -> int:
    """The most that a candidate may have while this step is under way."""
    if index >= len(steps):
        return 100
    most = 0
    for step in steps[: index + 1]:
        most = step.set_weight if step.set_weight is not None else most
    return most


@dataclass(frozen=True)
class Covered:
    """What an Override was answered on: the gates as they were defined, and their data."""

    gates: Mapping[str, Gate]
    data: DataSource

    def covers(self, gate: str, asked: EvaluationSettings) -> bool:
        """Whether a gate that is asked for now is the one that the person let pass."""
        now = {each.name: each for each in asked.gates}
        return self.data == asked.data and self.gates.get(gate, 0) == now.get(gate, 1)


def evidence(
    world: "World", seen: ClinicalModel, revision: str, covered: Mapping[str, Covered]
) -> set[str]:
    """The Evaluations that prove a revision: by these gates, on these data, here and now."""
    asked = seen.spec.evaluation
    proven = set()
    for name, manifest in world.evaluations.items():
        made = Evaluation.model_validate(manifest)
        about = (made.spec.revision, made.spec.gates, made.spec.data)
        same = about == (revision, asked.gates, asked.data)
        same = same and made.spec.digest in (None, Served.of(seen.spec).digest)
        finished = made.status.phase not in (EvaluationPhase.PENDING, EvaluationPhase.RUNNING)
        required = {g.name for g in asked.gates if g.required}
        needed = {name for name in required if not passes(made, name)}
        if made.status.phase is not EvaluationPhase.SUCCESSFUL and not needed:
            needed = required
        failed = {each.name for each in made.status.gates if each.phase is EvaluationPhase.FAILED}
        if made.status.phase is EvaluationPhase.FAILED and not needed & failed:
            failed = needed
        if same and finished and needed <= overridden(world, seen, revision, covered, failed):
            proven.add(name)
    return proven


def passes(evaluation: Evaluation, gate: str) -> bool:
    """Whether all that is said of a gate is that it passed."""
    said = [result for result in evaluation.status.gates if result.name == gate]
    return bool(said) and all(result.phase is EvaluationPhase.SUCCESSFUL for result in said)


def overridden(
    world: "World",
    seen: ClinicalModel,
    revision: str,
    covered: Mapping[str, Covered],
    failed: set[str],
) -> set[str]:
    """The gates that a person overrides at this moment for a revision."""
    gates: set[str] = set()
    for name, manifest in world.decisions.items():
        decision = Decision.model_validate(manifest)
        spec, made = decision.spec, decision.metadata.creation_timestamp
        about = spec.action is Action.OVERRIDE and spec.revision == revision
        if not about or made is None or name not in covered:
            continue
        latest = made + timedelta(days=30)
        if min(spec.expires or latest, latest) <= world.now:
            continue
        gates |= {
            gate
            for gate in spec.gates or []
            if covered[name].covers(gate, seen.spec.evaluation)
            and (spec.failed or gate not in failed)
        }
    return gates


Asked = Action | int | None
"""An action of a person, a weight, or None for new evidence."""


def asks(steps: Iterable[Step], *, first: bool) -> list[Asked]:
    """What steps ask for, in their order; a first revision has no weights and no pauses."""
    wanted, share = list[Asked](), 0
    for step in steps:
        if step.approve is not None:
            wanted.append(Action.APPROVE)
        elif step.evaluate is not None:
            wanted.append(None)
        elif step.pause is not None and step.pause.duration is None and not first:
            wanted.append(Action.RESUME)
        elif step.set_weight is not None and step.set_weight != share and not first:
            share = step.set_weight
            wanted.append(share)
    return wanted


def contains(given: Iterable[Asked], wanted: Iterable[Asked]) -> bool:
    """Whether all that is wanted was given in that order, each by an answer of its own."""
    left = iter(given)
    return all(any(one == each for one in left) for each in wanted)


def same_attempt(one: Candidate | None, other: Candidate | None) -> bool:
    """Whether two statuses speak of the same attempt at the same candidate."""
    return (
        one is not None
        and other is not None
        and (one.revision, one.created_at, one.attempt)
        == (other.revision, other.created_at, other.attempt)
    )


class Judge:
    """Keeps the whole history of what was written, and objects to the first write that is wrong."""

    def __init__(self) -> None:
        self.shown: dict[tuple[str, int], int] = {}
        """The most answers of live requests that were told of an attempt with traffic."""
        self.unasked = False
        """Whether no live requests were asked for at some time."""
        """Begin with nothing seen."""
        self.recorded: list[HistoryEntry] = []
        self.answered: set[str] = set()
        self.noted: set[str] = set()
        self.covered: dict[str, Covered] = {}
        self.given: list[Asked] = []
        """What this attempt was given, in order."""
        self.waits: dict[Action, int] = {}
        """The answers for which this attempt has waited in vain, each with the weight that it had then."""
        self._known: set[str] = set()
        """Deciders and live Evaluations that are among these."""

    def told(self, plan: Plan) -> None:
        """Events come with a transition, never alone."""
        if plan.events:
            assert plan.status is not None or plan.before or plan.after, plan.events

    def before_write(
        self, world: "World", item: Intent | ClinicalModelStatus, seen: ClinicalModel
    ) -> None:
        """Judge one write on the world as it is just before."""
        if isinstance(item, ClinicalModelStatus):
            self._status(world, seen, item)
        elif isinstance(item, SetTraffic):
            self._weights(world, seen, item)
        elif isinstance(item, Remove) and item.kind == "InferenceService":
            self._removal(world, item.name)
        elif isinstance(item, EnsureEvaluation):
            assert item.name not in world.evaluations, "evidence is never written over"
        elif isinstance(item, AnswerDecision):
            assert item.decision not in self.answered, "a decision is answered once"
            self._covers(world, item, seen)
            if item.status.phase == "Pending":
                assert item.decision not in self.noted, "a decision is noted once"
                self.noted.add(item.decision)
            else:
                self.answered.add(item.decision)

    def _weights(self, world: "World", seen: ClinicalModel, item: SetTraffic) -> None:
        """Invariants 1 and 2: traffic needs proof, and no more of it than the step allows."""
        status = world.status
        if not item.traffic.weights:
            assert status.stable is None, "what serves keeps its requests"
            return
        assert sum(item.traffic.weights.values()) == 100
        assert all(share > 0 for share in item.traffic.weights.values())
        assert status.stable is not None, "no route before the first promotion"
        rest = {
            k: v for k, v in item.traffic.weights.items() if k != status.stable.inference_service
        }
        if not rest:
            return
        candidate = status.candidate
        assert candidate is not None
        assert set(rest) == {candidate.inference_service}
        share = rest[candidate.inference_service]
        assert candidate.failure is None, "a failed attempt gets nothing"
        assert candidate.proof is not None, "no traffic without proof"
        cited = candidate.proof.evaluation
        assert candidate.proof.digest == candidate.digest, "the proof is of what gets traffic"
        assert candidate.digest == Served.of(seen.spec).digest, "what gets traffic is asked for"
        assert cited in evidence(world, seen, candidate.revision, self.covered)
        if not candidate.promoting:
            assert share <= limit(seen.spec.rollout.steps, candidate.step_index)
        before = world.route.weights if world.route is not None else {}
        if share > before.get(candidate.inference_service, 0):
            service = world.services[candidate.inference_service]
            assert service.ready is True, "only a model server that answers gets more traffic"
            self._measured(service, candidate.proof)
            if share == 100:
                self._has_replicas(seen, service)

    def _has_replicas(self, seen: ClinicalModel, service: Service) -> None:
        """All requests come only to as many pods as the spec asks for at least."""
        assert len(service.pods) >= seen.spec.predictor.min_replicas

    def _measured(self, service: Service, proof: Proof) -> None:
        """What answers is surely what was measured, and nobody else stands beside it."""
        assert not service.server.doubt
        assert set(service.server.parts) == set(proof.server)
        assert not service.foreign_pod

    def _removal(self, world: "World", name: str) -> None:
        """Invariant 6: what may have traffic, or nobody knows, is not deleted."""
        route = world.route
        if route is not None:
            assert route.accepted, "nobody knows which weights are in force"
            assert route.accepted_generation == route.generation
            assert route.in_force.get(name, 0) == 0
            assert route.weights.get(name, 0) == 0

    def _status(self, world: "World", seen: ClinicalModel, new: ClinicalModelStatus) -> None:
        old = world.status
        self._history(old, new)
        self._hear(world, old, new)
        self._hold(world, old, new)
        self._waits(old, new)
        self._stable(world, seen, old, new)
        self._silence(world, seen, old, new)
        candidate = new.candidate
        if candidate is None:
            return
        assert not new.message.endswith("%: "), "a candidate gets no more, and nobody is told why"
        if candidate.proof is not None:
            cited = candidate.proof.evaluation
            assert cited in evidence(world, seen, candidate.revision, self.covered)
        elif world.gateway_api_installed:
            self._no_traffic(world, candidate)
        if not candidate.promoting:
            most = limit(seen.spec.rollout.steps, candidate.step_index)
            assert candidate.desired_weight <= most
            self._steps(seen, new, candidate)
        if candidate.failure is not None:
            assert candidate.desired_weight == 0
        if same_attempt(old.candidate, candidate):
            assert old.candidate is not None
            if old.candidate.failure is not None:
                assert candidate.failure == old.candidate.failure, "a failure stays"
        else:
            assert candidate.desired_weight == 0, "an attempt begins at weight 0"

    def _silence(
        self,
        world: "World",
        seen: ClinicalModel,
        old: ClinicalModelStatus,
        new: ClinicalModelStatus,
    ) -> None:
        """No weight is raised from one above 0 but by a person, or on answers of live requests."""
        was, now = old.candidate, new.candidate
        evidence = seen.spec.rollout.evidence
        if was is not None and was.desired_weight > 0 and world.serving is not None:
            told = world.serving.candidate
            if told is not None and told.asked is not None and told.revision == was.revision:
                key = (was.revision, was.attempt)
                self.shown[key] = max(self.shown.get(key, 0), told.asked.answered)
        if evidence.min_requests == 0:
            self.unasked = True
        if was is None or not 0 < was.desired_weight < 100 or was.promoting or self.unasked:
            return
        own = any(step.evidence is not None for step in seen.spec.rollout.steps)
        promoted = new.stable is not None and new.stable.revision == was.revision and now is None
        raised = (
            same_attempt(was, now) and now is not None and now.desired_weight > was.desired_weight
        )
        if own or (now is not None and now.promoting) or not (promoted or raised):
            return
        if promoted and new.history[-1].outcome is not Outcome.PROMOTED:
            return
        shown = self.shown.get((was.revision, was.attempt), 0)
        assert shown >= evidence.min_requests, "a weight is raised on silence"

    def _steps(self, seen: ClinicalModel, new: ClinicalModelStatus, candidate: Candidate) -> None:
        """No step of the list is passed without an answer of its own."""
        passed = seen.spec.rollout.steps[: candidate.step_index]
        wanted = asks(passed, first=new.stable is None)
        answered = candidate.failure is not None or contains(self.given, wanted)
        assert answered, "a step is passed without an answer of its own"

    def _covers(self, world: "World", item: AnswerDecision, seen: ClinicalModel) -> None:
        """What an Override lets pass is what stood when it was first answered."""
        override = world.decisions[item.decision]["spec"]["action"] == "Override"  # type: ignore[index,call-overload]
        if override and item.status.phase == "Honoured":
            asked = seen.spec.evaluation
            gates = {gate.name: gate for gate in asked.gates}
            self.covered.setdefault(item.decision, Covered(gates, asked.data))

    def _hear(self, world: "World", old: ClinicalModelStatus, new: ClinicalModelStatus) -> None:
        """Take note of what the present attempt was given."""
        candidate = new.candidate or old.candidate
        if candidate is None:
            return
        ended = new.candidate is None and _same(old.stable, new.stable)
        if ended or (new.candidate is not None and not same_attempt(old.candidate, new.candidate)):
            self.given, self.waits = [], {}
        base = f"{candidate.inference_service}-{candidate.attempt}-s"
        for name, manifest in world.evaluations.items():
            finished = "phase" in cast(Manifest, manifest.get("status", {}))
            if name.startswith(base) and finished and name not in self._known:
                self._known.add(name)
                self.given.append(None)
        entries = new.history[-1:] if new.candidate is None else []
        deciders = [*candidate.deciders, *(d for entry in entries for d in entry.deciders)]
        for decider in deciders:
            key = f"{decider.uid}/{candidate.attempt}"
            held = decider.action is Action.RESUME and old.hold is not None
            if decider.attempt == candidate.attempt and key not in self._known and not held:
                self.given.append(decider.action)
                self.waits.pop(decider.action, None)
            self._known.add(key)
        before = old.candidate.desired_weight if same_attempt(old.candidate, candidate) else 0  # type: ignore[union-attr]
        if candidate.desired_weight != before:
            self.given.append(candidate.desired_weight)

    def _waits(self, old: ClinicalModelStatus, new: ClinicalModelStatus) -> None:
        """What a rollout waits at is not passed by an edit of the list."""
        candidate = new.candidate
        if candidate is None:
            last = None if _same(old.stable, new.stable) else new.history[-1].outcome
            assert not self.waits or last is not Outcome.PROMOTED, (
                "promoted without what it waited for"
            )
            return
        if candidate.promoting or candidate.failure is not None:
            return
        for action, most in self.waits.items():
            assert candidate.desired_weight <= most, f"gets more without the {action} it waited for"
        pause = candidate.pause
        if pause is not None and pause.reason == "ApprovalRequired":
            self.waits.setdefault(Action.APPROVE, candidate.desired_weight)
        elif pause is not None and pause.message.startswith(
            "waits for a Decision with action Resume"
        ):
            self.waits.setdefault(Action.RESUME, candidate.desired_weight)

    def _hold(self, world: "World", old: ClinicalModelStatus, new: ClinicalModelStatus) -> None:
        """A person's Pause holds until a person lifts it: no weight is raised, nothing is promoted."""
        if old.hold is None:
            return
        if new.hold is None:
            lifts = (Action.RESUME, Action.PROMOTE)
            made = [Decision.model_validate(each) for each in world.decisions.values()]
            assert any(each.spec.action in lifts for each in made), "nobody has lifted the hold"
            return
        if not _same(old.stable, new.stable):
            assert new.history[-1].outcome is Outcome.FAST_ROLLED_BACK, "promoted while held"
        before = old.candidate.desired_weight if same_attempt(old.candidate, new.candidate) else 0  # type: ignore[union-attr]
        assert new.candidate is None or new.candidate.desired_weight <= before, "raised while held"

    def _no_traffic(self, world: "World", candidate: Candidate) -> None:
        """Invariant 2: when a status says that a proof is gone, the route has let go already."""
        if world.route is not None and not world.route.foreign:
            assert world.route.weights.get(candidate.inference_service, 0) == 0

    def _stable(
        self,
        world: "World",
        seen: ClinicalModel,
        old: ClinicalModelStatus,
        new: ClinicalModelStatus,
    ) -> None:
        """Invariants 1, 3 and 5: stable changes by a proven promotion or an instant way back."""
        assert new.stable is not None or old.stable is None
        if new.stable is None or new.stable == old.stable or _is_recorded(old.stable, new.stable):
            return
        if old.stable is not None and _serves_on(old.stable, new.stable):
            self._measured_again(world, old.stable, new.stable)
            return
        if old.stable is not None and old.stable.digest is None:
            kept = ("revision", "version", "inference_service", "since")
            assert all(getattr(new.stable, name) == getattr(old.stable, name) for name in kept)
            return  # of an earlier operator; its digest is noted
        assert len(new.history) > len(old.history) or new.history[-1] != old.history[-1]
        revision = new.stable.revision
        before, candidate = old.previous, old.candidate
        if before is not None and before.revision == revision:
            assert before.kept_until is not None
            assert before.kept_until > world.now
            assert before.proof is not None
            assert new.stable.digest == before.digest == before.proof.digest
            self._measured(world.services[before.inference_service], before.proof)
            if before.rejected or new.stable.digest != Served.of(seen.spec).digest:
                self._way_back(world, seen, old, new)
            return
        assert candidate is None or candidate.failure is None
        assert new.stable.proof is not None, "promoted without proof"
        self._measured(world.services[new.stable.inference_service], new.stable.proof)
        if old.stable is None:
            self._has_replicas(seen, world.services[new.stable.inference_service])
        assert new.stable.digest == new.stable.proof.digest == Served.of(seen.spec).digest
        assert new.stable.proof.evaluation in evidence(world, seen, revision, self.covered)
        if new.history[-1].outcome is Outcome.PROMOTED:
            wanted = asks(seen.spec.rollout.steps, first=old.stable is None)
            assert contains(self.given, wanted), "a step of the list has no answer of its own"
        if old.stable is not None:
            assert world.route is not None
            assert world.route.in_force == {new.stable.inference_service: 100}
            assert world.route.accepted_generation == world.route.generation

    def _way_back(
        self,
        world: "World",
        seen: ClinicalModel,
        old: ClinicalModelStatus,
        new: ClinicalModelStatus,
    ) -> None:
        """Against the spec only a person goes back, or what has failed its gates makes room for what passed them."""
        assert new.stable is not None
        assert old.previous is not None
        assert new.rolled_back is not None
        made = [Decision.model_validate(each) for each in world.decisions.values()]
        asked = (Action.ROLLBACK, new.stable.revision)
        if any((each.spec.action, each.spec.revision) == asked for each in made):
            return
        assert not old.previous.rejected, "what was rolled back from comes back without a rollout"
        assert seen.spec.evaluation.on_stable_failure == "Restore"
        assert old.previous.proof is not None
        lapses = old.previous.proof.expires
        assert lapses is None or lapses > world.now, "nobody answers any more for what is restored"
        cited = Evaluation.model_validate(world.evaluations[old.previous.proof.evaluation])
        about = (cited.spec.gates, cited.spec.data)
        assert about == (seen.spec.evaluation.gates, seen.spec.evaluation.data), "restored unproven"

    def _measured_again(self, world: "World", old: Serving, new: Serving) -> None:
        """What is said of what serves was measured, and an override lasts longer only by a Decision."""
        again = new.remeasured
        if again is not None and again != old.remeasured:
            found = Evaluation.model_validate(world.evaluations[again.evaluation])
            assert (found.spec.revision, found.spec.digest) == (new.revision, new.digest)
            assert again.phase in (found.status.phase, EvaluationPhase.INCONCLUSIVE)
        ends = [proof.expires for proof in (old.proof, new.proof) if proof is not None]
        if len(set(ends)) > 1:
            actions = [
                Decision.model_validate(each).spec.action for each in world.decisions.values()
            ]
            assert Action.OVERRIDE in actions, "nobody has renewed that override"

    def _history(self, old: ClinicalModelStatus, new: ClinicalModelStatus) -> None:
        """The history only grows, is never rewritten, and stays small."""
        assert all(b.previous_hash == a.hash != "" for a, b in pairwise(new.history))
        assert len(new.history) <= 20
        if old.history:
            last = old.history[-1]
            assert last in new.history, "entries are not rewritten"
        self.recorded += [entry for entry in new.history if entry not in self.recorded]


def _same(old: Serving | None, new: Serving | None) -> bool:
    """Whether nothing else serves than before."""
    return new == old or (old is not None and new is not None and _serves_on(old, new))


_SINCE: dict[str, object] = {
    "gates_hash": None,
    "remeasured": None,
    "measuring": None,
    "deciders": [],
}


def _serves_on(old: Serving, new: Serving) -> bool:
    """Whether the same serves on the same proof, whatever was measured or decided since."""

    def bare(of: Serving) -> Serving:
        proof = of.proof and of.proof.model_copy(update={"expires": None})
        return of.model_copy(update={**_SINCE, "proof": proof})

    return bare(old) == bare(new)


def _is_recorded(old: Serving | None, new: Serving) -> bool:
    """Whether all that is new is what answers, for a proof that did not say so."""
    if old is None or old.proof is None or new.proof is None or old.proof.server:
        return False
    proof = old.proof.model_copy(update={"server": new.proof.server})
    return new == old.model_copy(update={"proof": proof})
