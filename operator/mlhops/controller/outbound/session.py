"""HTTP to what may be anybody's, pods and sinks: bounded in time and number, and led nowhere else."""

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from mlhops import __version__
from mlhops.api.destinations import Destinations


class DestinationRefusedError(OSError):
    """A host must not be reached; the message says why and what to do."""


class _Resolver(AbstractResolver):
    """Resolves names to the addresses that are then connected to, if they may be reached."""

    def __init__(self, allowed: Destinations) -> None:
        self._allowed = allowed
        self._names = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name.

        Raises:
            RefusedError: one of them must not be reached.
        """
        found = await self._names.resolve(host, port, family)
        why = self._allowed.refuses(host, (each["host"] for each in found))
        if why:
            raise DestinationRefusedError(why)
        return found

    async def close(self) -> None:
        """Close nothing."""


def session(
    seconds: float, at_once: int, allowed: Destinations | None = None
) -> aiohttp.ClientSession:
    """Return a session that keeps nothing: no connection, no cookie, and it heeds no proxy.

    Args:
        seconds: for a whole request.
        at_once: requests that may be under way.
        allowed: what names may lead to, where people choose them; who asks must look at addresses in
            the place of names.
    """
    resolver = _Resolver(allowed) if allowed is not None else None
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=at_once, force_close=True, resolver=resolver),
        headers={"User-Agent": f"mlhops/{__version__}", "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # a few bytes could become very many
        trust_env=False,
    )
