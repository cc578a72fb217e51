"""HTTPRoutes to Envoy's routes. Pure."""

import re
from collections.abc import Callable, Sequence

from lab.client import Object
from lab.gateway.services import Backend
from lab.informer import Key

# The cluster that answers 500, as Gateway API wants it for a share that goes nowhere.
REFUSAL = "refusal"
NO_BACKEND: Object = {"direct_response": {"status": 500}}
RETRY: Object = {
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 2,
}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
METHOD = ":method"
DEFAULT_PATH: Object = {"type": "PathPrefix", "value": "/"}


class Unsupported(ValueError):
    """The route asks for something that this gateway does not do."""


def backend_of(reference: Object, namespace: str) -> Backend:
    key = Key(reference.get("namespace", namespace), reference["name"])
    return Backend(key, reference.get("port", 0))


def routes_of(route: Object, usable: Callable[[Backend], bool]) -> list[Object]:
    """Envoy's routes of one HTTPRoute; a backend that is not usable answers 500 for its share."""
    namespace = route["metadata"]["namespace"]
    result = []
    for rule in route["spec"].get("rules", []):
        action = _action(rule, namespace, usable)
        headers = _header_changes(rule.get("filters", []))
        matches = rule.get("matches") or [{}]
        result += [{"match": _match(one), **action, **headers} for one in matches]
    return result


def ordered(routes: Sequence[Object]) -> list[Object]:
    """Gateway API's precedence: exact paths, longer prefixes, a method, more headers, more query parameters."""

    def rank(route: Object) -> tuple[bool, int, bool, int, int]:
        match = route["match"]
        path = match.get("path") or match.get("path_separated_prefix") or match.get("prefix") or ""
        names = [one["name"] for one in match.get("headers", [])]
        other = len(names) - names.count(METHOD)
        parameters = len(match.get("query_parameters", []))
        return "path" not in match, -len(path), METHOD not in names, -other, -parameters

    return sorted(routes, key=rank)


def _action(rule: Object, namespace: str, usable: Callable[[Backend], bool]) -> Object:
    shares = []
    for reference in rule.get("backendRefs", []):
        weight = reference.get("weight", 1)
        backend = backend_of(reference, namespace)
        if weight > 0:
            name = backend.cluster if usable(backend) else REFUSAL
            headers = _header_changes(reference.get("filters", []))
            shares.append({"name": name, "weight": weight, **headers})
    if not shares:
        return NO_BACKEND
    timeouts = rule.get("timeouts", {})
    retry = dict(RETRY)
    if "backendRequest" in timeouts:
        retry["per_try_timeout"] = duration(timeouts["backendRequest"])
    return {
        "route": {
            "weighted_clusters": {"clusters": shares},
            "timeout": duration(timeouts.get("request", "0s")),
            "retry_policy": retry,
        }
    }


def _match(match: Object) -> Object:
    path = match.get("path", DEFAULT_PATH)
    kind, value = path.get("type", "PathPrefix"), path.get("value", "/")
    result: Object = {}
    if kind == "Exact":
        result["path"] = value
    elif kind == "RegularExpression":
        result["safe_regex"] = {"regex": value}
    elif value.rstrip("/"):
        result["path_separated_prefix"] = value.rstrip("/")
    else:
        result["prefix"] = "/"
    headers = [_named(one) for one in match.get("headers", [])]
    if "method" in match:
        headers.append({"name": METHOD, "string_match": {"exact": match["method"]}})
    if headers:
        result["headers"] = headers
    parameters = [_named(one) for one in match.get("queryParams", [])]
    if parameters:
        result["query_parameters"] = parameters
    return result


def _named(match: Object) -> Object:
    if match.get("type", "Exact") == "Exact":
        return {"name": match["name"], "string_match": {"exact": match["value"]}}
    return {"name": match["name"], "string_match": {"safe_regex": {"regex": match["value"]}}}


def _header_changes(filters: Sequence[Object]) -> Object:
    result: Object = {}
    sides = {"RequestHeaderModifier": "request", "ResponseHeaderModifier": "response"}
    for one in filters:
        if one["type"] not in sides:
            raise Unsupported(f"filter {one['type']} is not supported by the lab's gateway")
        side = sides[one["type"]]
        spec = one[f"{side}HeaderModifier"]
        actions = {"set": "OVERWRITE_IF_EXISTS_OR_ADD", "add": "APPEND_IF_EXISTS_OR_ADD"}
        result[f"{side}_headers_to_add"] = [
            {"header": {"key": entry["name"], "value": entry["value"]}, "append_action": action}
            for field, action in actions.items()
            for entry in spec.get(field, [])
        ]
        result[f"{side}_headers_to_remove"] = list(spec.get("remove", []))
    return result


def duration(text: str) -> str:
    """Gateway API's durations (`1m30s`) in Envoy's (`90s`)."""
    return f"{sum(float(count) * SECONDS[unit] for count, unit in DURATION.findall(text)):g}s"
