"""Whether a live object is as it would be applied, so that nothing is written where nothing has changed."""

import re
from decimal import Decimal

from mlhops.api.base import Json, Manifest
from mlhops.kserve.names import FIELD_MANAGER
from mlhops.kserve.read import at, items

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_UNITS = {"": Decimal(1), "m": Decimal("0.001")}
_UNITS |= {unit: Decimal(1000) ** (i + 1) for i, unit in enumerate(("k", "M", "G", "T"))}
_UNITS |= {unit: Decimal(1024) ** (i + 1) for i, unit in enumerate(("Ki", "Mi", "Gi", "Ti"))}
_IDENTITY = frozenset({"apiVersion", "kind"})


def as_applied(live: Manifest, desired: Manifest) -> bool:
    """Return whether every wanted field has its value, and no field of ours is left that is no longer wanted."""
    wanted = {key: value for key, value in desired.items() if key not in _IDENTITY}
    return covers(live, wanted) and not _leftovers(_owned(live), wanted)


def covers(live: Json, desired: Json) -> bool:
    """Return whether a live value has all that is desired; what others added to objects is let be."""
    if isinstance(desired, dict):
        return isinstance(live, dict) and all(
            key in live and covers(live[key], value) for key, value in desired.items()
        )
    if isinstance(desired, list) and all(isinstance(want, dict) for want in desired):
        return isinstance(live, list) and all(
            any(covers(item, want) for item in live) for want in desired
        )
    return live == desired or _same_quantity(live, desired)


def _same_quantity(live: Json, desired: Json) -> bool:
    """Whether both are the same amount in Kubernetes' notation, which servers write in their own way."""
    amounts = [_amount(value) for value in (live, desired)]
    return None not in amounts and amounts[0] == amounts[1]


def _amount(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    found = _QUANTITY.fullmatch(str(value))
    if found is None:
        return None
    return Decimal(found[1]) * _UNITS[found[2] or ""]


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
