"""Folders of part files in buckets: real servers of each kind, with the rules that volumes have."""

import gzip
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from lab.certificates import Authority
from mlhops.api.data import DataSource
from mlhops.evaluator.data import objects, stores
from mlhops.evaluator.data.downloads import Copy
from mlhops.evaluator.data.source import Limits, local
from mlhops.evaluator.errors import EvaluationError
from tests.unit.evaluator.azure import azure_server
from tests.unit.evaluator.conftest import SPEC, Bench, changed, columns
from tests.unit.evaluator.remote import (
    LIMITS,
    data,
    gcs_put,
    gcs_server,
    s3_server,
)

SIZES = (700, 1, 799)
Put = Callable[[str, bytes], str]


@dataclass(frozen=True)
class Bucket:
    """A bucket of some kind, and how the spec names what is in it."""

    put: Put
    place: dict[str, str]
    secret: dict[str, str]

    def source(self, folder: str, **more: object) -> DataSource:
        """Return where a folder is."""
        uri = self.put(f"{folder}/_SUCCESS", b"").removesuffix("/_SUCCESS")
        return data(uri, **{**self.place, "secretName": "reader", **more})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the servers' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"), "hospital")


@pytest.fixture(scope="module", params=["s3", "gs", "azure"])
def server(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Bucket]:
    """A server of each kind."""
    trust = {"CA_CERTIFICATE": authority.certificate.read_text()}
    if request.param == "s3":
        with s3_server() as s3:
            who = {"AWS_ACCESS_KEY_ID": s3.key, "AWS_SECRET_ACCESS_KEY": s3.secret}
            yield Bucket(s3.put, {"endpoint": s3.url}, who)
    elif request.param == "gs":
        with gcs_server(authority) as url:

            def put(name: str, content: bytes) -> str:
                return gcs_put(url, authority, name, content)

            yield Bucket(put, {}, {**trust, "GOOGLE_BASE_URL": url, "GOOGLE_BEARER_TOKEN": "x"})
    else:
        with azure_server(authority) as azure:
            who = {**trust, "AZURE_STORAGE_ACCESS_KEY": azure.key}
            yield Bucket(azure.put, {"endpoint": azure.endpoint}, who)


@pytest.fixture
def bucket(server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A server of each kind, and the Secret for it."""
    for name, value in server.secret.items():
        monkeypatch.setenv(f"DATA_{name}", value)
    return server


def parts(form: str) -> dict[str, bytes]:
    """Return the sample data as three files, beside what Spark leaves there."""
    found = {"_SUCCESS": b"", ".part-00000.crc": b"crc", "_temporary/0/task/part-00000": b"half"}
    table, start = pa.table(columns()), 0
    for number, rows in enumerate(SIZES):
        part, sink = table.slice(start, rows), io.BytesIO()
        if form == "parquet":
            pq.write_table(part, sink)
        else:
            pyarrow.csv.write_csv(part, sink)
        written = sink.getvalue()
        found[f"part-{number:05}.{form}"] = (
            gzip.compress(written) if form.endswith("gz") else written
        )
        start += rows
    return found


def names(source: DataSource, limits: Limits = LIMITS) -> list[str]:
    """Return what parts are read, in their order."""
    with local(source, Path("/nowhere"), limits) as file:
        return [path.name for path in file.parts]


def refusal(source: DataSource, limits: Limits = LIMITS) -> str:
    """Return why data cannot be read."""
    with pytest.raises(EvaluationError) as told, local(source, Path("/nowhere"), limits):
        pass
    return str(told.value)


@pytest.mark.thorough
@pytest.mark.parametrize("form", ["parquet", "csv", "csv.gz"])
def test_parts_in_a_bucket_give_verdict_and_digest_of_those_on_a_volume(
    bench: Bench, bucket: Bucket, form: str
) -> None:
    folder = bench.folder / "claim" / "mortality"
    for name, content in parts(form).items():
        if "/" not in name:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        bucket.put(f"{form}/mortality/{name}", content)
    spec = changed("data.uri", "pvc://claim/mortality")
    spec["data"]["format"] = form.partition(".")[0]
    near = bench.run(spec)
    source = bucket.source(f"{form}/mortality").model_dump(mode="json", by_alias=True)
    spec["data"] = {**SPEC["data"], **source, "idColumn": "id", "format": spec["data"]["format"]}
    for end in ("", "/"):
        spec["data"]["uri"] = source["uri"] + end
        spec["data"]["digest"] = near.data_digest
        far = bench.run(spec)
        assert far.phase == "Successful", far.message
        assert (far.gates, far.rows, far.data_digest) == (near.gates, 1500, near.data_digest)


def test_parts_are_read_in_the_order_of_their_names_whatever_these_are(bucket: Bucket) -> None:
    for name in ("ä 100%.csv", "a+b=c&d;e,f", "%2e%2e", "B", "10", "9"):
        bucket.put(f"names-ü%/{name}", name.encode())
    bucket.put("names-ü%x/no", b"no")
    source = bucket.source("names-ü%")
    assert names(source) == ["%2e%2e", "10", "9", "B", "a+b=c&d;e,f", "ä 100%.csv"]
    with local(source, Path("/nowhere"), LIMITS) as file:
        assert all(path.read_bytes() == path.name.encode() for path in file.parts)


def test_a_prefix_that_is_no_folder_of_parts_is_refused_with_the_way_out(bucket: Bucket) -> None:
    source = bucket.source("empty")
    assert "is a folder of 0 files: it must hold 1 to 10,000" in refusal(
        source.model_copy(update={"uri": f"{source.uri}/"})
    )
    assert "no such file: check the uri" in refusal(source)
    bucket.put("deep/part-0", b"x")
    bucket.put("deep/sex=F/part-0", b"x")
    said = refusal(bucket.source("deep"))
    assert "holds more than files: write the parts as files into one folder" in said
    bucket.put(f"long/{'x' * 256}", b"x")
    assert "a part whose name has control characters or more than 255 bytes" in refusal(
        bucket.source("long")
    )


def test_an_object_is_itself_even_where_others_have_its_name_as_prefix(bucket: Bucket) -> None:
    uri = bucket.put("both.csv", b"itself")
    bucket.put("both.csv.old", b"another")
    place = {**bucket.place, "secretName": "reader"}
    with local(data(uri, **place), Path("/nowhere"), LIMITS) as file:
        assert file.path.read_bytes() == b"itself"


def test_what_all_parts_have_is_bounded(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        bucket.put(f"large/part-{number}", b"x" * 100)
    source = bucket.source("large")
    assert len(names(source, replace(LIMITS, most=300))) == 3
    assert "the most that is copied" in refusal(source, replace(LIMITS, most=299))
    monkeypatch.setattr("mlhops.evaluator.data.folders.MOST_PARTS", 2)
    assert "is a folder of 3 files: it must hold 1 to 2" in refusal(source)


def test_another_digest_of_a_folder_is_an_error(bucket: Bucket) -> None:
    bucket.put("fixed/part-0", b"x")
    source = bucket.source("fixed", digest=f"sha256:{'0' * 64}")
    assert "but data.digest is" in refusal(source)


@pytest.mark.parametrize("what", ["added", "written anew", "written with another size"])
def test_a_part_that_changes_while_others_are_read_is_an_error(
    bucket: Bucket, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = f"moving-{what[-4:]}"
    for name in ("part-0", "part-1"):
        bucket.put(f"{folder}/{name}", b"before")
    source = bucket.source(folder)
    copy, done = objects._copy, list[str]()

    async def meanwhile(store: stores.Store, key: str, to: Copy, size: int | None = None) -> None:
        await copy(store, key, to, size)
        if key.endswith("part-0") and not done:
            done.append(key)
            name = "part-2" if what == "added" else "part-1"
            bucket.put(f"{folder}/{name}", b"after!" if what == "written anew" else b"after")

    monkeypatch.setattr(objects, "_copy", meanwhile)
    assert "the data changed while they were read: write new data to a new" in refusal(source)
    assert names(source)[:2] == ["part-0", "part-1"]
