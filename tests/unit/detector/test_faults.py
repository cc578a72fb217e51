"""Faults that no sender can cause from outside, and time that no test can wait for."""

import asyncio
import json
import logging
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from aiohttp import web

from mlhops.detector.connection_limit import ConnectionLimit
from mlhops.detector.counters import Counters, Note, RequestOutcome
from mlhops.detector.envelope import event
from mlhops.detector.service import DetectorService, ServiceOptions
from testkit.sidecar import HOST, config, headers, profile

ROW = json.dumps({"instances": [[0.5, 0.1]]}).encode()


def service(folder: Path) -> DetectorService:
    (folder / "config.json").write_text(json.dumps(config().to_json()))
    (folder / "profile.json").write_text(profile().to_text())
    made = DetectorService(
        ServiceOptions(folder / "config.json", folder / "profile.json", HOST, 0, HOST, 0)
    )
    made._look()
    return made


def post(to: DetectorService, body: bytes) -> None:
    assert to._intake.reserve(len(body))
    to._intake.put(event(headers(), body), len(body))


def test_a_wall_clock_that_is_set_is_counted_and_no_row_is_lost_or_counted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = service(tmp_path)
    started = time.time()
    for jump in (0.0, -86_400.0, 7 * 86_400.0):
        monkeypatch.setattr(time, "time", lambda jump=jump: started + jump)
        made._look()
        post(made, ROW)
        made._slice()
    watcher = made._watcher
    watcher.flush(time.monotonic())
    summaries = watcher.summaries(time.monotonic())
    assert watcher.counters.notes[Note.CLOCK_JUMP] == 2
    assert {name: summary.rows for name, summary in summaries.items()} == {"hour": 3, "all": 3}
    assert all(summary.start <= summary.end for summary in summaries.values())


def test_a_fault_is_told_by_type_and_place_and_counting_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = service(tmp_path)

    def fail(*_: object) -> None:
        raise RuntimeError("could not take row 61, Petrova")

    async def work() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(made._watcher, "take", fail)
            post(made, ROW)
            counting = asyncio.create_task(made._count())
            await asyncio.sleep(0.05)
        post(made, ROW)
        await asyncio.sleep(0.05)
        assert not counting.done()
        counting.cancel()

    with caplog.at_level(logging.INFO):
        asyncio.run(work())
    assert made._watcher.counters.notes[Note.FAULT] == 1
    assert made._watcher.counters.outcomes == {RequestOutcome.ROWS: 1}
    assert "RuntimeError at" in caplog.text
    assert "Petrova" not in caplog.text


def test_a_connection_that_rests_gives_its_place_to_a_new_one() -> None:
    counters = Counters()

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response()

    async def ended(reader: asyncio.StreamReader) -> bool:
        with suppress(ConnectionError):
            return await reader.read() == b""
        return True

    async def work() -> None:
        guarded = ConnectionLimit(answer, counters, limit=2, idle=60.0, resting=0.05)
        server = await asyncio.get_running_loop().create_server(guarded, HOST, 0)
        port = server.sockets[0].getsockname()[1]
        async with AsyncExitStack() as stack:

            async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
                reader, writer = await asyncio.open_connection(HOST, port)
                stack.callback(writer.close)
                return reader, writer

            first, _ = await connect()
            second, _ = await connect()
            assert await ended((await connect())[0])
            await asyncio.sleep(0.1)
            third, writer = await connect()
            assert await ended(first)
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            assert (await third.readline()).startswith(b"HTTP/1.1 200")
            assert not second.at_eof()
            assert len(guarded) == 2
        server.close()
        await guarded.shutdown(1.0)

    asyncio.run(work())
    assert counters.notes == {Note.REFUSED_CONNECTION: 1, Note.CLOSED_IDLE: 1}
