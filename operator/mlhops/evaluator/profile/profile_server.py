"""Hands the profile over to the operator: it is too large for a termination message.

The pod is ready from then on. The counts in a profile can be small, so it is for nobody but who knows
the Evaluation's uid: whoever may read Evaluations, and not all who reach the pod.
"""

import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6

from mlhops.api.profile import PORT

UID_VARIABLE = "MLHOPS_EVALUATION_UID"
_SECONDS = 5.0


def hand_over(profile: str, token: str, host: str, seconds: float, port: int = PORT) -> bool:
    """Offer the profile until it is fetched, at most for so long; return whether it was.

    Raises:
        OSError: the address cannot be listened at.
    """
    with _Server(profile.encode(), token, host, port) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        serving.start()
        try:
            return server.taken.wait(seconds)
        finally:
            server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # one that reads slowly does not hold up the end

    def __init__(self, body: bytes, token: str, host: str, port: int) -> None:
        self.address_family = AF_INET6 if ":" in host else AF_INET
        self.body = body
        self.expected = f"Bearer {token}".encode()
        self.taken = threading.Event()
        super().__init__((host, port), _Handler)

    def handle_error(self, *_: object) -> None:
        """Let go of who breaks off or says nothing."""


class _Handler(BaseHTTPRequestHandler):
    """GET /profile is the profile, and DELETE /profile says that it is kept elsewhere now."""

    server: _Server
    timeout = _SECONDS

    def do_GET(self) -> None:
        """Answer with the profile, or that there is one."""
        if self.path == "/readyz":
            self._answer(200)
        elif self._may("/profile"):
            self._answer(200, self.server.body)

    def do_DELETE(self) -> None:
        """Take note that the profile is kept elsewhere."""
        if self._may("/profile"):
            self._answer(204)
            self.server.taken.set()

    def _may(self, path: str) -> bool:
        given = self.headers.get("Authorization", "").encode()
        allowed = hmac.compare_digest(given, self.server.expected)
        if self.path != path or not allowed:
            self._answer(404 if self.path != path else 401)
            return False
        return True

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: what is asked for is nobody's business."""
