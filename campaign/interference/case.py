"""One way to interfere: from which beginning, how, and what has to come of it."""

from collections.abc import Callable
from dataclasses import dataclass

from campaign.world import World

Deed = Callable[[World], None]


def nothing(_: World) -> None:
    """Nobody does anything."""


@dataclass(frozen=True)
class Case:
    """A row of the table."""

    name: str
    begin: Deed
    """How the model comes to where it is interfered with."""
    meddle: Deed
    """What somebody does."""
    right: Callable[[World], bool]
    """Whether the operator has put it right, or said what to do, while it lasts."""
    says: tuple[str, ...] = ()
    """Words that people are told meanwhile; the model is Degraded then, and stays as it is."""
    cease: Deed = nothing
    """How the interference is taken away."""
    ends: Callable[[World], bool] | None = None
    """How the model ends; as it was before, to the last field, where nothing is said."""
    excused: tuple[str, ...] = ()
    """What the judge may object to, because somebody else did it: regular expressions."""
    most_writes: int = 6
    """How many writes a minute at most may go on while the interference lasts and nothing else happens."""
