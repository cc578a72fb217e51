"""Plain JSON of the project's kinds, read without any of the operator's code."""

from typing import TypeAlias, cast

Object: TypeAlias = dict[str, object]

FINISHED = frozenset({"Successful", "Failed", "Inconclusive", "Error"})
OPERATOR = "mlhops"
"""The field manager by which the operator's writes are known."""
_BACKEND = "-predictor"
_MODIFIER = "responseHeaderModifier"


def part(of: object, *path: str) -> Object:
    """An object at a path, empty where there is none."""
    for name in path:
        of = of.get(name) if isinstance(of, dict) else None
    return of if isinstance(of, dict) else {}


def word(of: object, *path: str) -> str:
    """A text at a path, empty where there is none."""
    found = part(of, *path[:-1]).get(path[-1])
    return found if isinstance(found, str) else ""


def whole(of: object, *path: str) -> int:
    """A whole number at a path, 0 where there is none."""
    found = part(of, *path[:-1]).get(path[-1])
    return found if isinstance(found, int) else 0


def entries(of: object, *path: str) -> list[Object]:
    """The objects in a list at a path."""
    found = part(of, *path[:-1]).get(path[-1])
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def owner(of: Object, kind: str) -> tuple[str, str]:
    """Name and uid of the controller of that kind, empty where there is none."""
    for reference in entries(of, "metadata", "ownerReferences"):
        if reference.get("kind") == kind and reference.get("controller") is True:
            return word(reference, "name"), word(reference, "uid")
    return "", ""


def leaves(of: Object) -> bool:
    """Whether an object is on its way out."""
    return bool(word(of, "metadata", "deletionTimestamp"))


def written_at(of: Object) -> str:
    """When an object was last written, in the API server's words, which sort as they are."""
    times = [word(entry, "time") for entry in entries(of, "metadata", "managedFields")]
    return max(times, default="")


def weights_of(route: Object) -> dict[str, int]:
    """The weights above 0 by InferenceService."""
    found: dict[str, int] = {}
    for rule in entries(route, "spec", "rules"):
        for backend in entries(rule, "backendRefs"):
            name = word(backend, "name").removesuffix(_BACKEND)
            weight = backend.get("weight", 1)
            found[name] = max(found.get(name, 0), cast(int, weight))
    return {name: weight for name, weight in found.items() if weight > 0}


def hostnames_of(route: Object) -> set[str]:
    """The host names of a route."""
    found = part(route, "spec").get("hostnames")
    return {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()


def shares_of(route: Object) -> dict[str, int]:
    """The shares above 0 by InferenceService, in percent rounded up; the most that any rule gives.

    A weight by itself says nothing: 10 beside 0 is all there is.
    """
    found: dict[str, int] = {}
    for rule in entries(route, "spec", "rules"):
        backends = entries(rule, "backendRefs")
        weights = [cast(int, backend.get("weight", 1)) for backend in backends]
        for backend, weight in zip(backends, weights, strict=True):
            name = word(backend, "name").removesuffix(_BACKEND)
            share = -(-100 * weight // max(sum(weights), 1))
            found[name] = max(found.get(name, 0), share)
    return {name: share for name, share in found.items() if share > 0}


def lets_in(route: Object) -> set[str]:
    """The paths that a route takes; all that lies below a prefix is told by `*`."""
    found = set()
    for rule in entries(route, "spec", "rules"):
        for match in entries(rule, "matches") or [{}]:
            path, type_ = word(match, "path", "value") or "/", word(match, "path", "type")
            found.add(path if type_ == "Exact" else f"{path}*")
    return found


def said_by(route: Object) -> dict[str, dict[str, str]]:
    """What the route has answers say of who gave them, by InferenceService."""
    found: dict[str, dict[str, str]] = {}
    for rule in entries(route, "spec", "rules"):
        for backend in entries(rule, "backendRefs"):
            service = word(backend, "name").removesuffix(_BACKEND)
            found[service] = found.get(service, {}) | _headers(rule) | _headers(backend)
    return found


def _headers(of: Object) -> dict[str, str]:
    sets = [one for each in entries(of, "filters") for one in entries(each, _MODIFIER, "set")]
    return {word(one, "name"): word(one, "value") for one in sets}


def accepted(route: Object) -> bool:
    """Whether a Gateway has accepted the route as it is now."""
    generation = whole(route, "metadata", "generation")
    for parent in entries(route, "status", "parents"):
        for condition in entries(parent, "conditions"):
            if condition.get("type") == "Accepted":
                same = whole(condition, "observedGeneration") == generation
                return same and condition.get("status") == "True"
    return False


def most(spec: Object, step: int) -> int:
    """The most that a candidate may have while that step is under way."""
    steps = entries(spec, "rollout", "steps")
    if step >= len(steps):
        return 100
    allowed = 0
    for one in steps[: step + 1]:
        allowed = whole(one, "setWeight") if "setWeight" in one else allowed
    return allowed


def attempt(candidate: Object) -> tuple[str, str, int]:
    """What tells one attempt at one candidate from all others."""
    return (
        word(candidate, "revision"),
        word(candidate, "createdAt"),
        whole(candidate, "attempt"),
    )


def required_gates(spec: Object) -> set[str]:
    """The gates that have to pass; a gate is required unless it says that it is not."""
    gates = entries(spec, "gates")
    return {word(gate, "name") for gate in gates if gate.get("required") is not False}


def same_question(evaluation: Object, spec: Object) -> bool:
    """Whether an Evaluation measured what a model's spec asks for."""
    measured, asked = part(evaluation, "spec"), part(spec, "evaluation")
    same = all(measured.get(name) == asked.get(name) for name in ("gates", "data"))
    return same and undescribed(measured.get("interface")) == undescribed(spec.get("interface"))


def undescribed(value: object) -> object:
    """A value without the descriptions in it, which are for people alone."""
    if isinstance(value, dict):
        return {key: undescribed(one) for key, one in value.items() if key != "description"}
    return [undescribed(one) for one in value] if isinstance(value, list) else value


def is_operators(live: Object, *path: str) -> bool:
    """Whether the operator set what is at a path, as far as anybody can tell; in doubt it did."""
    known = [one for one in entries(live, "metadata", "managedFields") if one.get("fieldsV1")]
    keys = [f"f:{name}" for name in path]
    owners = {word(one, "manager") for one in known if _owns(part(one, "fieldsV1"), keys)}
    return not owners or OPERATOR in owners


def _owns(fields: Object, keys: list[str]) -> bool:
    if not keys:
        return True
    within = fields.get(keys[0])
    return isinstance(within, dict) and _owns(within, keys[1:])
