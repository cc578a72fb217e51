"""Plain JSON of the project's kinds, read without any of the operator's code."""

from collections.abc import Mapping
from typing import TypeAlias, cast

Object: TypeAlias = dict[str, object]

FINISHED = frozenset({"Successful", "Failed", "Inconclusive", "Error"})
_BACKEND = "-predictor"


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


def same_question(evaluation: Object, asked: Mapping[str, object]) -> bool:
    """Whether an Evaluation measured what the model's spec asks for."""
    spec = part(evaluation, "spec")
    return spec.get("gates") == asked.get("gates") and spec.get("data") == asked.get("data")
