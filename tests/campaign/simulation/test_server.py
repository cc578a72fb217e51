"""The API server in memory answers as the real one does, to all that the operator asks of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol, TypeVar, cast

import pytest
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from campaign.control_plane import Plane
from campaign.simulation.client import Call, MemoryClient
from campaign.simulation.server import NAMESPACE, Server
from mlhops.api.base import Json, Manifest
from mlhops.api.model import ClinicalModel
from mlhops.controller.kube.client import ApiError, Client, NotInstalled
from mlhops.controller.resources import DECISIONS, MODELS, REVISIONS, ROUTES, SERVICES, Kind
from mlhops.json_access import at, items, text
from testkit.api import Api
from testkit.builders import clinical_model, decision

NOWHERE = Kind("nowhere.example", "v1", "things")
Answers = list[Json]
T = TypeVar("T")


class Side(Protocol):
    """An API server, as the operator and as somebody else."""

    client: Client

    def patch(self, kind: Kind, name: str, patch: Manifest, subresource: str = "") -> None:
        """Somebody else's merge patch."""
        ...


class Real:
    """The API server of the lab."""

    def __init__(self, client: Client, api: Api, namespace: str, uids: dict[str, str]) -> None:
        self.client, self._api, self._namespace, self._uids = client, api, namespace, uids

    def patch(self, kind: Kind, name: str, patch: Manifest, subresource: str = "") -> None:
        patch = with_uids(patch, self._uids)
        self._api.patch(kind, self._namespace, name, patch, subresource)


class Owned(Client):
    """Puts in the uids that owners have really got: the real garbage collector looks for them."""

    def __init__(self, configuration: Configuration, uids: dict[str, str]) -> None:
        super().__init__(configuration)
        self._uids = uids

    async def apply(self, kind: Kind, manifest: Manifest, subresource: str = "") -> Manifest:
        """Apply."""
        return await super().apply(kind, with_uids(manifest, self._uids), subresource)


def with_uids(of: T, uids: dict[str, str]) -> T:
    """The same JSON with other uids."""
    text = json.dumps(of)
    for name, uid in uids.items():
        text = text.replace(f'"uid": "{name}"', f'"uid": "{uid}"')
        text = text.replace(f'\\"uid\\":\\"{name}\\"', f'\\"uid\\":\\"{uid}\\"')
    return cast(T, json.loads(text))


class Memory:
    """The one in memory, which answers at once."""

    def __init__(self) -> None:
        self._server = Server(lambda: datetime.now(UTC))
        self.client: Client = MemoryClient(self._server, self._answer)

    async def _answer(self, call: Call) -> Manifest | list[Manifest]:
        return call.send()

    def patch(self, kind: Kind, name: str, patch: Manifest, subresource: str = "") -> None:
        self._server.patch(kind, name, patch, "somebody", subresource)


def service(name: str = "a", **predictor: Json) -> Manifest:
    """An InferenceService as the operator applies it, in short."""
    model: Manifest = {
        "modelFormat": {"name": "sklearn"},
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    }
    metadata: Manifest = {
        "name": name,
        "namespace": NAMESPACE,
        "labels": {"mlhops.io/model": "sepsis", "kept": "yes"},
        "ownerReferences": [_owner("uid-1")],
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata,
        "spec": {"predictor": {"minReplicas": 1, "model": model, **predictor}},
    }


def _owner(uid: str) -> Manifest:
    """An owner of that name, which stands for its uid until it is known."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": uid,
        "uid": uid,
        "controller": True,
    }


def model() -> Manifest:
    """A model with all defaults filled in."""
    manifest = clinical_model()
    spec = ClinicalModel.model_validate(manifest).spec.to_json()
    return {**manifest, "metadata": {"name": "sepsis", "namespace": NAMESPACE}, "spec": spec}


def status(*types: str, **fields: Json) -> Manifest:
    """A model's status as the operator applies it."""
    conditions: list[Json] = [
        {
            "type": type_,
            "status": "True",
            "reason": "Because",
            "message": "",
            "lastTransitionTime": "2030-01-01T00:00:00Z",
        }
        for type_ in types
    ]
    manifest: Manifest = {
        "apiVersion": "mlhops.io/v1alpha1",
        "kind": "ClinicalModel",
        "metadata": {"name": "sepsis", "namespace": NAMESPACE},
        "status": {"phase": "Progressing", "conditions": conditions, **fields},
    }
    return manifest


async def told(asked: Awaitable[object]) -> Json:
    """An answer, or in which way there was none."""
    try:
        return cast(Json, await asked)
    except ApiError as error:
        return f"{error.status} {error.reason}".replace("Not Found", "NotFound")
    except NotInstalled:
        return "not installed"


async def _apply_again(on: Side) -> Answers:
    once = await told(on.client.apply(SERVICES, service()))
    return [once, await told(on.client.apply(SERVICES, service()))]


async def _apply_a_change(on: Side) -> Answers:
    once = await told(on.client.apply(SERVICES, service()))
    return [once, await told(on.client.apply(SERVICES, service(minReplicas=2)))]


async def _leave_out(on: Side) -> Answers:
    await on.client.apply(SERVICES, service(labels={"a": "1", "b": "2"}, maxReplicas=3))
    return [
        await told(on.client.apply(SERVICES, service(labels={"a": "1"}))),
        await told(on.client.apply(SERVICES, service())),
    ]


async def _leave_out_an_item(on: Side) -> Answers:
    await on.client.apply(SERVICES, service())
    fewer = service(model={"modelFormat": {"name": "sklearn"}, "env": [{"name": "B"}]})
    return [await told(on.client.apply(SERVICES, fewer))]


async def _leave_out_what_others_own(on: Side) -> Answers:
    await on.client.apply(SERVICES, service(maxReplicas=3))
    on.patch(SERVICES, "a", {"spec": {"predictor": {"maxReplicas": 4}}})
    on.patch(SERVICES, "a", {"metadata": {"labels": {"theirs": "yes"}}})
    return [await told(on.client.apply(SERVICES, service()))]


async def _take_back(on: Side) -> Answers:
    await on.client.apply(SERVICES, service())
    on.patch(SERVICES, "a", {"spec": {"predictor": {"minReplicas": 7}}})
    seen = await told(on.client.get(SERVICES, NAMESPACE, "a"))
    return [seen, await told(on.client.apply(SERVICES, service()))]


async def _stripped(on: Side) -> Answers:
    await on.client.apply(SERVICES, service())
    on.patch(SERVICES, "a", {"metadata": {"labels": None, "ownerReferences": None}})
    seen = await told(on.client.get(SERVICES, NAMESPACE, "a"))
    return [seen, await told(on.client.apply(SERVICES, service()))]


async def _second_owner(on: Side) -> Answers:
    await on.client.apply(SERVICES, service())
    other = {**_owner("uid-2"), "controller": False}
    on.patch(SERVICES, "a", {"metadata": {"ownerReferences": [_owner("uid-1"), other]}})
    return [await told(on.client.apply(SERVICES, service()))]


async def _status_by_itself(on: Side) -> Answers:
    await on.client.create(MODELS, model())
    written = await told(on.client.apply(MODELS, status("Ready", message="a"), "status"))
    again = await told(on.client.apply(MODELS, status("Ready", message="a"), "status"))
    spec: Manifest = {"spec": {"version": "9.9.9"}}
    both = await told(on.client.apply(MODELS, status("Ready") | spec, "status"))
    on.patch(MODELS, "sepsis", {"spec": {"version": "2.0.0"}, "status": {"message": "b"}})
    return [written, again, both, await told(on.client.get(MODELS, NAMESPACE, "sepsis"))]


async def _status_with_other_conditions(on: Side) -> Answers:
    await on.client.create(MODELS, model())
    await on.client.apply(MODELS, status("Ready", "Stalled", "Promoted"), "status")
    return [
        await told(on.client.apply(MODELS, status("Stalled"), "status")),
        await told(on.client.apply(MODELS, status(), "status")),
    ]


async def _status_merged(on: Side) -> Answers:
    await on.client.create(MODELS, model())
    await on.client.apply(MODELS, status("Ready", message="a", url="http://a"), "status")
    merged = await told(on.client.patch_status(MODELS, status("Stalled", message="b")))
    return [merged, await told(on.client.apply(MODELS, status("Ready"), "status"))]


async def _on_a_version(on: Side) -> Answers:
    made = await on.client.apply(ROUTES, _route())
    version = text(made, "metadata", "resourceVersion")
    weighted = await told(on.client.apply(ROUTES, _route(version, 50)))
    behind = await told(on.client.apply(ROUTES, _route(version, 60)))
    nothing = await told(on.client.apply(ROUTES, _route(version, 60, "none")))
    return [weighted, behind, nothing]


async def _on_an_object(on: Side) -> Answers:
    """An apply that names a uid changes that very object and makes none."""
    made = await on.client.apply(ROUTES, _route())
    metadata: Manifest = {"uid": text(made, "metadata", "uid")}
    same = _route(weight=50)
    same["metadata"] = {**cast(Manifest, same["metadata"]), **metadata}
    another = _route(weight=60, name="none")
    another["metadata"] = {**cast(Manifest, another["metadata"]), **metadata}
    changed = await told(on.client.apply(ROUTES, same))
    return [changed, await told(on.client.apply(ROUTES, another))]


def _route(version: str = "", weight: int = 10, name: str = "sepsis") -> Manifest:
    backend: Manifest = {
        "group": "",
        "kind": "Service",
        "name": "a-predictor",
        "port": 80,
        "weight": weight,
    }
    metadata: Manifest = {"name": name, "namespace": NAMESPACE}
    if version:
        metadata["resourceVersion"] = version
    matches: list[Json] = [{"path": {"type": "PathPrefix", "value": "/"}}]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata,
        "spec": {
            "hostnames": ["sepsis.models.example"],
            "rules": [{"matches": matches, "backendRefs": [backend]}],
        },
    }


async def _what_is_not_there(on: Side) -> Answers:
    return [
        await told(on.client.get(SERVICES, NAMESPACE, "a")),
        await told(on.client.list(SERVICES, NAMESPACE)),
        await told(on.client.apply(MODELS, status(), "status")),
        await told(on.client.patch_status(MODELS, status())),
        await told(on.client.delete(SERVICES, NAMESPACE, "a")),
        await told(on.client.get(NOWHERE, NAMESPACE, "a")),
        await told(on.client.list(NOWHERE, NAMESPACE)),
        await told(on.client.create(NOWHERE, service())),
    ]


async def _create_twice(on: Side) -> Answers:
    manifest: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": "a", "namespace": NAMESPACE},
        "data": {"predictor": {}},
        "revision": 1,
    }
    made = await on.client.create(REVISIONS, manifest)
    return [made["data"], await told(on.client.create(REVISIONS, manifest))]


async def _delete_by_uid(on: Side) -> Answers:
    made = await on.client.apply(SERVICES, service())
    uid = text(made, "metadata", "uid")
    return [
        await told(on.client.delete(SERVICES, NAMESPACE, "a", "another")),
        await told(on.client.delete(SERVICES, NAMESPACE, "a", uid)),
        await told(on.client.get(SERVICES, NAMESPACE, "a")),
    ]


async def _delete_slowly(on: Side) -> Answers:
    await on.client.apply(SERVICES, service())
    on.patch(SERVICES, "a", {"metadata": {"finalizers": ["example.org/slow"]}})
    await on.client.delete(SERVICES, NAMESPACE, "a")
    leaving = await told(on.client.get(SERVICES, NAMESPACE, "a"))
    await on.client.delete(SERVICES, NAMESPACE, "a")
    still = await told(on.client.get(SERVICES, NAMESPACE, "a"))
    on.patch(SERVICES, "a", {"metadata": {"finalizers": []}})
    return [leaving, still, await told(on.client.get(SERVICES, NAMESPACE, "a"))]


async def _select(on: Side) -> Answers:
    await on.client.apply(SERVICES, service("a"))
    await on.client.apply(SERVICES, service("b"))
    on.patch(SERVICES, "b", {"metadata": {"labels": {"mlhops.io/model": "other"}}})
    for name, of in (("c", "sepsis"), ("d", "other")):
        manifest = decision({"spec.model": of, "metadata.namespace": NAMESPACE}, name)
        await on.client.create(DECISIONS, manifest)
    lists = [
        await on.client.list(SERVICES, NAMESPACE, "mlhops.io/model=sepsis"),
        await on.client.list(SERVICES, NAMESPACE, "mlhops.io/model"),
        await on.client.list(SERVICES, NAMESPACE, "mlhops.io/model=sepsis,kept=no"),
        await on.client.list(SERVICES, NAMESPACE, "mlhops.io/model,!kept"),
        await on.client.list(SERVICES, NAMESPACE, "mlhops.io/model,!mlhops.io/model"),
        await on.client.list(DECISIONS, NAMESPACE, fields="spec.model=sepsis"),
        await on.client.list(
            DECISIONS, NAMESPACE, fields="spec.model=sepsis,status.phase!=Ignored"
        ),
        await on.client.list(DECISIONS, NAMESPACE, fields="spec.action!=Approve"),
        await on.client.list(DECISIONS, NAMESPACE, fields="status.phase=", most=1),
    ]
    return [[text(live, "metadata", "name") for live in found] for found in lists]


SEQUENCES: dict[str, Callable[[Side], Awaitable[Answers]]] = {
    "apply the same again": _apply_again,
    "apply a change": _apply_a_change,
    "apply without a field": _leave_out,
    "apply without an item": _leave_out_an_item,
    "apply without what others own": _leave_out_what_others_own,
    "take a field back": _take_back,
    "labels and owners stripped": _stripped,
    "a second owner": _second_owner,
    "a status by itself": _status_by_itself,
    "a status with other conditions": _status_with_other_conditions,
    "a status merged": _status_merged,
    "apply on a version": _on_a_version,
    "apply on an object": _on_an_object,
    "what is not there": _what_is_not_there,
    "create twice": _create_twice,
    "delete by uid": _delete_by_uid,
    "delete slowly": _delete_slowly,
    "select": _select,
}


@pytest.fixture(scope="module")
def owners(plane: Plane) -> dict[str, str]:
    """A namespace with two objects that own others: their uids by name."""
    api = Api(plane.kubeconfig)
    api.http.post("/api/v1/namespaces", json={"metadata": {"name": NAMESPACE}})
    uids = {}
    for name in ("uid-1", "uid-2"):
        path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
        made = api.http.post(path, json={"metadata": {"name": name}}).raise_for_status().json()
        uids[name] = made["metadata"]["uid"]
    api.close()
    return uids


@pytest.mark.parametrize("name", SEQUENCES)
def test_both_api_servers_give_the_same_answers(
    plane: Plane, owners: dict[str, str], name: str
) -> None:
    api, namespace = Api(plane.kubeconfig), NAMESPACE

    async def really() -> Answers:
        configuration = Configuration()
        await config.load_kube_config(
            config_file=str(plane.kubeconfig), client_configuration=configuration
        )
        client = Owned(configuration, owners)
        try:
            answers = await SEQUENCES[name](Real(client, api, namespace, owners))
            return with_uids(answers, {uid: name for name, uid in owners.items()})
        finally:
            await client.close()

    async def in_memory() -> Answers:
        return await SEQUENCES[name](Memory())

    try:
        assert _lines(asyncio.run(in_memory())) == _lines(asyncio.run(really()))
    finally:
        for kind in (SERVICES, ROUTES, MODELS, DECISIONS, REVISIONS):
            for live in api.list(kind, namespace):
                api.delete(kind, namespace, text(live, "metadata", "name"))
        api.close()


def _lines(answers: Answers) -> list[str]:
    """Answers as text, so that a difference is seen where it is."""
    whole = json.loads(json.dumps(_plain(answers)), parse_float=_number)
    return json.dumps(whole, indent=1, sort_keys=True).splitlines()


def _number(digits: str) -> float:
    """40.0 and 40 are the same in JSON."""
    return int(float(digits)) if float(digits).is_integer() else float(digits)


def _told(value: Json) -> Json:
    """A status without what says nothing: the real schema has defaults, which the operator always writes."""
    if isinstance(value, dict):
        return {key: _told(one) for key, one in value.items() if one not in ("", 0, [])}
    return [_told(one) for one in value] if isinstance(value, list) else value


def _plain(answers: Answers) -> Answers:
    """Answers without uids and times, and with versions in the order in which they were first told."""
    versions: dict[str, str] = {}

    def plain(value: Json) -> Json:
        if isinstance(value, list):
            return [plain(one) for one in value]
        if not isinstance(value, dict) or "metadata" not in value:
            return value
        metadata = cast(Manifest, value["metadata"])
        version = text(metadata, "resourceVersion")
        order = versions.setdefault(version, f"version {len(versions)}")
        kept = {
            key: metadata[key]
            for key in ("name", "labels", "generation", "ownerReferences", "finalizers")
            if metadata.get(key)
        }
        if "status" in value:
            value = {**value, "status": _told(value["status"])}
        return {
            **value,
            "metadata": {
                **kept,
                "resourceVersion": order,
                "leaves": at(metadata, "deletionTimestamp") is not None,
                "owned": [
                    [text(entry, "operation"), text(entry, "subresource"), entry["fieldsV1"]]
                    for entry in items(value, "metadata", "managedFields")
                    if entry.get("manager") == "mlhops" and entry.get("operation") == "Apply"
                ],
            },
        }

    return [plain(answer) for answer in answers]
