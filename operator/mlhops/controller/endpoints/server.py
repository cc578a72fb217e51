"""HTTP from whoever reaches the operator's pod: the kubelet, Prometheus, and anybody else.

A thread with a loop of its own answers, so that neither waits for the other. Each port is bounded in connections, in
time and in bytes: a connection is for one short request, and where all places are taken a new one gets the place of
whoever has most of them. So the idle and the slow push out each other, and not a probe.
"""

import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from mlhops.controller.telemetry import metrics

PLACES = 64
"""Connections that a port has at a time."""
HEAD_BYTES = 8192
"""The longest request; none has a body."""
REQUEST_SECONDS = 5.0
"""Within so many seconds a request is there whole."""
ANSWER_SECONDS = 30.0
"""Within so many seconds an answer is made and taken."""
_BACKLOG = 1024
"""Connections that the kernel holds until they are let in."""
_KERNEL = ((socket.SO_SNDBUF, 2**17), (socket.SO_RCVBUF, 2**14))
"""What the kernel holds of a connection at most, where by itself it holds megabytes for who reads slowly."""
_REST = 0.1
"""Seconds after which it is tried again to let somebody in, once the machine would not."""
_PART = 4096
_TEXTS = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class HttpRequest:
    """What somebody asks for."""

    method: str
    path: str
    headers: Mapping[str, str]
    """By names in lower case."""


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[HttpRequest], Awaitable[Reply]]


@dataclass(eq=False)
class _Guest:
    """One connection."""

    socket: socket.socket
    host: str
    since: float
    asked: bool = False
    """Whether its request is there."""
    task: "asyncio.Task[None] | None" = None


class Door:
    """One port, and who is connected to it."""

    def __init__(self, name: str, listener: socket.socket, answer: Answer, places: int) -> None:
        """Make a door.

        Args:
            name: for the metrics.
            listener: a socket that listens.
            answer: answers to a request.
            places: so many are connected at a time.
        """
        self._name = name
        self._listener = listener
        self._answer = answer
        self._places = places
        self._guests: set[_Guest] = set()
        self._by_host: Counter[str] = Counter()

    async def run(self) -> None:
        """Let in whoever comes."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connected, address = await loop.sock_accept(self._listener)
            except OSError:
                await asyncio.sleep(_REST)  # no file is free, or it went away again
                continue
            self._let_in(_Guest(connected, str(address[0]), time.monotonic()))
            await asyncio.sleep(0)  # those who are in go on, however many wait outside

    def _let_in(self, guest: _Guest) -> None:
        if len(self._guests) >= self._places:
            self._show_out(max(self._guests, key=self._burden))
        self._guests.add(guest)
        self._by_host[guest.host] += 1
        guest.task = asyncio.get_running_loop().create_task(self._attend(guest))
        guest.task.add_done_callback(lambda _: self._part_from(guest))

    def _burden(self, guest: _Guest) -> tuple[int, bool, float]:
        """Return by what it is chosen who has to go: of the address with most, one that is silent, the oldest."""
        return self._by_host[guest.host], not guest.asked, -guest.since

    def _show_out(self, guest: _Guest) -> None:
        self._count("displaced")
        self._leave(guest)
        if guest.task is not None:
            guest.task.cancel()

    def _part_from(self, guest: _Guest) -> None:
        self._leave(guest)
        guest.socket.close()

    def _leave(self, guest: _Guest) -> None:
        if guest not in self._guests:
            return
        self._guests.discard(guest)
        self._by_host[guest.host] -= 1
        self._by_host += Counter()  # hosts with none are forgotten

    async def _attend(self, guest: _Guest) -> None:
        """Answer one request, and be done with whoever made it."""
        try:
            self._count(await self._converse(guest))
        except TimeoutError:
            self._count("slow")
        except OSError:
            self._count("lost")

    async def _converse(self, guest: _Guest) -> str:
        """Return how it went, in the metric's words."""
        async with asyncio.timeout(REQUEST_SECONDS):
            head = await _head(guest.socket)
        if not head:
            return "lost"
        guest.asked = True
        async with asyncio.timeout(ANSWER_SECONDS):
            request = _parsed(head)
            reply = await self._reply(request) if isinstance(request, HttpRequest) else request
            bare = isinstance(request, HttpRequest) and request.method == "HEAD"
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(guest.socket, _start_of(reply))
            # Nothing is copied: of one long answer there is one in memory, however many take it slowly.
            await loop.sock_sendall(guest.socket, b"" if bare else reply.body)
        with suppress(OSError):
            guest.socket.shutdown(socket.SHUT_WR)
        return "answered" if isinstance(request, HttpRequest) else "refused"

    async def _reply(self, request: HttpRequest) -> Reply:
        if request.method not in ("GET", "HEAD"):
            return text_reply(405, "only GET and HEAD are answered\n")
        try:
            return await self._answer(request)
        except Exception as error:
            return text_reply(500, f"it cannot be told ({type(error).__name__})\n")

    def _count(self, result: str) -> None:
        metrics.CONNECTIONS.labels(self._name, result).inc()


class Inbound:
    """The thread that answers at all ports."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="inbound", daemon=True)
        self._listeners: list[socket.socket] = []

    def listen(
        self, name: str, address: str, port: int, answer: Answer, places: int = PLACES
    ) -> int:
        """Answer at a port; return it, which is chosen where 0 is given.

        Raises:
            OSError: the address cannot be listened on.
        """
        listener = _listening(address, port)
        self._listeners.append(listener)
        door = Door(name, listener, answer, places)
        asyncio.run_coroutine_threadsafe(door.run(), self._loop)
        if not self._thread.is_alive():
            self._thread.start()
        return int(listener.getsockname()[1])

    def close(self) -> None:
        """Answer no more, and leave the ports to others."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        else:
            self._loop.close()
        for listener in self._listeners:
            listener.close()

    def _run(self) -> None:
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


def text_reply(status: int, text: str) -> Reply:
    """Return an answer of plain text."""
    return Reply(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})


def _listening(address: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = found[0]
    both = family == socket.AF_INET6  # "::" is for IPv4 as well
    listener = socket.create_server(
        (str(where[0]), port), family=family, backlog=_BACKLOG, dualstack_ipv6=both
    )
    for option, size in _KERNEL:
        listener.setsockopt(socket.SOL_SOCKET, option, size)  # each connection has it from here
    listener.setblocking(False)
    return listener


async def _head(connected: socket.socket) -> bytes:
    """Return a request up to its empty line, or as much of it as there may be; nothing where it breaks off."""
    loop, head = asyncio.get_running_loop(), b""
    while b"\r\n\r\n" not in head and len(head) <= HEAD_BYTES:
        part = await loop.sock_recv(connected, _PART)
        if not part:
            return b""
        head += part
    return head


def _parsed(head: bytes) -> HttpRequest | Reply:
    """Return what is asked for, or what is answered to what cannot be read."""
    text, end, _ = head.partition(b"\r\n\r\n")
    if not end or len(text) > HEAD_BYTES:
        return text_reply(431, f"a request has at most {HEAD_BYTES} bytes\n")
    first, *lines = text.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return text_reply(400, "this is no request of HTTP/1.1\n")
    parts = [line.partition(":") for line in lines]
    headers = {name.strip().lower(): value.strip() for name, _, value in parts}
    return HttpRequest(words[0], words[1].partition("?")[0], headers)


def _start_of(reply: Reply) -> bytes:
    headers = {**reply.headers, "Content-Length": str(len(reply.body)), "Connection": "close"}
    lines = [f"{name}: {value}" for name, value in headers.items()]
    status = f"HTTP/1.1 {reply.status} {_TEXTS.get(reply.status, '')}"
    return "\r\n".join((status, *lines, "", "")).encode("latin-1")
