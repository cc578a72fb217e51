"""Watches Gateway API objects, loads Envoy, and only then tells what is in force."""

import asyncio
from collections import Counter, defaultdict

from lab.addresses import Block, Pool, can_bind
from lab.client import NAMESPACES, PODS, SERVICES, Client, Object, Resource
from lab.envoy import Envoy
from lab.events import timestamp
from lab.gateway.attachment import GROUP, Attachment, attach, hostnames, is_gateway
from lab.gateway.configuration import Listener, configuration
from lab.gateway.services import Backend, Directory, directory, serves
from lab.gateway.status import (
    CONTROLLER,
    class_status,
    dated,
    foreign,
    gateway_status,
    parent_status,
)
from lab.gateway.translate import Unsupported, routes_of
from lab.informer import Informers, Key, Loop, key_of

CLASSES = Resource(GROUP, "v1", "gatewayclasses", "GatewayClass", namespaced=False)
GATEWAYS = Resource(GROUP, "v1", "gateways", "Gateway")
ROUTES = Resource(GROUP, "v1", "httproutes", "HTTPRoute")
EVERYTHING = Key("", "everything")
CLASS = "lab"


class Controller:
    """One pass over everything at each change: small clusters, and nothing to get out of step."""

    def __init__(self, client: Client, informers: Informers, envoy: Envoy, block: Block) -> None:
        self._client = client
        self._envoy = envoy
        self._block = block
        self._classes = informers[CLASSES]
        self._gateways = informers[GATEWAYS]
        self._routes = informers[ROUTES]
        self._namespaces = informers[NAMESPACES]
        self._services = informers[SERVICES]
        self._pods = informers[PODS]
        self._pool: Pool = block.gateways()
        self._addresses: dict[str, str] = {}
        self._bound: set[tuple[str, int]] = set()
        self._settled = asyncio.Event()
        self._loop = Loop("gateway", self._reconcile, workers=1)

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        own: Object = {"metadata": {"name": CLASS}, "spec": {"controllerName": CONTROLLER}}
        await self._client.apply(CLASSES, own, manager=CONTROLLER)
        self._loop.start(tasks)
        for informer in (self._classes, self._gateways, self._routes, self._services):
            informer.on_change(self._changed)
        self._pods.on_change(self._pod_changed)
        self._loop.add(EVERYTHING)

    def _changed(self, before: Object | None, after: Object | None) -> None:
        if before is None or after is None or before.get("spec") != after.get("spec"):
            self._loop.add(EVERYTHING)

    def _pod_changed(self, before: Object | None, after: Object | None) -> None:
        if _served(before) != _served(after):
            self._loop.add(EVERYTHING)

    async def _reconcile(self, _: Key) -> None:
        gateways = self._own_gateways()
        found = directory(self._services, self._pods)
        pass_ = _Pass(self, gateways, found)
        for route in sorted(self._routes, key=_age):
            pass_.add(route)
        listeners = pass_.listeners()
        await self._envoy.load(
            configuration(listeners, found, self._block.node, self._envoy.source)
        )
        self._bound = {(one.address, one.port) for one in listeners}
        self._release_addresses(gateways)
        self._settled.set()
        await self._write_statuses(pass_, gateways)

    async def settled(self) -> None:
        """Wait until Envoy has been loaded once: from then on the proxy answers."""
        await self._settled.wait()

    def _own_gateways(self) -> dict[Key, Object]:
        own = {one["metadata"]["name"] for one in self._own_classes()}
        found = [one for one in self._gateways if one["spec"]["gatewayClassName"] in own]
        return {key_of(one): one for one in found}

    def _own_classes(self) -> list[Object]:
        return [one for one in self._classes if one["spec"]["controllerName"] == CONTROLLER]

    def address(self, gateway: Object) -> str:
        """Each Gateway has an address of its own, so that it has the ports that it asks for."""
        uid = gateway["metadata"]["uid"]
        if uid not in self._addresses:
            self._addresses[uid] = self._pool.take()
        return self._addresses[uid]

    def problem(self, address: str, listener: Object) -> str:
        """Why a listener cannot be had; empty if it can."""
        port = listener["port"]
        if listener["protocol"] != "HTTP":
            return f"protocol {listener['protocol']} is not offered by the lab's gateway, HTTP is"
        if (address, port) in self._bound or can_bind(address, port):
            return ""
        return f"cannot listen on {address}:{port}: choose a port above 1023"

    def labels(self, namespace: str) -> dict[str, str]:
        found = self._namespaces.get(Key("", namespace)) or {"metadata": {}}
        labels: dict[str, str] = found["metadata"].get("labels", {})
        return labels

    def _release_addresses(self, gateways: dict[Key, Object]) -> None:
        kept = {one["metadata"]["uid"] for one in gateways.values()}
        for uid in self._addresses.keys() - kept:
            self._pool.give_back(self._addresses.pop(uid))

    async def _write_statuses(self, pass_: "_Pass", gateways: dict[Key, Object]) -> None:
        for one in self._own_classes():
            await self._write(CLASSES, one, class_status())
        for key, gateway in gateways.items():
            await self._write(GATEWAYS, gateway, pass_.gateway_status(key))
        for route, parents in pass_.parents:
            others = foreign((route.get("status") or {}).get("parents", []))
            if parents or others != (route.get("status") or {}).get("parents", []):
                await self._write(ROUTES, route, {"parents": [*others, *parents]})

    async def _write(self, resource: Resource, item: Object, status: Object) -> None:
        metadata, before = item["metadata"], item.get("status") or {}
        whole = dated(status, before, metadata["generation"], timestamp())
        if {**before, **whole} != before:
            await self._client.patch(
                resource,
                metadata.get("namespace", ""),
                metadata["name"],
                {"status": whole},
                sub="status",
            )


class _Pass:
    """Routes sorted onto the listeners of this controller's Gateways."""

    def __init__(
        self, controller: Controller, gateways: dict[Key, Object], found: Directory
    ) -> None:
        self.parents: list[tuple[Object, list[Object]]] = []
        self._controller = controller
        self._gateways = gateways
        self._directory = found
        self._attached: dict[Key, Counter[str]] = defaultdict(Counter)
        self._hosts: dict[tuple[Key, int], dict[str, list[Object]]] = {}
        self._unusable: dict[Key, dict[str, str]] = {}
        for key, gateway in gateways.items():
            address = controller.address(gateway)
            listeners = gateway["spec"]["listeners"]
            problems = {one["name"]: controller.problem(address, one) for one in listeners}
            self._unusable[key] = {name: text for name, text in problems.items() if text}
            for one in listeners:
                if not problems[one["name"]]:
                    self._hosts.setdefault((key, one["port"]), {})

    def add(self, route: Object) -> None:
        """Attach a route to its parents; a parent that is not ours is not spoken of."""
        namespace = route["metadata"]["namespace"]
        statuses = []
        for parent in route["spec"].get("parentRefs", []):
            key = Key(parent.get("namespace", namespace), parent["name"])
            gateway = self._gateways.get(key) if is_gateway(parent) else None
            if gateway is None:
                continue
            labels = self._controller.labels(namespace)
            attachment = self._serve(route, key, attach(route, parent, gateway, labels))
            statuses.append(parent_status(route, parent, attachment, self._directory))
        self.parents.append((route, statuses))

    def _serve(self, route: Object, key: Key, attachment: Attachment) -> Attachment:
        try:
            routes = routes_of(route, self._usable(route))
        except Unsupported as problem:
            return Attachment((), "UnsupportedValue", str(problem))
        for listener in attachment.listeners:
            self._attached[key][listener["name"]] += 1
            if listener["name"] in self._unusable[key]:
                continue
            hosts = self._hosts[key, listener["port"]]
            for name in hostnames(listener, route) or []:
                hosts.setdefault(name, []).extend(routes)
        return attachment

    def _usable(self, route: Object) -> "_Usable":
        return _Usable(self._directory, route["metadata"]["namespace"])

    def listeners(self) -> list[Listener]:
        return [
            Listener(
                f"{key.namespace}_{key.name}_{port}",
                self._controller.address(self._gateways[key]),
                port,
                hosts,
            )
            for (key, port), hosts in self._hosts.items()
        ]

    def gateway_status(self, key: Key) -> Object:
        address = self._controller.address(self._gateways[key])
        return gateway_status(
            self._gateways[key], address, self._unusable[key], self._attached[key]
        )


class _Usable:
    """Whether a backend may be sent requests from a namespace."""

    def __init__(self, found: Directory, namespace: str) -> None:
        self._directory = found
        self._namespace = namespace

    def __call__(self, backend: Backend) -> bool:
        return backend.key.namespace == self._namespace and self._directory.has(backend)


def _served(pod: Object | None) -> object:
    """What of a pod matters here: where it serves, and which Services may select it."""
    if pod is None or not serves(pod):
        return None
    return pod["status"]["podIP"], pod["metadata"].get("labels")


def _age(route: Object) -> tuple[str, str, str]:
    metadata = route["metadata"]
    return metadata["creationTimestamp"], metadata["namespace"], metadata["name"]
