"""Drift, from a request at the Gateway to what `kubectl get clm` shows, with nothing in between played."""

import json

import pytest

from lab.demo.train import FEATURES, Data
from mlhops.api.base import Json
from mlhops.api.status import MonitoringStatus
from mlhops.controller.kinds import POLICIES
from tests.builders import monitoring_policy
from tests.cluster_api import until
from tests.e2e.conftest import LabOperator
from tests.e2e.ward import Ward

WATCHED: Json = {"policyRef": {"name": "ward"}}
UNITS = 88.4
"""Micromoles per litre of creatinine in a milligram per decilitre."""
MARKER = 31337.424242
"""A value that no one else has: wherever it is found, a row has leaked."""
PATIENCE = 90.0


@pytest.fixture
def rows(people: Data) -> list[list[float]]:
    """People of whom all is known, as rows of a request."""
    known = people.held_out[FEATURES].dropna().sample(n=800, random_state=1)
    found: list[list[float]] = known.to_numpy(dtype=float).tolist()
    return found


def in_other_units(rows: list[list[float]]) -> list[list[float]]:
    place = FEATURES.index("creatinine")
    return [[*row[:place], row[place] * UNITS, *row[place + 1 :]] for row in rows]


def shown(ward: Ward) -> str:
    """The column DRIFT."""
    table = ward.cluster.kubectl("get", "clm", "-n", ward.namespace)
    header, row = table.splitlines()
    start = header.index("DRIFT")
    return row[start:].split()[0]


def found(ward: Ward, verdict: str, message: str = "") -> MonitoringStatus:
    """Wait until the status has a verdict, with a message that begins so."""

    def look() -> MonitoringStatus | None:
        monitoring = ward.model().status.monitoring
        if monitoring is None or monitoring.verdict != verdict:
            return None
        return monitoring if monitoring.message.startswith(message) else None

    try:
        return until(f"verdict {verdict}", look, PATIENCE)
    except AssertionError as error:
        raise AssertionError(f"{error}; {ward.model().status.monitoring}") from error


def test_creatinine_in_other_units_shows_as_drift_and_no_row_is_told_to_anybody(
    ward: Ward, operator: LabOperator, rows: list[list[float]]
) -> None:
    # given a model that a policy watches
    often = monitoring_policy({"spec.drift": {"every": "10s"}})
    ward.api.create(POLICIES, ward.namespace, often)
    stable = ward.serve(monitoring=WATCHED).status.stable
    assert stable is not None
    found(ward, "Insufficient", "window hour has fewer than 100 rows")

    # whose requests are as its reference data are
    ward.ask(*rows[:300])
    found(ward, "NoDrift")
    assert shown(ward) == "NoDrift"

    # when a laboratory begins to send micromoles, and one person has a value that nobody else has
    moved = in_other_units(rows[300:])
    moved[0][FEATURES.index("kappa")] = MARKER
    ward.ask(*moved)

    # then kubectl shows it, and the status names the feature
    status = found(ward, "Drift")
    assert shown(ward) == "Drift"
    assert status.worst is not None
    assert (status.worst.of, status.worst.test) == ("creatinine", "KS")
    assert status.worst.effect is not None
    assert status.worst.effect > 0.5
    events = ward.cluster.kubectl("get", "events", "-n", ward.namespace, "-o", "json")
    told = [each for each in json.loads(events)["items"] if each["reason"] == "DriftDetected"]
    assert len(told) == 1
    assert "creatinine" in told[0]["message"]

    # and no value of a row is anywhere but in the model
    objects = ward.cluster.kubectl(
        "get",
        "clm,eval,isvc,pods,cm,monpol,controllerrevisions",
        "-n",
        ward.namespace,
        "-o",
        "json",
    )
    pod = ward.pod(stable.revision)
    metadata = pod["metadata"]
    assert isinstance(metadata, dict)
    log = ward.cluster.log(ward.namespace, str(metadata["name"]), "drift-detector")
    places = {
        "objects": objects,
        "events": events,
        "report": ward.page(stable.revision, "/report"),
        "detector's metrics": ward.page(stable.revision, "/metrics"),
        "detector's log": log.read_text(),
        "operator's metrics": operator.metrics(),
        "operator's log": (ward.cluster.root / "operator.log").read_text(),
    }
    marks = (str(MARKER), str(MARKER).replace(".", ""), f"{MARKER:g}")
    assert {name for name, words in places.items() if any(mark in words for mark in marks)} == set()
    assert all(words.strip() for words in places.values())
    assert 'mlhops_looks_total{verdict="Drift"}' in places["operator's metrics"]
