"""A stand-in for KServe's agent, its logger only: the program of image `kserve/agent`.

A reverse proxy in front of the model server that posts each request and each response to a sink as
a CloudEvent, with the real agent's command line, headers and habits: only answers with status 200
are logged, events are neither ordered nor repeated, and probes of the kubelet are not logged.

Pods share one network here, so `localhost` means the pod's own address (LAB_POD_IP).
"""

import argparse
import asyncio
import datetime as dt
import json
import logging
import os
import signal
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

log = logging.getLogger("agent")

PORT = 9081
QUEUE_EVENTS = 100
WORKERS = 5
DRAIN_SECONDS = 30.0
PROBE_SECONDS = 5.0
LARGEST_BODY = 2**30
TYPE = "org.kubeflow.serving.inference"
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade")
PROBE_HEADER, PROBE_VALUE = "K-Network-Probe", "queue"


@dataclass(frozen=True)
class Settings:
    """What the command line says."""

    sink: str
    mode: str
    inference_service: str
    namespace: str
    endpoint: str
    component: str
    source: str
    metadata_headers: tuple[str, ...]
    metadata_annotations: Mapping[str, str]


@dataclass(frozen=True)
class Event:
    """One CloudEvent to be posted."""

    kind: str
    identity: str
    moment: str
    content_type: str | None
    metadata: Mapping[str, Sequence[str]]
    body: bytes


class Agent:
    """Proxies to one model server and logs to one sink."""

    def __init__(self, settings: Settings, ip: str, component_port: int, path: str = "") -> None:
        self._settings = settings
        self._ip = ip
        self._component = (ip, component_port)
        self._ready_path = path
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        self._sink = own_address(settings.sink, ip)
        self._sink_host = urlsplit(settings.sink).netloc
        self._upstream: aiohttp.ClientSession | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def app(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_startup.append(self._start)
        app.on_cleanup.append(self._stop)
        return app

    async def _start(self, _: web.Application) -> None:
        self._upstream = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
            timeout=aiohttp.ClientTimeout(total=None),
            trust_env=False,
        )
        self._tasks = [asyncio.create_task(self._post_all()) for _ in range(WORKERS)]

    async def _stop(self, _: web.Application) -> None:
        for task in self._tasks:
            task.cancel()
        if self._upstream is not None:
            await self._upstream.close()

    @property
    def _session(self) -> aiohttp.ClientSession:
        if self._upstream is None:
            raise RuntimeError("the agent has not started")
        return self._upstream

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("User-Agent", "").startswith("kube-probe/"):
            return await self._probe(request.headers.get(PROBE_HEADER, ""))
        body = await request.read()
        identity = request.headers.get("Ce-Id") or str(uuid.uuid4())
        self._log("request", identity, request, body)
        host, port = self._component
        url = f"http://{host}:{port}{request.rel_url}"
        headers = _forwarded(request.headers)
        try:
            async with self._session.request(
                request.method, url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            return web.Response(status=502, text=f"{error}\n")
        if answer.status == 200:
            self._log("response", identity, request, content)
        return web.Response(status=answer.status, body=content, headers=_forwarded(answer.headers))

    async def _probe(self, asked: str) -> web.Response:
        """Ready when the model server is, by the probe that its container has."""
        if asked != PROBE_VALUE:
            return web.Response(status=400, text=f"unexpected probe header value: {asked}\n")
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                ready = await self._is_ready()
        except (aiohttp.ClientError, OSError, TimeoutError):
            ready = False
        if not ready:
            return web.Response(status=503, text="the model server is not ready yet\n")
        return web.Response(text=PROBE_VALUE, headers={PROBE_HEADER: PROBE_VALUE})

    async def _is_ready(self) -> bool:
        host, port = self._component
        if not self._ready_path:
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            return True
        async with self._session.get(f"http://{host}:{port}{self._ready_path}") as answer:
            return 200 <= answer.status < 400

    def _log(self, kind: str, identity: str, request: web.Request, body: bytes) -> None:
        if self._settings.mode not in ("all", kind):
            return
        metadata = {
            name: request.headers.getall(name)
            for name in sorted(self._settings.metadata_headers)
            if name in request.headers
        }
        content_type = request.headers.get("Content-Type")
        if self._queue.qsize() >= QUEUE_EVENTS * WORKERS:
            log.warning("the sink is too slow, an event is dropped")
            return
        self._queue.put_nowait(Event(kind, identity, now(), content_type, metadata, body))

    async def _post_all(self) -> None:
        while True:
            event = await self._queue.get()
            try:
                await self._post(event)
            except (aiohttp.ClientError, OSError) as error:
                log.warning("an event is lost: %s", error)

    async def _post(self, event: Event) -> None:
        skip = ("Content-Type", "Accept", "User-Agent")
        async with self._session.post(
            self._sink, data=event.body, headers=self._headers(event), skip_auto_headers=skip
        ) as answer:
            if answer.status >= 300:
                log.warning("the sink answered %s", answer.status)

    def _headers(self, event: Event) -> CIMultiDict[str]:
        settings = self._settings
        compact = json.dumps(event.metadata, separators=(",", ":"))
        headers = CIMultiDict(
            {
                "Host": self._sink_host,
                "User-Agent": "Go-http-client/1.1",
                "Content-Length": str(len(event.body)),
                "Ce-Component": settings.component,
                "Ce-Endpoint": settings.endpoint,
                "Ce-Id": event.identity,
                "Ce-Inferenceservicename": settings.inference_service,
                "Ce-Metadata": compact,
                "Ce-Namespace": settings.namespace,
                "Ce-Recordedtime": now(),
                "Ce-Source": settings.source,
                "Ce-Specversion": "1.0",
                "Ce-Time": event.moment,
                "Ce-Type": f"{TYPE}.{event.kind}",
            }
        )
        if settings.metadata_annotations:
            annotations = json.dumps(settings.metadata_annotations, separators=(",", ":"))
            headers["Ce-Annotations"] = annotations
        if event.content_type is not None:
            headers["Content-Type"] = event.content_type
        headers["Accept-Encoding"] = "gzip"
        return headers


def _forwarded(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """Headers that pass through a proxy."""
    dropped = (*HOP_BY_HOP, "content-length")
    return CIMultiDict(
        [(name, value) for name, value in headers.items() if name.lower() not in dropped]
    )


def own_address(url: str, ip: str) -> str:
    """`localhost` in a pod is the pod itself."""
    parts = urlsplit(url)
    if parts.hostname not in ("localhost", "127.0.0.1"):
        return url
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{ip}{port}"))


def now() -> str:
    """Nanoseconds, as Go writes them: without trailing zeros."""
    nanoseconds = time.time_ns()
    moment = dt.datetime.fromtimestamp(nanoseconds // 10**9, dt.UTC)
    fraction = f"{nanoseconds % 10**9:09d}".rstrip("0")
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction}Z" if fraction else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--log-url", required=True)
    parser.add_argument("--source-uri", default="")
    parser.add_argument("--log-mode", choices=("all", "request", "response"), default="all")
    parser.add_argument("--inference-service", default="")
    parser.add_argument("--namespace", default="")
    parser.add_argument("--endpoint", default="")
    parser.add_argument("--component", default="")
    parser.add_argument("--metadata-headers", default="")
    parser.add_argument("--metadata-annotations", default="")
    parser.add_argument("--logger-tls-skip-verify", default="false")
    parser.add_argument("--component-port", type=int, default=8080)
    return parser.parse_args()


def main() -> None:
    if "SERVING_READINESS_PROBE" not in os.environ:
        raise SystemExit("SERVING_READINESS_PROBE is not set: the model container has no probe")
    given = arguments()
    pairs = [one.partition("=") for one in given.metadata_annotations.split(",") if one]
    settings = Settings(
        sink=given.log_url,
        mode=given.log_mode,
        inference_service=given.inference_service,
        namespace=given.namespace,
        endpoint=given.endpoint,
        component=given.component,
        source=given.source_uri or f"http://localhost:{PORT}/",
        metadata_headers=tuple(one for one in given.metadata_headers.split(",") if one),
        metadata_annotations={name: value for name, _, value in pairs},
    )
    ip = os.environ.get("LAB_POD_IP", "127.0.0.1")
    probe = json.loads(os.environ["SERVING_READINESS_PROBE"])
    path = str(probe.get("httpGet", {}).get("path", ""))
    asyncio.run(serve(Agent(settings, ip, given.component_port, path).app(), ip))


async def serve(app: web.Application, ip: str) -> None:
    """Serve until SIGTERM, then let requests in flight end."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Bodies are logged and passed on as they came, compressed ones too.
    runner = web.AppRunner(app, access_log=None, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, ip, PORT, shutdown_timeout=DRAIN_SECONDS).start()
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    main()
