"""What all actors share: the API server, the dice, and how well everybody is."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from campaign.simulation.server import Server
from mlhops.api.base import Manifest
from mlhops.controller.kube.client import ApiError
from mlhops.controller.resources import Kind
from mlhops.json_access import text

T = TypeVar("T")
MODEL = "sepsis"
GATEWAY = "clinical"


@dataclass
class Stage:
    """One namespace, and everybody's dice."""

    server: Server
    rng: random.Random
    now: Callable[[], datetime]
    trouble: float = 0.3
    """How often KServe, the Gateway and the evaluator do something that nobody wants."""

    def chance(self, probability: float) -> bool:
        """Whether something of that probability happens."""
        return self.rng.random() < probability

    def unlucky(self) -> bool:
        """Whether something goes wrong."""
        return self.rng.random() < self.trouble

    def choose(self, of: Sequence[T]) -> T | None:
        """One of them, None where there is none."""
        return self.rng.choice(of) if of else None

    def objects(self, kind: Kind) -> list[Manifest]:
        """The objects of a kind."""
        return list(self.server.view(kind).values())

    def later(self, seconds: float) -> str:
        """A moment in whole seconds, as people write it."""
        return (self.now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def is_old(self, live: Manifest, seconds: float) -> bool:
        """Whether an object was made so long ago."""
        created = datetime.fromisoformat(text(live, "metadata", "creationTimestamp"))
        return self.now() - created > timedelta(seconds=seconds)


def name_of(live: Manifest) -> str:
    """An object's name."""
    return text(live, "metadata", "name")


def quietly(write: Callable[[], object]) -> bool:
    """Write, and return whether the API server took it."""
    try:
        write()
    except ApiError:
        return False
    return True
