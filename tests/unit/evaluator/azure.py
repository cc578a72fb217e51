"""Azure on loopback: Azurite, which checks keys, signatures and tokens, and a stand-in for Microsoft Entra ID."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import ssl
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from lab.certificates import Authority
from lab.node import azurite
from tests.unit.evaluator.remote import BUCKET, free_port, running

ACCOUNT = "hospital"
PUBLIC = "public"
_VERSION = "2021-08-06"
_SAS_VERSION = "2018-11-09"


@dataclass(frozen=True)
class Azure:
    """A server with one storage account, which has a private container and a public one."""

    endpoint: str
    key: str
    trust: ssl.SSLContext

    def uri(self, name: str, container: str = BUCKET) -> str:
        """Return the URI of a blob, as KServe takes it."""
        return f"https://{ACCOUNT}.blob.core.windows.net/{container}/{name}"

    def put(self, name: str, content: bytes, container: str = BUCKET) -> str:
        """Store a blob and return its URI."""
        self._write(f"{container}/{name}", content, {"x-ms-blob-type": "BlockBlob"})
        return self.uri(name, container)

    def make(self, container: str, **headers: str) -> None:
        """Make a container."""
        self._write(f"{container}?restype=container", b"", headers)

    def sas(self, rights: str = "rl", minutes: int = 5) -> str:
        """Return a shared access signature that lets do that much for so long."""
        end = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
        told = "\n".join([ACCOUNT, rights, "b", "sco", "", end, "", "https,http", _SAS_VERSION, ""])
        mac = hmac.new(base64.b64decode(self.key), told.encode(), hashlib.sha256).digest()
        given = {"sv": _SAS_VERSION, "ss": "b", "srt": "sco", "sp": rights, "se": end}
        given |= {"spr": "https,http", "sig": base64.b64encode(mac).decode()}
        return urllib.parse.urlencode(given)

    def _write(self, path: str, content: bytes, headers: dict[str, str]) -> None:
        name, _, query = path.partition("?")
        url = f"{self.endpoint}/{urllib.parse.quote(name)}{f'?{query}' if query else ''}"
        who = {"Authorization": f"Bearer {token()}", "x-ms-version": _VERSION}
        request = urllib.request.Request(
            url, data=content, method="PUT", headers={**who, **headers}
        )
        urllib.request.urlopen(request, timeout=20, context=self.trust).close()


def token() -> str:
    """Return a token for storage, of which Azurite looks at everything but the signature."""
    now = int(time.time())
    claims = {
        "aud": "https://storage.azure.com",
        "iss": "https://sts.windows.net/hospital/",
        "nbf": now - 60,
        "iat": now - 60,
        "exp": now + 3600,
    }
    parts = [{"alg": "RS256", "typ": "JWT"}, claims]
    coded = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in parts]
    return b".".join([*coded, b"c2lnbmVk"]).decode()


@contextmanager
def azure_server(authority: Authority) -> Iterator[Azure]:
    """Run Azurite, in a process of its own."""
    port = free_port()
    pair = authority.server("azure", ["127.0.0.1"])
    key = base64.b64encode(os.urandom(64)).decode()
    command = [
        *azurite(),
        *("--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"),
        *("--oauth", "basic", "--cert", str(pair.certificate), "--key", str(pair.key)),
        *("--skipApiVersionCheck", "--silent"),
    ]
    with running(command, port, {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}):
        trust = ssl.create_default_context(cafile=str(authority.certificate))
        server = Azure(f"https://127.0.0.1:{port}/{ACCOUNT}", key, trust)
        server.make(BUCKET)
        server.make(PUBLIC, **{"x-ms-blob-public-access": "blob"})
        yield server


@dataclass
class Entra:
    """Gives tokens to an application that has the secret, or a token of its ServiceAccount."""

    secret: str
    assertion: str
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def entra_server(authority: Authority, secret: str, assertion: str) -> Iterator[Entra]:
    """Run a stand-in for Microsoft Entra ID, with TLS."""
    state = Entra(secret, assertion)
    handler = type("Bound", (_Handler,), {"state": state})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    pair = authority.server("entra", ["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    state.url = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    state: ClassVar[Entra]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class's name
        """Say nothing."""

    def do_POST(self) -> None:
        """Give a token, or refuse."""
        length = int(self.headers["Content-Length"])
        form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
        self.state.asked.append({**form, "path": self.path})
        known = (form.get("client_secret"), form.get("client_assertion"))
        if known in ((self.state.secret, None), (None, self.state.assertion)):
            status, answer = 200, {"access_token": token(), "expires_in": 3600}
        else:
            told = "AADSTS7000215: Invalid client secret provided: Mrs Smith."
            status, answer = 401, {"error": "invalid_client", "error_description": told}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
