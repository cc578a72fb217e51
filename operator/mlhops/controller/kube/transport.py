"""HTTP to the API server, with the address, certificates and tokens that the `kubernetes` client has loaded.

Its own transport looks through the environment for proxies and through the home directory for passwords at
each request, which took a third of the operator's time. The proxy is looked for once here.
"""

import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from mlhops import __version__
from mlhops.api.base import Manifest
from mlhops.controller.kube.canonical import encoded

TIMEOUT_SECONDS = 15.0
_PART = 1 << 16
_STREAM = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_SECONDS)


@dataclass(frozen=True)
class Answer:
    """What the API server answered."""

    status: int
    reason: str
    body: bytes
    retry_after: float
    """Seconds to wait before the next try, 0 where the server names none."""


class TooLong(Exception):
    """An answer has more bytes than it may have."""


class Transport:
    """Sends requests to one API server."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._rest = RESTClientObject(configuration)
        self._proxy = configuration.proxy or _proxy_for(configuration.host)
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: Manifest | None,
        seconds: float = TIMEOUT_SECONDS,
        most: int = sys.maxsize,
    ) -> Answer:
        """Send one request and return the whole answer, all within so many seconds.

        Raises:
            TooLong: it has more than `most` bytes.
            aiohttp.ClientError: there was none, or not all of it arrived.
            TimeoutError: it took too long.
        """
        async with self._open().request(
            method,
            self._url(path, query),
            headers={**headers, **await self._credentials()},
            data=encoded(body) if body is not None else None,
            proxy=self._proxy,
            server_hostname=self._configuration.tls_server_name or None,
            timeout=aiohttp.ClientTimeout(total=seconds),
        ) as response:
            wait = response.headers.get("Retry-After", "")
            rest = float(wait) if wait.isdecimal() else 0.0
            told = await _body(response.content, most)
            return Answer(response.status, response.reason or "", told, rest)

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
                    limit=self._configuration.connection_pool_maxsize, ssl=self._rest.ssl_context
                ),
                headers={"User-Agent": f"mlhops/{__version__}"},
            )
        return self._session

    async def _credentials(self) -> dict[str, str]:
        """Return the headers that prove who we are; a token that has been replaced is read again."""
        token = (await self._configuration.auth_settings()).get("BearerToken")
        return {token["key"]: token["value"]} if token and token["value"] else {}


async def _body(content: aiohttp.StreamReader, most: int) -> bytes:
    body = bytearray()
    async for part in content.iter_chunked(_PART):
        body += part
        if len(body) > most:
            raise TooLong
    return bytes(body)


def _proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL."""
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)
