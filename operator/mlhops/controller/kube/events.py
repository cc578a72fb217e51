"""Kubernetes Events, so that `kubectl describe` and `kubectl get events` tell the story."""

from collections.abc import Callable
from datetime import datetime

import aiohttp
import structlog

from mlhops.api import API_VERSION
from mlhops.api.base import Manifest, ObjectMeta
from mlhops.controller.kube.client import ApiError, Client
from mlhops.controller.resources import EVENTS
from mlhops.rollout.intents import Event

_log = structlog.get_logger(__name__)


class Recorder:
    """Posts Events; one that cannot be posted is logged and lost, since nothing may depend on it."""

    def __init__(self, client: Client, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock

    async def tell(self, about: ObjectMeta, kind: str, event: Event) -> None:
        """Post one Event about an object."""
        now = self._clock()
        stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        # Named after its time, as client-go names Events: `generateName` would cost the reader order.
        name = f"{about.name}.{int(now.timestamp() * 1e9):x}"
        manifest: Manifest = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": about.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": kind,
                "name": about.name,
                "namespace": about.namespace,
                "uid": about.uid,
                "resourceVersion": about.resource_version,
            },
            "reason": event.reason.value,
            "message": event.message[:1024],
            "type": "Warning" if event.warning else "Normal",
            "source": {"component": "mlhops"},
            "reportingComponent": "mlhops.io/controller",
            "reportingInstance": "mlhops",
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
        log = _log.bind(kind=kind, namespace=about.namespace, name=about.name)
        level = log.warning if event.warning else log.info
        level("event", reason=event.reason.value, message=event.message)
        try:
            await self._client.create(EVENTS, manifest)
        except (ApiError, aiohttp.ClientError, OSError) as error:
            log.warning("event not posted", error=str(error))
