"""Resolves Services to the ready pods behind them, by selector, as endpoints are made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.client import Object
from lab.informer import Key, key_of


@dataclass(frozen=True)
class Backend:
    """One port of one Service."""

    key: Key
    port: int

    @property
    def cluster(self) -> str:
        return f"{self.key.namespace}_{self.key.name}_{self.port}"


@dataclass(frozen=True)
class Directory:
    """All Services and pods at one moment."""

    services: Mapping[Key, Object]
    pods: Iterable[Object]

    def backends(self) -> Iterable[Backend]:
        for key, service in self.services.items():
            for port in service["spec"].get("ports", []):
                yield Backend(key, port["port"])

    def has(self, backend: Backend) -> bool:
        return self._port(backend) is not None

    def addresses(self, backend: Backend) -> list[tuple[str, int]]:
        """Where the ready pods of a Service listen."""
        port = self._port(backend)
        selector = self.services[backend.key]["spec"].get("selector") if port is not None else None
        if port is None or not selector:
            return []
        found = []
        for pod in self.pods:
            if pod["metadata"]["namespace"] != backend.key.namespace or not serves(pod):
                continue
            labels = pod["metadata"].get("labels", {})
            number = target_port(port, pod)
            if number is not None and selector.items() <= labels.items():
                found.append((str(pod["status"]["podIP"]), number))
        return sorted(found)

    def _port(self, backend: Backend) -> Object | None:
        service = self.services.get(backend.key)
        ports = service["spec"].get("ports", []) if service else []
        return next((port for port in ports if port["port"] == backend.port), None)


def serves(pod: Object) -> bool:
    """Whether a pod takes requests: ready, and not on its way out."""
    status = pod.get("status", {})
    conditions = {one["type"]: one["status"] for one in status.get("conditions", [])}
    leaving = "deletionTimestamp" in pod["metadata"]
    return conditions.get("Ready") == "True" and "podIP" in status and not leaving


def target_port(port: Object, pod: Object) -> int | None:
    """A Service's target port in a pod: a number, or the name of a container's port."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    for container in pod["spec"]["containers"]:
        for entry in container.get("ports", []):
            if entry.get("name") == target:
                return int(entry["containerPort"])
    return None


def directory(services: Iterable[Object], pods: Iterable[Object]) -> Directory:
    return Directory({key_of(service): service for service in services}, list(pods))
