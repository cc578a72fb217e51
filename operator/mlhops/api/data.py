"""Where the evaluator reads held-out data, and where it puts its report.

No URI may hold a credential: these come with the ServiceAccount, or from a Secret that is named.
"""

from typing import Annotated, Literal

from pydantic import Field

from mlhops.api.base import Digest, ObjectName, Resource, matching, rules
from mlhops.api.columns import NAMED

MOST_BYTES = 10 * 2**30
"""The largest file that is copied from elsewhere; a larger one is read from a volume."""
DATA_PREFIX = "DATA_"
"""What the keys of `data.secretName` begin with in the evaluator's environment."""
REPORT_PREFIX = "REPORT_"
"""What the keys of `report.secretName` begin with there."""

AZURE_BLOB = (
    "^https://[a-z0-9]{3,24}[.](blob[.]core[.]windows|z[0-9]{1,2}[.]blob[.]storage[.]azure)[.]net/"
)
"""How a URI of Azure Blob Storage begins for KServe: the account is in the host."""

_NO_SECRETS = (
    "!self.matches('^[a-z0-9]+://[^/]*@|[?#]')",
    (
        "uri must have no user, password, query or #, which may be credentials: put those into a "
        "Secret and name it in secretName, or set evaluation.serviceAccountName"
    ),
)
_PATH = (
    "!self.matches('(^|/)[.][.](/|$)|[[:cntrl:]]')",
    "uri must not go up with .. nor have control characters: write the path in full",
)
_ENDPOINT = r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$"
_REGION = r"^[a-z0-9]+(-[a-z0-9]+)*$"

Endpoint = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1024,
        json_schema_extra=matching(
            _ENDPOINT,
            "endpoint is an http:// or https:// URL without user, password or query: write it like "
            "https://minio.storage.svc:9000",
        ),
    ),
]
"""The URL of an S3-compatible server, or of an account of Azure Blob Storage elsewhere."""

Region = Annotated[
    str,
    Field(
        min_length=1,
        max_length=63,
        json_schema_extra=matching(_REGION, "write a region like eu-central-1"),
    ),
]
"""The region of an S3 bucket."""

_ONLY_S3 = (
    "!has(self.region) || self.uri.startsWith('s3://')",
    "region is for s3:// alone: remove it, or write the uri as s3://<bucket>/<path>",
    ".uri",
)
_ONLY_STORES = (
    f"!has(self.endpoint) || self.uri.matches('^s3://|{AZURE_BLOB}')",
    (
        "endpoint is for s3:// and Azure Blob Storage alone: remove it, or write the uri as s3://<bucket>/<path> or "
        "https://<account>.blob.core.windows.net/<container>/<path>"
    ),
    ".uri",
)


class Csv(
    Resource,
    json_schema_extra=rules(
        (
            "self.delimiter != self.decimal",
            "delimiter and decimal are the same: where numbers have a decimal comma, set delimiter to ';'",
            ".delimiter",
        ),
        (
            "!has(self.comment) || self.comment != self.delimiter",
            "comment and delimiter are the same: set one of them to another sign",
            ".comment",
        ),
    ),
):
    """How a CSV file is written."""

    delimiter: Literal[",", ";", "\t", "|"] = ","
    """What stands between two values."""
    decimal: Literal[".", ","] = "."
    """What stands before the fraction of a number; thousands are not separated."""
    encoding: Literal["UTF-8", "UTF-16", "ISO-8859-1", "ISO-8859-15", "Windows-1252"] = "UTF-8"
    """How its letters are written; a byte order mark may be there."""
    comment: Literal["#", ";", "%", "!", "*", "//", "--"] | None = None
    """How lines before the header begin that are passed over; none are where it is left out."""


class DataSource(
    Resource,
    json_schema_extra=rules(
        _ONLY_S3,
        _ONLY_STORES,
        (
            "!has(self.secretName) || self.uri.matches('^(s3|gs|https)://')",
            "secretName is for s3://, gs:// and https://: no Secret is needed to read a volume",
            ".secretName",
        ),
        (
            "!has(self.csv) || self.format == 'csv' || self.uri.matches('(?i)[.]csv([.][a-z0-9]+)?$')",
            "csv is for CSV files: set format to csv, or remove csv",
            ".csv",
        ),
    ),
):
    """Held-out, labelled data that the gates are measured on."""

    uri: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            json_schema_extra=rules(
                (
                    (
                        "self.matches('^(pvc://[a-z0-9][a-z0-9.-]*/[^/]|"
                        "(s3|gs|https)://[^/]+/[^/]|file:///[^/])')"
                    ),
                    (
                        "uri must begin with pvc://<claim>/<path>, s3://<bucket>/, gs://<bucket>/, "
                        "https://<host>/ or file:/// and name a file; on Azure it is "
                        "https://<account>.blob.core.windows.net/<container>/<path>"
                    ),
                ),
                (
                    f"!self.matches('{AZURE_BLOB}') || self.matches('{AZURE_BLOB}[^/]+/[^/]')",
                    (
                        "uri names a container of Azure Blob Storage at most: write "
                        "https://<account>.blob.core.windows.net/<container>/<path>"
                    ),
                ),
                _PATH,
                _NO_SECRETS,
            ),
        ),
    ]
    """Where the data lies: `pvc://<claim>/<path>`, `s3://`, `gs://`, `https://<account>.blob.core.windows.net/`,
    `https://` or `file://`. On a volume and in a bucket or container it may be a folder of part files."""
    endpoint: Endpoint | None = None
    """An S3-compatible server, such as MinIO, or the URL of the account where Azure Blob Storage is elsewhere; the
    cloud's own where it is left out."""
    region: Region | None = None
    """The S3 bucket's region; AWS_REGION, or else us-east-1, where it is left out."""
    secret_name: ObjectName | None = None
    """The Secret with credentials for reading, such as AWS_ACCESS_KEY_ID or AZURE_STORAGE_ACCESS_KEY; only the
    evaluator sees it. Without one `evaluation.serviceAccountName` counts."""
    format: Literal["parquet", "csv"] = "parquet"
    """The file format. What is named .csv (or .csv.gz, .csv.zst, .csv.bz2) and is no Parquet is read as csv in any
    case. CSV may be compressed, whatever its name."""
    csv: Csv | None = None
    """How the CSV file is written; as UTF-8 with commas and decimal points where it is left out."""
    label_column: Annotated[str, Field(min_length=1, max_length=253, json_schema_extra=NAMED)]
    """The column with the true outcome."""
    id_column: (
        Annotated[str, Field(min_length=1, max_length=253, json_schema_extra=NAMED)] | None
    ) = None
    """The column that names a row; used in error messages as a count only, never as a value."""
    digest: Digest | None = None
    """The sha256 of the file's bytes; of a folder, that of what `sha256sum` prints of its files. Data that does not
    match is an Error, never a verdict."""


class ReportSink(
    Resource,
    json_schema_extra=rules(
        _ONLY_S3,
        _ONLY_STORES,
        (
            f"!has(self.secretName) || self.uri.matches('^(s3|gs)://|{AZURE_BLOB}')",
            "secretName is for s3://, gs:// and Azure Blob Storage: no Secret is needed to write to a volume",
            ".secretName",
        ),
    ),
):
    """The folder into which each Evaluation puts its report."""

    uri: Annotated[
        str,
        Field(
            min_length=1,
            max_length=1024,
            json_schema_extra=rules(
                (
                    (
                        "self.matches('^(pvc://[a-z0-9][a-z0-9.-]*|(s3|gs)://[^/]+|file:///[^/]+)"
                        f"(/|$)|{AZURE_BLOB}[^/]')"
                    ),
                    (
                        "uri must be a folder: pvc://<claim>/<path>, s3://<bucket>/<path>, "
                        "gs://<bucket>/<path>, https://<account>.blob.core.windows.net/<container>/<path> or "
                        "file:///<path>"
                    ),
                ),
                _PATH,
                _NO_SECRETS,
            ),
        ),
    ]
    """The folder: `pvc://<claim>/<path>`, `s3://`, `gs://`, `https://<account>.blob.core.windows.net/<container>` or
    `file://`."""
    endpoint: Endpoint | None = None
    """An S3-compatible server, such as MinIO, or the URL of the account where Azure Blob Storage is elsewhere; the
    cloud's own where it is left out."""
    region: Region | None = None
    """The S3 bucket's region; AWS_REGION, or else us-east-1, where it is left out."""
    secret_name: ObjectName | None = None
    """The Secret with credentials for writing; only the evaluator sees it."""


class StoredReport(Resource):
    """Where the report of an Evaluation is, or why there is none. It never changes the verdict."""

    uri: Annotated[str, Field(max_length=2048)] | None = None
    """Where it lies."""
    digest: Digest | None = None
    """The sha256 of its bytes."""
    error: Annotated[str, Field(max_length=1024)] | None = None
    """Why it could not be stored."""
