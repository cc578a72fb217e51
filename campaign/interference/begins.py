"""Where a model is when somebody interferes."""

from campaign.stories import AT_ONCE, HOLD
from campaign.world import World


def absent(_: World) -> None:
    """There is no model yet."""


def serving(world: World) -> None:
    """One version serves."""
    world.apply_model("1.0.0", rollout=AT_ONCE)
    world.until("1.0.0 serves", lambda: world.serves("1.0.0"))


def serving_second(world: World) -> None:
    """A second version serves, and the first is kept for a way back."""
    serving(world)
    world.apply_model("2.0.0")
    world.until("2.0.0 serves", lambda: world.serves("2.0.0"))


def climbing(world: World) -> None:
    """A second version has a tenth of the requests, and waits for a person."""
    world.apply_model("1.0.0", rollout=HOLD)
    world.until("1.0.0 serves", lambda: world.serves("1.0.0"))
    world.apply_model("2.0.0")
    world.until("a pause at 10 %", lambda: holds(world))


def holds(world: World) -> bool:
    """Whether the second version waits at its tenth."""
    paused = world.status("candidate", "pause", "reason") == "PauseStep"
    return paused and world.weights() == {"1.0.0": 90, "2.0.0": 10}


def stable_of(world: World) -> str:
    """The InferenceService that serves."""
    return world.status("stable", "inferenceService")


def previous_of(world: World) -> str:
    """The InferenceService that is kept for a way back."""
    return world.status("previous", "inferenceService")


def candidate_of(world: World) -> str:
    """The candidate's InferenceService."""
    return world.status("candidate", "inferenceService")
