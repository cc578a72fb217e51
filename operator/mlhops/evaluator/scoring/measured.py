"""What was measured of a revision, and of the one that serves, before anything is judged."""

from dataclasses import dataclass

from mlhops.api.evaluation import HonoursNames
from mlhops.evaluator.tasks.predictions import AnyPredictions
from mlhops.statistics.arrays import Floats


@dataclass(frozen=True)
class Missing:
    """Something that a gate needs could not be measured."""

    why: str
    """The reason and the way out."""


@dataclass(frozen=True)
class Measured:
    """All that gates are judged on, apart from the people."""

    candidate: AnyPredictions
    stable: AnyPredictions | Missing | None = None
    """What the serving revision says of the same people; None where nothing serves yet."""
    seconds: Floats | Missing = Missing("the time that an answer takes was not measured")
    """How long the answer for one person takes, for each request that was timed."""
    honours_names: HonoursNames = "Unknown"
    """Whether the candidate goes by the names of its inputs."""
