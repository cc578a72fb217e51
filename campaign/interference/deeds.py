"""What others do to the operator's objects, as somebody with kubectl or another controller would."""

from collections.abc import Callable
from typing import cast

from campaign.interference.case import Deed
from campaign.world import World
from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.controller.resources import GATEWAYS, PODS, ROUTES, Kind
from mlhops.kserve.names import app_of, backend
from mlhops.rollout.revisions.revision import revision_of, service_name
from testkit.builders import evaluation, with_path
from testkit.fake_controllers import MODEL

Name = Callable[[World], str]


def model_name(_: World) -> str:
    """The model's own name, which its route has as well."""
    return MODEL


def patched(kind: Kind, name: Name, patch: Manifest) -> Deed:
    """Somebody merges something into an object."""

    def deed(world: World) -> None:
        world.api.patch(kind, world.namespace, name(world), patch)

    return deed


def edited(kind: Kind, name: Name, operations: list[Json]) -> Deed:
    """Somebody changes single places of an object (a JSON patch)."""

    def deed(world: World) -> None:
        path = kind.path(world.namespace, name(world))
        headers = {"Content-Type": "application/json-patch+json"}
        world.api.http.patch(path, json=operations, headers=headers).raise_for_status()

    return deed


def deleted(kind: Kind, name: Name) -> Deed:
    """Somebody deletes an object."""

    def deed(world: World) -> None:
        world.api.delete(kind, world.namespace, name(world))

    return deed


def weights(**by_role: int) -> Deed:
    """Somebody gives each role's InferenceService another weight."""

    def deed(world: World) -> None:
        references: list[Json] = [
            {
                "group": "",
                "kind": "Service",
                "name": backend(world.status(role, "inferenceService")),
                "port": 80,
                "weight": weight,
            }
            for role, weight in by_role.items()
        ]
        operations: list[Json] = [
            {"op": "replace", "path": "/spec/rules/0/backendRefs", "value": references}
        ]
        edited(ROUTES, model_name, operations)(world)

    return deed


def taken(kind: Kind, version: str, suffix: str = "") -> Deed:
    """Somebody has an object of the very name that the operator needs for that version."""

    def deed(world: World) -> None:
        name = name_for(world, version) + suffix
        world.api.create(kind, world.namespace, _foreign(kind, name, world.namespace))

    return deed


def given_back(kind: Kind, version: str, suffix: str = "") -> Deed:
    """Somebody removes that object again."""

    def deed(world: World) -> None:
        world.api.delete(kind, world.namespace, name_for(world, version) + suffix)

    return deed


def name_for(world: World, version: str) -> str:
    """The name of what the operator makes for a version of the model."""
    live = world.model()
    spec = cast(Manifest, (live or world.manifest(version))["spec"])
    predictor = {
        **cast(Manifest, spec["predictor"]),
        "storageUri": f"s3://models/sepsis/{version}",
    }
    manifest: Manifest = {
        "metadata": {"name": MODEL},
        "spec": {**spec, "version": version, "predictor": predictor},
    }
    parsed = ClinicalModel.model_validate(with_path(manifest, "metadata.uid", "x"))
    return service_name(MODEL, revision_of(parsed.spec))


def _foreign(kind: Kind, name: str, namespace: str) -> Manifest:
    kinds: dict[str, Manifest] = {
        "controllerrevisions": {"kind": "ControllerRevision", "revision": 1, "data": {}},
        "evaluations": {"kind": "Evaluation", "spec": _evaluation()},
        "jobs": {"kind": "Job", "spec": _job()},
        "configmaps": {"kind": "ConfigMap", "data": {}},
    }
    group = f"{kind.group}/{kind.version}" if kind.group else kind.version
    metadata: Manifest = {"name": name, "namespace": namespace}
    return {"apiVersion": group, "metadata": metadata, **kinds[kind.plural]}


def _evaluation() -> Json:
    return evaluation()["spec"]


def _job() -> Json:
    container: Manifest = {"name": "theirs", "image": "none"}
    pod: Manifest = {"restartPolicy": "Never", "containers": [container]}
    return {"suspend": True, "template": {"spec": pod}}


def gateway_removed(world: World) -> None:
    """Somebody deletes the Gateway."""
    world.api.delete(GATEWAYS, world.namespace, "clinical")


def gateway_made(world: World) -> None:
    """The Gateway is there again."""
    world.make_gateway()


def put_pod_behind(world: World, service: str) -> None:
    """Somebody makes a pod that the Kubernetes Service of an InferenceService chooses."""
    container: Manifest = {"name": "theirs", "image": "none"}
    labels: Manifest = {"app": app_of(service)}
    pod: Manifest = {
        "metadata": {"name": "theirs", "labels": labels},
        "spec": {"containers": [container]},
    }
    world.api.create(PODS, world.namespace, pod)
