"""A model at rest in a namespace of its own, and what a fresh install of a spec comes to."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

from campaign.control_plane import Plane, stage
from campaign.history import Recorder
from campaign.transitions.scripted_environment import Town
from campaign.transitions.state import State, state_of
from mlhops.api.base import Manifest
from mlhops.controller.resources import MODELS
from mlhops.json_access import at, text
from testkit.fake_controllers import MODEL

_REST = 0.4
_LONG_REST = 5.0
_PATIENCE = 45.0
_KINDS = (
    "clinicalmodels",
    "inferenceservices",
    "httproutes",
    "controllerrevisions",
    "configmaps",
    "evaluations",
    "jobs",
    "pods",
)


class Settled:
    """A model in a namespace of its own, with an operator of its own."""

    def __init__(self, town: Town, at_rest: Callable[[float], bool]) -> None:
        self.town = town
        self.at_rest = at_rest
        town.patience = _PATIENCE

    def rest(self, what: str, look: Callable[[], bool] = lambda: True) -> None:
        """Wait until the model serves its spec and nobody does anything any more."""
        written = at(
            self.town.api.get(MODELS, self.town.namespace, MODEL), "metadata", "generation"
        )

        def rests() -> bool:
            # The record may be behind what was just written.
            seen = at(self.town.model(), "metadata", "generation") == written
            return seen and self._serves() and look() and self.at_rest(_REST)

        self.town.until(what, rests)

    def in_the_end(self, unlike: Callable[[], list[str]]) -> list[str]:
        """What is still unlike when nobody has done anything for long.

        An operator that gets no CPU for a moment, or waits to try again, looks as if it were at rest.
        """
        found = unlike()
        if not found:
            return found
        with suppress(AssertionError):
            self.town.until("all is alike", lambda: not unlike() or self.at_rest(_LONG_REST))
        return unlike()

    def revision(self) -> str:
        """The stable revision."""
        return self.town.status("stable", "revision")

    def _serves(self) -> bool:
        model = self.town.model()
        seen = at(model, "status", "observedGeneration") == at(model, "metadata", "generation")
        healthy = text(model, "status", "phase") == "Healthy"
        return seen and healthy and not self.town.candidate()

    def clear(self) -> None:
        """Delete the model, and wait until nothing is left of it."""
        self.town.delete_model()
        town = self.town
        town.until("nothing is left", lambda: not any(town.objects(kind) for kind in _KINDS))


class Installed:
    """What a fresh install of a spec comes to; each spec is installed once."""

    def __init__(self, settled: Settled) -> None:
        self._settled = settled
        self._known: dict[str, State] = {}

    def state(self, spec: Manifest) -> State:
        """Install a spec, see what there is, and clear it away."""
        spec = _unpaused(spec)
        key = json.dumps(spec, sort_keys=True)
        if key not in self._known:
            answer = self._settled.town.put(spec)
            assert answer.status_code == 201, answer.text
            self._settled.rest("a fresh install is at rest")
            self._known[key] = state_of(self._settled.town)
            self._settled.clear()
        return self._known[key]


def _unpaused(spec: Manifest) -> Manifest:
    """A model that is paused from its first day never serves; what serves is the same without."""
    rollout = {**cast(Manifest, spec["rollout"]), "paused": False}
    return {**spec, "rollout": rollout}


@contextmanager
def settled(plane: Plane, recorder: Recorder, objections: list[str]) -> Iterator[Settled]:
    """A namespace with its operator; what the judge and the operator's end say of it is noted."""
    with stage(plane, recorder, lambda *_: None) as on:
        town = Town.on(on)
        yield Settled(town, on.at_rest)
        objections += plane.hearing.objections(town.namespace)
        objections += [f"the operator ended with code {code}" for code in on.operator.deaths]
        recorder.forget(town.namespace)
