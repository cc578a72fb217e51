"""Data and reports in Azure Blob Storage: Azurite on loopback, and each way to be somebody to it."""

import base64
import gzip
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.certificates import Authority
from mlhops.api.data import DataSource, ReportSink
from mlhops.api.destinations import ANYWHERE, Destinations
from mlhops.evaluator.data.stores import kind_of
from mlhops.evaluator.errors import EvaluationError
from mlhops.evaluator.report.sink import put
from testkit.loopback import LOOPBACK
from tests.unit.evaluator.azure import (
    PUBLIC,
    Azure,
    Entra,
    azure_server,
    entra_server,
)
from tests.unit.evaluator.conftest import SPEC, Bench, changed
from tests.unit.evaluator.remote import LIMITS, Unruly, data, read, unruly_server
from tests.unit.evaluator.test_sources import csv, parquet, sha256

CONTENT = os.urandom(300_000)
HUSH = "hush-hush-hush"
ASSERTION = "the-token-of-the-service-account"
TENANT = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own identity."""
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the servers' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"), "hospital")


@pytest.fixture(scope="module")
def azure(authority: Authority) -> Iterator[Azure]:
    """A server that speaks Azure Blob Storage's protocol."""
    with azure_server(authority) as server:
        yield server


@pytest.fixture
def entra(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Entra]:
    """Who gives tokens for Azure."""
    with entra_server(authority, HUSH, ASSERTION) as server:
        yield server


@pytest.fixture
def store(authority: Authority) -> Iterator[Unruly]:
    """A server that behaves as none should."""
    with unruly_server(CONTENT, authority.server("store", ["127.0.0.1"])) as server:
        yield server


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority, in the Secrets."""
    for prefix in ("DATA", "REPORT"):
        monkeypatch.setenv(f"{prefix}_CA_CERTIFICATE", authority.certificate.read_text())


@pytest.fixture
def key(azure: Azure, trusted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of the account, as KServe's Secret has it."""
    for prefix in ("DATA", "REPORT"):
        monkeypatch.setenv(f"{prefix}_AZURE_STORAGE_ACCESS_KEY", azure.key)


def of(azure: Azure, name: str, **more: object) -> DataSource:
    """Where a blob is that has the content."""
    uri = azure.put(name, CONTENT)
    return data(uri, **{"endpoint": azure.endpoint, "secretName": "reader", **more})


def refusal(source: DataSource, allowed: Destinations = LOOPBACK) -> str:
    """Return why data cannot be read."""
    with pytest.raises(EvaluationError) as told:
        read(source, replace(LIMITS, allowed=allowed))
    return str(told.value)


@pytest.mark.thorough
@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("form", ["parquet", "csv", "csv.gz"])
def test_data_in_azure_give_the_verdict_that_they_give_on_disk(
    bench: Bench, azure: Azure, form: str
) -> None:
    content = parquet() if form == "parquet" else csv()
    if form == "csv.gz":
        content = gzip.compress(content)
    uri = azure.put(f"deep/data.{form}", content)
    source = {**SPEC["data"], "uri": uri, "endpoint": azure.endpoint, "secretName": "reader"}
    there = bench.run(changed("data", {**source, "digest": sha256(content)}))
    assert there.phase == "Successful", there.message
    assert there.gates == bench.run().gates


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("name", ["größe 100%.csv", "a+b=c&d;e,f", "%2e%2e/x"])
def test_a_blob_is_found_by_its_very_name(azure: Azure, name: str) -> None:
    assert read(of(azure, name)) == (CONTENT, sha256(CONTENT))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("names", ["AZ_{}", "AZURE_{}"])
def test_an_application_reads_with_its_secret_in_either_spelling_of_kserve(
    azure: Azure, entra: Entra, names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("CLIENT_ID", "reader"), ("TENANT_ID", TENANT), ("CLIENT_SECRET", HUSH)):
        monkeypatch.setenv(f"DATA_{names.format(name)}", value)
    monkeypatch.setenv("DATA_AZURE_AUTHORITY_HOST", entra.url)
    assert read(of(azure, "private"))[0] == CONTENT
    asked = entra.asked[0]
    assert asked["path"] == f"/{TENANT}/oauth2/v2.0/token"
    assert (asked["client_id"], asked["client_secret"]) == ("reader", HUSH)
    monkeypatch.setenv(f"DATA_{names.format('CLIENT_SECRET')}", "wrong")
    said = refusal(of(azure, "private"))
    assert "Entra ID does not take who the evaluator says to be (AADSTS7000215)" in said
    assert "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET" in said
    assert "Smith" not in said


@pytest.mark.usefixtures("trusted")
def test_a_shared_access_signature_reads_until_it_ends_and_is_told_to_nobody(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_AZURE_STORAGE_SAS_TOKEN", azure.sas())
    assert read(of(azure, "shared"))[0] == CONTENT
    past = azure.sas(minutes=-5)
    monkeypatch.setenv("DATA_AZURE_STORAGE_SAS_TOKEN", past)
    said = refusal(of(azure, "shared"))
    assert "access is refused (Auth" in said
    assert "check the credentials in the Secret" in said
    assert "sig" not in said
    monkeypatch.setenv("DATA_AZURE_STORAGE_SAS_TOKEN", HUSH)
    said = refusal(of(azure, "shared"))
    assert "cannot be set up" in said
    assert HUSH not in said


def test_who_names_no_secret_is_who_the_service_account_is(
    azure: Azure,
    entra: Entra,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    told = tmp_path / "token"
    told.write_text(ASSERTION)
    workload = {"CLIENT_ID": "reader", "TENANT_ID": TENANT, "AUTHORITY_HOST": entra.url}
    for name, value in {**workload, "FEDERATED_TOKEN_FILE": str(told)}.items():
        monkeypatch.setenv(f"AZURE_{name}", value)
    source = of(azure, "mine", secretName=None)
    assert read(source)[0] == CONTENT
    assert entra.asked[0]["client_assertion"] == ASSERTION
    told.unlink()
    assert "the token of the ServiceAccount cannot be read" in refusal(source)


@pytest.mark.usefixtures("key")
def test_who_names_a_secret_is_nobody_else(
    azure: Azure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("CLIENT_ID", "TENANT_ID"):
        monkeypatch.setenv(f"AZURE_{name}", "of the ServiceAccount")
    monkeypatch.setenv("AZURE_STORAGE_TOKEN", "of the ServiceAccount")
    monkeypatch.setenv("AZURE_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("DATA_AZURE_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    assert read(of(azure, "mine"))[0] == CONTENT
    assert os.environ["AZURE_STORAGE_TOKEN"] == "of the ServiceAccount"


def test_nobody_reads_what_is_public_and_nothing_else(
    azure: Azure, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    uri = azure.put("open", CONTENT, PUBLIC)
    assert read(data(uri, endpoint=azure.endpoint))[0] == CONTENT
    said = refusal(of(azure, "private", secretName=None))
    assert "name a Secret in secretName" in said
    assert "evaluation.serviceAccountName" in said


@pytest.mark.usefixtures("trusted")
def test_a_secret_that_lacks_a_key_is_told_which_it_may_have(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATA_CA_CERTIFICATE")
    monkeypatch.setenv("DATA_AZURE_CLIENT_ID", "reader")
    said = refusal(of(azure, "mine"))
    assert "the Secret reader lacks a key: it must have AZURE_STORAGE_ACCESS_KEY, or AZ" in said


@pytest.mark.usefixtures("key")
def test_wrong_keys_and_what_is_not_there_are_told_with_the_way_out(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = of(azure, "there")
    place = {"endpoint": azure.endpoint, "secretName": "reader"}
    assert "no such file: check the uri" in refusal(data(azure.uri("gone"), **place))
    assert "no such container: check the uri" in refusal(data(azure.uri("x", "gone"), **place))
    digest = f"sha256:{'0' * 64}"
    assert "have the digest" in refusal(there.model_copy(update={"digest": digest}))
    monkeypatch.setenv(
        "DATA_AZURE_STORAGE_ACCESS_KEY", base64.b64encode(HUSH.encode() * 4).decode()
    )
    said = refusal(there)
    assert "access is refused (" in said
    assert "check the credentials in the Secret" in said
    monkeypatch.setenv("DATA_AZURE_STORAGE_ACCESS_KEY", HUSH)
    said = refusal(there)
    assert "check endpoint, region and the keys of the Secret" in said
    assert HUSH not in said


@pytest.mark.usefixtures("key")
def test_another_account_than_the_endpoints_is_refused(azure: Azure) -> None:
    uri = azure.put("there", CONTENT).replace("hospital", "stranger")
    assert "access is refused" in refusal(data(uri, endpoint=azure.endpoint, secretName="reader"))


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(
    ("what", "message"),
    [("short", "fails or breaks off"), ("500", "fails or breaks off"), ("403", "is refused")],
)
def test_a_server_that_fails_is_an_error_and_not_quoted(
    store: Unruly, what: str, message: str
) -> None:
    uri = f"https://hospital.blob.core.windows.net/{what}/data"
    said = refusal(data(uri, endpoint=store.url(), secretName="reader"))
    assert message in said
    assert "Smith" not in said


@pytest.mark.usefixtures("trusted")
def test_hosts_that_are_not_allowed_are_not_asked_for_data_nor_for_tokens(
    azure: Azure, entra: Entra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_AZURE_STORAGE_ACCESS_KEY", azure.key)
    source = of(azure, "private")
    assert "data.endpoint: the host 127.0.0.1 is this pod itself" in refusal(source, ANYWHERE)
    only = Destinations(hosts=("*.blob.example",))
    said = refusal(source.model_copy(update={"endpoint": None}), only)
    assert "data.uri: the host hospital.blob.core.windows.net is not among those" in said
    monkeypatch.delenv("DATA_AZURE_STORAGE_ACCESS_KEY")
    for name, value in (("CLIENT_ID", "reader"), ("TENANT_ID", TENANT), ("CLIENT_SECRET", HUSH)):
        monkeypatch.setenv(f"DATA_AZURE_{name}", value)
    monkeypatch.setenv("DATA_AZURE_AUTHORITY_HOST", entra.url.replace("127.0.0.1", "localhost"))
    said = refusal(source, replace(LOOPBACK, hosts=("127.0.0.1",)))
    assert "the host localhost is not among those that are allowed" in said
    assert entra.asked == []


@pytest.mark.usefixtures("key")
def test_a_report_is_there_as_it_was(azure: Azure) -> None:
    sink = ReportSink.model_validate(
        {"uri": azure.uri("mortality"), "endpoint": azure.endpoint, "secretName": "writer"}
    )
    stored = put(sink, "r1.html", CONTENT, Path("/nowhere"), LOOPBACK)
    assert stored.error is None
    assert stored.uri == azure.uri("mortality/r1.html")
    found = read(data(azure.uri("mortality/r1.html"), endpoint=azure.endpoint, secretName="reader"))
    assert found == (CONTENT, stored.digest)


@pytest.mark.usefixtures("trusted")
def test_who_may_read_but_not_list_is_told_so_where_nothing_has_the_name(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.put("mortality/part-0", CONTENT)
    monkeypatch.setenv("DATA_AZURE_STORAGE_SAS_TOKEN", azure.sas("r"))
    source = data(azure.uri("mortality"), endpoint=azure.endpoint, secretName="reader")
    said = refusal(source)
    assert "no such file: check the uri" in said
    assert "a folder of parts needs the right to list it" in said
    said = refusal(source.model_copy(update={"uri": azure.uri("mortality/")}))
    assert "access is refused (Auth" in said


def test_only_the_hosts_of_azure_blob_storage_are_taken_for_it() -> None:
    assert kind_of("https://hospital.blob.core.windows.net/a/b") == "azure"
    assert kind_of("https://hospital.z12.blob.storage.azure.net/a/b") == "azure"
    for host in (
        "hospital.file.core.windows.net",
        "blob.core.windows.net",
        "hospital.blob.core.windows.net.evil.example",
        "hospital.blob.core.windows.net@evil.example",
        "evil.example/hospital.blob.core.windows.net",
        "hospitalxblob.core.windows.net",
    ):
        assert kind_of(f"https://{host}/a/b") is None
