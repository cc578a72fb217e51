"""How a status is written: on the version that was seen, or not at all."""

from mlhops.api import API_VERSION
from mlhops.api.base import Manifest, ObjectMeta, Resource


def manifest_of(kind: str, meta: ObjectMeta, status: Resource) -> Manifest:
    """Return what to apply to an object's status; the API server refuses it if the object has changed."""
    return {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": {
            "name": meta.name,
            "namespace": meta.namespace,
            "resourceVersion": meta.resource_version,
        },
        "status": status.to_json(),
    }
