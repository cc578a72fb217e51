"""Where a report goes, and that one which cannot be stored is told and no more."""

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.certificates import Authority
from mlhops.api.data import ReportSink, StoredReport
from mlhops.evaluator.report.sink import put
from testkit.loopback import LOOPBACK
from tests.unit.evaluator.remote import BUCKET, S3, Unruly, s3_server, unruly_server

CONTENT = "<!doctype html><title>Müller</title>".encode()
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
HUSH = "hush-hush-hush"


def stored(uri: str, root: Path = Path("/nowhere"), **more: object) -> StoredReport:
    """Store the report and return what is told of it."""
    sink = ReportSink.model_validate({"uri": uri, **more})
    return put(sink, "sepsis-1.html", CONTENT, root, LOOPBACK, seconds=5)


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own identity; nobody is asked for one beyond loopback."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setattr("mlhops.evaluator.report.sink._STALL", 0.5)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """An S3-compatible server."""
    with s3_server() as server:
        yield server


@pytest.fixture
def key(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Secret of the report, and another of the data that may not write."""
    monkeypatch.setenv("REPORT_AWS_ACCESS_KEY_ID", s3.key)
    monkeypatch.setenv("REPORT_AWS_SECRET_ACCESS_KEY", s3.secret)
    monkeypatch.setenv("DATA_AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("DATA_AWS_SECRET_ACCESS_KEY", HUSH)


@pytest.fixture
def store() -> Iterator[Unruly]:
    """A server that behaves as no S3-compatible server should."""
    with unruly_server(b"", None) as server:
        yield server


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("folder", ["", "/", "/reports/sepsis/", "/reports/a b"])
def test_a_report_in_s3_is_there_as_it_was(s3: S3, folder: str) -> None:
    found = stored(f"s3://{BUCKET}{folder}", endpoint=s3.url, secretName="writer")
    uri = f"s3://{BUCKET}{folder.rstrip('/')}/sepsis-1.html"
    assert found == StoredReport(uri=uri, digest=DIGEST)
    name = uri.removeprefix(f"s3://{BUCKET}/")
    assert s3.client().get_object(Bucket=BUCKET, Key=name)["Body"].read() == CONTENT


def test_a_report_in_a_claim_is_there_whole_and_replaces_the_last(tmp_path: Path) -> None:
    for _ in range(2):
        found = stored("pvc://reports/deep/down", tmp_path)
        assert found == StoredReport(uri="pvc://reports/deep/down/sepsis-1.html", digest=DIGEST)
    folder = tmp_path / "deep" / "down"
    assert [path.name for path in folder.iterdir()] == ["sepsis-1.html"]
    assert (folder / "sepsis-1.html").read_bytes() == CONTENT


def test_a_report_may_lie_at_a_claims_root_or_on_this_machine(tmp_path: Path) -> None:
    assert stored("pvc://reports", tmp_path).uri == "pvc://reports/sepsis-1.html"
    assert (tmp_path / "sepsis-1.html").read_bytes() == CONTENT
    assert stored((tmp_path / "here").as_uri()).digest == DIGEST
    assert (tmp_path / "here" / "sepsis-1.html").read_bytes() == CONTENT


def test_a_report_cannot_leave_its_claim(tmp_path: Path) -> None:
    root, outside = tmp_path / "claim", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "link").symlink_to(outside)
    assert "symbolic link" in str(stored("pvc://reports/link", root).error)
    assert "must not contain '..'" in str(stored("pvc://reports/../outside", root).error)
    assert list(outside.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    error = str(stored("pvc://claim/reports", tmp_path).error)
    assert "pvc://claim/reports/sepsis-1.html cannot be written" in error
    assert "writable for user" in error


@pytest.mark.usefixtures("key")
def test_a_bucket_that_is_not_there_is_told(s3: S3) -> None:
    error = stored("s3://no-such-bucket/a", endpoint=s3.url, secretName="writer").error
    assert "no such bucket" in str(error)


def test_wrong_credentials_are_told_without_them(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPORT_AWS_ACCESS_KEY_ID", s3.key)
    monkeypatch.setenv("REPORT_AWS_SECRET_ACCESS_KEY", HUSH)
    error = str(stored(f"s3://{BUCKET}/a", endpoint=s3.url, secretName="writer").error)
    assert "access is refused (SignatureDoesNotMatch)" in error
    assert HUSH not in error


def test_the_secret_of_the_data_does_not_write(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_AWS_ACCESS_KEY_ID", s3.key)
    monkeypatch.setenv("DATA_AWS_SECRET_ACCESS_KEY", s3.secret)
    error = stored(f"s3://{BUCKET}/a", endpoint=s3.url, secretName="writer").error
    assert "the Secret writer lacks a key" in str(error)


@pytest.mark.thorough
@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("what", "asked", "message"),
    [("403", 1, "access is refused"), ("500", 3, "fails or breaks off"), ("silent", 3, "in time")],
)
def test_a_server_that_does_not_take_it_is_given_up_in_time(
    store: Unruly, what: str, asked: int, message: str
) -> None:
    began = time.monotonic()
    error = str(stored(f"s3://{what}/a", endpoint=store.url(), secretName="writer").error)
    assert message in error
    assert time.monotonic() - began < 10
    assert 1 <= store.asked[what] <= asked


@pytest.mark.usefixtures("key")
def test_a_server_that_fails_once_is_asked_again(store: Unruly) -> None:
    found = stored("s3://once/a", endpoint=store.url(), secretName="writer")
    assert found.digest == DIGEST
    assert list(store.stored.values()) == [CONTENT]


def test_a_report_in_google_cloud_storage_is_written_with_the_token_of_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path, "hospital")
    with unruly_server(b"", authority.server("gcs", ["127.0.0.1"])) as server:
        monkeypatch.setenv("REPORT_GOOGLE_BASE_URL", server.url())
        monkeypatch.setenv("REPORT_GOOGLE_BEARER_TOKEN", HUSH)
        monkeypatch.setenv("REPORT_CA_CERTIFICATE", authority.certificate.read_text())
        found = stored("gs://bucket/reports", secretName="writer")
        assert found == StoredReport(uri="gs://bucket/reports/sepsis-1.html", digest=DIGEST)
        assert list(server.stored.values()) == [CONTENT]
        assert server.authorizations == [f"Bearer {HUSH}"]
        error = str(stored("gs://403/reports", secretName="writer").error)
    assert "access is refused" in error
    assert HUSH not in error


@pytest.mark.parametrize("uri", ["s3://user:hush@b/a", "gs://b/a?sig=hush", "ftp://b/a"])
def test_a_sink_that_the_schema_would_refuse_is_told_too(uri: str) -> None:
    error = str(stored(uri).error)
    assert "report.uri" in error
    assert "hush" not in error
