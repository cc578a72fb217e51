"""Metadata as the API server checks it: names, namespaces, labels, annotations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlhops.cli.lint import codes, functions
from mlhops.cli.lint.finding import Fault
from mlhops.json_access import at

if TYPE_CHECKING:
    from mlhops.api.base import Json, Manifest

_TEXT: Manifest = {"type": "string"}
_TEXTS: Manifest = {"type": "object", "additionalProperties": {"type": "string"}}
_FREE: Manifest = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
SCHEMA: Manifest = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "generateName": _TEXT,
        "namespace": _TEXT,
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "finalizers": {"type": "array", "items": _TEXT},
        "ownerReferences": {"type": "array", "items": _FREE},
        "managedFields": {"type": "array", "items": _FREE},
        "uid": _TEXT,
        "resourceVersion": _TEXT,
        "selfLink": _TEXT,
        "generation": {"type": "integer"},
        "creationTimestamp": _TEXT,
        "deletionTimestamp": _TEXT,
        "deletionGracePeriodSeconds": {"type": "integer"},
    },
}
"""The fields of ObjectMeta."""
_MOST_ANNOTATIONS = 256 * 1024
_GENERATED = "xxxxx"


def named(manifest: Manifest) -> Manifest:
    """Return a manifest with a name like the one that generateName leads to, as rules see it."""
    metadata = manifest.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("name"):
        return manifest
    prefix = metadata.get("generateName")
    if not isinstance(prefix, str) or not prefix:
        return manifest
    return {**manifest, "metadata": {**metadata, "name": prefix[:248] + _GENERATED}}


def faults(manifest: Manifest) -> Iterator[Fault]:
    """Return what is wrong with an object's metadata, whose types are right."""
    name, namespace = at(manifest, "metadata", "name"), at(manifest, "metadata", "namespace")
    if not isinstance(name, str) or not name:
        said = "Required value: name or generateName is required"
        yield Fault(codes.METADATA, ("metadata", "name"), said)
    else:
        yield from _told(("metadata", "name"), functions.dns_subdomain(name))
    if isinstance(namespace, str) and namespace:
        yield from _told(("metadata", "namespace"), functions.dns_label(namespace))
    labels = _map(at(manifest, "metadata", "labels"))
    for key, value in labels.items():
        place = ("metadata", "labels", key)
        yield from _told(place, functions.qualified_name(key))
        yield from _told(place, functions.label_value(str(value)))
    annotations = _map(at(manifest, "metadata", "annotations"))
    for key in annotations:
        place = ("metadata", "annotations", key)
        yield from _told(place, functions.qualified_name(key.lower()))
    size = sum(len(f"{key}{value}".encode()) for key, value in annotations.items())
    if size > _MOST_ANNOTATIONS:
        said = f"Too long: may not be more than {_MOST_ANNOTATIONS} bytes"
        yield Fault(codes.METADATA, ("metadata", "annotations"), said)


def _map(value: Json) -> Manifest:
    return value if isinstance(value, dict) else {}


def _told(path: tuple[str, ...], wrong: list[str]) -> Iterator[Fault]:
    yield from (Fault(codes.METADATA, path, each) for each in wrong)
