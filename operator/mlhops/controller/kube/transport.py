"""HTTP to the API server, with the address, certificates and tokens of the login.

The `kubernetes` client's own transport looks through the environment for proxies and through the home directory for
passwords at each request, which took a third of the operator's time. The proxy is looked for once here.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import structlog
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from mlhops import __version__
from mlhops.api.base import Manifest
from mlhops.controller.kube.canonical import encoded
from mlhops.controller.kube.login import Login, token_of

_log = structlog.get_logger(__name__)
TIMEOUT_SECONDS = 15.0
_PART = 1 << 16
_UNAUTHORIZED = 401
_LOGIN_SECONDS = 10.0
"""A plug-in is not run more often: it may ask a person, or a service that counts."""
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None)
_STREAM = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_SECONDS)


@dataclass(frozen=True)
class HttpAnswer:
    """What the API server answered."""

    status: int
    reason: str
    body: bytes
    retry_after: float
    """Seconds to wait before the next try, 0 where the server names none."""


class TooLong(Exception):
    """An answer has more bytes than it may have."""


class Transport:
    """Sends requests to one API server, and logs in anew when it no longer takes the credentials."""

    def __init__(self, configuration: Configuration, login: Login, connections: int) -> None:
        self._configuration = configuration
        self._login = login
        self._connections = connections
        self._proxy = configuration.proxy or _proxy_for(configuration.host)
        self._session: aiohttp.ClientSession | None = None
        self._retired: list[aiohttp.ClientSession] = []
        """Sessions with certificates of earlier logins, over which requests may be under way."""
        self._renewal: asyncio.Task[None] | None = None
        self._logged_in = time.monotonic()

    async def close(self) -> None:
        """Close all connections."""
        if self._renewal is not None:
            self._renewal.cancel()
        for session in (*self._retired, self._session):
            if session is not None:
                await session.close()

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: Manifest | None,
        seconds: float = TIMEOUT_SECONDS,
        most: int = sys.maxsize,
    ) -> HttpAnswer:
        """Send one request and return the whole answer, all within so many seconds.

        Raises:
            TooLong: it has more than `most` bytes.
            aiohttp.ClientError: there was none, or not all of it arrived.
            TimeoutError: it took too long.
        """
        # A login counts as well: a write must not be under way for longer than the lease.
        async with asyncio.timeout(seconds):
            while True:
                used = self._configuration
                async with self._open().request(
                    method,
                    self._url(path, query),
                    headers={**headers, **await self._credentials()},
                    data=encoded(body) if body is not None else None,
                    proxy=self._proxy,
                    server_hostname=used.tls_server_name or None,
                    timeout=_NO_TIMEOUT,
                ) as response:
                    wait = response.headers.get("Retry-After", "")
                    rest = float(wait) if wait.isdecimal() else 0.0
                    told = await _body(response.content, most)
                if response.status != _UNAUTHORIZED or not await self._log_in_again(used):
                    return HttpAnswer(response.status, response.reason or "", told, rest)

    async def _log_in_again(self, used: Configuration) -> bool:
        """Return whether there are other credentials than those that were refused."""
        if self._configuration is used:
            lately = time.monotonic() - self._logged_in < _LOGIN_SECONDS
            if (self._renewal is None or self._renewal.done()) and not lately:
                self._renewal = asyncio.create_task(self._renew())
            if self._renewal is not None:
                # It goes on without a request whose time is over, for the next one.
                await asyncio.shield(self._renewal)
        return self._configuration is not used

    async def _renew(self) -> None:
        self._logged_in = time.monotonic()
        try:
            self._take(await self._login())
        except Exception as error:
            # A plug-in fails in ways of its own; that the API server refuses stands as its answer.
            _log.warning("the login failed", error=f"{type(error).__name__}: {error}")

    def _take(self, configuration: Configuration) -> None:
        """Use the credentials of a new login; a certificate counts from the next connection on."""
        if _certificates(configuration) != _certificates(self._configuration) and self._session:
            self._retired.append(self._session)
            self._session = None
        self._configuration = configuration

    async def stream(self, path: str, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """Yield the lines of an answer as they come, for as long as it goes on.

        Raises:
            aiohttp.ClientError: it was refused, or the connection is lost.
        """
        async with self._open().get(
            self._url(path, query),
            headers=await self._credentials(),
            proxy=self._proxy,
            server_hostname=self._configuration.tls_server_name or None,
            timeout=_STREAM,
            raise_for_status=True,
        ) as response:
            async for line in response.content:
                yield line

    def _url(self, path: str, query: Mapping[str, str]) -> str:
        url = f"{self._configuration.host}{path}"
        return f"{url}?{urlencode(query)}" if query else url

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, ssl=RESTClientObject(self._configuration).ssl_context
                ),
                headers={"User-Agent": f"mlhops/{__version__}"},
            )
        return self._session

    async def _credentials(self) -> dict[str, str]:
        """Return the headers that prove who we are; a token that has been replaced is read again."""
        token = await token_of(self._configuration)
        return {"Authorization": token} if token else {}


async def _body(content: aiohttp.StreamReader, most: int) -> bytes:
    body = bytearray()
    async for part in content.iter_chunked(_PART):
        body += part
        if len(body) > most:
            raise TooLong
    return bytes(body)


def _certificates(configuration: Configuration) -> tuple[object, ...]:
    """Return what connections are made with; the `kubernetes` client keeps other bytes in another file."""
    one = configuration
    return one.host, one.ssl_ca_cert, one.cert_file, one.key_file, one.verify_ssl


def _proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)
