"""Where a model can stand, each written by the planner: what other programs read is held against these."""

from mlhops.api.decision import Action
from mlhops.api.evaluation import EvaluationPhase
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary
from tests.unit.rollout.world import World


def unseen() -> World:
    """The operator has not looked yet."""
    return World()


def begun() -> World:
    """The operator has looked once."""
    world = World()
    world.reconcile()
    return world


def serving() -> World:
    """A version serves all requests."""
    world = World()
    world.run()
    return world


def paused() -> World:
    """A candidate waits for a person, at 10 %."""
    world, _, _ = canary(TEN_AND_PAUSE)
    world.run()
    return world


def failed() -> World:
    """A candidate did not pass its gates."""
    world = World()
    world.verdict = EvaluationPhase.FAILED
    world.run()
    return world


def inconclusive() -> World:
    """The gates cannot tell."""
    world = World()
    world.verdict = EvaluationPhase.INCONCLUSIVE
    world.run()
    return world


def impossible() -> World:
    """The evaluation cannot succeed before something is changed."""
    world = World()
    world.verdict, world.final = EvaluationPhase.ERROR, True
    world.run()
    return world


def rolled_back() -> World:
    """Somebody went back to the version before, and the spec asks for the other still."""
    world = World(steps=[])
    world.deploy()
    world.deploy("2.0.0")
    assert world.status.previous is not None
    world.decide(Action.ROLLBACK, world.status.previous.revision)
    world.run()
    return world


def failing() -> World:
    """What serves was measured again and has failed."""
    world = serving()
    world.verdict = EvaluationPhase.FAILED
    world.decide(Action.EVALUATE)
    world.run()
    return world


def stalled() -> World:
    """Something is missing in the cluster."""
    world = World()
    world.kserve_installed = False
    world.reconcile()
    return world


def unready() -> World:
    """What served has stopped to answer."""
    world = serving()
    assert world.status.stable is not None
    world.set_service(world.status.stable.inference_service, ready=False, trouble="gone")
    world.settle()
    return world
