"""The report of an Evaluation, from the model's spec to the file that its status names."""

import hashlib
from typing import cast

from mlhops.api.base import Manifest
from mlhops.controller.resources import EVALUATIONS
from testkit.ward import Ward


def report(ward: Ward) -> Manifest:
    """Return what the status of the only Evaluation says of its report."""
    (evaluation,) = ward.api.list(EVALUATIONS, ward.namespace)
    return cast(Manifest, cast(Manifest, evaluation["status"])["report"])


def test_the_report_lies_where_the_status_of_the_evaluation_says(ward: Ward) -> None:
    ward.serve("1.0.0", evaluation__report={"uri": "pvc://data/reports"})
    (path,) = (ward.data / "reports").iterdir()
    digest = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    assert report(ward) == {"uri": f"pvc://data/reports/{path.name}", "digest": digest}
    assert "passed its gates" in path.read_text()


def test_a_report_that_cannot_be_stored_keeps_no_model_from_serving(ward: Ward) -> None:
    (ward.data / "reports").write_text("in the way")
    ward.serve("1.0.0", evaluation__report={"uri": "pvc://data/reports"})
    told = report(ward)
    assert "cannot be written" in str(told["error"])
    assert "uri" not in told
