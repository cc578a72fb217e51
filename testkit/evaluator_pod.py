"""Pods of evaluators as far as the operator can tell: an address at which something answers for a profile."""

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

import numpy as np

from mlhops.api.base import Manifest
from mlhops.api.interface import Interface
from mlhops.api.profile import PORT, Profile
from mlhops.evaluator.profile.build import profile
from mlhops.evaluator.profile.profile_server import hand_over
from mlhops.json_access import at
from mlhops.statistics.drift.sketch import Column

DATA_DIGEST = "sha256:" + "c0ffee00" * 8


def own_address() -> str:
    """Return an address of this machine that no other test listens at."""
    return f"127.{random.randint(64, 127)}.{random.randint(0, 255)}.{random.randint(1, 254)}"


def profile_of(spec: Manifest, rows: int = 500, seed: int = 0) -> Profile:
    """Return a profile such as an evaluator makes for an Evaluation's spec."""
    draw = np.random.default_rng(seed)
    interface = Interface.model_validate(at(spec, "interface"))
    columns: dict[str, Column] = {
        feature.name: (
            draw.normal(size=rows)
            if feature.type == "Numeric"
            else draw.choice(feature.categories or ["0", "1"], rows).tolist()
        )
        for feature in interface.features
    }
    return profile(
        interface.features,
        columns,
        (interface.output.name, draw.random(rows)),
        revision=cast(str, spec["revision"]),
        created_from=DATA_DIGEST,
    )


@contextmanager
def handing_over(made: Profile, uid: str, address: str) -> Iterator[threading.Event]:
    """Run the evaluator's own handover; the event is set once the profile is taken."""
    taken = threading.Event()

    def run() -> None:
        if hand_over(made.to_text(), uid, address, 30.0):
            taken.set()

    thread = threading.Thread(target=run)
    thread.start()
    yield taken
    thread.join(40)


class Answering:
    """Something that answers in the place of an evaluator, and counts what it is asked."""

    def __init__(self, address: str, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 30.0

            def do_GET(self) -> None:
                outer.asked.append(self.command)
                answer(self)

            do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """The operator breaks off."""

        self._server = Server((address, PORT), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> "Answering":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def send(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer a request."""
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def text_of(made: Profile, **changes: object) -> bytes:
    """Return a profile as it is sent, with other values in some fields."""
    return json.dumps({**made.to_json(), **changes}).encode()
