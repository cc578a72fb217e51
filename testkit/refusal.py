"""How a refusal is told: one change to a good manifest, the field to blame, the way out."""

from dataclasses import dataclass

from mlhops.api.base import Json, Manifest
from testkit.builders import clinical_model


@dataclass(frozen=True)
class Refusal:
    """A bad manifest, and the field and the words that the refusal must have."""

    what: str
    manifest: Manifest
    path: str
    remedy: str


def model(what: str, change: str, value: Json, path: str, remedy: str) -> Refusal:
    """A ClinicalModel with one value changed."""
    return Refusal(what, clinical_model({change: value}), path, remedy)


def field(what: str, change: str, value: Json, remedy: str) -> Refusal:
    """A ClinicalModel with one value changed, and that very field to blame."""
    parts = change.removesuffix(".-").split(".")
    path = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)
    return model(what, change, value, path.lstrip("."), remedy)


def steps(what: str, value: Json, path: str, remedy: str) -> Refusal:
    """A ClinicalModel with other steps."""
    return model(what, "spec.rollout.steps", value, f"spec.rollout.steps{path}", remedy)


def predictor(what: str, name: str, value: Json, remedy: str, below: str = "") -> Refusal:
    """A ClinicalModel with one field of its predictor changed."""
    path = f"spec.predictor.{name}"
    return model(what, path, value, f"{path}{below}", remedy)


def path(what: str, value: Json, remedy: str, name: str = "value") -> Refusal:
    """A ClinicalModel with one more path for callers."""
    return model(what, "spec.exposure.paths", [value], f"spec.exposure.paths[0].{name}", remedy)


def group(what: str, value: Json, remedy: str, below: str = "") -> Refusal:
    """A ClinicalModel with one more group."""
    return model(what, "spec.interface.groups.-", value, f"spec.interface.groups[2]{below}", remedy)


def feature(what: str, value: Json, remedy: str, below: str = "") -> Refusal:
    """A ClinicalModel with one more feature."""
    at = f"spec.interface.features[3]{below}"
    return model(what, "spec.interface.features.-", value, at, remedy)


def toleration(what: str, value: Json, remedy: str, below: str) -> Refusal:
    """A ClinicalModel with one toleration."""
    return predictor(what, "tolerations", [value], remedy, f"[0]{below}")


def volume(what: str, changes: Manifest, remedy: str, below: str) -> Refusal:
    """A ClinicalModel with one volume; its source is a ConfigMap where the changes name a place alone."""
    source: Manifest = {"configMap": {"name": "terms"}}
    plain = {"name": "terms", "mountPath": "/etc/terms"}
    named = changes.keys() <= {"name", "mountPath", "subPath"} and bool(changes)
    value: Manifest = {**plain, **(source if named else {}), **changes}
    return predictor(what, "volumes", [value], remedy, f"[0]{below}")


def resources(what: str, value: Json, remedy: str, below: str) -> Refusal:
    """A ClinicalModel with other resources."""
    return predictor(what, "resources", value, remedy, below)


def given(what: str, manifest: Manifest, path: str, remedy: str) -> Refusal:
    """A manifest of another kind."""
    return Refusal(f"{manifest['kind']}: {what}", manifest, path, remedy)
