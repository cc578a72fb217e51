"""kopf's part: watch, and pass on what is seen.

Only low-level event handlers are used: they write no annotation and no finalizer, on the user's objects or on
InferenceServices, where KServe would restart the model for it.
"""

import random
from collections.abc import Iterator
from typing import Protocol, cast

import kopf
from kopf._cogs.structs.ephemera import AnyMemo
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from mlhops.api.base import Manifest
from mlhops.controller.cache.lean import lean
from mlhops.controller.cache.store import LABELLED, WATCHED
from mlhops.controller.kube.login import connection_info
from mlhops.controller.resources import Kind
from mlhops.json_access import text
from mlhops.kserve.names import MODEL_LABEL

_CHUNK = 20
"""Objects of a kind that are listed in one request: whoever may label Jobs can make each of them a megabyte."""
NEEDED_GROUPS = ("serving.kserve.io", "gateway.networking.k8s.io")


class Listener(Protocol):
    """Is told of what the watches see, in the order in which they see it, from another thread."""

    def hear(self, kind: Kind, manifest: Manifest) -> None:
        """Take over an object as it is."""
        ...

    def hear_gone(self, kind: Kind, manifest: Manifest) -> None:
        """Take over that an object was deleted."""
        ...

    def kinds_changed(self, group: str) -> None:
        """Take over that a kind of a group was installed, changed or removed."""
        ...


def registry(listener: Listener, *, clusterwide: bool) -> kopf.OperatorRegistry:
    """Return handlers that pass on what they are told.

    Kinds that are installed later are noticed at once only by an operator for the whole cluster:
    one for some namespaces has no right to watch them, and looks again from time to time.
    """
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers, id="login")(connection_info)

    def watch(kind: Kind) -> None:
        async def seen(event: kopf.RawEvent, **_: object) -> None:
            # Cut down here, in kopf's thread: what waits for the other may be a megabyte of somebody's each time.
            manifest = lean(kind, cast(Manifest, event["object"]))
            gone = event["type"] == "DELETED"
            (listener.hear_gone if gone else listener.hear)(kind, manifest)

        # With its version: kopf would look for a kind in the version that its group prefers, and KServe's runtimes
        # are in another.
        which = (kind.group, kind.version, kind.plural)
        kopf.on.event(*which, id=f"watch-{kind.plural}", registry=handlers)(seen)

    for kind in WATCHED:
        if clusterwide or not kind.cluster:
            watch(kind)
    if clusterwide:

        async def installed(body: kopf.Body, **_: object) -> None:
            group = text(dict(body), "spec", "group")
            if group in NEEDED_GROUPS:
                listener.kinds_changed(group)

        plural = "customresourcedefinitions"
        kopf.on.event("apiextensions.k8s.io", plural, id="kinds", registry=handlers)(installed)
    return handlers


def settings(*, clusterwide: bool) -> kopf.OperatorSettings:
    """Return kopf's settings: nothing posted, nothing persisted, only what concerns models watched."""
    chosen = kopf.OperatorSettings()
    # kopf would list and watch all namespaces to find those whose exact names it was given, and be at
    # it for minutes where it may not.
    chosen.scanning.disabled = not clusterwide
    chosen.posting.enabled = False
    chosen.watching.chunk_size = _CHUNK
    chosen.queueing.idle_timeout = 0.1
    chosen.peering.standalone = True
    chosen.networking.error_backoffs = _Backoffs()
    # kopf would copy and compare each object for handlers of changes, of which there are none here.
    chosen.persistence.diffbase_storage = _NoDiff()
    # The rest is filtered by the API server: a hospital's cluster has other pods and jobs, too.
    for kind in LABELLED:
        chosen.watching.label_selectors[kind.plural] = MODEL_LABEL
    return chosen


class NoMemories(ResourceMemories):
    """What kopf remembers of objects: nothing, which handlers of events need not.

    It would keep a kilobyte of each for as long as that is there, of thousands of Evaluations for good.
    """

    async def recall(
        self,
        raw_body: kopf.RawBody,
        *,
        memobase: AnyMemo | None = None,
        noticed_by_listing: bool = False,
        ephemeral: bool = True,  # noqa: ARG002
    ) -> ResourceMemory:
        """Return what would be remembered of an object that was never seen."""
        return await super().recall(
            raw_body, memobase=memobase, noticed_by_listing=noticed_by_listing, ephemeral=True
        )


class _Backoffs:
    """Ever longer times between tries of a request, and not the same for all watches."""

    def __iter__(self) -> Iterator[float]:
        for seconds in (1, 2, 4, 8, 16, 30, 30, 30):
            yield seconds * random.uniform(0.7, 1.3)


class _NoDiff(kopf.DiffBaseStorage):
    """Keeps no last state of objects, in annotations or anywhere else."""

    def build(self, *, body: kopf.Body, extra_fields: object = None) -> kopf.BodyEssence:
        """Return nothing to compare."""
        del body, extra_fields
        return cast(kopf.BodyEssence, {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Return nothing to compare with."""
        del body
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Keep nothing."""
        del body, patch, essence
