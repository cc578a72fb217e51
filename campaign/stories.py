"""What people do with a model, each from a settled beginning to a settled end."""

from collections.abc import Callable
from dataclasses import dataclass

from campaign.sidecars import GOOD, LOADED, ONE_IN_FIVE, UNLOADED, Sidecars
from campaign.world import World
from mlhops.api.evaluation import EvaluationPhase
from mlhops.json_access import condition, items, text

_KEEP = {"keepPrevious": "1h", "progressDeadline": "10m"}
CLIMB: dict[str, object] = {"steps": [{"setWeight": 10}, {"setWeight": 50}], **_KEEP}
HOLD: dict[str, object] = {"steps": [{"setWeight": 10}, {"pause": {}}, {"setWeight": 50}], **_KEEP}
AT_ONCE: dict[str, object] = {"steps": [], **_KEEP}


@dataclass(frozen=True)
class Story:
    """A beginning, and what happens then; faults strike only in what happens then."""

    name: str
    prepare: Callable[[World], None]
    happen: Callable[[World], None]


def _nothing(world: World) -> None:
    """The namespace is empty but for a Gateway."""


def _promoted(rollout: dict[str, object]) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.apply_model("1.0.0", rollout=rollout)
        world.until("1.0.0 serves", lambda: world.serves("1.0.0"))

    return prepare


def _two_promoted(world: World) -> None:
    _promoted(AT_ONCE)(world)
    world.apply_model("2.0.0")
    world.until("2.0.0 serves", lambda: world.serves("2.0.0"))


def first_deployment(world: World) -> None:
    """A model where there was none."""
    world.apply_model("1.0.0", rollout=CLIMB)
    world.until("1.0.0 serves", lambda: world.serves("1.0.0"))


def whole_canary(world: World) -> None:
    """A second version through gates and two weights."""
    world.apply_model("2.0.0")
    world.until("2.0.0 serves", lambda: world.serves("2.0.0"))


def failed_gate(world: World) -> None:
    """A second version that is unfair."""
    world.verdicts["2.0.0", "1"] = EvaluationPhase.FAILED
    world.apply_model("2.0.0")
    world.until(
        "2.0.0 is given up",
        lambda: world.status("phase") == "Degraded" and world.versions() == {"1.0.0"},
    )


def inconclusive_override(world: World) -> None:
    """A second version with too little evidence, which somebody lets through."""
    world.verdicts["2.0.0", "1"] = EvaluationPhase.INCONCLUSIVE
    world.apply_model("2.0.0")
    world.until("a pause", lambda: _waits(world, "GatesInconclusive"))
    world.decide("Override", "let-through", gates=["equal-misses"], expires="2090-01-01T00:00:00Z")
    world.until("2.0.0 serves", lambda: world.serves("2.0.0"))


def abort(world: World) -> None:
    """Somebody stops a second version that has traffic."""
    world.apply_model("2.0.0")
    world.until("a pause", lambda: _waits(world, "PauseStep"))
    world.decide("Abort", "stop")
    world.until(
        "2.0.0 is given up",
        lambda: (
            world.status("phase") == "Degraded"
            and world.weights() == {"1.0.0": 100}
            and world.versions() == {"1.0.0"}
        ),
    )


def retry(world: World) -> None:
    """A second version whose first evidence is too little, and whose second is not."""
    world.verdicts["2.0.0", "1"] = EvaluationPhase.INCONCLUSIVE
    world.apply_model("2.0.0")
    world.until("a pause", lambda: _waits(world, "GatesInconclusive"))
    world.decide("Retry", "again")
    world.until("2.0.0 serves", lambda: world.serves("2.0.0"))


def supersede_mid_step(world: World) -> None:
    """A third version while the Gateway has not yet accepted the second one's first weight."""
    world.gateway_answers = False
    world.apply_model("2.0.0")
    world.until("weight 10", lambda: world.weights() == {"1.0.0": 90, "2.0.0": 10})
    world.apply_model("3.0.0")
    world.until("weight 0", lambda: world.weights() == {"1.0.0": 100})
    world.gateway_answers = True
    world.until("3.0.0 serves", lambda: world.serves("3.0.0"))


def rollback_within_keep_previous(world: World) -> None:
    """Back to the version before, which is still there."""
    world.apply_model("1.0.0")
    world.until("1.0.0 serves", lambda: world.serves("1.0.0"))


def rollback_decided(world: World) -> None:
    """Somebody decides to go back to the version before, which the spec does not ask for."""
    world.decide("Rollback", "back", revision=world.status("previous", "revision"))
    world.until("1.0.0 serves again", lambda: _is_degraded(world, "1.0.0"))


def gates_tightened_while_serving(world: World) -> None:
    """A limit is tightened, by which what serves is measured again, and fails."""
    world.verdicts["1.0.0", "r1"] = EvaluationPhase.FAILED
    gates = [
        {**gate, "limit": 0.05}
        for gate in items(world.manifest("1.0.0"), "spec", "evaluation", "gates")
    ]
    world.apply_model("1.0.0", evaluation={"gates": gates})
    world.until(
        "the verdict",
        lambda: (
            _is_degraded(world, "1.0.0")
            and world.status("stable", "remeasured", "phase") == "Failed"
        ),
    )


def _is_degraded(world: World, version: str) -> bool:
    return (
        world.status("phase") == "Degraded"
        and world.status("stable", "version") == version
        and world.weights() == {version: 100}
    )


def delete_mid_rollout(world: World) -> None:
    """The model is deleted while its second version climbs."""
    world.gateway_answers = False
    world.apply_model("2.0.0")
    world.until("weight 10", lambda: world.weights() == {"1.0.0": 90, "2.0.0": 10})
    world.delete_model()
    world.until("nothing", lambda: not any(world.objects(kind) for kind in OWNED))


def _counted(world: World) -> None:
    """A version that serves, with sidecars that count its callers, and a rollout that asks for live requests."""
    world.sidecars = Sidecars()
    _promoted({**CLIMB, "evidence": {"minRequests": 50}})(world)
    world.tell("1.0.0", GOOD)
    world.until("1.0.0 answers", lambda: world.status("serving", "verdict") == "Serving")


def unloaded_while_serving(world: World) -> None:
    """Somebody unloads the model of the version that serves, and loads it again."""
    assert world.sidecars is not None
    world.sidecars.probe = UNLOADED
    world.until("not available", lambda: _available(world) == "False")
    world.sidecars.probe = LOADED
    world.until("available", lambda: _available(world) == "True" and world.serves("1.0.0"))


def one_request_in_five_fails(world: World) -> None:
    """The version that serves fails one request in five, for a while."""
    world.tell("1.0.0", ONE_IN_FIVE)
    world.until("not available", lambda: _available(world) == "False")
    world.tell("1.0.0", GOOD)
    world.until("available", lambda: _available(world) == "True" and world.serves("1.0.0"))


def no_traffic(world: World) -> None:
    """A second version that nobody asks at first."""
    world.apply_model("2.0.0")
    tenth = {"1.0.0": 90, "2.0.0": 10}
    world.until("a wait", lambda: _waits(world, "NotEnoughTraffic") and world.weights() == tenth)
    world.tell("2.0.0", GOOD)
    world.until("2.0.0 serves", lambda: world.serves("2.0.0"))


def candidate_fails_its_callers(world: World) -> None:
    """A second version that fails one live request in five."""
    world.apply_model("2.0.0")
    world.until("a wait", lambda: _waits(world, "NotEnoughTraffic"))
    world.tell("2.0.0", ONE_IN_FIVE)
    world.until(
        "2.0.0 is given up",
        lambda: world.status("phase") == "Degraded" and world.versions() == {"1.0.0"},
    )


OWNED = (
    "clinicalmodels",
    "inferenceservices",
    "httproutes",
    "evaluations",
    "jobs",
    "controllerrevisions",
    "configmaps",
)


def _available(world: World) -> str:
    return text(condition(world.model(), "Available"), "status")


def _waits(world: World, reason: str) -> bool:
    pause = world.candidate().get("pause")
    return isinstance(pause, dict) and pause.get("reason") == reason


STORIES = {
    story.name: story
    for story in (
        Story("first-deployment", _nothing, first_deployment),
        Story("whole-canary", _promoted(CLIMB), whole_canary),
        Story("failed-gate", _promoted(CLIMB), failed_gate),
        Story("inconclusive-override", _promoted(CLIMB), inconclusive_override),
        Story("abort", _promoted(HOLD), abort),
        Story("retry", _promoted(CLIMB), retry),
        Story("supersede", _promoted(CLIMB), supersede_mid_step),
        Story("rollback", _two_promoted, rollback_within_keep_previous),
        Story("rollback-decided", _two_promoted, rollback_decided),
        Story("gates-tightened", _promoted(AT_ONCE), gates_tightened_while_serving),
        Story("delete", _promoted(CLIMB), delete_mid_rollout),
        Story("unloaded", _counted, unloaded_while_serving),
        Story("one-in-five", _counted, one_request_in_five_fails),
        Story("no-traffic", _counted, no_traffic),
        Story("candidate-fails", _counted, candidate_fails_its_callers),
    )
}
