"""What is refused of where data and reports are: above all, credentials in a URI."""

from mlhops.api.base import Json
from testkit.builders import clinical_model
from testkit.refusal import Refusal, field, model

DATA = "spec.evaluation.data"
REPORT = "spec.evaluation.report"
ONLY_S3 = "region is for s3:// alone: remove it"
ONLY_STORES = "endpoint is for s3:// and Azure Blob Storage alone: remove it"
AZURE = "https://hospital.blob.core.windows.net"


def _data(what: str, change: str, value: Json, remedy: str) -> Refusal:
    return field(what, f"{DATA}.{change}", value, remedy)


def _report(what: str, value: Json, remedy: str) -> Refusal:
    return field(what, f"{REPORT}.uri", value, remedy)


SOURCES = (
    _data(
        "a password of a web server", "uri", "https://ada:hush@a/b", "must have no user, password,"
    ),
    _data("a key of a bucket", "uri", "s3://key:hush@a/b", "put those into a Secret and name it"),
    _data("a user alone", "uri", "gs://ada@a/b", "must have no user, password,"),
    _data(
        "a signature",
        "uri",
        "https://a/b?X-Amz-Signature=1",
        "query or #, which may be credentials",
    ),
    _data("a query of a bucket", "uri", "s3://a/b?x", "query or #, which may be"),
    _data("a token after a #", "uri", "https://a/b#token", "query or #, which may be"),
    _data("a bucket without a file", "uri", "s3://bucket", "name a file"),
    _data("a web server without a file", "uri", "https://a.example/", "name a file"),
    _data("an account without a container", "uri", f"{AZURE}/d.csv", "<container>/<path>"),
    _data("a container without a file", "uri", f"{AZURE}/held-out/", "names a container of Azure"),
    _data(
        "a shared access signature", "uri", f"{AZURE}/a/b?sv=1&sig=2", "query or #, which may be"
    ),
    _data("Azure by Hadoop's name", "uri", "abfss://a@b.dfs.core.windows.net/c", "on Azure it is"),
    model(
        "an endpoint of a volume", f"{DATA}.endpoint", "http://minio", f"{DATA}.uri", ONLY_STORES
    ),
    model("a region of a volume", f"{DATA}.region", "eu-central-1", f"{DATA}.uri", ONLY_S3),
    _data("a Secret for a volume", "secretName", "key", "no Secret is needed to read"),
    _data("an endpoint without scheme", "endpoint", "minio:9000", "https://minio.storage.svc:9000"),
    _data(
        "an endpoint with a password",
        "endpoint",
        "https://a:b@c",
        "without user, password or query",
    ),
    _data(
        "an endpoint with a query", "endpoint", "https://a/?x=1", "without user, password or query"
    ),
    _data("an endpoint on disk", "endpoint", "file:///etc", "an http:// or https:// URL without"),
    _data("a region in words", "region", "Frankfurt am Main", "write a region like eu-central-1"),
    _data("a Secret elsewhere", "secretName", "other/key", "name an object of the cluster"),
    _data("a CSV's delimiter for Parquet", "csv", {"delimiter": ";"}, "csv is for CSV files"),
    Refusal(
        "a decimal comma between commas",
        clinical_model({f"{DATA}.format": "csv", f"{DATA}.csv": {"decimal": ","}}),
        f"{DATA}.csv.delimiter",
        "where numbers have a decimal comma, set delimiter to ';'",
    ),
    Refusal(
        "a comment that is the delimiter",
        clinical_model(
            {f"{DATA}.format": "csv", f"{DATA}.csv": {"delimiter": ";", "comment": ";"}}
        ),
        f"{DATA}.csv.comment",
        "set one of them to another sign",
    ),
    Refusal(
        "an encoding by another name",
        clinical_model({f"{DATA}.format": "csv", f"{DATA}.csv": {"encoding": "cp1252"}}),
        f"{DATA}.csv.encoding",
        "Windows-1252",
    ),
    _report("a report on the web", "https://a/b", "uri must be a folder"),
    _report("a report in no container", f"{AZURE}/", "uri must be a folder"),
    _report("a report nowhere", "file:///", "uri must be a folder"),
    _report("a report above its claim", "pvc://claim/../a", "must not go up with .."),
    _report("a report with a password", "s3://a:b@c/d", "must have no user, password,"),
    _report("a report with a signature", "s3://a/b?sig=1", "query or #, which may be"),
    Refusal(
        "a Secret for a report on a volume",
        clinical_model({REPORT: {"uri": "pvc://claim", "secretName": "key"}}),
        f"{REPORT}.secretName",
        "no Secret is needed to write to a volume",
    ),
    Refusal(
        "an endpoint of a report on a volume",
        clinical_model({REPORT: {"uri": "pvc://claim", "endpoint": "http://minio:9000"}}),
        f"{REPORT}.uri",
        ONLY_STORES,
    ),
)
