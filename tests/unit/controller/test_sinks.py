"""A sink that hangs holds up nobody, and for no longer than a request may take."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from kubernetes.aio.client import Configuration

from mlhops.api.base import ObjectMeta
from mlhops.api.destinations import Destinations
from mlhops.controller.kube.client import Client
from mlhops.controller.kube.events import Recorder
from mlhops.controller.outbound.sinks import HttpSinks
from mlhops.rollout.intents import Event, PostCloudEvent
from testkit.loopback import LOOPBACK

MODEL = ObjectMeta(name="sepsis", namespace="ward")


class Told(Recorder):
    """Keeps Events in place of posting them."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__(Client(Configuration()), lambda: datetime.now(UTC))
        self.events: list[Event] = []

    async def tell(self, about: ObjectMeta, kind: str, event: Event) -> None:
        """Keep an Event."""
        assert (about, kind) == (MODEL, "ClinicalModel")
        self.events.append(event)


def notice(sink: str) -> PostCloudEvent:
    return PostCloudEvent("tell", sink, {"specversion": "1.0", "id": "1", "data": {"a": 1}})


def test_a_sink_that_never_answers_is_given_up_and_told() -> None:
    async def run() -> list[Event]:
        told = Told()
        held: list[asyncio.StreamWriter] = []

        async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.append(writer)

        server = await asyncio.start_server(hang, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sinks = HttpSinks(told, LOOPBACK, seconds=1.0)
        started = time.monotonic()
        sinks.post(MODEL, notice(f"http://127.0.0.1:{port}/"))
        assert time.monotonic() - started < 1.0, "no pass waits for it"
        await sinks.close()
        for writer in held:
            writer.close()
        server.close()
        return told.events

    (event,) = asyncio.run(run())
    assert event.reason == "NotificationFailed"
    assert event.warning
    assert "no answer within 1 s" in event.message


def test_only_http_is_spoken_whatever_the_policy_says() -> None:
    async def run() -> list[Event]:
        told = Told()
        sinks = HttpSinks(told)
        sinks.post(MODEL, notice("file:///etc/passwd"))
        sinks.post(MODEL, notice("ftp://127.0.0.1/"))
        await sinks.close()
        return told.events

    assert all("neither http nor https" in event.message for event in asyncio.run(run()))


def test_what_goes_wrong_tells_nothing_of_where_it_was_sent() -> None:
    async def run() -> list[Event]:
        told = Told()
        sinks = HttpSinks(told)
        sinks.post(MODEL, notice("http://127.0.0.1:1/secret-path"))
        await sinks.close()
        return told.events

    (event,) = asyncio.run(run())
    assert "secret-path" not in event.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_sink_is_not_where_nobody_is_led_whatever_its_name(host: str) -> None:
    async def run() -> list[Event]:
        told = Told()
        server = await asyncio.start_server(lambda *_: connected.append(True), "127.0.0.1", 0)
        sinks = HttpSinks(told)
        sinks.post(MODEL, notice(f"http://{host}:{server.sockets[0].getsockname()[1]}/"))
        await sinks.close()
        server.close()
        return told.events

    connected: list[bool] = []
    (event,) = asyncio.run(run())
    assert "sink: the host" in event.message
    assert "is this pod itself: name another host" in event.message
    assert "--allowed-network" in event.message
    assert not connected


def test_a_sink_is_among_the_hosts_that_are_allowed() -> None:
    async def run() -> list[Event]:
        told = Told()
        sinks = HttpSinks(told, Destinations(("alerts.example",)))
        sinks.post(MODEL, notice("https://elsewhere.example/"))
        await sinks.close()
        return told.events

    (event,) = asyncio.run(run())
    assert "sink: the host elsewhere.example is not among those that are allowed" in event.message
