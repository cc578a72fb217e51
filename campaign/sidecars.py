"""The sidecars beside the model servers of a story, each at a loopback address of its own."""

import itertools
import threading
import time
import urllib.parse
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lab.addresses import can_bind
from mlhops.api.serving import FailureReason, ProbeReport, ServingCounts, ServingReport
from mlhops.kserve.detector import REPORT_PORT

NOTHING = ServingCounts()
GOOD = ServingCounts(answered=500)
ONE_IN_FIVE = ServingCounts(answered=240, failures={FailureReason.UNANSWERED: 60})
LOADED = ProbeReport(state="Answers")
UNLOADED = ProbeReport(state="Fails", reason="notReady", message="the model is not loaded")
_NUMBERS = itertools.count(1)
_LOCK = threading.Lock()


class Sidecars:
    """Tells of each revision what the story says, and holds a question while nothing is news."""

    def __init__(self) -> None:
        self._servers: dict[str, ThreadingHTTPServer] = {}
        self.counts: dict[str, ServingCounts] = {}
        """By revision; of one that is not named nothing was asked."""
        self.probe = LOADED

    def address(self, revision: str) -> str:
        """Return where the sidecar of a revision listens; it begins to."""
        if revision not in self._servers:
            self._servers[revision] = _serve(lambda query: self._told(revision, query))
        host = self._servers[revision].server_address[0]
        return host.decode() if isinstance(host, bytes) else str(host)

    def close(self) -> None:
        """Let them end."""
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def _told(self, revision: str, query: dict[str, str]) -> bytes:
        until = time.monotonic() + float(query.get("wait", "0"))
        while query.get("tag") == self._tag(revision) and time.monotonic() < until:
            time.sleep(0.05)
        counts = self.counts.get(revision, NOTHING)
        report = ServingReport(
            version="campaign",
            revision=revision,
            instance="1",
            started_at=datetime.now(UTC),
            tag=self._tag(revision),
            minute=counts,
            hour=counts,
            asked=counts if "within" in query else None,
            probe=self.probe,
        )
        return report.model_dump_json(exclude_none=True).encode()

    def _tag(self, revision: str) -> str:
        counts = self.counts.get(revision, NOTHING)
        return f"{counts.answered}-{counts.failed}-{self.probe.state}"


def _serve(told: Callable[[dict[str, str]], bytes]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parsed = urllib.parse.urlsplit(self.path)
            if parsed.path != "/serving":
                self.send_error(404)
                return
            body = told(dict(urllib.parse.parse_qsl(parsed.query)))
            with suppress(OSError):  # who asked has gone, as killed operators do
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with _LOCK:
        while True:
            number = next(_NUMBERS)
            address = f"127.60.{number // 250}.{number % 250 + 1}"
            if can_bind(address, REPORT_PORT):
                break
        server = ThreadingHTTPServer((address, REPORT_PORT), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
