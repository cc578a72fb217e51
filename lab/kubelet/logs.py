"""The part of the kubelet's own API that `kubectl logs` needs."""

import asyncio
import socket
import ssl
from pathlib import Path

from aiohttp import web

FOLLOW_SECONDS = 0.2


class LogServer:
    """Serves containers' log files on the node's address."""

    def __init__(self, pods: Path) -> None:
        self._pods = pods
        self._app = web.Application()
        self._app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        self._runner = web.AppRunner(self._app, access_log=None)

    async def start(self, listener: socket.socket, tls: ssl.SSLContext) -> None:
        await self._runner.setup()
        await web.SockSite(self._runner, listener, ssl_context=tls, shutdown_timeout=0.5).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        names = request.match_info
        path = self._pods / names["namespace"] / names["pod"] / f"{names['container']}.log"
        if not path.is_file():
            raise web.HTTPNotFound(text=f"container {names['container']} has not started yet\n")
        content = path.read_bytes()
        if "tailLines" in request.query:
            count = int(request.query["tailLines"])
            lines = content.splitlines(keepends=True)
            shown = b"".join(lines[max(0, len(lines) - count) :])
        else:
            shown = content
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        await response.write(shown)
        position = len(content)
        while request.query.get("follow") == "true" and path.is_file():
            await asyncio.sleep(FOLLOW_SECONDS)
            with path.open("rb") as file:
                file.seek(position)
                fresh = file.read()
            position += len(fresh)
            await response.write(fresh)
        return response
