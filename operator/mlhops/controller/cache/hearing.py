"""The door: what the API server tells comes in here, whether a watch, a list or an answer brings it.

Manifests come in; the store has them from then on, and what they matter to is in the queue.
"""

import math
import time
from collections.abc import Callable, Collection

import structlog

from mlhops.api.base import Manifest
from mlhops.controller.cache.change import ObjectChange
from mlhops.controller.cache.entry import name_of, version_of
from mlhops.controller.cache.signal import Signal
from mlhops.controller.cache.store import WATCHED, Store
from mlhops.controller.cache.wakes import wakes
from mlhops.controller.cache.work_queue import WorkQueue
from mlhops.controller.resources import (
    EVALUATION,
    EVALUATIONS,
    MODEL,
    MODELS,
    POLICIES,
    POLICY,
    Key,
    Kind,
)
from mlhops.controller.telemetry import metrics

_log = structlog.get_logger(__name__)
_RESTORED_SECONDS = 60.0
"""For so long after all was forgotten the Lease tells nothing new by being old."""
_TOLD_SECONDS = 600.0
"""A restore of longer ago is no news to the models' owners."""


class Hearing:
    """Takes over what is told, and has looked at again what it matters to."""

    def __init__(
        self,
        namespaces: Collection[str] = (),
        queue: WorkQueue[Key] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing known; the clock is one that nobody sets."""
        self.store = Store(namespaces)
        if queue is None:
            queue = WorkQueue(waited=metrics.QUEUE_WAIT.observe)
        self.queue = queue
        self.restored: Signal[[]] = Signal()
        """All was forgotten: what was seen before is not to be joined with what is told now."""
        self.kinds: Signal[[]] = Signal()
        """What there is of some kind is no longer known."""
        self.detectors: Signal[[Key]] = Signal()
        """A model's detectors are to be asked again."""
        self._clock = clock
        self._models: set[Key] = set()
        """All models that were ever seen; one that is gone costs a look."""
        self._untold: set[Key] = set()
        """Models of which nobody was told yet that they go on from an older state."""
        self._restored_at = -math.inf

    # what is told

    def hear(self, kind: Kind, manifest: Manifest) -> None:
        """Take over an object as it is."""
        change = self.store.hear(kind, manifest)
        if change is None:
            return
        if kind == MODELS and self._is_listed_anew():
            self._untold.add(Key(MODEL, *change.name))
        self._wake(change)

    def hear_gone(self, kind: Kind, manifest: Manifest) -> None:
        """Take over that an object was deleted."""
        change = self.store.hear_gone(kind, name_of(manifest), version_of(manifest))
        if change is not None:
            self._wake(change)

    def kinds_changed(self, group: str) -> None:
        """What there is of these kinds is no longer known, and any model may wait for them."""
        for kind in WATCHED:
            if kind.group == group:
                self.store.doubt(kind)
        self.kinds.tell()
        self.add_models()

    def set_back(self, how: str) -> None:
        """Forget all: the API server tells of an older state than before, and what was seen since may be gone."""
        _log.warning("the cluster was restored from an older state", how=how)
        metrics.CLUSTER_RESTORED.inc()
        self._restored_at = self._clock()
        self.store.forget()
        self._untold |= self._models
        self.restored.tell()

    def lease_set_back(self, how: str) -> None:
        """Take over that the Lease is an older one; whoever holds it sees that first."""
        if self._clock() - self._restored_at > _RESTORED_SECONDS:
            self.set_back(how)

    # what is looked at again

    def add(self, key: Key, *, urgent: bool = False) -> None:
        """Have an object looked at again."""
        if key.kind == MODEL:
            self._models.add(key)
        self.queue.add(key, urgent=urgent)
        metrics.QUEUE.set(len(self.queue))

    def add_models(self) -> None:
        """Have all models looked at again."""
        for key in list(self._models):
            self.add(key)

    def add_all(self) -> None:
        """Have everything looked at again: this operator begins to work."""
        if self._clock() - self._restored_at > _TOLD_SECONDS:
            self._untold.clear()
        for kind, of in ((MODELS, MODEL), (EVALUATIONS, EVALUATION), (POLICIES, POLICY)):
            for name in self.store.names(kind):
                if kind != EVALUATIONS or not self.store.is_settled(name):
                    self.add(Key(of, *name))

    def forget(self, key: Key) -> None:
        """Take note that a model is gone."""
        self._models.discard(key)

    def take_untold(self, key: Key) -> bool:
        """Return, once, whether nobody was told yet that a model goes on from an older state."""
        untold = key in self._untold
        self._untold.discard(key)
        return untold

    def _is_listed_anew(self) -> bool:
        """Whether models are told of for the first time after all was forgotten."""
        lately = self._clock() - self._restored_at < _TOLD_SECONDS
        return lately and not self.store.is_complete(MODELS)

    def _wake(self, change: ObjectChange) -> None:
        for wake in list(wakes(change, self.store, self._models)):
            if wake.delay:
                self.queue.add_after(wake.key, wake.delay)
            else:
                self.add(wake.key, urgent=wake.urgent)
            if wake.detectors:
                self.detectors.tell(wake.key)
