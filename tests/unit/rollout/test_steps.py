"""Steps: each verb has a file of its own, which looks and writes nothing, and each wait says why."""

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

import pytest

from mlhops.api.base import Json
from mlhops.api.decision import Action
from mlhops.api.status import TakenStep
from mlhops.api.step import VERBS, Verb, Verbs
from mlhops.kserve.servers import Server
from mlhops.rollout.draft import Draft
from mlhops.rollout.steps.handler import Done, StepContext
from mlhops.rollout.steps.registry import handler_for, handler_of
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary
from tests.unit.rollout.traffic import counted, tell
from tests.unit.rollout.world import SERVER, World

BEGUN: list[tuple[list[Json], Verb]] = [
    ([{"setWeight": 10}], "setWeight"),
    ([{"pause": {"duration": "5m"}}], "pause"),
    ([{"pause": {}}], "pause"),
    ([{"evaluate": {}}], "evaluate"),
    ([{"setWeight": 10}, {"observe": {"requests": 50}}], "observe"),
    ([{"approve": {}}], "approve"),
]
"""Lists of steps, and the verb that a rollout comes to by itself."""


def under_way(world: World) -> StepContext:
    """What the step under way looks at in the next pass."""
    draft = Draft.begin(world.observe(), world.now)
    candidate = draft.candidate
    assert candidate is not None
    assert candidate.taken is not None
    assert candidate.taken.present is not None
    return StepContext(draft, candidate, candidate.taken.present)


def test_each_verb_of_the_api_is_a_field_of_a_step_and_has_a_file() -> None:
    fields = {field.alias for field in Verbs.model_fields.values()} - {"evidence"}

    assert fields == set(VERBS)
    assert [handler_for(verb).verb for verb in VERBS] == list(VERBS)
    assert len({type(handler_for(verb)).__module__ for verb in VERBS}) == len(VERBS)


@pytest.mark.parametrize(("steps", "verb"), BEGUN)
def test_a_step_that_is_asked_whether_it_is_over_writes_nothing(
    steps: list[Json], verb: Verb
) -> None:
    asked: Json = {"minRequests": 100 if verb == "setWeight" else 0}
    world, _, _ = canary(steps, **{"spec.rollout.evidence": asked})
    world.evaluator_prompt = verb != "evaluate"
    world.run()
    if verb == "evaluate":
        first = world.candidate.evaluation
        assert first is not None
        world.finish(first, world.verdict)
    tell(world, candidate=counted(40 if verb == "observe" else 5))
    world.run()
    context = under_way(world)
    before = deepcopy(context.draft)
    assert handler_of(context.step).verb == verb

    for seconds in (0, 301, 7200):
        context.draft.now = before.now = world.now + timedelta(seconds=seconds)
        handler_of(context.step).done(context)
        assert context.draft == before


def test_a_step_that_this_operator_does_not_know_is_neither_passed_nor_approved() -> None:
    world, old, _ = canary([{"mirror": {"percent": 10}}, {"setWeight": 10}])
    world.run()

    assert (world.pause, world.shares()) == ("StepUnknown", {old: 100})
    assert "does not know the step" in world.status.message
    for action in (Action.APPROVE, Action.RESUME):
        answer = world.decide(action)
        world.run()
        assert world.answer_to(answer)[0] == "Ignored"
        assert world.shares() == {old: 100}

    world.decide(Action.PROMOTE)
    world.run()
    assert world.status.stable is not None
    assert world.status.stable.version == "2.0.0"


def test_a_step_that_a_later_operator_began_is_asked_for_by_its_own_name() -> None:
    world, _, _ = canary([{"approve": {}}])
    world.run()
    context = under_way(world)
    step = TakenStep(id=0, step="mirror 10")

    outcome = handler_of(step).done(replace(context, step=step))

    assert not isinstance(outcome, Done)
    assert "(mirror 10)" in outcome.message


@pytest.mark.parametrize(
    ("gateway", "said"),
    [
        ("silent", "2.0.0 at 10 %: step 1/2, setWeight 10, which the Gateway is yet to accept"),
        (
            "no such host name",
            "2.0.0 at 10 %: step 1/2, setWeight 10, which the Gateway refuses: no such host name",
        ),
    ],
)
def test_a_weight_that_the_gateway_has_not_taken_is_said_to_wait_for_it(
    gateway: str, said: str
) -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.gateway = gateway
    world.run()

    assert (world.status.message, world.pause) == (said, "")


def test_the_end_says_that_it_waits_for_the_gateway() -> None:
    world, _, _ = canary([])
    world.gateway = "silent"
    world.run()

    said = "2.0.0 at 100 %: taking over all requests, which the Gateway is yet to accept"
    assert world.status.message == said


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (Server(SERVER.parts[1:]), "KServe does not say which runtime it has"),
        (Server(SERVER.parts, doubt="a pod says nothing"), "a pod says nothing"),
    ],
)
def test_a_server_that_is_not_surely_what_was_measured_is_said_to_be_waited_for(
    server: Server, why: str
) -> None:
    world, old, new = canary(TEN_AND_PAUSE)
    world.run()
    world.decide(Action.PROMOTE)
    world.services[new] = replace(world.services[new], server=server)
    world.run()

    assert world.shares() == {old: 90, new: 10}
    assert world.status.message == (
        f"2.0.0 at 10 %: nobody knows whether what answers is what was measured: {why}"
    )


def test_a_promotion_that_waits_for_a_measurement_names_it() -> None:
    world, _, _ = canary([{"setWeight": 10}, {"evaluate": {}}])
    world.gateway = "silent"
    world.run()
    world.evaluator_prompt = False
    world.accept_route()
    world.run()
    assert world.status.message.endswith(
        "step 2/2, evaluate, which measures the held-out data again"
    )

    world.decide(Action.PROMOTE)
    world.run()
    assert world.candidate.promoting
    assert world.status.message.endswith(
        "step 2/2, evaluate, which measures the held-out data again"
    )
