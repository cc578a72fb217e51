"""The leaf fields of a schema, and the places in a spec at which each of them stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

import yaml

from lab.cache import REPOSITORY
from mlhops.api.base import Json, Manifest

CRD = REPOSITORY / "crds" / "mlhops.io_clinicalmodels.yaml"
ITEM, VALUE = "[]", "{}"
"""In a leaf's path: any item of a list, any value of a map."""

Spot: TypeAlias = tuple[str | int, ...]
"""Where one value stands in a spec."""


@dataclass(frozen=True)
class Leaf:
    """A field that has no fields of its own."""

    path: tuple[str, ...]
    schema: Manifest

    def __str__(self) -> str:
        return ".".join(self.path).replace(f".{ITEM}", ITEM).replace(f".{VALUE}", VALUE)


def all_leaves() -> list[Leaf]:
    """Every leaf of ClinicalModel.spec, from the generated CRD."""
    return list(leaves(spec_schema(CRD)))


def spec_schema(crd: Path) -> Manifest:
    """The schema of `spec` in a CRD's YAML."""
    loaded = cast(Manifest, yaml.safe_load(crd.read_text()))
    versions = cast("list[Manifest]", cast(Manifest, loaded["spec"])["versions"])
    schema = cast(Manifest, cast(Manifest, versions[0]["schema"])["openAPIV3Schema"])
    return cast(Manifest, cast(Manifest, schema["properties"])["spec"])


def leaves(schema: Manifest, path: tuple[str, ...] = ()) -> Iterator[Leaf]:
    """All leaves below a schema, in its order."""
    properties, inner = schema.get("properties"), schema.get("additionalProperties")
    if isinstance(properties, dict) and properties:
        for name, part in properties.items():
            yield from leaves(cast(Manifest, part), (*path, name))
    elif schema.get("type") == "array":
        yield from leaves(cast(Manifest, schema["items"]), (*path, ITEM))
    elif isinstance(inner, dict):
        yield from leaves(inner, (*path, VALUE))
    else:
        yield Leaf(path, schema)


def spots(value: Json, path: tuple[str, ...], before: Spot = ()) -> Iterator[Spot]:
    """Where a leaf stands in a value: nowhere, once, or once for each item on the way."""
    if not path:
        yield before
    elif path[0] == ITEM and isinstance(value, list):
        for index, item in enumerate(value):
            yield from spots(item, path[1:], (*before, index))
    elif path[0] == VALUE and isinstance(value, dict):
        for key, item in value.items():
            yield from spots(item, path[1:], (*before, key))
    elif isinstance(value, dict) and path[0] in value:
        yield from spots(value[path[0]], path[1:], (*before, path[0]))
