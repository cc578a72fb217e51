"""The report of an Evaluation: where it lies, and how a person gets it from there."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlhops.json_access import text

if TYPE_CHECKING:
    from mlhops.api.base import Manifest


@dataclass(frozen=True)
class ReportView:
    """The report of an Evaluation, as its status tells of it."""

    namespace: str
    evaluation: str
    model: str
    revision: str
    version: str
    uri: str
    """Where it lies; empty where there is none."""
    digest: str
    """The sha256 of its bytes, as `sha256:` and digits."""
    error: str
    """Why there is none."""
    fetch: str
    """How a person gets it: a command, or words."""


def report(evaluation: Manifest) -> ReportView:
    """Return the report of an Evaluation."""
    uri = text(evaluation, "status", "report", "uri")
    error = text(evaluation, "status", "report", "error")
    if not uri and not error:
        error = (
            "no report is asked for: name a folder in spec.evaluation.report of the model"
            if text(evaluation, "status", "phase") not in ("", "Pending", "Running")
            else "the Evaluation has not ended"
        )
    return ReportView(
        namespace=text(evaluation, "metadata", "namespace"),
        evaluation=text(evaluation, "metadata", "name"),
        model=text(evaluation, "spec", "model"),
        revision=text(evaluation, "spec", "revision"),
        version=text(evaluation, "spec", "version"),
        uri=uri,
        digest=text(evaluation, "status", "report", "digest"),
        error=error if not uri else "",
        fetch=_fetch(uri, text(evaluation, "spec", "report", "endpoint")) if uri else "",
    )


def _fetch(uri: str, endpoint: str) -> str:
    """Return how to get what lies at a URI; what is foreign in a command is quoted for a shell."""
    parts = urlsplit(uri)
    quoted = shlex.quote(uri)
    match parts.scheme:
        case "s3":
            at = f" --endpoint-url {shlex.quote(endpoint)}" if endpoint else ""
            return f"aws s3 cp {quoted} report.html{at}"
        case "gs":
            return f"gcloud storage cp {quoted} report.html"
        case "https":
            return (
                f"az storage blob download --auth-mode login --blob-url {quoted} --file report.html"
            )
        case "pvc":
            path, claim = parts.path.lstrip("/"), parts.netloc
            return f"it is {path} in the PersistentVolumeClaim {claim}: copy it from a pod that mounts it"
        case "file":
            return "it lies on the node that the Evaluation ran on"
    return "copy it from there"
