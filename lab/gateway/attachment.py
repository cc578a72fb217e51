"""Which listeners a route attaches to, by the rules of Gateway API. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.client import Object

GROUP = "gateway.networking.k8s.io"


@dataclass(frozen=True)
class Attachment:
    """The listeners that take a route; none of them, and why not."""

    listeners: tuple[Object, ...] = ()
    reason: str = "Accepted"
    message: str = "Route is accepted"

    @property
    def accepted(self) -> bool:
        return bool(self.listeners)


def attach(route: Object, parent: Object, gateway: Object, labels: Mapping[str, str]) -> Attachment:
    """`labels` are those of the route's namespace."""
    named = [one for one in gateway["spec"]["listeners"] if _is_meant(one, parent)]
    if not named:
        return Attachment((), "NoMatchingParent", "No listeners match this parent ref")
    allowed = [one for one in named if _allows(one, route, gateway, labels)]
    if not allowed:
        message = "No listeners included by this parent ref allowed this attachment."
        return Attachment((), "NotAllowedByListeners", message)
    hosted = [one for one in allowed if hostnames(one, route) is not None]
    if not hosted:
        message = "There were no hostname intersections between the HTTPRoute and this parent ref."
        return Attachment((), "NoMatchingListenerHostname", message)
    return Attachment(tuple(hosted))


def is_gateway(parent: Object) -> bool:
    meant = (parent.get("group", GROUP), parent.get("kind", "Gateway"))
    return meant == (GROUP, "Gateway")


def hostnames(listener: Object, route: Object) -> list[str] | None:
    """The names under which the listener serves the route; None if they have none in common."""
    own: str = listener.get("hostname", "")
    wanted: Sequence[str] = route["spec"].get("hostnames", [])
    if not wanted:
        return [own or "*"]
    if not own:
        return list(wanted)
    common = [name if _covers(own, name) else own for name in wanted if _meet(own, name)]
    return common or None


def _meet(one: str, other: str) -> bool:
    return _covers(one, other) or _covers(other, one)


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def _is_meant(listener: Object, parent: Object) -> bool:
    section, port = parent.get("sectionName"), parent.get("port")
    named = section is None or section == listener["name"]
    return bool(named and (port is None or port == listener["port"]))


def _allows(listener: Object, route: Object, gateway: Object, labels: Mapping[str, str]) -> bool:
    namespaces = listener.get("allowedRoutes", {}).get("namespaces", {})
    match namespaces.get("from", "Same"):
        case "All":
            return True
        case "Selector":
            return _selects(namespaces.get("selector", {}), labels)
    return bool(route["metadata"]["namespace"] == gateway["metadata"]["namespace"])


def _selects(selector: Object, labels: Mapping[str, str]) -> bool:
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions", []))


def _holds(expression: Object, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
    return value is None
