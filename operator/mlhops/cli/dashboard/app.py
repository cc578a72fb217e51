"""The web application: addresses, and what answers at each."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from mlhops.cli.card import page as card
from mlhops.cli.dashboard import links, markup, pages, reading, stream
from mlhops.cli.dashboard.access import Access
from mlhops.cli.dashboard.cluster import ApiReader, ApiRefusal, Changes, Expired
from mlhops.cli.dashboard.guard import Guard
from mlhops.cli.exits import Trouble
from mlhops.cli.output import document, to_text
from mlhops.cli.terminal import now
from mlhops.cli.views.failure import Failure

_STATIC = Path(__file__).parent / "static"
_JSON = ".json"

OfModel = Callable[[ApiReader, str, str], pages.WebPage]
PARTS: dict[str, OfModel] = {
    "timeline": pages.timeline_page,
    "monitoring": pages.monitoring_page,
    "events": pages.events_page,
    "explanation": pages.explanation_page,
    "records": pages.records_page,
}
"""What there is of a model beside its first page."""


def app(access: Access, namespace: str = "") -> Starlette:
    """Return the dashboard.

    Args:
        access: who gets in.
        namespace: that is meant where none is asked for; empty for all.
    """
    found = Dashboard(access, namespace)
    of_model = "/models/{namespace}/{name}"
    routes = [
        Route("/", found.home),
        *_twins(links.FLEET, found.fleet),
        *_twins(of_model, found.of_model(pages.model_page)),
        *_twins("/evaluations/{namespace}/{name}", found.of_model(pages.evaluation_page)),
    ]
    for part, page in PARTS.items():
        routes += _twins(f"{of_model}/{part}", found.of_model(page))
    routes += _twins(f"{of_model}/card", found.card)
    routes += [Route("/stream", found.stream), Route("/static/card.css", card_style)]
    return Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=_STATIC))],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={
            ApiRefusal: refused,
            HTTPStatus.NOT_FOUND: not_found,
        },
    )


def _twins(path: str, page: Callable[[Request], Response]) -> list[Route]:
    """Return the routes of a page, that of its twin first: no name of an object ends in what it ends in."""
    return [Route(path + _JSON, page), Route(path, page)]


@dataclass
class Dashboard:
    """The pages, as one door lets people see them."""

    access: Access
    namespace: str
    streams: int = 0

    def home(self, request: Request) -> Response:  # noqa: ARG002
        """Lead to the fleet."""
        return RedirectResponse(links.FLEET, HTTPStatus.FOUND)

    def fleet(self, request: Request) -> Response:
        """Answer with the fleet."""
        given = request.query_params
        namespace = given.get("namespace", self.namespace)
        source = self.access.fleet(request, namespace)
        return shown(request, pages.fleet_page(source, namespace, given))

    def of_model(self, page: OfModel) -> Callable[[Request], Response]:
        """Return what answers with a page of one object."""

        def answer(request: Request) -> Response:
            namespace, name = request.path_params["namespace"], request.path_params["name"]
            return shown(request, page(self.access.cluster(request), namespace, name))

        return answer

    def card(self, request: Request) -> Response:
        """Answer with the card of a revision."""
        place = request.path_params
        cluster, named = self.access.cluster(request), request.query_params.get("revision", "")
        return shown(request, pages.card_page(cluster, place["namespace"], place["name"], named))

    async def stream(self, request: Request) -> Response:
        """Answer with changes, as long as somebody listens."""
        if self.streams >= stream.MOST:
            said = f"more than {stream.MOST} pages are open"
            raise ApiRefusal(HTTPStatus.SERVICE_UNAVAILABLE, Trouble(said, "close some of them"))
        try:
            watch = await run_in_threadpool(self._changes, request)
        except Expired:
            return Response(stream.STALE, media_type="text/event-stream")
        return StreamingResponse(self._counted(stream.told(watch)), media_type="text/event-stream")

    def _changes(self, request: Request) -> Changes:
        """Follow one model, or a fleet."""
        given = request.query_params
        namespace, name = given.get("namespace", ""), given.get("name", "")
        version = request.headers.get("last-event-id") or given.get("version", "")
        if name:
            return reading.changes(self.access.cluster(request), namespace, name, version)
        return self.access.fleet(request, namespace).changes(version)

    async def _counted(self, said: AsyncGenerator[str]) -> AsyncGenerator[str]:
        self.streams += 1
        try:
            async for each in said:
                yield each
        finally:
            self.streams -= 1
            await said.aclose()


def shown(request: Request, page: pages.WebPage) -> Response:
    """Return a page as it is asked for: as JSON, or as HTML."""
    if request.url.path.endswith(_JSON):
        found = document(page.kind, page.view)
        return Response(to_text(found, "json"), media_type="application/json")
    return HTMLResponse(markup.html(page, request.url.path, request.url.query, now()))


def card_style(request: Request) -> Response:  # noqa: ARG001
    """Return the style that cards want."""
    return Response(card.style(), media_type="text/css")


def refused(request: Request, error: Exception) -> Response:
    """Return what the API server refused, with what helps."""
    assert isinstance(error, ApiRefusal)
    return _failed(request, error.status, error.trouble)


def not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Return that there is no such page."""
    trouble = Trouble("there is no such page", "the fleet leads to all that there are")
    return _failed(request, HTTPStatus.NOT_FOUND, trouble)


def _failed(request: Request, status: int, trouble: Trouble) -> Response:
    said = Failure(int(status), trouble.message, trouble.remedy)
    if request.url.path.endswith(_JSON):
        text = to_text(document("Failure", said), "json")
        return Response(text, status, media_type="application/json")
    page = pages.WebPage("Failure", said, "failure.html", HTTPStatus(status).phrase)
    return HTMLResponse(markup.html(page, request.url.path, request.url.query, now()), status)
