"""Finds what the watches have missed: a watch can be stuck, or lose an event, without a word.

kopf does not tell of a deletion that fell into a gap between two watches either. So each kind is listed
every so often, once whole and then only by names and versions, and what differs from what was heard is heard
now. How often depends on what it costs: with thousands of models it is rarer, so that an operator at rest
stays at rest.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import structlog

from mlhops.api.base import Manifest
from mlhops.controller.cache.entry import Name, SeenVersion, name_of, version_of
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.cache.older import Before
from mlhops.controller.cache.store import LABELLED, WATCHED
from mlhops.controller.kube.client import ApiError, Client, NotInstalled, Page
from mlhops.controller.kube.reader import chosen_by
from mlhops.controller.resources import PODS, Kind
from mlhops.kserve.names import MODEL_LABEL

RELIST_SECONDS = 30.0
_SHARE = 0.005
"""The share of one core that it may take for ever, unless that makes it rarer than the next number."""
_LONGEST = 600.0
_SOON = 2.0
_AT_ONCE = 50
"""InferenceServices that are named in one request, so that it is not too long."""
_log = structlog.get_logger(__name__)


class Relist:
    """Compares what was heard with what is."""

    def __init__(
        self,
        client: Client,
        hearing: Hearing,
        installed: Callable[[], object],
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        """Make a look at all that the operator may know.

        Args:
            client: lists.
            hearing: hears what the watches have missed; where it forgets or doubts what it knows, all is listed soon.
            installed: is called when a kind is there that was not, the first look apart.
            cpu: measures in seconds what a look costs.
        """
        self._client = client
        self._hearing = hearing
        self._store = hearing.store
        self._namespaces = sorted(self._store.namespaces) or [""]
        self._cpu = cpu
        self._installed = installed
        self._absent = set[Kind]()
        self.looked = False
        """Whether the API server has told of every kind at least once."""
        self._wanted = asyncio.Event()
        hearing.restored.subscribe(self.soon)
        hearing.kinds.subscribe(self.soon)

    def soon(self) -> None:
        """Look again at once: a kind may have come or gone, or all was forgotten."""
        self._wanted.set()

    async def run(self) -> None:
        """Look again and again, for as long as the operator runs."""
        failures = 0
        while True:
            self._wanted.clear()
            began = self._cpu()
            well = await self._look()
            self.looked |= well
            failures = 0 if well else failures + 1
            rest = pause(self._cpu() - began) if well else back_off(failures)
            try:
                # Not wait_for, which loses the end of this task if it comes together with a wish.
                async with asyncio.timeout(rest):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def _look(self) -> bool:
        """List all kinds; return whether the API server could be asked about each."""
        well = True
        for kind in WATCHED:
            if kind.cluster and self._store.namespaces:
                continue  # it is read where it is needed
            try:
                well &= await self._try(kind)
            except (aiohttp.ClientError, OSError) as error:
                # It is not there, or has no time: asking about the others as well helps nobody.
                _log.warning("list failed", kind=kind.plural, error=str(error))
                self._give_up_waiting(kind)
                return False
        return well

    async def _try(self, kind: Kind) -> bool:
        """List one kind; return whether the API server could be asked."""
        known, absent = self._store.is_complete(kind), kind in self._absent
        well = await self._list(kind)
        if well and known != self._store.is_complete(kind):
            self._hearing.add_models()
        if absent and kind not in self._absent:
            self._installed()
        return well

    async def _list(self, kind: Kind) -> bool:
        try:
            await self._compare(kind)
            self._absent.discard(kind)
        except NotInstalled:
            self._absent.add(kind)
            self._store.doubt(kind)
        except ApiError as error:
            if error.status == 403:
                self._store.doubt(kind)  # so that passes say what they may not read
            self._give_up_waiting(kind)
            _log.warning("list refused", kind=kind.plural, error=str(error))
            return error.status == 403
        return True

    def _give_up_waiting(self, kind: Kind) -> None:
        """Let passes read what they need of a kind that cannot be listed whole."""
        if not self._store.is_complete(kind):
            self._store.doubt(kind)

    async def _compare(self, kind: Kind) -> None:
        whole = not self._store.is_complete(kind)
        before, known, deleted = (
            Before(self._store, kind),
            self._store.seen(kind),
            self._deleted(kind),
        )
        there: set[Name] = set()
        behind: list[Name] = []
        oldest = 0
        async for page, version in self._pages(kind, only_metadata=not whole):
            if before.is_forgotten:
                return  # the look that follows begins from nothing
            if how := _older(before, page, version, known, deleted):
                self._hearing.set_back(how)
                return
            oldest = min(oldest or version, version)
            for manifest in page:
                name = name_of(manifest)
                there.add(name)
                if whole:
                    self._hearing.hear(kind, manifest)
                elif name not in known or known[name].version < version_of(manifest):
                    behind.append(name)
        for name in behind:
            # Answers are heard; what was heard by a watch meanwhile is no news.
            await self._client.get(kind, name.namespace, name.name)
        if before.is_forgotten:
            return
        for name in sorted(known.keys() - there):
            self._hearing.hear_gone(kind, _gone(name, oldest))
        self._store.reach(kind, oldest)
        self._store.forget_the_gone(kind, oldest)
        self._store.set_complete(kind)

    def _deleted(self, kind: Kind) -> dict[Name, int]:
        """Return which objects are surely not listed in the version that they were deleted in."""
        return {} if kind == PODS else self._store.gone(kind)

    async def _pages(self, kind: Kind, *, only_metadata: bool) -> AsyncIterator[Page]:
        selector = MODEL_LABEL if kind in LABELLED else ""
        for namespace in self._namespaces:
            pages = self._client.pages(kind, namespace, selector, only_metadata=only_metadata)
            async for page in pages:
                yield page
        if kind == PODS:
            async for page in self._strays(only_metadata=only_metadata):
                yield page

    async def _strays(self, *, only_metadata: bool) -> AsyncIterator[Page]:
        """Yield the pods that get requests for an InferenceService and have no model's label: no watch does."""
        for namespace, services in self._store.services().items():
            for first in range(0, len(services), _AT_ONCE):
                selector = f"{chosen_by(services[first : first + _AT_ONCE])},!{MODEL_LABEL}"
                pages = self._client.pages(PODS, namespace, selector, only_metadata=only_metadata)
                async for page in pages:
                    yield page


def pause(cost: float) -> float:
    """Return the seconds until the next look, after one that took so many seconds of CPU."""
    return min(max(cost / _SHARE, RELIST_SECONDS), _LONGEST)


def back_off(failures: int) -> float:
    """Return the seconds until the next try after so many failures in a row."""
    return min(_SOON * 2.0 ** min(failures - 1, 8), RELIST_SECONDS) * random.uniform(0.7, 1.3)


def _older(
    before: Before,
    page: list[Manifest],
    version: int,
    known: dict[Name, SeenVersion],
    deleted: dict[Name, int],
) -> str:
    """Return how a page of a list is older than what was told before it, empty where it is not."""
    if how := before.of_list(version):
        return how
    told = (
        before.of_object(each, known.get(name_of(each))) or before.of_deleted(each, deleted)
        for each in page
    )
    return next(filter(None, told), "")


def _gone(name: Name, version: int) -> Manifest:
    """What is known of an object that is no longer there."""
    return {
        "metadata": {
            "namespace": name.namespace,
            "name": name.name,
            "resourceVersion": str(version),
        }
    }
