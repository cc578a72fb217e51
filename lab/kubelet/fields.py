"""The downward API: values of a pod's own fields, for its environment and its volumes."""

import re

from lab.client import Object

SUBSCRIPT = re.compile(r"^(metadata\.(?:labels|annotations))\['(.+)'\]$")


class FieldNotFound(ValueError):
    """A fieldRef names something that the downward API does not offer."""


def field(pod: Object, path: str, *, node_ip: str, pod_ip: str) -> str:
    """The value that `fieldRef: {fieldPath: path}` means for this pod."""
    metadata = pod["metadata"]
    found = SUBSCRIPT.match(path)
    if found:
        values: dict[str, str] = metadata.get(found.group(1).split(".")[1], {})
        return values.get(found.group(2), "")
    if path in ("metadata.labels", "metadata.annotations"):
        pairs = sorted(metadata.get(path.split(".")[1], {}).items())
        return "\n".join(f'{key}="{value}"' for key, value in pairs)
    simple = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": pod["spec"].get("nodeName", ""),
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName", ""),
        "status.podIP": pod_ip,
        "status.podIPs": pod_ip,
        "status.hostIP": node_ip,
        "status.hostIPs": node_ip,
    }
    if path not in simple:
        raise FieldNotFound(f"fieldPath {path!r} is not offered by the downward API")
    return str(simple[path])
