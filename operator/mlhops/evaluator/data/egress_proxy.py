"""A proxy on loopback through which the evaluator's clients reach others.

It looks at where a name leads and connects to just that address, so neither a name that leads elsewhere the second
time nor a redirect gets further than the spec's own host could. TLS goes through it unopened.
"""

import asyncio
import urllib.request
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from mlhops.api.destinations import Destinations
from mlhops.evaluator.errors import EvaluationError

_CONNECT = 10.0
_MOST = 1 << 16
_PIECE = 1 << 18
# What cloud clients ask the node, or an agent on it, for who they are; by name it is only Google's.
_IDENTITY_HOSTS = frozenset(
    {
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "fd00:ec2::23",
        "metadata.google.internal",
    }
)
_IDENTITY_PATHS = (
    "/latest/api/token",
    "/latest/meta-data/iam/security-credentials",
    "/computeMetadata/v1/instance/service-accounts/",
    "/v1/credentials",
    "/v2/credentials/",
)


class EgressProxy:
    """Where clients connect to; in use between `__aenter__` and `__aexit__`."""

    def __init__(
        self, allowed: Destinations, seconds: float, field: str, *, identity: bool = False
    ) -> None:
        """Begin closed.

        Args:
            allowed: what may be reached.
            seconds: for a connection.
            field: which part of the spec names the host.
            identity: whether the node may be asked who the evaluator is.
        """
        self._allowed = allowed
        self._field = field
        self._seconds = min(seconds, _CONNECT)
        self._identity = identity
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused = ""
        """Why a connection was refused, empty if none was."""
        self.unreachable = False
        """Whether the latest connection could not be made."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_MOST)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def proxy_for(self, host: str, scheme: str) -> str | None:
        """Return the proxy that a client must use for a host.

        None where the environment names one: the client finds it, and where names lead is for that one to decide.

        Raises:
            EvaluationError: the host must not be reached.
        """
        why = self._allowed.refuses_host(host)
        if why:
            raise EvaluationError(f"{self._field}: {why}")
        if scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
            return None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def _accept(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(client, answer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            try:
                await self._pass(client, answer)
            finally:
                answer.close()

    async def _pass(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        head = (await client.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, _, fields = head.partition("\r\n")
        method, target, version = first.split(" ")
        tunnel = method == "CONNECT"
        parts = urlsplit(f"//{target}" if tunnel else target)
        host, port = parts.hostname or "", parts.port or 80
        try:
            there, onward = await self._connect(host, port, "" if tunnel else parts.path)
        except (OSError, TimeoutError):
            self.unreachable = True
            answer.write(
                b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            return
        self.unreachable = False
        try:
            if tunnel:
                answer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                path = parts._replace(scheme="", netloc="").geturl() or "/"
                # One request for a connection: the next may be for another host.
                kept = [line for line in fields.split("\r\n") if not _of_connection(line)]
                lines = [f"{method} {path} {version}", "Connection: close", *kept]
                onward.write("\r\n".join(lines).encode("latin-1"))
            async with asyncio.TaskGroup() as both:
                both.create_task(_pour(client, onward))
                both.create_task(_pour(there, answer))
        finally:
            onward.close()

    async def _connect(
        self, host: str, port: int, path: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a host, at an address that it has now.

        Raises:
            OSError, TimeoutError: it cannot or must not be reached.
        """
        async with asyncio.timeout(self._seconds):
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, type=1)
            addresses = [str(each[4][0]) for each in found]
            mine = self._identity and host in _IDENTITY_HOSTS and path.startswith(_IDENTITY_PATHS)
            why = "" if mine else self._allowed.refuses(host, addresses)
            if why:
                self.refused = f"{self._field}: {why}"
                raise PermissionError(why)
            trouble = OSError(f"{host} has no address")
            for address in addresses:
                try:
                    return await asyncio.open_connection(address, port, limit=_PIECE)
                except OSError as error:
                    trouble = error
            raise trouble


def _of_connection(line: str) -> bool:
    return line.lower().startswith(("connection:", "proxy-connection:", "keep-alive:"))


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Copy bytes until there are no more; an end is passed on as an end."""
    with suppress(OSError):
        while piece := await source.read(_PIECE):
            sink.write(piece)
            await sink.drain()
        sink.write_eof()
