"""Writes Kubernetes Events, as every controller does for what people should notice."""

import datetime as dt
import itertools

from lab.client import EVENTS, Client, Object

_counter = itertools.count()


def timestamp() -> str:
    """Now, as Kubernetes writes times."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def record(client: Client, about: Object, source: str, reason: str, message: str) -> None:
    """Write one Warning about an object."""
    now, metadata = timestamp(), about["metadata"]
    moment = int(dt.datetime.now(dt.UTC).timestamp() * 1e6)
    event: Object = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{moment:x}{next(_counter):x}",
            "namespace": metadata["namespace"],
        },
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "type": "Warning",
        "reason": reason,
        "message": message,
        "source": {"component": source},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    await client.create(EVENTS, event, namespace=metadata["namespace"])
