"""What stands before every page: what is refused whoever asks, and the headers of every answer."""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlhops.cli.dashboard.access import Access

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)
"""The Content-Security-Policy: nothing from elsewhere, and no script or style within a page."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_METHODS = ("GET", "HEAD")
_STATIC = "/static/"


class Guard:
    """Middleware that lets through who may read, and nobody who would write."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        answer = self._refusal(Request(scope))
        await (answer or self.app)(scope, receive, with_headers)

    def _refusal(self, request: Request) -> Response | None:
        if not self.access.is_host(request.headers.get("host", "")):
            return _told("this name is not the dashboard's", HTTPStatus.MISDIRECTED_REQUEST)
        if request.method not in _METHODS:
            answer = _told(
                "the dashboard is read only: decide with kubectl mlhops",
                HTTPStatus.METHOD_NOT_ALLOWED,
            )
            answer.headers["Allow"] = ", ".join(_METHODS)
            return answer
        if request.url.path.startswith(_STATIC):
            return None
        return self.access.stopped(request)


def _told(said: str, status: HTTPStatus) -> Response:
    return PlainTextResponse(f"{said}\n", status)
