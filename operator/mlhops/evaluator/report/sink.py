"""Where an Evaluation's report goes. One that cannot be stored changes no verdict."""

import asyncio
import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from mlhops.api.data import REPORT_PREFIX, ReportSink, StoredReport
from mlhops.api.destinations import Destinations
from mlhops.evaluator.data import stores
from mlhops.evaluator.data.uris import in_claim, on_this_machine, shown, without_secrets
from mlhops.evaluator.errors import EvaluationError

_SECONDS = 60.0
_STALL = 15.0
_LONGEST = 1024
_FIELD = "report.uri"


def put(
    sink: ReportSink,
    name: str,
    content: bytes,
    report_root: Path,
    allowed: Destinations,
    seconds: float = _SECONDS,
) -> StoredReport:
    """Store a report; whatever goes wrong is told in the result.

    Args:
        sink: the folder.
        name: the file's name in it; a file of that name is replaced.
        content: the file.
        report_root: where the claim of a pvc:// URI is mounted.
        allowed: what may be reached.
        seconds: how long a store may take.
    """
    uri = f"{shown(sink.uri).rstrip('/')}/{name}"
    try:
        without_secrets(sink.uri, _FIELD)
        match urlsplit(sink.uri).scheme:
            case "file":
                _write(on_this_machine(sink.uri, _FIELD) / name, content, uri)
            case "pvc":
                # A report may lie at the claim's root, so the name belongs to the path.
                _write(in_claim(uri, report_root, _FIELD), content, uri)
            case _ if stores.kind_of(sink.uri) is not None:
                asyncio.run(_upload(sink, name, content, uri, seconds, allowed))
            case scheme:
                raise EvaluationError(
                    f"{_FIELD} has the scheme {scheme!r}: use file://, pvc://, s3://, gs:// or "
                    "https://<account>.blob.core.windows.net/<container>"
                )
    except EvaluationError as error:
        return StoredReport(error=str(error)[:_LONGEST])
    except Exception as error:
        # A foreign error's own words may hold a credential.
        return StoredReport(error=f"{uri} cannot be written ({type(error).__name__})"[:_LONGEST])
    return StoredReport(uri=uri, digest=f"sha256:{hashlib.sha256(content).hexdigest()}")


def _write(path: Path, content: bytes, uri: str) -> None:
    """Write a file that is there whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".report-", delete=False) as new:
            try:
                new.write(content)
                new.flush()
                os.fsync(new.fileno())
                Path(new.name).chmod(0o644)
                Path(new.name).replace(path)
            except BaseException:
                Path(new.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise EvaluationError(
            f"{uri} cannot be written: {error.strerror}; the volume must have space, and its "
            f"folder must be writable for user {os.getuid()}, as whom the evaluator runs"
        ) from error


async def _upload(
    sink: ReportSink, name: str, content: bytes, uri: str, seconds: float, allowed: Destinations
) -> None:
    try:
        async with asyncio.timeout(seconds):
            await _put(sink, name, content, uri, min(_STALL, seconds), allowed)
    except TimeoutError as error:
        raise EvaluationError(
            f"{uri} could not be written within {seconds:g} s: check endpoint and the network"
        ) from error


async def _put(
    sink: ReportSink, name: str, content: bytes, uri: str, stall: float, allowed: Destinations
) -> None:
    try:
        async with stores.opened(sink, REPORT_PREFIX, stall, allowed, "report") as (store, folder):
            path = "/".join(part for part in (folder.rstrip("/"), name) if part)
            # The client tries again what may pass.
            await store.put_async(path, content, use_multipart=False)
    except stores.StoreError as error:
        raise EvaluationError(f"{uri} cannot be written: {error}") from None
