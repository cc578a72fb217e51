"""Checks every write against the invariants. It shares no code with the plan that it judges."""

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from mlhops.api.decision import Action, Decision
from mlhops.api.evaluation import Evaluation, EvaluationPhase
from mlhops.api.model import ClinicalModel, Step
from mlhops.api.status import Candidate, ClinicalModelStatus, HistoryEntry, Proof, Serving
from mlhops.kserve.facts import Service
from mlhops.rollout.intents import Answer, EnsureEvaluation, Intent, Plan, Remove, SetWeights

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


def evidence(world: "World", seen: ClinicalModel, revision: str) -> set[str]:
    """The Evaluations that prove a revision: by these gates, on these data, here and now."""
    asked = seen.spec.evaluation
    proven = set()
    for name, manifest in world.evaluations.items():
        made = Evaluation.model_validate(manifest)
        same = (made.spec.revision, made.spec.gates, made.spec.data) == (
            revision,
            asked.gates,
            asked.data,
        )
        finished = made.status.phase not in (EvaluationPhase.PENDING, EvaluationPhase.RUNNING)
        required = {g.name for g in asked.gates if g.required}
        needed = {name for name in required if not passes(made, name)}
        if made.status.phase is not EvaluationPhase.SUCCESSFUL and not needed:
            needed = required
        if same and finished and needed <= overridden(world, revision, world.now):
            proven.add(name)
    return proven


def passes(evaluation: Evaluation, gate: str) -> bool:
    """Whether all that is said of a gate is that it passed."""
    said = [result for result in evaluation.status.gates if result.name == gate]
    return bool(said) and all(result.phase is EvaluationPhase.SUCCESSFUL for result in said)


def overridden(world: "World", revision: str, now: datetime) -> set[str]:
    """The gates that a person overrides at this moment for a revision."""
    gates: set[str] = set()
    for manifest in world.decisions.values():
        decision = Decision.model_validate(manifest)
        spec = decision.spec
        about = spec.action is Action.OVERRIDE and spec.revision == revision
        if about and spec.expires is not None and spec.expires > now:
            gates |= set(spec.gates or [])
    return gates


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
        """Begin with nothing seen."""
        self.recorded: list[HistoryEntry] = []
        self.answered: set[str] = set()

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
        elif isinstance(item, SetWeights):
            self._weights(world, seen, item)
        elif isinstance(item, Remove) and item.kind == "InferenceService":
            self._removal(world, item.name)
        elif isinstance(item, EnsureEvaluation):
            assert item.name not in world.evaluations, "evidence is never written over"
        elif isinstance(item, Answer):
            assert item.decision not in self.answered, "a decision is answered once"
            self.answered.add(item.decision)

    def _weights(self, world: "World", seen: ClinicalModel, item: SetWeights) -> None:
        """Invariants 1 and 2: traffic needs proof, and no more of it than the step allows."""
        status = world.status
        assert sum(item.weights.values()) == 100
        assert all(share > 0 for share in item.weights.values())
        assert status.stable is not None, "no route before the first promotion"
        rest = {k: v for k, v in item.weights.items() if k != status.stable.inference_service}
        if not rest:
            return
        candidate = status.candidate
        assert candidate is not None
        assert set(rest) == {candidate.inference_service}
        share = rest[candidate.inference_service]
        assert candidate.failure is None, "a failed attempt gets nothing"
        assert candidate.proof is not None, "no traffic without proof"
        assert candidate.proof.evaluation in evidence(world, seen, candidate.revision)
        if not candidate.promoting:
            assert share <= limit(seen.spec.rollout.steps, candidate.step_index)
        before = world.route.weights if world.route is not None else {}
        if share > before.get(candidate.inference_service, 0):
            service = world.services[candidate.inference_service]
            assert service.ready is True, "only a model server that answers gets more traffic"
            self._measured(service, candidate.proof)

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
        self._stable(world, seen, old, new)
        candidate = new.candidate
        if candidate is None:
            return
        if candidate.proof is not None:
            assert candidate.proof.evaluation in evidence(world, seen, candidate.revision)
        elif world.gateway_api_installed:
            self._no_traffic(world, candidate)
        if not candidate.promoting:
            most = limit(seen.spec.rollout.steps, candidate.step_index)
            assert candidate.desired_weight <= most
        if candidate.failure is not None:
            assert candidate.desired_weight == 0
        if same_attempt(old.candidate, candidate):
            assert old.candidate is not None
            if old.candidate.failure is not None:
                assert candidate.failure == old.candidate.failure, "a failure stays"
        else:
            assert candidate.desired_weight == 0, "an attempt begins at weight 0"

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
        assert len(new.history) > len(old.history) or new.history[-1] != old.history[-1]
        revision = new.stable.revision
        before, candidate = old.previous, old.candidate
        if before is not None and before.revision == revision:
            assert before.kept_until is not None
            assert before.kept_until > world.now
            assert before.proof is not None
            self._measured(world.services[before.inference_service], before.proof)
            return
        assert candidate is None or candidate.failure is None
        assert new.stable.proof is not None, "promoted without proof"
        self._measured(world.services[new.stable.inference_service], new.stable.proof)
        assert new.stable.proof.evaluation in evidence(world, seen, revision)
        if old.stable is not None:
            assert world.route is not None
            assert world.route.in_force == {new.stable.inference_service: 100}
            assert world.route.accepted_generation == world.route.generation

    def _history(self, old: ClinicalModelStatus, new: ClinicalModelStatus) -> None:
        """The history only grows, is never rewritten, and stays small."""
        assert all(b.previous_hash == a.hash != "" for a, b in pairwise(new.history))
        assert len(new.history) <= 20
        if old.history:
            last = old.history[-1]
            assert last in new.history, "entries are not rewritten"
        self.recorded += [entry for entry in new.history if entry not in self.recorded]


def _is_recorded(old: Serving | None, new: Serving) -> bool:
    """Whether all that is new is what answers, for a proof that did not say so."""
    if old is None or old.proof is None or new.proof is None or old.proof.server:
        return False
    proof = old.proof.model_copy(update={"server": new.proof.server})
    return new == old.model_copy(update={"proof": proof})
