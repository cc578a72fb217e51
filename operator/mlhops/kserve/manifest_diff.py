"""Whether a live object is as it would be applied, so that nothing is written where nothing has changed."""

from mlhops.api.base import Json, Manifest
from mlhops.api.quantity import nanos
from mlhops.json_access import at, items
from mlhops.kserve.names import FIELD_MANAGER

_IDENTITY = frozenset({"apiVersion", "kind"})
_AMOUNTS = frozenset({"requests", "limits"})
"""Objects whose values are quantities, which KServe's webhook writes back in its own notation."""


def as_applied(live: Manifest, desired: Manifest) -> bool:
    """Return whether every wanted field has its value, and no field of ours is left that is no longer wanted."""
    wanted = {key: value for key, value in desired.items() if key not in _IDENTITY}
    return covers(live, wanted) and not _leftovers(_owned(live), wanted)


def covers(live: Json, desired: Json) -> bool:
    """Return whether a live value has all that is desired; what others added to objects is let be."""
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(
            key in live and _covers_field(key, live[key], value) for key, value in desired.items()
        )
    if isinstance(desired, list) and all(isinstance(want, dict) for want in desired):
        return isinstance(live, list) and all(
            any(covers(item, want) for item in live) for want in desired
        )
    return live == desired


def _covers_field(key: str, live: Json, desired: Json) -> bool:
    """Return the same for the value of a field; elsewhere than in resources `1` is not `1000m`."""
    if key not in _AMOUNTS or not isinstance(live, dict) or not isinstance(desired, dict):
        return covers(live, desired)
    return all(
        live.get(name) == amount or _same_amount(live.get(name), amount)
        for name, amount in desired.items()
    )


def _same_amount(live: Json, desired: Json) -> bool:
    amounts = (nanos(live), nanos(desired))
    return None not in amounts and amounts[0] == amounts[1]


def written_by_us(live: Manifest) -> bool:
    """Return whether we have made or applied the object, and own some of its fields still."""
    return any(
        entry.get("manager") == FIELD_MANAGER and not entry.get("subresource")
        for entry in items(live, "metadata", "managedFields")
    )


def applied_by_us(live: Manifest, *path: str) -> bool:
    """Return whether the field at a path is as we have applied it: whoever changes a field owns it from then on."""
    return at(_owned(live), *(f"f:{name}" for name in path)) is not None


def _owned(live: Manifest) -> Manifest:
    """Return the fields that we own by server-side apply, in the form of `managedFields`."""
    for entry in items(live, "metadata", "managedFields"):
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply":
            if entry.get("subresource"):
                continue
            fields = entry.get("fieldsV1")
            return fields if isinstance(fields, dict) else {}
    return {}


def _leftovers(owned: Json, desired: Json) -> bool:
    """Return whether we own a field of an object that is no longer desired. Lists are covered by value."""
    if not isinstance(owned, dict) or not isinstance(desired, dict):
        return False
    for key, inner in owned.items():
        if not key.startswith("f:"):
            continue
        name = key[2:]
        if name not in desired or _leftovers(inner, at(desired, name)):
            return True
    return False
