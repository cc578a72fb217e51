"""How a profile gets from the evaluator's pod to the operator."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from mlhops.evaluator.profile.profile_server import hand_over

PROFILE = '{"revision":"r1"}'
MINE = {"Authorization": "Bearer uid-1"}
HOST = "127.0.95.2"


class Waiting:
    """A handover that is under way."""

    def __init__(self, seconds: float) -> None:
        self.port = _free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.taken: bool | None = None
        self._thread = threading.Thread(target=self._run, args=(seconds,))
        self._thread.start()

    def _run(self, seconds: float) -> None:
        self.taken = hand_over(PROFILE, "uid-1", HOST, seconds, self.port)

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def end(self) -> bool | None:
        self._thread.join(10)
        return self.taken


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


@contextmanager
def waiting(seconds: float = 20.0) -> Iterator[Waiting]:
    found = Waiting(seconds)
    while not found.ready():
        time.sleep(0.01)
    yield found
    found.end()


def test_it_waits_until_it_is_told_that_the_profile_is_kept() -> None:
    with waiting() as one:
        for _ in range(2):  # an operator that was killed fetches it again
            assert httpx.get(f"{one.url}/profile", headers=MINE).text == PROFILE
        assert one.taken is None
        assert httpx.delete(f"{one.url}/profile", headers=MINE).status_code == 204
        assert one.end() is True


def test_it_waits_no_longer_than_it_may() -> None:
    with waiting(0.5) as one:
        httpx.get(f"{one.url}/profile", headers=MINE)
        assert one.end() is False


@pytest.mark.thorough
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer uid-2"}], ids=["none", "other"])
def test_who_does_not_know_the_uid_learns_and_changes_nothing(headers: dict[str, str]) -> None:
    with waiting(2.0) as one:
        for method in ("GET", "DELETE"):
            answer = httpx.request(method, f"{one.url}/profile", headers=headers)
            assert (answer.status_code, answer.text) == (401, "")
        assert httpx.get(f"{one.url}/other", headers=MINE).status_code == 404
        assert one.end() is False


@pytest.mark.thorough
def test_who_connects_and_says_nothing_keeps_nobody_else_waiting() -> None:
    with waiting() as one:
        idle = [socket.create_connection((HOST, one.port)) for _ in range(20)]
        assert httpx.get(f"{one.url}/profile", headers=MINE, timeout=2).text == PROFILE
        httpx.delete(f"{one.url}/profile", headers=MINE, timeout=2)
        began = time.monotonic()
        assert one.end() is True
        assert time.monotonic() - began < 2
        for each in idle:
            each.close()


def test_an_address_that_is_taken_is_an_error() -> None:
    with waiting() as one:
        with pytest.raises(OSError, match="in use"):
            hand_over(PROFILE, "uid-1", HOST, 1.0, one.port)
        httpx.delete(f"{one.url}/profile", headers=MINE)
