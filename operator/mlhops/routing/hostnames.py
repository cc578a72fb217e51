"""Host names: who claims which, who may, and which ones overlap. A router tells what follows for its models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlhops.api.base import Manifest
from mlhops.api.status import Hostname


@dataclass(frozen=True)
class Claim:
    """A host name that another model holds."""

    namespace: str
    model: str
    hostname: Hostname

    @property
    def rank(self) -> tuple[str, str, str]:
        """The lower one holds the name."""
        return (self.hostname.since.isoformat(), self.namespace, self.model)


@dataclass(frozen=True)
class Rivals:
    """What others have of host names like ours, in all namespaces that the operator sees."""

    routes: Sequence[Manifest] = ()
    claims: Sequence[Claim] = ()


@dataclass(frozen=True)
class HostnameRules:
    """Which host names the models of a namespace may use, by whoever installs the operator; all where none says so."""

    by_namespace: Mapping[str, Sequence[str]] | None = None

    def allowed(self, namespace: str) -> Sequence[str] | None:
        """Return the patterns that count for a namespace, None where nobody has said any."""
        if not self.by_namespace:
            return None
        return self.by_namespace.get(namespace, self.by_namespace.get(OTHERS, ()))

    def grants(self, namespace: str, name: str) -> bool:
        """Whether a namespace was given a name by itself."""
        patterns = (self.by_namespace or {}).get(namespace, ())
        return any(matches(pattern, name) for pattern in patterns)


ANY_HOSTNAME = HostnameRules()
OTHERS = "*"
"""Stands for all namespaces that are not named, and for any host name."""


def overlaps(hostname: str, others: Iterable[str]) -> set[str]:
    """Return those of some host names that requests for a host name may be for as well."""
    return {other for other in others if overlap(hostname, other)}


def overlap(one: str, other: str) -> bool:
    """Whether requests for one host name may be for the other as well."""
    return one == other or is_below(one, other) or is_below(other, one)


def is_below(name: str, pattern: str) -> bool:
    """Whether a host name, or each one that it stands for, is among those of a wildcard."""
    return pattern.startswith("*.") and name != pattern and name.endswith(pattern[1:])


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern of whoever installs the operator takes a host name."""
    return pattern in (OTHERS, name) or is_below(name, pattern)
