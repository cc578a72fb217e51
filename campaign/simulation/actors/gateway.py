"""The Gateway's controller: accepts routes late, for an earlier generation, not at all, or takes it back.

One in three knows no filters of single backends, or none at all, and refuses each route that has some.
"""

from campaign.simulation.actors.stage import GATEWAY, Stage, name_of
from campaign.simulation.server import NAMESPACE
from mlhops.api.base import Json, Manifest
from mlhops.controller.resources import GATEWAYS, ROUTES
from mlhops.json_access import at, condition, items

CONTROLLER = "gateway"


class Gateway:
    """Says of HTTPRoutes whether it has taken them."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._unknown = stage.rng.choice((None, None, None, None, "backendRefs", "rules"))
        """Where it knows no filters."""

    def act(self) -> str:
        """Say something about one route."""
        if GATEWAY not in self._stage.server.view(GATEWAYS):
            return self._install() if self._stage.chance(0.2) else ""
        live = self._stage.choose(self._stage.objects(ROUTES))
        if live is None:
            return ""
        generation = _generation(live)
        if self._does_not_know(live):
            return self._say(live, generation, "False", "True", "UnsupportedValue")
        if not self._stage.unlucky():
            return self._say(live, generation, "True", "True")
        match self._stage.rng.randrange(4):
            case 0:
                return self._say(live, max(generation - 1, 1), "True", "True")
            case 1:
                return self._say(live, generation, "False", "True")
            case 2:
                return self._say(live, generation, "True", "False")
            case _:
                return self._patch(live, [], "forgets")

    def put_right(self) -> str:
        """Accept a route that is not accepted as it is."""
        if GATEWAY not in self._stage.server.view(GATEWAYS):
            return self._install()
        for live in self._stage.objects(ROUTES):
            parents = items(live, "status", "parents")
            said = [condition(p, "Accepted", "conditions") for p in parents]
            refs = [condition(p, "ResolvedRefs", "conditions") for p in parents]
            generation = _generation(live)
            if self._does_not_know(live):
                return self._say(live, generation, "False", "True", "UnsupportedValue")
            if not said or not all(
                one.get("status") == "True" and one.get("observedGeneration") == generation
                for one in (*said, *refs)
            ):
                return self._say(live, generation, "True", "True")
        return ""

    def _does_not_know(self, live: Manifest) -> bool:
        """Whether a route has filters that it does not know; nobody else's are among them."""
        rules = items(live, "spec", "rules")
        backends = [one for rule in rules for one in items(rule, "backendRefs")]
        places = {None: [], "backendRefs": backends, "rules": [*rules, *backends]}[self._unknown]
        return any(items(one, "filters") for one in places)

    def _install(self) -> str:
        gateway: Manifest = {
            "metadata": {"name": GATEWAY},
            "spec": {"listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
        }
        self._stage.server.create(GATEWAYS, gateway, CONTROLLER)
        return "the Gateway is there"

    def _say(
        self, live: Manifest, generation: int, accepted: str, resolved: str, why: str = "Refused"
    ) -> str:
        conditions: list[Json] = [
            {
                "type": type_,
                "status": status,
                "reason": type_ if status == "True" else why,
                "message": "" if status == "True" else f"{why}: the listener is taken",
                "observedGeneration": generation,
            }
            for type_, status in (("Accepted", accepted), ("ResolvedRefs", resolved))
        ]
        parent: Manifest = {
            "controllerName": "simulation.example/gateway",
            "parentRef": {"name": GATEWAY, "namespace": NAMESPACE},
            "conditions": conditions,
        }
        return self._patch(live, [parent], f"says {accepted}/{resolved} of {generation} of")

    def _patch(self, live: Manifest, parents: list[Json], verb: str) -> str:
        patch: Manifest = {"status": {"parents": parents}}
        name = name_of(live)
        new = self._stage.server.patch(ROUTES, name, patch, CONTROLLER, "status")
        return f"gateway {verb} {name}" if new is not live else ""


def _generation(live: Manifest) -> int:
    generation = at(live, "metadata", "generation")
    return generation if isinstance(generation, int) else 0
