"""The dashboard on a person's machine: on the loopback address, with the login of their kubectl."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from mlhops.cli.dashboard.access import LinkAccess
from mlhops.cli.dashboard.app import app
from mlhops.cli.dashboard.kubectl_proxy import proxied
from mlhops.cli.exits import Exit, Trouble
from mlhops.cli.kubectl import Kubectl

_LOOPBACK = "127.0.0.1"
_GRACE = 1
"""Seconds until streams are ended when it is stopped."""


def serve(kubectl: Kubectl, port: int, announce: Callable[[str], object]) -> None:
    """Serve until it is interrupted.

    Args:
        kubectl: the way to the cluster.
        port: where it listens; 0 for a free one.
        announce: is told each link that lets somebody in.

    Raises:
        Trouble: the port is taken, or there is no way to the cluster.
    """
    listening = _listening(port)
    with listening, proxied(kubectl) as cluster:
        access = LinkAccess(cluster, listening.getsockname()[1], announce)
        run(app(access, kubectl.connection.namespace), listening)


def run(application: ASGIApp, listening: socket.socket) -> None:
    """Run an application on a socket that listens, until the process is interrupted."""
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        ws="none",
        http="h11",
        timeout_graceful_shutdown=_GRACE,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((_LOOPBACK, port))
    except OSError as error:
        remedy = "leave --port out: then a free one is found"
        raise Trouble(f"cannot listen on port {port}: {error}", remedy, Exit.USAGE) from error
