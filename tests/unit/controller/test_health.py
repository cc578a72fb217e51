"""What the operator answers to the kubelet."""

import asyncio

import httpx
import pytest

from mlhops.controller.endpoints.health import Health
from mlhops.controller.endpoints.server import Inbound
from mlhops.controller.telemetry.pulse import Pulse


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_loop_that_goes_on_is_well_and_one_that_stands_still_is_not() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    clock.now = 29.0
    assert pulse.check() == ""
    clock.now = 31.0
    assert pulse.check() == "has not gone on for 31 s"
    pulse.beat()
    assert pulse.check() == ""


def test_a_loop_beats_by_itself() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    clock.now = 100.0

    async def story() -> None:
        beat = asyncio.create_task(pulse.run())
        await asyncio.sleep(0)
        beat.cancel()

    asyncio.run(story())
    assert pulse.check() == ""


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_one_failed_check_fails_its_path_and_no_other(path: str) -> None:
    health = Health(
        live={"loop": lambda: "stands still" if path == "/healthz" else ""},
        ready={
            "watches": lambda: "",
            "list": lambda: "is missing" if path == "/readyz" else "",
        },
    )
    status, body = health.answer(path)
    assert status == 503
    assert "[-]" in body
    other = "/readyz" if path == "/healthz" else "/healthz"
    assert health.answer(other)[0] == 200
    assert "[+]watches ok\n" in health.answer("/readyz")[1]


def test_what_is_not_known_is_not_found() -> None:
    assert Health({}, {}).answer("/")[0] == 404


def test_it_answers_while_the_loop_hangs() -> None:
    health = Health(live={"loop": lambda: "hangs"}, ready={})
    inbound = Inbound()
    port = inbound.listen("health", "127.0.0.1", 0, health.reply)

    async def hang() -> httpx.Response:
        answer = httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)
        inbound.close()
        return answer

    answer = asyncio.run(hang())
    assert (answer.status_code, answer.text) == (503, "[-]loop: hangs\n")
