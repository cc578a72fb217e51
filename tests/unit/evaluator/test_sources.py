"""Data from elsewhere: real servers on loopback, their failures, and who the evaluator is to them."""

import gzip
import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from lab.certificates import Authority
from mlhops.api.result import decode
from mlhops.evaluator.data.source import Limits
from mlhops.evaluator.errors import EvaluationError
from testkit.loopback import LOOPBACK
from tests.unit.evaluator.conftest import SPEC, Bench, changed, columns
from tests.unit.evaluator.remote import (
    BUCKET,
    LIMITS,
    QUICK,
    S3,
    Unruly,
    data,
    gcs_put,
    gcs_server,
    read,
    s3_server,
    unruly_server,
)

SECRET_ACCESS_KEY = "hush-hush-hush"
WRONG_DIGEST = f"sha256:{'0' * 64}"
CONTENT = os.urandom(300_000)


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns()), sink)
    return sink.getvalue()


def csv() -> bytes:
    sink = io.BytesIO()
    pyarrow.csv.write_csv(pa.table(columns()), sink)
    return sink.getvalue()


def refusal(uri: str, limits: Limits = LIMITS, **more: object) -> str:
    """Return why data cannot be read."""
    with pytest.raises(EvaluationError) as told:
        read(data(uri, **more), limits)
    return str(told.value)


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own identity; nobody is asked for one beyond loopback."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr("mlhops.evaluator.data.web._FIRST_WAIT", 0.01)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the servers' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"), "hospital")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """An S3-compatible server."""
    with s3_server() as server:
        yield server


@pytest.fixture(scope="module")
def gcs(authority: Authority) -> Iterator[str]:
    """A server that speaks Google Cloud Storage's protocol."""
    with gcs_server(authority) as url:
        yield url


@pytest.fixture
def web(authority: Authority) -> Iterator[Unruly]:
    """A web server with TLS."""
    with unruly_server(CONTENT, authority.server("web", ["127.0.0.1", "localhost"])) as server:
        yield server


@pytest.fixture
def store(s3: S3) -> Iterator[Unruly]:
    """A server that behaves as no S3-compatible server should."""
    with unruly_server(CONTENT, None) as server:
        yield server


@pytest.fixture
def key(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Secret of the S3 user, as the Job sets it."""
    monkeypatch.setenv("DATA_AWS_ACCESS_KEY_ID", s3.key)
    monkeypatch.setenv("DATA_AWS_SECRET_ACCESS_KEY", s3.secret)


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Secret of a web server: its authority and a token."""
    monkeypatch.setenv("DATA_CA_CERTIFICATE", authority.certificate.read_text())
    monkeypatch.setenv("DATA_HTTPS_BEARER_TOKEN", SECRET_ACCESS_KEY)


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("form", ["parquet", "csv", "csv.gz"])
def test_data_in_s3_give_the_verdict_that_they_give_on_disk(
    bench: Bench, s3: S3, form: str
) -> None:
    content = parquet() if form == "parquet" else csv()
    if form == "csv.gz":
        content = gzip.compress(content)
    uri = s3.put(f"deep/data.{form}", content)
    source = {**SPEC["data"], "uri": uri, "endpoint": s3.url, "secretName": "reader"}
    there = bench.run(changed("data", {**source, "digest": sha256(content)}))
    assert there.phase == "Successful", there.message
    assert there.data_digest == sha256(content)
    assert there.gates == bench.run().gates


@pytest.mark.usefixtures("key")
def test_a_large_object_is_read_whole(s3: S3) -> None:
    content = os.urandom(20_000_000)
    uri = s3.put("large", content)
    found = read(data(uri, endpoint=s3.url, secretName="reader"))
    assert found == (content, sha256(content))


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("name", ["größe 100%.csv", "a+b=c&d;e,f", "..a/b..csv", "%2e%2e/x"])
def test_an_object_is_found_by_its_very_name(s3: S3, name: str) -> None:
    uri = s3.put(name, CONTENT)
    assert read(data(uri, endpoint=s3.url, secretName="reader"))[0] == CONTENT


@pytest.mark.usefixtures("key")
def test_another_digest_in_s3_is_an_error(s3: S3) -> None:
    uri = s3.put("changed", CONTENT)
    said = refusal(uri, endpoint=s3.url, secretName="reader", digest=WRONG_DIGEST)
    assert f"have the digest {sha256(CONTENT)}, but data.digest is {WRONG_DIGEST}" in said


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (f"s3://{BUCKET}/nowhere.parquet", "no such file: check the uri"),
        ("s3://no-such-bucket/data.parquet", "no such bucket: check the uri"),
    ],
)
def test_an_object_that_is_not_there_is_an_error(s3: S3, uri: str, message: str) -> None:
    assert message in refusal(uri, endpoint=s3.url, secretName="reader")


@pytest.mark.parametrize(
    ("name", "code"), [("SECRET_ACCESS_KEY", "SignatureDoesNotMatch"), ("ACCESS_KEY_ID", "Invalid")]
)
@pytest.mark.usefixtures("key")
def test_wrong_credentials_are_refused_and_told_to_nobody(
    s3: S3, name: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DATA_AWS_{name}", SECRET_ACCESS_KEY)
    said = refusal(s3.put("private", CONTENT), endpoint=s3.url, secretName="reader")
    assert f"access is refused ({code}" in said
    assert "check the credentials in the Secret" in said
    assert SECRET_ACCESS_KEY not in said


@pytest.mark.usefixtures("key")
def test_who_names_a_secret_is_nobody_else(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of the ServiceAccount")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    uri = s3.put("mine", CONTENT)
    assert read(data(uri, endpoint=s3.url, secretName="reader"))[0] == CONTENT
    assert os.environ["AWS_SESSION_TOKEN"] == "of the ServiceAccount"
    assert "AWS_ACCESS_KEY_ID" not in os.environ


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("name", ["ENDPOINT", "ENDPOINT_URL", "ENDPOINT_URL_S3"])
def test_a_secret_says_who_asks_and_not_where(
    s3: S3, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = s3.put("mine", CONTENT)
    monkeypatch.setenv(f"DATA_AWS_{name}", "http://127.0.0.1:1")
    assert read(data(uri, endpoint=s3.url, secretName="reader"))[0] == CONTENT
    monkeypatch.setenv(f"DATA_AWS_{name}", s3.url)
    monkeypatch.setenv("DATA_AWS_ALLOW_HTTP", "true")
    said = refusal(uri, secretName="reader")
    assert f"the Secret reader says by AWS_{name} which server is asked" in said
    assert "say so in endpoint" in said


def test_who_names_no_secret_is_who_the_service_account_is(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret)
    assert read(data(s3.put("mine", CONTENT), endpoint=s3.url))[0] == CONTENT


@pytest.mark.usefixtures("key")
def test_a_secret_of_the_report_does_not_read_the_data(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"REPORT_{name}", os.environ[f"DATA_{name}"])
        monkeypatch.delenv(f"DATA_{name}")
    said = refusal(s3.put("mine", CONTENT), endpoint=s3.url, secretName="reader")
    assert "the Secret reader lacks a key: it must have AWS_ACCESS_KEY_ID and AWS_" in said


def test_nobody_gets_in_without_credentials(s3: S3) -> None:
    said = refusal(s3.put("private", CONTENT), endpoint=s3.url)
    assert "there are no credentials: name a Secret in secretName" in said


@pytest.mark.thorough
@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("what", ["silent", "stalls"])
def test_an_s3_server_that_hangs_is_given_up_in_time(store: Unruly, what: str) -> None:
    began = time.monotonic()
    said = refusal(f"s3://{what}/data", QUICK, endpoint=store.url(), secretName="reader")
    assert "the server does not answer in time" in said or "breaks off" in said
    assert time.monotonic() - began < 15


@pytest.mark.thorough
@pytest.mark.usefixtures("key")
def test_an_s3_server_that_trickles_is_given_up_in_time(store: Unruly) -> None:
    limits = replace(LIMITS, seconds=1.5)
    said = refusal("s3://trickles/data", limits, endpoint=store.url(), secretName="reader")
    assert "could not be read within 1.5 s" in said


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("what", ["short", "500", "503"])
def test_an_s3_server_that_breaks_off_is_an_error_and_not_quoted(store: Unruly, what: str) -> None:
    said = refusal(f"s3://{what}/data", endpoint=store.url(), secretName="reader")
    assert "the server fails or breaks off" in said
    assert "Smith" not in said


@pytest.mark.usefixtures("key")
def test_an_s3_server_that_fails_once_is_asked_again(store: Unruly) -> None:
    found = read(data("s3://once/data", endpoint=store.url(), secretName="reader"))
    assert found[0] == CONTENT


@pytest.mark.usefixtures("key")
def test_nobody_listens_at_the_endpoint(s3: S3) -> None:
    said = refusal("s3://b/data", endpoint="http://127.0.0.1:1", secretName="reader")
    assert "the server cannot be reached: check endpoint, or the uri" in said


@pytest.mark.usefixtures("key")
def test_an_s3_server_with_a_certificate_of_ones_own_must_be_trusted(
    web: Unruly, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = data("s3://there/data", endpoint=web.url(), secretName="reader")
    with pytest.raises(EvaluationError, match="certificate is not trusted"):
        read(source)
    monkeypatch.setenv("DATA_CA_CERTIFICATE", authority.certificate.read_text())
    assert read(source)[0] == CONTENT


@pytest.mark.usefixtures("key")
def test_an_s3_server_with_tls_cannot_send_the_evaluator_to_one_without(
    web: Unruly, store: Unruly, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_CA_CERTIFICATE", authority.certificate.read_text())
    said = refusal("s3://plain/data", endpoint=web.url(), secretName="reader")
    assert "the server sends elsewhere" in said


@pytest.mark.usefixtures("key", "trusted")
def test_a_file_that_is_too_large_is_refused(s3: S3, web: Unruly) -> None:
    limits = replace(LIMITS, most=len(CONTENT) - 1)
    for uri, endpoint in ((s3.put("big", CONTENT), s3.url), (web.url("/there/data"), None)):
        said = refusal(uri, limits, endpoint=endpoint, secretName="reader")
        assert "the most that is copied: put the data on a volume" in said


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_data_in_google_cloud_storage_are_read(
    gcs: str, authority: Authority, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = parquet() if form == "parquet" else csv()
    uri = gcs_put(gcs, authority, f"deep/data.{form}", content)
    monkeypatch.setenv("DATA_GOOGLE_BASE_URL", gcs)
    monkeypatch.setenv("DATA_GOOGLE_BEARER_TOKEN", SECRET_ACCESS_KEY)
    monkeypatch.setenv("DATA_CA_CERTIFICATE", authority.certificate.read_text())
    assert read(data(uri, secretName="reader")) == (content, sha256(content))
    assert "have the digest" in refusal(uri, secretName="reader", digest=WRONG_DIGEST)
    assert "no such file" in refusal(f"{uri}.gone", secretName="reader")


def test_google_cloud_storage_is_told_the_token_of_the_secret(
    web: Unruly, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_GOOGLE_BASE_URL", web.url())
    monkeypatch.setenv("DATA_GOOGLE_BEARER_TOKEN", SECRET_ACCESS_KEY)
    monkeypatch.setenv("DATA_CA_CERTIFICATE", authority.certificate.read_text())
    assert read(data("gs://there/data", secretName="reader"))[0] == CONTENT
    assert set(web.authorizations) == {f"Bearer {SECRET_ACCESS_KEY}"}
    said = refusal("gs://403/data", secretName="reader")
    assert "access is refused" in said
    assert SECRET_ACCESS_KEY not in said
    assert "breaks off" in refusal("gs://short/data", secretName="reader")


@pytest.mark.usefixtures("trusted")
def test_a_file_is_read_over_tls_with_the_token_of_the_secret(web: Unruly) -> None:
    source = data(web.url("/there/data.csv"), secretName="reader", digest=sha256(CONTENT))
    assert read(source) == (CONTENT, sha256(CONTENT))
    assert web.authorizations == [f"Bearer {SECRET_ACCESS_KEY}"]
    wrong = source.model_copy(update={"digest": WRONG_DIGEST})
    with pytest.raises(EvaluationError, match="have the digest"):
        read(wrong)


@pytest.mark.thorough
@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("404", "there is no file at"),
        ("403", "access is refused (403): name a Secret with the key HTTPS_BEARER_TOKEN"),
        ("418", "the server answers 418"),
        ("500", "the server answers 500; tried 3 times"),
        ("short", "the server breaks off; tried 3 times"),
        ("chunked-short", "the server breaks off; tried 3 times"),
        ("unmeasured", "does not say how long the file is"),
        ("silent", "the server does not answer in time"),
        ("stalls", "the server does not answer in time"),
        ("other-host", "redirects to another server (https://localhost)"),
        ("other-port", "redirects to another server (https://127.0.0.1)"),
        ("plain", "redirects to another server (http://127.0.0.1)"),
        ("file", "redirects to another server (file://None)"),
        ("circle", "redirects in circles"),
    ],
)
def test_a_web_server_that_does_not_give_the_file_is_an_error(
    web: Unruly, what: str, message: str
) -> None:
    limits = QUICK if what in ("silent", "stalls") else LIMITS
    said = refusal(web.url(f"/{what}/data.parquet"), limits, secretName="reader")
    assert message in said
    assert not {"Smith", "hush"} & set(said.replace("-", " ").split())
    # Nobody was asked but the server that the spec names, and it no more than it should be.
    assert "there" not in web.asked
    assert web.asked[what] <= (6 if what == "circle" else 3)


@pytest.mark.usefixtures("trusted")
def test_a_redirect_on_the_same_server_is_followed_and_one_failure_is_forgiven(web: Unruly) -> None:
    for what in ("moved", "once"):
        assert read(data(web.url(f"/{what}/data"), secretName="reader"))[0] == CONTENT


@pytest.mark.thorough
@pytest.mark.usefixtures("trusted")
def test_a_web_server_that_trickles_is_given_up_in_time(web: Unruly) -> None:
    limits = replace(LIMITS, seconds=1.5)
    said = refusal(web.url("/trickles/data"), limits, secretName="reader")
    assert "could not be read within 1.5 s" in said


def test_a_stranger_is_not_trusted_and_told_nothing(
    web: Unruly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_HTTPS_BEARER_TOKEN", SECRET_ACCESS_KEY)
    said = refusal(web.url("/there/data"), secretName="reader")
    assert "the server's certificate is not trusted" in said
    assert web.authorizations == []


@pytest.mark.usefixtures("key")
def test_the_bundle_of_whoever_runs_the_operator_is_trusted(
    web: Unruly, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: tuple[dict[str, object], ...] = (
        {"uri": web.url("/there/data")},
        {"uri": "s3://there/data", "endpoint": web.url(), "secretName": "reader"},
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    for place in places:
        assert read(data(**place))[0] == CONTENT  # type: ignore[arg-type]
    monkeypatch.setenv("SSL_CERT_FILE", "/of/another/namespace/ca.crt")
    for place, why in zip(places, ("have it in this namespace", "not trusted"), strict=True):
        assert why in refusal(**place)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "uri",
    [
        "https://user:hush@127.0.0.1:1/data.parquet",
        "https://127.0.0.1:1/data.parquet?X-Amz-Signature=hush",
        "https://127.0.0.1:1/data.parquet#hush",
        "s3://key:hush@bucket/data.parquet",
        "gs://bucket/data.parquet?token=hush",
    ],
)
def test_credentials_in_a_uri_are_refused_and_not_repeated(offline: Bench, uri: str) -> None:
    result = offline.run(changed("data.uri", uri))
    assert result.phase == "Error"
    assert "put those into a Secret and name it in secretName" in result.message
    assert "hush" not in result.message + "".join(offline.said)


@pytest.mark.usefixtures("trusted")
def test_nothing_of_a_copy_is_left(
    web: Unruly, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    read(data(web.url("/there/data"), secretName="reader"))
    refusal(web.url("/short/data"), secretName="reader")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.thorough
def test_a_listener_that_never_speaks_tls_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        said = refusal(f"https://127.0.0.1:{mute.getsockname()[1]}/data", QUICK)
    assert "the server does not answer in time" in said


@pytest.mark.thorough
@pytest.mark.parametrize("scheme", ["s3", "https"])
def test_sigterm_ends_a_download_at_once_and_no_secret_is_said(
    web: Unruly, authority: Authority, tmp_path: Path, scheme: str
) -> None:
    log = tmp_path / "termination-log"
    place = {"uri": web.url("/silent/data"), "secretName": "reader"}
    if scheme == "s3":
        place = {"uri": "s3://silent/data", "endpoint": web.url(), "secretName": "reader"}
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "MLHOPS_EVALUATION": json.dumps({**SPEC, "data": {**SPEC["data"], **place}}),
        "DATA_CA_CERTIFICATE": authority.certificate.read_text(),
        "DATA_HTTPS_BEARER_TOKEN": SECRET_ACCESS_KEY,
        "DATA_AWS_ACCESS_KEY_ID": "reader",
        "DATA_AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
    }
    command = [sys.executable, "-m", "mlhops.evaluator", "--termination-log", str(log)]
    command += LOOPBACK.arguments()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        until = time.monotonic() + 30
        while not web.asked["silent"]:
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        said, _ = process.communicate(timeout=30)
    assert time.monotonic() - began < 5  # far from the 30 s for which a silent server is waited for
    assert process.returncode == 1
    told = decode(log.read_text())
    assert "was stopped before it had a verdict" in told.message
    assert SECRET_ACCESS_KEY not in said + told.message
