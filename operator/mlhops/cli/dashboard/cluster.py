"""The API server as pages ask it: read alone, with the rights of whoever asks."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlhops.cli.exits import Trouble
from mlhops.cli.kubectl import WatchEvent
from mlhops.cli.refusals import ApiRequest, explained
from mlhops.json_access import at, number, text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest

_TIMEOUT = 30.0
_LONGEST_WATCH = 330.0
"""Seconds until a watch of which nothing was heard is given up; the API server ends each some time before."""
_AWAY = 502
_SERVER_ERRORS = 500
_GONE = 410


class ApiRefusal(Exception):
    """An answer of the API server that is none, or that it is away."""

    def __init__(self, status: int, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.status = status
        """The HTTP status; 502 where nobody answered."""
        self.trouble = trouble


class Expired(Exception):
    """What a watch was to begin with is no longer on record: a list has to be read anew."""


class Changes(Protocol):
    """Changes of objects, until it is closed."""

    def __iter__(self) -> Iterator[WatchEvent]:
        """Return the changes as they come."""

    def close(self) -> None:
        """End it, from whichever thread."""


class ApiReader(Protocol):
    """The API server, to read from."""

    def get(self, path: str, asked: ApiRequest) -> Manifest:
        """Return what is at a path.

        Raises:
            ApiRefusal: it is not told.
        """

    def watch(self, path: str, asked: ApiRequest) -> Changes:
        """Follow what is at a path.

        Raises:
            ApiRefusal: it is not told.
        """


@dataclass(frozen=True)
class SocketReader:
    """The API server behind a Unix socket on which `kubectl proxy` listens, with the login of its caller."""

    path: Path

    def get(self, path: str, asked: ApiRequest) -> Manifest:
        """Return what is at a path."""
        connection = self._connection()
        try:
            return answered(connection, path, {}, asked)
        finally:
            connection.close()

    def watch(self, path: str, asked: ApiRequest) -> Changes:
        """Follow what is at a path."""
        return HttpChanges(self._connection(), path, {}, asked)

    def _connection(self) -> http.client.HTTPConnection:
        return _SocketConnection(self.path)


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT)
        self.sock.connect(str(self._path))


class HttpChanges:
    """A watch over a connection of its own."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        headers: Mapping[str, str],
        asked: ApiRequest,
    ) -> None:
        self._connection = connection
        try:
            self._response = _begun(connection, path, headers, asked)
        except BaseException:
            connection.close()
            raise
        # It is quiet for as long as nothing changes, and the API server ends it by itself.
        self._socket = connection.sock
        if self._socket is not None:
            self._socket.settimeout(_LONGEST_WATCH)

    def __iter__(self) -> Iterator[WatchEvent]:
        """Return the changes as they come.

        Raises:
            Expired: it must begin anew with a list.
        """
        with suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            while line := self._response.readline():
                event = json.loads(line)
                changed = at(event, "object")
                if text(event, "type") == "ERROR":
                    raise Expired(text(changed, "message"))
                if isinstance(changed, dict):
                    yield WatchEvent(text(event, "type"), changed)

    def close(self) -> None:
        """End it; who reads from it finds its end."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def answered(
    connection: http.client.HTTPConnection,
    path: str,
    headers: Mapping[str, str],
    asked: ApiRequest,
) -> Manifest:
    """Return what the API server answers.

    Raises:
        ApiRefusal: it refuses, or is away.
    """
    response = _begun(connection, path, headers, asked)
    try:
        found = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _away(f"the API server broke off its answer: {error}") from error
    return found if isinstance(found, dict) else {}


def _begun(
    connection: http.client.HTTPConnection,
    path: str,
    headers: Mapping[str, str],
    asked: ApiRequest,
) -> http.client.HTTPResponse:
    sent = {"Accept": "application/json", **headers}
    try:
        connection.request("GET", path, headers=sent)
        response = connection.getresponse()
        if response.status == http.client.OK:
            return response
        said = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise _away(f"the API server does not answer: {error}") from error
    raise _refused(response.status, said, asked)


def _refused(status: int, said: str, asked: ApiRequest) -> Exception:
    try:
        found = json.loads(said)
    except ValueError:
        found = None
    reason, message = text(found, "reason"), text(found, "message") or said
    if status == _GONE or number(found, "code") == _GONE:
        return Expired(message)
    if not reason and status >= _SERVER_ERRORS:
        return _away(message.strip() or f"the API server does not answer: HTTP {status}")
    told = f"Error from server ({reason}): {message}" if reason else message
    return ApiRefusal(status, explained(told, asked))


def _away(said: str) -> ApiRefusal:
    remedy = "`kubectl cluster-info` must answer; then load the page again"
    return ApiRefusal(_AWAY, Trouble(said, remedy))
