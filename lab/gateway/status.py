"""The statuses of routes, Gateways and their classes, in a real gateway's words. Pure."""

from collections.abc import Mapping, Sequence

from lab.client import Object
from lab.gateway.attachment import GROUP, Attachment
from lab.gateway.services import Backend, Directory
from lab.gateway.translate import backend_of

CONTROLLER = "lab.gateway/controller"


def condition(kind: str, status: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def parent_status(
    route: Object, parent: Object, attachment: Attachment, directory: Directory
) -> Object:
    """What the route is told about one of its parents."""
    accepted = condition(
        "Accepted", str(attachment.accepted), attachment.reason, attachment.message
    )
    conditions = [accepted]
    empty = _without_endpoints(route, directory) if attachment.accepted else []
    if empty:
        message = "\n".join(
            "Failed to find endpoints: no ready endpoints for the related Service "
            f"{one.key.namespace}/{one.key.name}."
            for one in empty
        )
        conditions.append(condition("BackendsAvailable", "False", "EndpointsNotFound", message))
    conditions.append(_resolved(route, directory))
    return {"conditions": conditions, "controllerName": CONTROLLER, "parentRef": parent}


def _resolved(route: Object, directory: Directory) -> Object:
    reasons, messages = [], []
    for rule_index, rule in enumerate(route["spec"].get("rules", [])):
        for index, reference in enumerate(rule.get("backendRefs", [])):
            problem = _problem(reference, route["metadata"]["namespace"], directory)
            if problem is not None:
                where = f"Failed to process route rule {rule_index} backendRef {index}: "
                reasons.append(problem[0])
                messages.append(where + problem[1])
    if not reasons:
        message = "Resolved all the Object references for the Route"
        return condition("ResolvedRefs", "True", "ResolvedRefs", message)
    return condition("ResolvedRefs", "False", reasons[0], "\n".join(messages))


def _problem(reference: Object, namespace: str, directory: Directory) -> tuple[str, str] | None:
    if reference.get("kind", "Service") != "Service" or reference.get("group", "") != "":
        return "InvalidKind", f"kind {reference.get('kind')} is not a Service."
    backend = backend_of(reference, namespace)
    name = f"{backend.key.namespace}/{backend.key.name}"
    if backend.key.namespace != namespace:
        return "RefNotPermitted", f"service {name}: the lab's gateway reads no ReferenceGrants."
    if backend.key not in directory.services:
        return "BackendNotFound", f"service {name} not found."
    if not directory.has(backend):
        return "BackendNotFound", f"TCP Port {backend.port} not found on Service {name}."
    return None


def _without_endpoints(route: Object, directory: Directory) -> list[Backend]:
    namespace = route["metadata"]["namespace"]
    result: list[Backend] = []
    for rule in route["spec"].get("rules", []):
        for reference in rule.get("backendRefs", []):
            backend = backend_of(reference, namespace)
            counted = reference.get("weight", 1) > 0 and directory.has(backend)
            if counted and backend not in result and not directory.addresses(backend):
                result.append(backend)
    return result


def gateway_status(
    gateway: Object, address: str, unusable: Mapping[str, str], attached: Mapping[str, int]
) -> Object:
    """By listener: `unusable` says why it does not listen, `attached` counts its routes."""
    listeners = gateway["spec"]["listeners"]
    working = len(unusable) < len(listeners)
    if working:
        programmed = condition(
            "Programmed", "True", "Programmed", "Address assigned to the Gateway"
        )
    else:
        message = "\n".join(unusable.values())
        programmed = condition("Programmed", "False", "AddressNotUsable", message)
    scheduled = "The Gateway has been scheduled by the lab's gateway"
    return {
        "addresses": [{"type": "IPAddress", "value": address}],
        "conditions": [condition("Accepted", "True", "Accepted", scheduled), programmed],
        "listeners": [
            _listener_status(one["name"], unusable.get(one["name"], ""), attached)
            for one in listeners
        ],
    }


def _listener_status(name: str, problem: str, attached: Mapping[str, int]) -> Object:
    if problem:
        conditions = [
            condition("Programmed", "False", "Invalid", problem),
            condition("Accepted", "False", "PortUnavailable", problem),
        ]
    else:
        sent = "Sending translated listener configuration to the data plane"
        translated = "Listener has been successfully translated"
        conditions = [
            condition("Programmed", "True", "Programmed", sent),
            condition("Accepted", "True", "Accepted", translated),
        ]
    resolved = "Listener references have been resolved"
    conditions.append(condition("ResolvedRefs", "True", "ResolvedRefs", resolved))
    return {
        "name": name,
        "attachedRoutes": attached.get(name, 0),
        "conditions": conditions,
        "supportedKinds": [{"group": GROUP, "kind": "HTTPRoute"}],
    }


def class_status() -> Object:
    return {"conditions": [condition("Accepted", "True", "Accepted", "Valid GatewayClass")]}


def dated(status: Object, before: Object | None, generation: int, now: str) -> Object:
    """Give conditions their generation and time; where nothing changed, the old times."""
    old = _times(before or {})

    def finish(part: object, path: tuple[object, ...]) -> object:
        if isinstance(part, list):
            return [finish(one, (*path, _label(one, index))) for index, one in enumerate(part)]
        if not isinstance(part, dict):
            return part
        if {"type", "status", "reason"} <= part.keys():
            whole = {**part, "observedGeneration": generation}
            known = old.get(path)
            same = known is not None and {**known, "lastTransitionTime": None} == {
                **whole,
                "lastTransitionTime": None,
            }
            return {
                **whole,
                "lastTransitionTime": known["lastTransitionTime"] if known and same else now,
            }
        return {name: finish(value, (*path, name)) for name, value in part.items()}

    result = finish(status, ())
    if not isinstance(result, dict):
        raise TypeError("a status is an object")
    return result


def _label(item: object, index: int) -> object:
    if isinstance(item, dict) and {"type", "status"} <= item.keys():
        return item["type"]
    return index


def _times(status: Object) -> dict[tuple[object, ...], Object]:
    found: dict[tuple[object, ...], Object] = {}

    def walk(part: object, path: tuple[object, ...]) -> None:
        if isinstance(part, list):
            for index, one in enumerate(part):
                walk(one, (*path, _label(one, index)))
        elif isinstance(part, dict):
            if "lastTransitionTime" in part:
                found[path] = part
            for name, value in part.items():
                walk(value, (*path, name))

    walk(status, ())
    return found


def foreign(statuses: Sequence[Object]) -> list[Object]:
    """What other controllers wrote into a route's status stays."""
    return [one for one in statuses if one.get("controllerName") != CONTROLLER]
