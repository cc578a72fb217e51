"""Who gets in, and with whose rights the cluster is asked."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from mlhops.cli.dashboard.cluster import ApiReader
from mlhops.cli.dashboard.links import FLEET
from mlhops.cli.dashboard.mirror import Mirror
from mlhops.cli.dashboard.reading import FleetSource, checked

LOGIN = "/login"
_BYTES = 32


class Access(Protocol):
    """The door of a dashboard."""

    def is_host(self, host: str) -> bool:
        """Whether a request is for this dashboard: its Host header is no name that somebody else has pointed here."""

    def stopped(self, request: Request) -> Response | None:
        """Return the answer to who does not get in; None for who does."""

    def cluster(self, request: Request) -> ApiReader:
        """Return the cluster as who asks may see it."""

    def fleet(self, request: Request, namespace: str) -> FleetSource:
        """Return the models of a namespace, of all where it is empty, as who asks may see them."""


@dataclass
class LinkAccess:
    """The door of a dashboard on a person's machine.

    A link that is good for one visit gives a browser its cookie: other people on the machine, and other pages in the
    browser, have neither. When it is used, the next one is announced.
    """

    api: ApiReader
    port: int
    announce: Callable[[str], object]
    _link: str = ""
    _sessions: set[str] = field(default_factory=set)
    _mirrors: dict[str, Mirror] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Announce the first link."""
        self._renew()

    def is_host(self, host: str) -> bool:
        """Whether it is the loopback address, by number or name."""
        return host in (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    def stopped(self, request: Request) -> Response | None:
        """Return the answer to who has no cookie, and to who comes with a link."""
        if request.url.path == LOGIN:
            return self._login(request.query_params.get("link", ""))
        given = request.cookies.get(self._cookie, "")
        if any(secrets.compare_digest(given.encode(), known.encode()) for known in self._sessions):
            return None
        said = "open the link that `kubectl mlhops dashboard` has printed last"
        return PlainTextResponse(f"not logged in: {said}\n", HTTPStatus.UNAUTHORIZED)

    def cluster(self, request: Request) -> ApiReader:  # noqa: ARG002
        """Return the cluster as the kubeconfig's user may see it."""
        return self.api

    def fleet(self, request: Request, namespace: str) -> FleetSource:  # noqa: ARG002
        """Return the models as the kubeconfig's user may see them, for all pages that are open."""
        named = checked(namespace) if namespace else ""
        return self._mirrors.setdefault(named, Mirror(self.api, named))

    @property
    def _cookie(self) -> str:
        # Cookies go to all ports of a host: each dashboard has a name of its own for its cookie.
        return f"mlhops-{self.port}"

    def _login(self, link: str) -> Response:
        if not secrets.compare_digest(link.encode(), self._link.encode()):
            said = "this link was used already: the terminal shows the next one"
            return PlainTextResponse(f"{said}\n", HTTPStatus.UNAUTHORIZED)
        session = secrets.token_urlsafe(_BYTES)
        self._sessions.add(session)
        self._renew()
        answer = RedirectResponse(FLEET, HTTPStatus.SEE_OTHER)
        answer.set_cookie(self._cookie, session, httponly=True, samesite="strict", path="/")
        return answer

    def _renew(self) -> None:
        self._link = secrets.token_urlsafe(_BYTES)
        self.announce(f"http://127.0.0.1:{self.port}{LOGIN}?link={self._link}")
