"""The evaluator is led nowhere but where a spec may name: not by a name, a second look at it, or a redirect."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from lab.certificates import Authority
from mlhops.api.data import ReportSink
from mlhops.api.destinations import ANYWHERE, Destinations
from mlhops.evaluator.data import egress_proxy
from mlhops.evaluator.data.egress_proxy import EgressProxy
from mlhops.evaluator.data.source import Limits
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.report.sink import put
from tests.unit.evaluator.remote import LIMITS, Unruly, data, read, unruly_server

STRICT = replace(LIMITS, allowed=ANYWHERE)
WAY_OUT = "name another host, or have whoever runs the operator allow it with --allowed-"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Secrets, and a node that is not asked who it is."""
    for name in KEYS:
        monkeypatch.setenv(f"DATA_{name}", "reader")
        monkeypatch.setenv(f"REPORT_{name}", "writer")
    monkeypatch.setattr("mlhops.evaluator.data.web._FIRST_WAIT", 0.01)


@pytest.fixture
def server() -> Iterator[Unruly]:
    """A server without TLS."""
    with unruly_server(b"patients", None) as running:
        yield running


def refusal(limits: Limits, uri: str, **more: object) -> str:
    """Why data cannot be read."""
    with pytest.raises(EvaluationError) as told:
        read(data(uri, **more), limits)
    return str(told.value)


@pytest.mark.thorough
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
def test_loopback_is_refused_by_whichever_name_and_the_server_not_asked(
    server: Unruly, host: str
) -> None:
    endpoint = f"http://{host}:{server.port}"

    said = refusal(STRICT, "s3://there/data", endpoint=endpoint, secretName="reader")
    assert "data.endpoint: the host" in said
    assert "is this pod itself" in said
    assert f"{WAY_OUT}network" in said
    said = refusal(STRICT, f"https://{host}:{server.port}/data")
    assert "data.uri: the host" in said
    sink = ReportSink.model_validate(
        {"uri": "s3://reports/a", "endpoint": endpoint, "secretName": "writer"}
    )
    stored = put(sink, "a.html", b"", Path("/nowhere"), ANYWHERE, seconds=5)
    assert "report.endpoint: the host" in str(stored.error)
    assert not server.asked


def test_a_redirect_leads_no_further_than_the_spec_could(server: Unruly) -> None:
    here = Destinations(networks=(ip_network("127.0.0.1/32"),))
    limits = replace(LIMITS, allowed=here)

    said = refusal(limits, "s3://elsewhere/data", endpoint=server.url(), secretName="reader")

    assert "data.endpoint: the host 127.0.0.9 is this pod itself" in said
    assert server.asked["elsewhere"] >= 1
    assert "there" not in server.asked


def test_where_hosts_are_named_no_other_is_asked(server: Unruly) -> None:
    limits = replace(LIMITS, allowed=Destinations(hosts=("data.example",)))
    more = {"endpoint": "http://minio.example:9000", "secretName": "reader"}

    said = refusal(limits, "s3://there/data", **more)
    assert "data.endpoint: the host minio.example is not among those that are allowed" in said
    assert f"{WAY_OUT}host" in said
    assert "data.uri: the host web.example is not among" in refusal(
        limits, "https://web.example/data"
    )
    # Without an endpoint the cloud's own hosts are meant.
    said = refusal(limits, "s3://there/data", secretName="reader")
    assert "data.uri: the host s3.us-east-1.amazonaws.com is not among" in said


def test_a_name_is_looked_up_once_and_that_address_is_connected_to(
    server: Unruly, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def look_up(host: str, port: int, *_: object, **__: object) -> list[object]:
        # The second answer would lead to the node's metadata.
        asked.append(host)
        address = "127.0.0.1" if asked.count(host) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *a, **k: (look_up if host == "data.example" else real)(host, *a, **k),
    )
    endpoint = f"http://data.example:{server.port}"

    found = read(data("s3://there/data", endpoint=endpoint, secretName="reader"), LIMITS)

    assert found[0] == b"patients"
    assert asked == ["data.example"]
    said = refusal(LIMITS, "s3://there/data", endpoint=endpoint, secretName="reader")
    assert "data.endpoint: the host data.example is link-local" in said


def test_only_who_names_no_secret_asks_the_node_and_for_credentials_alone(
    server: Unruly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress_proxy, "_IDENTITY_HOSTS", frozenset({"127.0.0.1"}))

    def answer(path: str, *, identity: bool) -> bytes:
        return asyncio.run(asked(server.url(path), identity=identity))

    assert answer("/latest/api/token", identity=True).startswith(b"HTTP/1.0 200")
    assert answer("/latest/api/token", identity=False).startswith(b"HTTP/1.1 502")
    assert answer("/latest/user-data", identity=True).startswith(b"HTTP/1.1 502")
    assert set(server.asked) == {"latest"}


async def asked(url: str, *, identity: bool) -> bytes:
    """What the gate answers to a request for a URL."""
    async with EgressProxy(ANYWHERE, 1.0, "data.uri", identity=identity) as running:
        proxy = running.proxy_for("data.example", "http")
        assert proxy is not None
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.rpartition(":")[2]))
        writer.write(f"GET {url} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        found = await reader.read()
        writer.close()
        return found


def test_a_proxy_of_the_environment_decides_where_names_lead_but_not_which_may_be_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "inside.example")

    async def proxy_for(host: str) -> str | None:
        async with EgressProxy(Destinations(("*.example",)), 1.0, "data.uri") as running:
            return running.proxy_for(host, "https")

    assert asyncio.run(proxy_for("data.example")) is None
    assert asyncio.run(proxy_for("inside.example")) is not None
    with pytest.raises(EvaluationError, match="--allowed-host"):
        asyncio.run(proxy_for("elsewhere.test"))


def test_tls_goes_through_unopened(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "hospital")
    content = bytes(3_000_000)
    with (
        pytest.MonkeyPatch.context() as patch,
        unruly_server(content, authority.server("web", ["127.0.0.1"])) as web,
    ):
        patch.setenv("DATA_CA_CERTIFICATE", authority.certificate.read_text())
        assert read(data(web.url("/there/data"), secretName="reader"))[0] == content
        source = data("s3://there/data", endpoint=web.url(), secretName="reader")
        assert read(source)[0] == content
        patch.delenv("DATA_CA_CERTIFICATE")
        assert "certificate is not trusted" in refusal(LIMITS, web.url("/there/data"))
