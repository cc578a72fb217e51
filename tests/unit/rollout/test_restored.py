"""A model that comes back from a backup, without its status: nothing that came back with it serves unproven."""

from typing import cast

import pytest

from mlhops.api.base import Manifest
from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from mlhops.kserve.names import MANAGED_BY, MODEL_LABEL
from mlhops.kserve.owner import is_ours
from mlhops.rollout.intents import SetTraffic
from mlhops.routing.traffic import Traffic
from tests.unit.rollout.world import LiveRoute, World

SUCCESSFUL, INCONCLUSIVE = EvaluationPhase.SUCCESSFUL, EvaluationPhase.INCONCLUSIVE


def restored() -> World:
    """A model whose route already sends its version everything."""
    world = World()
    service = world.service_of(world.target)
    world.route = LiveRoute({service: 100}, accepted_generation=1, accepted=True)
    world.verdict = INCONCLUSIVE
    return world


def test_a_route_that_came_back_sends_nobody_anything_until_the_version_is_proven() -> None:
    world = restored()
    first = world.plan()
    assert first.before[0] == SetTraffic(Traffic())  # before all else, the status included

    world.run()
    assert world.pause == "GatesInconclusive"  # and no failure: nobody gave it that weight
    assert world.route is not None
    assert world.route.weights == {}

    world.verdict = SUCCESSFUL
    world.decide(Action.RETRY)
    world.run()
    assert world.route.weights == {world.service_of(world.target): 100}


def test_a_route_of_somebody_else_is_let_be() -> None:
    world = restored()
    assert world.route is not None
    world.route.foreign = True
    world.run()
    assert world.route.weights != {}


@pytest.mark.parametrize("action", [Action.OVERRIDE, Action.PROMOTE, Action.ABORT])
def test_of_decisions_that_came_back_only_stops_count(action: Action) -> None:
    world = restored()
    world.run()
    name = world.override(3600) if action is Action.OVERRIDE else world.decide(action)
    metadata = cast(Manifest, world.decisions[name]["metadata"])
    metadata["labels"] = {"velero.io/restore-name": "monday"}
    world.run()

    phase, message = world.answer_to(name)
    assert phase == ("Honoured" if action is Action.ABORT else "Ignored")
    assert action is Action.ABORT or "came back from a backup" in message
    assert world.route is not None
    assert world.route.weights == {}


def test_an_object_with_our_labels_and_no_owner_is_ours_and_one_of_another_model_is_not() -> None:
    labels: Manifest = {**MANAGED_BY, MODEL_LABEL: "sepsis"}
    assert is_ours({"metadata": {"labels": labels}}, "new")
    assert not is_ours({"metadata": {"labels": {MODEL_LABEL: "sepsis"}}}, "new")
    assert not is_ours({"metadata": {"labels": dict(MANAGED_BY)}}, "new")
    old: Manifest = {"uid": "old", "controller": True}
    assert not is_ours({"metadata": {"labels": labels, "ownerReferences": [old]}}, "new")
