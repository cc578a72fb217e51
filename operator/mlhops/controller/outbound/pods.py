"""The operator's few calls to pods, which may be anybody's: bounded in time and size, and led nowhere else."""

from collections.abc import Mapping
from typing import Protocol

import aiohttp

from mlhops.controller.outbound.session import session

SECONDS = 5.0
"""For a whole request."""
AT_ONCE = 16
"""Pods that are asked at a time, where nothing else is said."""
_CHUNK = 1 << 16


class PodError(Exception):
    """A pod did not answer as it should; the message names no address, so that it is the same each time."""


class Pods(Protocol):
    """Asks pods."""

    async def ask(
        self, method: str, address: str, port: int, path: str, headers: Mapping[str, str], most: int
    ) -> bytes:
        """Return the body of an answer with a 2xx status, which has at most so many bytes.

        Raises:
            PodError: there was no such answer.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class HttpPods:
    """Asks pods by HTTP, each time on a new connection, and by no proxy."""

    def __init__(self, seconds: float = SECONDS, at_once: int = AT_ONCE) -> None:
        self._seconds = seconds
        self._at_once = at_once
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, method: str, address: str, port: int, path: str, headers: Mapping[str, str], most: int
    ) -> bytes:
        """Return the body of an answer; nothing in it is believed but its status.

        Raises:
            PodError: no answer, not all of it in time, too much of it, or none with a 2xx status.
        """
        host = f"[{address}]" if ":" in address else address
        try:
            async with self._open().request(
                method, f"http://{host}:{port}{path}", headers=dict(headers), allow_redirects=False
            ) as answer:
                if not 200 <= answer.status < 300:
                    raise PodError(f"it answered with HTTP {answer.status}")
                return await _body(answer, most)
        except TimeoutError as error:
            raise PodError(f"it did not answer within {self._seconds:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PodError(f"it cannot be asked ({type(error).__name__})") from error

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = session(self._seconds, self._at_once)
        return self._session


async def _body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > most:
            raise PodError(f"it answered with more than {most:,} bytes")
        parts.append(part)
    return b"".join(parts)
