"""The operator's few calls to the API server, objects as plain JSON.

kopf patches without server-side apply and without preconditions, so the operator's own writes go through
here.
"""

import asyncio
import math
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Self, TypeAlias, cast

import aiohttp
import orjson
from kubernetes.aio.client import Configuration

from mlhops.api.base import Manifest
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.cache.lean import lean
from mlhops.controller.cache.older import Before
from mlhops.controller.kube.login import Login, log_in
from mlhops.controller.kube.transport import TIMEOUT_SECONDS, TooLong, Transport
from mlhops.controller.resources import Kind
from mlhops.controller.telemetry import metrics
from mlhops.controller.telemetry.trace import audit_headers
from mlhops.json_access import text
from mlhops.kserve.names import FIELD_MANAGER

CONNECTIONS = 20
"""Requests that a client has under way at a time, watches apart."""
_PAGE = 100
"""Objects in one answer where all are gone through one by one.

A page takes several times as much memory as its text has bytes, and the process keeps what it once took. Of one model's
Evaluations, with their Jobs and pods, there may be thousands.
"""
_MANY = 5000
"""Objects in one answer where all of them are wanted at once."""
_PAGE_BYTES = 8 * 2**20
"""A page of a list has at most so many bytes, and so many objects as that takes: some may be a megabyte each."""
_LONGEST_HOLD = 60.0
_JSON = "application/json"
_METADATA = f"{_JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


Page: TypeAlias = tuple[list[Manifest], int]
"""Some objects, and the resourceVersion of the whole list."""


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        """Seconds for which the API server asks to be left alone."""


class NotInstalled(Exception):
    """The API server does not know a kind."""


class NotLeading(Exception):
    """Another operator may be at work: nothing may be written."""


def for_ever() -> float:
    """Return the term of an operator that is alone."""
    return math.inf


class Client:
    """Speaks to one API server."""

    def __init__(
        self,
        configuration: Configuration,
        hearing: Hearing | None = None,
        term: Callable[[], float] = for_ever,
        login: Login = log_in,
        connections: int = CONNECTIONS,
    ) -> None:
        """Make a client.

        Args:
            configuration: address and credentials.
            hearing: hears each whole object that is answered with, and knows what was told before, below which no
                answer may be; None where nothing is remembered.
            term: returns the seconds for which writes may be made.
            login: logs in anew.
            connections: requests that may be under way at a time.
        """
        self._transport = Transport(configuration, login, connections)
        self._hearing = hearing
        self._term = term
        self._held_until = 0.0
        self._limits: dict[Kind, int] = {}
        """How many objects of a kind a page may have, where not the most."""
        self.writes = 0
        """Writes that the API server took, for telemetry."""
        self.answered = False
        """Whether the latest request was answered, and not by an error of the server."""

    @classmethod
    async def connect(
        cls, hearing: Hearing | None = None, term: Callable[[], float] = for_ever
    ) -> Self:
        """Return a client for the cluster that runs the process, or the one that KUBECONFIG names."""
        return cls(await log_in(), hearing, term)

    async def _hold(self) -> None:
        """Wait for as long as the API server asked to be left alone, and not all at the same moment."""
        wait = self._held_until - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait + random.uniform(0.0, 0.5))

    def _refuse_held(self) -> None:
        wait = self._held_until - time.monotonic()
        if wait > 0:
            raise ApiError(429, "TooManyRequests", "the API server asked to be left alone", wait)

    def _seconds_to_write(self) -> float:
        """Return for how long a write may be under way: none waits for a connection until others write.

        Raises:
            NotLeading: it may not begin.
        """
        left = self._term()
        if left <= 0:
            raise NotLeading("another operator may be at work")
        return min(left, TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Return an object as the API server has it now, None where there is none.

        Raises:
            NotInstalled: the API server does not know the kind.
        """
        check = self._check_object(kind, Name(namespace, name))
        try:
            answer = await self._call("GET", kind.path(namespace, name))
        except ApiError as error:
            if error.status != 404:
                raise
            if error.reason != "NotFound" or not _names_object(error):
                raise NotInstalled(kind.plural) from error
            return None
        check(answer)
        self._hear(kind, answer)
        return answer

    def _hear(self, kind: Kind, manifest: Manifest) -> None:
        if self._hearing is not None:
            self._hearing.hear(kind, manifest)

    def _check_object(self, kind: Kind, name: Name) -> Callable[[Manifest], None]:
        """Return what compares the answer to a request for an object with what was told before it."""
        if self._hearing is None:
            return lambda _: None
        store = self._hearing.store
        before, seen = Before(store, kind), store.known(kind, name)
        return lambda answer: self._refuse_older(before.of_object(answer, seen))

    def _check_list(self, kind: Kind) -> Callable[[int], None]:
        """Return what compares the resourceVersion of a list with what was told before it."""
        if self._hearing is None:
            return lambda _: None
        before = Before(self._hearing.store, kind)
        return lambda version: self._refuse_older(before.of_list(version))

    def _refuse_older(self, how: str) -> None:
        """End a pass that rests on what may be gone."""
        if how and self._hearing is not None:
            self._hearing.set_back(how)
            raise ApiError(409, "Conflict", f"the API server was set back: {how}")

    async def list(
        self, kind: Kind, namespace: str, selector: str = "", fields: str = "", most: int = 0
    ) -> list[Manifest]:
        """Return the objects that match a label selector and a field selector; no more than so many, if so.

        Raises:
            NotInstalled: the API server does not know the kind.
        """
        query = {"labelSelector": selector} if selector else {}
        query |= {"fieldSelector": fields} if fields else {}
        check, found = self._check_list(kind), list[Manifest]()
        async for page, version in self._pages(kind, namespace, query, _JSON, most or _MANY):
            check(version)
            found += page
            if most:
                break
        return found

    async def pages(
        self, kind: Kind, namespace: str, selector: str = "", *, only_metadata: bool = False
    ) -> AsyncIterator[Page]:
        """Return all objects as of one moment, page by page, each with the resourceVersion of that moment.

        Raises:
            NotInstalled: the API server does not know the kind.
        """
        query = {"labelSelector": selector} if selector else {}
        accept = _METADATA if only_metadata else _JSON
        async for page in self._pages(kind, namespace, query, accept, _PAGE):
            yield page

    async def _pages(
        self, kind: Kind, namespace: str, query: dict[str, str], accept: str, most: int
    ) -> AsyncIterator[Page]:
        while True:
            answer = await self._page(kind, namespace, query, accept, most)
            found = [lean(kind, manifest) for manifest in _items(answer)]
            version = text(answer, "metadata", "resourceVersion")
            if not version.isdecimal():
                raise _damaged()
            yield found, int(version)
            query["continue"] = text(answer, "metadata", "continue")
            if not query["continue"]:
                self._limits[kind] = min(2 * self._limits.get(kind, _MANY), _MANY)
                return
            del answer, found  # of two pages one is in memory

    async def _page(
        self, kind: Kind, namespace: str, query: Mapping[str, str], accept: str, most: int
    ) -> Manifest:
        """Return a page with as many objects as have room in it."""
        while True:
            limit = min(self._limits.get(kind, most), most)
            try:
                return await self._list(kind, namespace, {**query, "limit": str(limit)}, accept)
            except TooLong:
                if limit == 1:
                    raise
                self._limits[kind] = max(limit // 4, 1)

    async def _list(
        self, kind: Kind, namespace: str, query: Mapping[str, str], accept: str
    ) -> Manifest:
        path = kind.path(namespace)
        try:
            return await self._call("GET", path, query=query, accept=accept, most=_PAGE_BYTES)
        except ApiError as error:
            if error.status == 404:
                raise NotInstalled(kind.plural) from error
            raise

    async def watch(
        self, kind: Kind, namespace: str, name: str, version: str
    ) -> AsyncIterator[Manifest]:
        """Yield what happens to one object after a version of it, until the API server ends that.

        Raises:
            aiohttp.ClientError: it was refused, or the connection is lost.
        """
        query = {"watch": "true", "fieldSelector": f"metadata.name={name}"}
        query |= {"resourceVersion": version} if version else {}
        await self._hold()
        async for line in self._transport.stream(kind.path(namespace), query):
            yield _parse(line)

    async def apply(self, kind: Kind, manifest: Manifest, subresource: str = "") -> Manifest:
        """Apply an object on the server, as the owner of the fields that it has.

        With a resourceVersion in its metadata, only that version is changed (409 otherwise). Where the API server
        asked to be left alone it is not made later: what it rests on may be gone by then.
        """
        self._refuse_held()
        metadata = cast(Mapping[str, str], manifest["metadata"])
        answer = await self._call(
            "PATCH",
            kind.path(metadata["namespace"], metadata["name"], subresource),
            query={"fieldManager": FIELD_MANAGER, "force": "true"},
            body=manifest,
            content_type="application/apply-patch+yaml",
        )
        self.writes += 1
        self._hear(kind, answer)
        return answer

    async def patch_status(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Merge into an object's status, keeping whatever else stands there."""
        metadata = cast(Mapping[str, str], manifest["metadata"])
        answer = await self._call(
            "PATCH",
            kind.path(metadata["namespace"], metadata["name"], "status"),
            query={"fieldManager": FIELD_MANAGER},
            body={"status": manifest["status"]},
            content_type="application/merge-patch+json",
        )
        self.writes += 1
        self._hear(kind, answer)
        return answer

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create an object."""
        metadata = cast(Mapping[str, str], manifest["metadata"])
        query = {"fieldManager": FIELD_MANAGER}
        answer = await self._call(
            "POST", kind.path(metadata["namespace"]), query=query, body=manifest
        )
        self.writes += 1
        self._hear(kind, answer)
        return answer

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str | None = None) -> None:
        """Delete an object and, in the background, what it owns; one that is gone is fine."""
        body: Manifest = {"propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            await self._call("DELETE", kind.path(namespace, name), body=body)
        except ApiError as error:
            if error.status != 404:
                raise
            return
        self.writes += 1

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = _JSON,
        accept: str = _JSON,
        most: int = sys.maxsize,
    ) -> Manifest:
        headers = {"Accept": accept, "Content-Type": content_type, **audit_headers()}
        await self._hold()
        seconds = TIMEOUT_SECONDS if method == "GET" else self._seconds_to_write()
        started = time.perf_counter()
        try:
            response = await self._transport.send(
                method, path, query or {}, headers, body, seconds, most
            )
        except (aiohttp.ClientError, OSError):
            self.answered = False
            metrics.API_REQUESTS.labels(method, "none").inc()
            raise
        metrics.API_REQUESTS.labels(method, str(response.status)).inc()
        metrics.API_DURATION.labels(method).observe(time.perf_counter() - started)
        self.answered = response.status < 500
        if response.retry_after:
            seconds = min(response.retry_after, _LONGEST_HOLD)
            self._held_until = max(self._held_until, time.monotonic() + seconds)
        answer = _parse(response.body)
        if not 200 <= response.status < 300:
            reason = str(answer.get("reason") or response.reason)
            message = str(answer.get("message") or response.body[:500].decode(errors="replace"))
            raise ApiError(response.status, reason, message, response.retry_after)
        if not answer:
            raise _damaged()
        return answer


def _items(answer: Manifest) -> list[Manifest]:
    found = answer.get("items", "none")
    if found is None:
        return []  # so a list of names and versions says that it is empty
    if not isinstance(found, list):
        raise _damaged()
    return cast(list[Manifest], found)


def _damaged() -> ApiError:
    """An answer that was cut off must not read as "there is nothing": try again."""
    return ApiError(502, "BadAnswer", "the API server's answer is damaged")


def _parse(text: bytes) -> Manifest:
    try:
        value = orjson.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _names_object(error: ApiError) -> bool:
    """Whether a 404 speaks of an object, and not of a kind that is not served."""
    return "could not find the requested resource" not in error.message
