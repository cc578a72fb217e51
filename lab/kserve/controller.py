"""KServe's controller: InferenceService to Deployment and Service, and the status back."""

import asyncio
import logging
from collections.abc import Iterable

from lab.client import DEPLOYMENTS, PODS, SERVICES, Client, Object
from lab.events import record, timestamp
from lab.informer import Informers, Key, Loop, key_of
from lab.kserve import children, names
from lab.kserve.names import CLUSTER_RUNTIMES, INFERENCE_SERVICES, RUNTIMES
from lab.kserve.runtimes import SKLEARN_SERVER, NoRuntime, Runtime, choose
from lab.kserve.status import Status

log = logging.getLogger(__name__)

SCHEMES = (
    "abfs",
    "azure",
    "file",
    "gs",
    "hdfs",
    "hf",
    "http",
    "https",
    "oci",
    "oci+fetch",
    "oci+native",
    "pvc",
    "s3",
    "webhdfs",
)
RETRY_SECONDS = 30.0


class UnknownScheme(Exception):
    """KServe reports this in an Event only."""


class Controller:
    """Watches what the real one watches: of pods, the init containers only."""

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._services = informers[INFERENCE_SERVICES]
        self._cluster_runtimes = informers[CLUSTER_RUNTIMES]
        self._runtimes = informers[RUNTIMES]
        self._deployments = informers[DEPLOYMENTS]
        self._child_services = informers[SERVICES]
        self._pods = informers[PODS]
        self._loop = Loop("kserve", self._reconcile)
        # What was applied last, and to which object: applying it again would change nothing.
        self._applied: dict[tuple[str, Key], tuple[Object, str, int]] = {}

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        await self._client.apply(CLUSTER_RUNTIMES, SKLEARN_SERVER, manager=names.MANAGER)
        self._loop.start(tasks)
        self._services.on_change(self._service_changed)
        self._deployments.on_change(self._child_changed)
        self._child_services.on_change(self._child_changed)
        self._pods.on_change(self._pod_changed)
        self._cluster_runtimes.on_change(self._runtime_changed)
        self._runtimes.on_change(self._runtime_changed)

    def _service_changed(self, before: Object | None, after: Object | None) -> None:
        if after is not None and not _only_status_changed(before, after):
            self._loop.add(key_of(after))

    def _child_changed(self, before: Object | None, after: Object | None) -> None:
        for owner in _owners(after or before):
            self._loop.add(owner)

    def _pod_changed(self, before: Object | None, after: Object | None) -> None:
        if after is None or _init_statuses(before) == _init_statuses(after):
            return
        name = after["metadata"].get("labels", {}).get(names.SERVICE_LABEL)
        if name:
            self._loop.add(Key(after["metadata"]["namespace"], name))

    def _runtime_changed(self, before: Object | None, after: Object | None) -> None:
        if before is None or after is None or before["spec"] != after["spec"]:
            for service in self._services:
                self._loop.add(key_of(service))

    async def _reconcile(self, key: Key) -> float | None:
        service = self._services.get(key)
        if service is None:
            return None
        if "deletionTimestamp" in service["metadata"]:
            await self._release(service)
            return None
        service = await self._with_finalizer(service)
        status = Status(service, timestamp())
        try:
            await self._write(service, await self._status(service, status))
        except UnknownScheme as problem:
            await self._write(service, status.without_progress())
            await record(
                self._client, _whole(service), "v1beta1Controllers", "InternalError", str(problem)
            )
            return RETRY_SECONDS
        if names.stopped(service) and "clusterServingRuntimeName" not in status.to_json():
            self._loop.add(key)
        return None

    async def _status(self, service: Object, status: Status) -> Object:
        model = service["spec"]["predictor"]["model"]
        key = key_of(service)
        try:
            runtime = choose(model, self._own_runtimes(key), self._cluster_runtimes)
        except NoRuntime as problem:
            return status.no_runtime(problem)
        check_scheme(model.get("storageUri", ""))
        child = Key(key.namespace, names.predictor(key.name))
        if names.stopped(service):
            await self._delete_children(child)
            return status.stopped(runtime)
        deployment = await self._apply_children(service, runtime, child)
        return status.running(runtime, deployment, self._pods_of(key))

    async def _apply_children(self, service: Object, runtime: Runtime, child: Key) -> Object:
        await self._apply_service(child, children.service_of(service, runtime))
        desired = children.deployment(service, runtime)
        current = self._deployments.get(child)
        applied = self._applied.get(("deployment", child))
        if current is not None and applied == (desired, *_identity(current)):
            return current
        live = await self._client.apply(DEPLOYMENTS, desired, manager=names.MANAGER)
        self._applied["deployment", child] = (desired, *_identity(live))
        unchanged = current is not None and _identity(current) == _identity(live)
        # Like the real one, speak of the Deployment that was looked at, not of a later one.
        return current if current is not None and unchanged else live

    async def _apply_service(self, child: Key, desired: Object) -> None:
        current = self._child_services.get(child)
        applied = self._applied.get(("service", child))
        if current is None or applied != (desired, *_identity(current)):
            current = await self._client.apply(SERVICES, desired, manager=names.MANAGER)
            self._applied["service", child] = (desired, *_identity(current))

    async def _delete_children(self, child: Key) -> None:
        background: Object = {"propagationPolicy": "Background"}
        await self._client.delete(DEPLOYMENTS, child.namespace, child.name, background)
        await self._client.delete(SERVICES, child.namespace, child.name, background)

    async def _with_finalizer(self, service: Object) -> Object:
        finalizers = service["metadata"].get("finalizers", [])
        if names.FINALIZER in finalizers:
            return service
        body = {"metadata": {"finalizers": [*finalizers, names.FINALIZER]}}
        return await self._patch(service, body)

    async def _release(self, service: Object) -> None:
        finalizers = service["metadata"].get("finalizers", [])
        if names.FINALIZER in finalizers:
            rest = [one for one in finalizers if one != names.FINALIZER]
            await self._patch(service, {"metadata": {"finalizers": rest}})

    async def _patch(self, service: Object, body: Object) -> Object:
        metadata = service["metadata"]
        body["metadata"]["resourceVersion"] = metadata["resourceVersion"]
        return await self._client.patch(
            INFERENCE_SERVICES, metadata["namespace"], metadata["name"], body
        )

    async def _write(self, service: Object, status: Object) -> None:
        if status != service.get("status"):
            body = _whole(service) | {"status": status}
            await self._client.replace(INFERENCE_SERVICES, body, sub="status")

    def _own_runtimes(self, key: Key) -> Iterable[Object]:
        return [one for one in self._runtimes if one["metadata"]["namespace"] == key.namespace]

    def _pods_of(self, key: Key) -> list[Object]:
        app = names.app(key.name)
        found = [
            pod
            for pod in self._pods
            if pod["metadata"]["namespace"] == key.namespace
            and pod["metadata"].get("labels", {}).get("app") == app
        ]
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))


def check_scheme(uri: str) -> None:
    """Raise for a storageUri that KServe has no storage container for."""
    scheme, separator, _ = uri.partition("://")
    if separator and scheme not in SCHEMES:
        raise UnknownScheme(f"storageURI, must be one of: [{', '.join(SCHEMES)}]: {uri}")


def _identity(item: Object) -> tuple[str, int]:
    return item["metadata"]["uid"], item["metadata"].get("generation", 0)


def _whole(service: Object) -> Object:
    kind = {"apiVersion": INFERENCE_SERVICES.api_version, "kind": INFERENCE_SERVICES.kind}
    return {**kind, **service}


def _only_status_changed(before: Object | None, after: Object) -> bool:
    return before is not None and _substance(before) == _substance(after)


def _substance(item: Object) -> Object:
    ignored = ("resourceVersion", "managedFields")
    metadata = {name: value for name, value in item["metadata"].items() if name not in ignored}
    return {"metadata": metadata, "spec": item["spec"]}


def _owners(item: Object | None) -> Iterable[Key]:
    if item is not None:
        for owner in item["metadata"].get("ownerReferences", []):
            if owner["kind"] == INFERENCE_SERVICES.kind:
                yield Key(item["metadata"]["namespace"], owner["name"])


def _init_statuses(pod: Object | None) -> object:
    return (pod or {}).get("status", {}).get("initContainerStatuses", [])
