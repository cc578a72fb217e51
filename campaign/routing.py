"""What must hold of the routes that give traffic, and of the InferenceServices that get it."""

from campaign.candidates import Candidates
from campaign.history import Version
from campaign.raw_json import (
    FINISHED,
    Object,
    accepted,
    entries,
    hostnames_of,
    is_operators,
    leaves,
    lets_in,
    part,
    said_by,
    shares_of,
    word,
)
from campaign.world_state import Scene

_PATHS = (
    "/v1/models/{}",
    "/v1/models/{}:predict",
    "/v1/models/{}:explain",
    "/v2/models/{}",
    "/v2/models/{}/ready",
    "/v2/models/{}/infer",
)
"""What callers of a model need."""
_ROLES = ("previous", "candidate", "stable")
_FEATURES = "mlhops.io/route-features"
"""The annotation of a route of which the Gateway has refused a part."""
_MEASURED = ("modelFormat", "storageUri", "protocolVersion", "runtime", "args", "env", "image")


class Traffic:
    """Judges who gets requests; what others do to routes and InferenceServices is not held against anybody."""

    def __init__(self, scene: Scene, candidates: Candidates, lawful: set[tuple[str, str]]) -> None:
        self._scene = scene
        self._candidates = candidates
        self._lawful = lawful
        self._measured: dict[tuple[str, str], Object] = {}
        """What an InferenceService served when its evidence came, by the model's uid and its name."""

    def has_everything(self, model: Object, service: str) -> bool:
        """Whether a Gateway gives all requests to one InferenceService."""
        routes = self._scene.routes_of(model)
        return bool(routes) and all(
            shares_of(route) == {service: 100} and accepted(route) for route in routes
        )

    def agree(self, model: Object, route: Object) -> None:
        """Nobody has traffic to whom the status gives none."""
        if is_operators(route, "spec", "rules"):
            for service in shares_of(route):
                if service not in may_serve(part(model, "status")):
                    self._scene.object_to(f"{service} has weight, and the status gives it none")

    def route(self, live: Object, before: Object) -> None:
        """Judge the shares of a route that the operator has changed."""
        name = word(live, "metadata", "name")
        model = self._scene.model_of(live) or self._scene.of_kind("clinicalmodels").get(name, {})
        if not model:
            return
        self._candidates.note_share(model, live)
        if is_operators(live, "spec", "rules") and hostnames_of(live) != hostnames_of(before):
            self._alone(live)
        if is_operators(live, "spec", "rules") and part(live, "spec") != part(before, "spec"):
            self._lets_in(model, live)
            self._tells(model, live)
        now, old = shares_of(live), shares_of(before)
        if now == old or not is_operators(live, "spec", "rules"):
            return
        status = part(model, "status")
        stable, candidate = part(status, "stable"), part(status, "candidate")
        if stable and not now:
            self._scene.object_to(f"nobody gets anything from {name}")
        for service, share in now.items():
            raised = share > old.get(service, 0)
            if service == word(candidate, "inferenceService"):
                self._candidate(model, candidate, share, raised=raised)
            elif service == word(stable, "inferenceService"):
                key = (word(model, "metadata", "uid"), word(stable, "revision"))
                if raised and key not in self._lawful:
                    self._scene.object_to(f"{service} gets {share} without any proof")
            elif raised:
                self._scene.object_to(f"{service} gets {share}, and the status does not know it")

    def _lets_in(self, model: Object, live: Object) -> None:
        """Callers get to the model's own paths, and to those that people have asked for."""
        asked = {
            path if word(each, "type") != "PathPrefix" else f"{path}*"
            for spec in self._scene.specs_of(model)
            for each in entries(spec, "exposure", "paths")
            for path in [word(each, "value")]
        }
        own = {path.format(word(model, "metadata", "name")) for path in _PATHS}
        for path in sorted(lets_in(live) - own - asked):
            self._scene.object_to(f"{path} is let in, and nobody has asked for that")

    def _tells(self, model: Object, live: Object) -> None:
        """Answers name the revision that gives them, and no other."""
        name, status = word(model, "metadata", "name"), part(model, "status")
        roles = {
            word(part(status, each), "inferenceService"): part(status, each) for each in _ROLES
        }
        off = any(
            word(s, "exposure", "responseHeaders") == "Off" for s in self._scene.specs_of(model)
        )
        silent = off or _FEATURES in part(live, "metadata", "annotations")
        for service, said in said_by(live).items():
            of = roles.get(service, {})
            true = {
                "mlhops-model": name,
                "mlhops-version": word(of, "version"),
                "mlhops-revision": word(of, "revision") or service.removeprefix(f"{name}-"),
            }
            for header, value in said.items():
                if true.get(header) and true[header] != value:
                    self._scene.object_to(f"{service} is called {value} ({header})")
            if "mlhops-revision" not in said and of and not silent:
                self._scene.object_to(f"nobody learns that {service} answers")

    def _alone(self, live: Object) -> None:
        """No two models are asked under one host name."""
        name, mine = word(live, "metadata", "name"), hostnames_of(live)
        for other, route in self._scene.of_kind("httproutes").items():
            of_model = part(route, "metadata", "labels").get("mlhops.io/model")
            shared = mine & hostnames_of(route)
            if other != name and of_model and is_operators(route, "spec", "rules") and shared:
                self._scene.object_to(f"{min(shared)} is in the routes of {name} and {other}")

    def _candidate(self, model: Object, candidate: Object, share: int, *, raised: bool) -> None:
        service = word(candidate, "inferenceService")
        desired = candidate.get("desiredWeight", 0)
        if isinstance(desired, int) and share > desired:
            self._scene.object_to(f"{service} gets {share}, the status asks for {desired}")
        allowed = self._candidates.allowed(model, candidate)
        if share > allowed:
            self._scene.object_to(f"{service} gets {share}, its step allows {allowed}")
        if raised and leaves(model):
            self._scene.object_to(f"{service} gets {share} while its model leaves")
        if raised and self._candidates.has_failed(model, candidate):
            self._scene.object_to(f"{service} gets {share} after it has failed")
        if raised and share >= 100:
            self._candidates.counts(model, candidate)
        if raised:
            self._candidates.is_lawful(model, candidate, f"gets {share}")
        if raised and not self._candidates.is_proven(model, candidate):
            self._scene.object_to(f"{service} gets {share} without proof")

    def note_measured(self, evaluation: Object) -> None:
        """Remember what served while it was measured."""
        model, revision = self._scene.model_of(evaluation), word(evaluation, "spec", "revision")
        candidate = part(model, "status", "candidate")
        if word(evaluation, "status", "phase") in FINISHED and (
            word(candidate, "revision") == revision
        ):
            service = word(candidate, "inferenceService")
            live = self._scene.of_kind("inferenceservices").get(service, {})
            if live:
                key = (word(model, "metadata", "uid"), service)
                self._measured.setdefault(key, _served(live))

    def service(self, version: Version, before: Object) -> None:
        """Judge a change of an InferenceService, or its end."""
        name, live = version.name, version.object
        model = self._scene.model_of(live)
        if not model or leaves(model):
            return
        status = part(model, "status")
        is_stable = name == word(status, "stable", "inferenceService")
        if (version.deleted or leaves(live)) and not leaves(before):
            self._end(model, name, is_stable=is_stable)
        if not is_operators(live, "spec", "predictor", "model", "storageUri"):
            return
        served = part(live, "spec", "predictor", "model")
        changed = bool(before) and served != part(before, "spec", "predictor", "model")
        measured = self._measured.get((word(model, "metadata", "uid"), name))
        as_measured = measured is None or _served(live) == measured
        if changed and (not as_measured or (is_stable and measured is None)):
            words = "is stable, and what it serves" if is_stable else "is not what"
            self._scene.object_to(f"{name} {words} was {'changed' if is_stable else 'measured'}")

    def _end(self, model: Object, name: str, *, is_stable: bool) -> None:
        routes = self._scene.routes_of(model)
        if is_stable:
            self._scene.object_to(f"{name} is stable, and is deleted")
        if not routes and part(model, "status", "stable"):
            words = "is deleted while there is no route to say what it gets"
            self._scene.object_to(f"{name} {words}")
        if any(shares_of(route).get(name, 0) or not accepted(route) for route in routes):
            self._scene.object_to(f"{name} is deleted while it may have traffic")


def may_serve(status: Object) -> set[str]:
    """Who may have weight by a status: a candidate only with a proof and without a failure."""
    candidate = part(status, "candidate")
    served = {word(status, role, "inferenceService") for role in ("stable", "previous")}
    if part(candidate, "proof") and not part(candidate, "failure"):
        served.add(word(candidate, "inferenceService"))
    return served - {""}


def _served(live: Object) -> Object:
    model = part(live, "spec", "predictor", "model")
    return {name: model[name] for name in _MEASURED if model.get(name)}
