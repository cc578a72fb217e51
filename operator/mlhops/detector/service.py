"""The process: two ports, the counting behind them, and a look around each second."""

import asyncio
import gc
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from mlhops.api.detector import DetectorBounds, DetectorConfig, ProbeSettings
from mlhops.api.profile import Profile
from mlhops.detector.connection_limit import ConnectionLimit
from mlhops.detector.counters import Note
from mlhops.detector.engines import engine
from mlhops.detector.envelope import LoggedEvent, is_packed
from mlhops.detector.event_queue import Intake
from mlhops.detector.files import Mounted
from mlhops.detector.news import HeldQuestion
from mlhops.detector.probe import Probe, ProbeVerdict
from mlhops.detector.report import Reporter
from mlhops.detector.row import body, row
from mlhops.detector.sink import Sink
from mlhops.detector.window import Clock
from mlhops.detector.window_counter import AT_ONCE, Watcher

log = logging.getLogger(__name__)

_SLICE = 0.002
"""After so many seconds of counting, the sink has its turn."""
_LARGE = 2**16
"""Bodies of more bytes are decoded by another thread, since the sink must not wait for them."""
_SWITCH = 0.001
"""For so many seconds a thread may keep the others from their work."""
_LOOK = 1.0
_READS = ("GET", "HEAD")
_JSON = "application/json"
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class ServiceOptions:
    """What the command line says."""

    config: Path
    profile: Path
    sink_host: str
    sink_port: int
    report_host: str | None
    """All addresses of the pod if None."""
    report_port: int
    model_host: str = "127.0.0.1"


class DetectorService:
    """A running detector."""

    def __init__(self, options: ServiceOptions) -> None:
        self._options = options
        self._clock = Clock(time.time(), time.monotonic())
        self._engine = engine()
        self._watcher = Watcher(self._clock, time.monotonic(), self._engine)
        notes = self._watcher.counters.notes
        self._config = Mounted(
            options.config, DetectorConfig, lambda: notes.update([Note.REFUSED_CONFIG])
        )
        self._profile = Mounted(
            options.profile, Profile, lambda: notes.update([Note.REFUSED_PROFILE])
        )
        bounds = DetectorBounds()
        self._intake = Intake(events=bounds.queue_events, size=bounds.queue_bytes)
        self._probe = Probe(
            options.model_host, self._watcher.worth, lambda: self._watcher.served.answered
        )
        self._reporter = Reporter(
            self._watcher, self._intake, self._engine.report, lambda: self._probe.verdict.report
        )
        self._work: asyncio.Task[None] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set.

        Raises:
            OSError: a port cannot be had.
        """
        sys.setswitchinterval(_SWITCH)
        self._look_safely()
        self._work = asyncio.create_task(self._count())
        looking = asyncio.create_task(self._look_around())
        asking = asyncio.create_task(self._ask_around())
        probing = asyncio.create_task(self._probe_around())
        sink, reports = self._doors()
        loop = asyncio.get_running_loop()
        options = self._options
        servers = [
            await loop.create_server(sink, options.sink_host, options.sink_port),
            await loop.create_server(reports, options.report_host, options.report_port),
        ]
        # What is there now stays: collecting garbage need not look at it again.
        gc.collect()
        gc.freeze()
        log.info("listening: the sink on %s, reports on %s", options.sink_port, options.report_port)
        await stop.wait()
        for server in servers:
            server.close()
        for task in (self._work, looking, asking, probing):
            task.cancel()
        await self._engine.close()
        await asyncio.gather(sink.shutdown(1.0), reports.shutdown(1.0))

    def _doors(self) -> tuple[ConnectionLimit, ConnectionLimit]:
        counters, bounds = self._watcher.counters, self._bounds()
        taker = Sink(counters, self._intake, self._bounds, self._lost)

        async def take(request: web.BaseRequest) -> web.Response:
            sink.used(request)
            return await taker.handle(request)

        async def tell(request: web.BaseRequest) -> web.Response:
            reports.used(request)
            self._reporter.connections = len(sink)
            if request.path == "/serving":
                return await self._serving(request)
            return self._answer(request)

        limit, idle = bounds.connections, bounds.idle_seconds
        sink = ConnectionLimit(take, counters, limit=limit, idle=idle)
        # Who asks anew is heard, however many others hold a connection: the kubelet asks here, too.
        reports = ConnectionLimit(tell, counters, limit=limit, idle=idle, resting=0.0)
        return sink, reports

    def _bounds(self) -> DetectorBounds:
        config = self._watcher.config
        return config.bounds if config else _DEFAULTS

    def _lost(self, event: LoggedEvent) -> None:
        self._watcher.requests.lose(event, time.monotonic())

    async def _serving(self, request: web.BaseRequest) -> web.Response:
        """Tell how the model answers, at once or when there is news."""
        if request.method not in _READS:
            return _only_reads()
        try:
            question = HeldQuestion.of(request.query)
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        await self._reporter.news.wait(question)
        body = self._reporter.serving(question.within, time.monotonic())
        return web.Response(body=body, content_type=_JSON)

    def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method not in _READS:
            return _only_reads()
        match request.path:
            case "/report":
                return web.Response(
                    body=self._reporter.report(time.monotonic()), content_type=_JSON
                )
            case "/metrics":
                return web.Response(
                    body=self._reporter.metrics(time.monotonic()), headers={"Content-Type": _TEXT}
                )
            case "/healthz":
                return self._health()
            case "/servingz":
                return self._usable()
            case "/readyz":
                return web.Response(text=f"listening, {self._state()}\n")
        return web.Response(
            status=404, text="see /report, /serving, /metrics, /healthz, /servingz and /readyz\n"
        )

    def _health(self) -> web.Response:
        if self._work is None or self._work.done():
            return web.Response(status=503, text="nothing is counted any more\n")
        return web.Response(text="ok\n")

    def _usable(self) -> web.Response:
        """Refuse only where the model answers what it had answered, and nothing of use.

        A model that is not loaded or hangs is the kubelet's own to see, and overload must take no pod out.
        """
        if self._probe.verdict.unusable:
            message = self._probe.verdict.report.message
            return web.Response(status=503, text=f"the model's answers are of no use: {message}\n")
        return web.Response(text="ok\n")

    def _state(self) -> str:
        """Ready is whoever listens: a model must not wait for what watches it."""
        config = "configured" if self._watcher.config else "not configured yet"
        profile = "with a profile" if self._watcher.sketch else "without a profile yet"
        return f"{config}, {profile}"

    async def _count(self) -> None:
        """Count what waits, a slice at a time."""
        loop = asyncio.get_running_loop()
        # One thread: each further one would keep memory of its own.
        aside = ThreadPoolExecutor(max_workers=1)
        while True:
            await self._intake.filled()
            try:
                large = self._slice()
                if large is not None:
                    decoded = await loop.run_in_executor(aside, self._watcher.decode, large)
                    self._watcher.take(large, decoded, time.monotonic())
            except Exception as error:  # one event must not end the counting of others
                self._failed(error)
            await asyncio.sleep(0)

    def _slice(self) -> LoggedEvent | None:
        """Count until the time is over; return an event that is too large for a slice, if any."""
        watcher, now = self._watcher, time.monotonic()
        until = now + _SLICE
        while now < until:
            if watcher.waiting >= AT_ONCE:
                watcher.count(now)
            elif (event := self._intake.take()) is None:
                break
            elif len(event.body) > _LARGE or is_packed(event):
                return event
            else:
                watcher.take(event, watcher.decode(event), now)
            now = time.monotonic()
        return None

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            self._look_safely()

    async def _ask_around(self) -> None:
        """Let the engine do what is due; it may take its time."""
        while True:
            await asyncio.sleep(_LOOK)
            try:
                await self._engine.step(time.monotonic())
            except Exception as error:  # it is asked again in a while
                self._failed(error)

    async def _probe_around(self) -> None:
        """Ask the model server where somebody wants it."""
        while True:
            rest = _LOOK
            try:
                if (config := self._watcher.config) is not None and config.probe is not None:
                    await self._probe.ask(config.probe, *self._row(config, config.probe))
                    rest = self._probe.verdict.rest(config.probe.every)
                else:
                    self._probe.verdict = ProbeVerdict()
            except Exception as error:  # it is asked again in a while
                self._failed(error)
            await asyncio.sleep(rest)

    def _row(self, config: DetectorConfig, probe: ProbeSettings) -> tuple[bytes | None, str]:
        """Return what to ask the model server about, or why there is nothing."""
        sketch = self._watcher.sketch
        try:
            asked, values = row(config.features, probe.request, sketch.profile if sketch else None)
            return body(asked, values, probe.protocol), ""
        except (ValueError, OverflowError):
            return None, "no row can be made that travels as request says"

    def _look_safely(self) -> None:
        try:
            self._look()
        except Exception as error:  # it is tried again in a second
            self._failed(error)

    def _look(self) -> None:
        """Do what time asks for: take new files, count the rest, let go of what is old."""
        now = time.monotonic()
        watcher = self._watcher
        if self._clock.look(time.time(), now):
            watcher.counters.notes[Note.CLOCK_JUMP] += 1
        self._look_at_files(now)
        watcher.flush(now)
        watcher.expire(now)
        self._reporter.look(now)

    def _look_at_files(self, now: float) -> None:
        watcher = self._watcher
        config = self._config.look()
        if config is not None:
            watcher.configure(config, now)
            bounds = config.bounds
            self._intake.bound(events=bounds.queue_events, size=bounds.queue_bytes)
            if watcher.sketch is None:
                self._profile.again()
            log.info("configured for revision %s", config.revision)
        profile = self._profile.look(watcher.refuse_unless_fitting) if watcher.config else None
        if profile is not None:
            watcher.profile(profile, now)
            log.info("counting against profile %s", watcher.sketch and watcher.sketch.digest)
        self._reporter.config_stale = self._config.stale
        self._reporter.profile_stale = self._profile.stale

    def _failed(self, error: Exception) -> None:
        # What went wrong is told by its type and place alone: its words may quote a row.
        self._watcher.counters.notes[Note.FAULT] += 1
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "nowhere"
        log.error("%s at %s", type(error).__name__, place)


def _only_reads() -> web.Response:
    return web.Response(status=405, text="only GET is served\n", headers={"Allow": "GET"})


_DEFAULTS = DetectorBounds()
