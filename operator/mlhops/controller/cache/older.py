"""Tells whether the API server knows less than it did, as after a restore of its etcd from an older backup.

Of one kind resourceVersions only rise. So what is asked for after a version was told is never below it: neither the
resourceVersion of a list (which is read from etcd, or from a cache that is not behind it), nor that of the same object.
Where etcd goes on with higher numbers after a restore (`etcdutl snapshot restore --bump-revision`), lists tell
nothing, and the objects themselves still do.
"""

from mlhops.api.base import Manifest
from mlhops.controller.cache.entry import Name, SeenVersion, name_of, version_of
from mlhops.controller.cache.store import Store
from mlhops.controller.resources import Kind
from mlhops.json_access import text


class Before:
    """What was told of a kind before a request."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self._store = store
        self._life = store.life
        self._kind = kind
        self._newest = store.newest(kind)

    @property
    def is_forgotten(self) -> bool:
        """Whether all that was told before the request was forgotten since."""
        return self._life != self._store.life

    def of_list(self, version: int) -> str:
        """Return how a list with a resourceVersion is older, empty where it is not."""
        if self.is_forgotten or not 0 < version < self._newest:
            return ""
        told = f"{self._kind.plural} are listed at resourceVersion {version}"
        return f"{told}, and {self._newest} was told before"

    def of_object(self, manifest: Manifest | None, seen: SeenVersion | None) -> str:
        """Return how an object is older than it was seen before the request, empty where it is not."""
        if manifest is None or seen is None or self.is_forgotten or not older(manifest, seen):
            return ""
        return _told(self._kind, manifest, f"{seen.version} was told before")

    def of_deleted(self, manifest: Manifest, gone: dict[Name, int]) -> str:
        """Return how an object is one that was deleted later, empty where it is not."""
        at = gone.get(name_of(manifest), 0)
        if self.is_forgotten or not 0 < version_of(manifest) < at:
            return ""
        return _told(self._kind, manifest, f"its deletion at {at} was told before")


def older(manifest: Manifest, seen: SeenVersion) -> bool:
    """Whether an object is the same as was seen, in an earlier version."""
    same = text(manifest, "metadata", "uid") == seen.uid != ""
    return same and 0 < version_of(manifest) < seen.version


def _told(kind: Kind, manifest: Manifest, before: str) -> str:
    name = "/".join(part for part in name_of(manifest) if part)
    return f"{kind.plural} {name} has resourceVersion {version_of(manifest)}, and {before}"
