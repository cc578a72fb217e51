"""The operator's client, with an API server in memory behind it.

Each call is a point at which everything else may happen first: it waits until the scheduler takes it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from campaign.simulation.server import Server
from mlhops.api.base import Manifest
from mlhops.controller.cache.entry import Name
from mlhops.controller.cache.hearing import Hearing
from mlhops.controller.cache.lean import lean
from mlhops.controller.kube.client import ApiError, Client, NotInstalled, Page
from mlhops.controller.resources import EVENTS, Kind
from mlhops.json_access import text
from mlhops.kserve.names import FIELD_MANAGER


@dataclass
class Pass:
    """One pass of the operator over one key, with what was read in it and when."""

    of: str
    read: dict[str, int] = field(default_factory=dict)
    """By kind, how many versions there were when it was last read afresh."""
    planned: datetime | None = None
    """When its plan was made, as far as the clock was asked."""


Manifests: TypeAlias = list[Manifest]


IN_PASS: ContextVar[Pass | None] = ContextVar("IN_PASS", default=None)


@dataclass
class Call:
    """One request to the API server."""

    verb: str
    kind: Kind
    name: str
    send: Callable[[], Manifest | list[Manifest]]
    """Let it arrive."""
    by: Pass | None = None

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.verb not in ("get", "list", "page")

    def __str__(self) -> str:
        return f"{self.verb} {self.kind.plural}/{self.name}".rstrip("/")


class MemoryClient(Client):
    """Has the public interface of the real one; `answer` says what becomes of each call."""

    def __init__(
        self,
        server: Server,
        answer: Callable[[Call], Awaitable[Manifest | list[Manifest]]],
        hearing: Hearing | None = None,
    ) -> None:
        self._server = server
        self._answer = answer
        self._hearing = hearing
        self.writes = 0

    async def close(self) -> None:
        """There is no connection to close."""

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """An object, None where there is none."""
        check = self._check_object(kind, Name(namespace if not kind.cluster else "", name))
        try:
            found = await self._one("get", kind, name, lambda: self._server.get(kind, name))
        except ApiError as error:
            if error.status != 404:
                raise
            if "could not find the requested resource" in error.message:
                raise NotInstalled(kind.plural) from error
            return None
        check(found)
        self._hear(kind, found)
        return found

    async def list(
        self,
        kind: Kind,
        namespace: str,  # noqa: ARG002
        selector: str = "",
        fields: str = "",
        most: int = 0,
    ) -> list[Manifest]:
        """The objects that match, or the first of them."""
        check = self._check_list(kind)
        found = await self._several("list", kind, selector, fields)
        check(self._server.at)
        return [lean(kind, one) for one in found[: most or None]]

    async def pages(
        self,
        kind: Kind,
        namespace: str,  # noqa: ARG002
        selector: str = "",
        *,
        only_metadata: bool = False,
    ) -> AsyncIterator[Page]:
        """All objects that match, on one page."""
        found = [lean(kind, one) for one in await self._several("page", kind, selector)]
        version = self._server.at
        if only_metadata:
            found = [{"metadata": manifest["metadata"]} for manifest in found]
        yield found, version

    async def apply(self, kind: Kind, manifest: Manifest, subresource: str = "") -> Manifest:
        """Server-side apply."""
        return await self._write(
            f"apply{'-' + subresource if subresource else ''}",
            kind,
            text(manifest, "metadata", "name"),
            lambda: self._server.apply(kind, manifest, FIELD_MANAGER, subresource),
        )

    async def patch_status(self, kind: Kind, manifest: Manifest) -> Manifest:
        """A merge patch of the status."""
        name = text(manifest, "metadata", "name")
        patch: Manifest = {"status": manifest["status"]}
        return await self._write(
            "patch-status",
            kind,
            name,
            lambda: self._server.patch(kind, name, patch, FIELD_MANAGER, "status"),
        )

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Create an object; what the operator tells people is not kept."""
        name = text(manifest, "metadata", "name")
        if kind == EVENTS:
            return await self._write("tell", kind, text(manifest, "reason"), lambda: manifest)
        return await self._write(
            "create", kind, name, lambda: self._server.create(kind, manifest, FIELD_MANAGER)
        )

    async def delete(
        self,
        kind: Kind,
        namespace: str,  # noqa: ARG002
        name: str,
        uid: str | None = None,
    ) -> None:
        """Delete an object; one that is gone is fine."""

        def send() -> Manifest:
            self._server.delete(kind, name, FIELD_MANAGER, uid)
            return {}

        try:
            await self._write("delete", kind, name, send)
        except ApiError as error:
            if error.status != 404:
                raise

    async def _several(self, verb: str, kind: Kind, selector: str, fields: str = "") -> Manifests:
        def send() -> Manifests:
            return self._server.list(kind, selector, fields)

        try:
            found = await self._answer(Call(verb, kind, selector or fields, send, IN_PASS.get()))
        except ApiError as error:
            if error.status == 404:
                raise NotInstalled(kind.plural) from error
            raise
        assert isinstance(found, list)
        return found

    async def _write(
        self, verb: str, kind: Kind, name: str, send: Callable[[], Manifest]
    ) -> Manifest:
        answer = await self._one(verb, kind, name, send)
        self.writes += 1
        if kind != EVENTS and verb != "delete":
            self._hear(kind, answer)
        return answer

    async def _one(
        self, verb: str, kind: Kind, name: str, send: Callable[[], Manifest]
    ) -> Manifest:
        answer = await self._answer(Call(verb, kind, name, send, IN_PASS.get()))
        assert isinstance(answer, dict)
        return answer
