"""Reconciles one MonitoringPolicy: its status counts the models under it and names the worst."""

from pydantic import ValidationError

from mlhops.api.policy import MonitoringPolicy
from mlhops.api.status import MonitoringStatus
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.store import Store
from mlhops.controller.cache.wakes import THROTTLE_SECONDS
from mlhops.controller.kube.client import Client
from mlhops.controller.kube.statuses import manifest_of
from mlhops.controller.resources import MODELS, POLICIES, Key
from mlhops.json_access import at
from mlhops.rollout.monitoring.overview import Under, overview


class Policies:
    """Keeps the statuses of MonitoringPolicies; it rests on what was heard, since nothing rests on it."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store

    async def reconcile(self, key: Key) -> float | None:
        """Write how the models under a policy are, if that has changed.

        Returns the seconds until the next try where not all models are known yet.
        """
        live = self._store.get(POLICIES, Name(key.namespace, key.name))
        if live is None:
            return None
        if not self._store.covers(MODELS, key.namespace):
            return THROTTLE_SECONDS
        try:
            policy = MonitoringPolicy.model_validate(live)
        except ValidationError:
            return None  # its models say so, each in its own status
        names = sorted(self._store.models_watched_by(key.namespace, key.name))
        status = overview(policy, [self._under(key.namespace, name) for name in names])
        if status.to_json() == policy.status.to_json():
            return None
        manifest = manifest_of("MonitoringPolicy", policy.metadata, status)
        await self._client.apply(POLICIES, manifest, "status")
        return None

    def _under(self, namespace: str, name: str) -> Under:
        model = self._store.get(MODELS, Name(namespace, name))
        try:
            status = MonitoringStatus.model_validate(at(model, "status", "monitoring") or {})
        except ValidationError:
            return Under(name, "Error", None)
        return Under(name, status.verdict, status.worst)
