"""Reading and changing one place of a spec; what is given is left as it is."""

import copy
from typing import cast

from campaign.transitions.leaves import Spot
from mlhops.api.base import Json, Manifest


def value_at(spec: Manifest, spot: Spot) -> Json:
    """The value at a spot."""
    found: Json = spec
    for step in spot:
        found = (
            cast("list[Json]", found)[step]
            if isinstance(step, int)
            else cast(Manifest, found)[step]
        )
    return found


def with_value(spec: Manifest, spot: Spot, value: Json) -> Manifest:
    """A copy with another value at a spot."""
    changed = copy.deepcopy(spec)
    parent = value_at(changed, spot[:-1])
    cast("dict[str | int, Json]", parent)[spot[-1]] = copy.deepcopy(value)
    return changed


def without_value(spec: Manifest, spot: Spot) -> Manifest:
    """A copy without the key or the item at a spot."""
    changed = copy.deepcopy(spec)
    parent = value_at(changed, spot[:-1])
    del cast("dict[str | int, Json]", parent)[spot[-1]]
    return changed


def spot_of(dotted: str) -> Spot:
    """A spot as it is written in tables: `interface.features.0.unit`."""
    return tuple(int(part) if part.isdigit() else part for part in dotted.split("."))
