"""What a request to the API server is about, read from its method and URL alone."""

from collections.abc import Mapping
from dataclasses import dataclass

_WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True)
class Target:
    """One request in the API server's own words: verb, resource, namespace, name, subresource."""

    verb: str
    resource: str
    """The plural of the kind; empty for what is no object, such as discovery."""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def is_write(self) -> bool:
        """Whether it may change something."""
        return self.verb in _WRITES.values()

    @property
    def sort(self) -> str:
        """Verb and resource, as faults name them."""
        return f"{self.verb}.{self.resource}"

    def __str__(self) -> str:
        parts = (self.resource, self.name, self.subresource)
        return f"{self.verb} {'/'.join(part for part in parts if part)}"


def target_of(method: str, path: str, query: Mapping[str, str]) -> Target:
    """Read `/api/v1/...` and `/apis/<group>/<version>/...`."""
    parts = [part for part in path.split("/") if part]
    root = {"api": 2, "apis": 3}.get(parts[0] if parts else "", len(parts))
    rest = parts[root:]
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    resource, name, subresource = (*rest, "", "", "")[:3]
    return Target(_verb(method, query, name), resource, namespace, name, subresource)


def _verb(method: str, query: Mapping[str, str], name: str) -> str:
    if method in _WRITES:
        return _WRITES[method]
    if query.get("watch") in ("true", "1"):
        return "watch"
    return "get" if name else "list"
