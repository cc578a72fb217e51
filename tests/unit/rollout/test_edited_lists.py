"""Lists that are edited in every way at every moment of a rollout in which all else goes well."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from tests.unit.rollout.test_invariants import OTHERS, WEIGHTS, in_order
from tests.unit.rollout.world import World

STEP = st.sampled_from(WEIGHTS + OTHERS + [{"approve": {}}, {"pause": {}}, {"evaluate": {}}])
STEPS = st.lists(STEP, min_size=1, max_size=5).map(in_order)
ASKS: list[Json] = [{"approve": {}}, {"pause": {}}, {"evaluate": {}}]
TWICE: list[list[Json]] = [[{"setWeight": 10}, asks, {"setWeight": 50}, asks] for asks in ASKS]
_ANSWERS = {
    "ApprovalRequired": Action.APPROVE,
    "PauseStep": Action.RESUME,
    "PausedByPerson": Action.RESUME,
}
_VERDICTS = [EvaluationPhase.SUCCESSFUL] * 4 + [
    EvaluationPhase.INCONCLUSIVE,
    EvaluationPhase.FAILED,
]


class EditsMachine(RuleBasedStateMachine):
    """People edit, answer and hold; the judge in the world objects to any step that is passed unanswered."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(steps=[])
        self.world.deploy("1.0.0")
        self.version = 1

    @initialize(steps=st.one_of(st.sampled_from(TWICE), STEPS))
    def a_version_is_on_its_way(self, steps: list[Json]) -> None:
        self.world.edit({"spec.rollout.steps": steps})
        self._release()

    def _release(self) -> None:
        self.version += 1
        self.world.release(f"{self.version}.0.0")
        self.world.run()

    @rule(steps=STEPS)
    def user_writes_another_list(self, steps: list[Json]) -> None:
        self._edit(steps)

    @rule(
        how=st.sampled_from(
            ["insert", "remove", "remove", "double", "swap", "change", "cut", "end"]
        ),
        at=st.integers(0, 5),
        step=STEP,
    )
    def user_edits_a_step(self, how: str, at: int, step: Json) -> None:
        found: list[Json] = [each.to_json() for each in self.world.model.spec.rollout.steps]
        at %= len(found) + 1
        if how == "insert":
            found.insert(at, step)
        elif how == "cut":
            del found[:at]
        elif how == "end":
            del found[at:]
        elif at < len(found) and how == "change":
            found[at] = step
        elif at < len(found) and how == "double":
            found.insert(at, found[at])
        elif at < len(found) and how == "remove":
            del found[at]
        elif at + 1 < len(found) and how == "swap":
            found[at], found[at + 1] = found[at + 1], found[at]
        self._edit(in_order(found[:8]))

    def _edit(self, steps: list[Json]) -> None:
        self.world.edit({"spec.rollout.steps": steps})
        self.world.run()

    @rule(passes=st.integers(0, 2))
    def the_operator_is_slow(self, passes: int) -> None:
        for _ in range(passes):
            self.world.reconcile()

    @rule()
    def somebody_answers_what_is_asked_for(self) -> None:
        found = self.world.status.candidate
        action = _ANSWERS.get(found.pause.reason) if found is not None and found.pause else None
        self.world.now += timedelta(seconds=1)
        if action is not None:
            self.world.decide(action)
        else:
            self._release()
        self.world.run()

    @rule(action=st.sampled_from(list(Action)), seconds=st.integers(0, 1), failed=st.booleans())
    def somebody_decides(self, action: Action, seconds: int, failed: bool) -> None:
        self.world.now += timedelta(seconds=seconds)
        if action is Action.OVERRIDE:
            self.world.override(400, failed=failed)
        else:
            self.world.decide(action)
        self.world.run()

    @rule(verdict=st.sampled_from(_VERDICTS), anew=st.booleans())
    def verdicts_differ(self, verdict: EvaluationPhase, anew: bool) -> None:
        self.world.verdict = verdict
        if anew:
            self._release()

    @rule(verdict=st.sampled_from(_VERDICTS[3:]), failed=st.booleans(), moved=st.booleans())
    def somebody_lets_a_gate_pass_before_its_verdict(
        self, verdict: EvaluationPhase, failed: bool, moved: bool
    ) -> None:
        """And somebody else may move the gate's limit meanwhile."""
        world = self.world
        world.evaluator_prompt = False
        self._release()
        world.override(400, failed=failed)
        world.run()
        if moved:
            limit = 0.1 + 0.1 * (self.version % 2)
            world.edit({"spec.evaluation.gates.0.limit": limit})
            world.run()
        world.verdict, world.evaluator_prompt = verdict, True
        world.run()
        world.verdict = EvaluationPhase.SUCCESSFUL

    @rule(seconds=st.sampled_from([1, 40, 301]))
    def time_passes(self, seconds: float) -> None:
        self.world.wait(seconds)


EditsMachine.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
)
TestEditedLists = pytest.mark.thorough(EditsMachine.TestCase)
