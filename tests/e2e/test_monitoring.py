"""Drift, from a request at the Gateway to what `kubectl get clm` shows, with nothing in between played."""

import json
import os
import signal
from collections import Counter

import joblib
import pytest

from lab.demo.train import FEATURES, Data
from mlhops.api.base import Json, Manifest
from mlhops.api.status import MonitoringStatus, Outcome
from mlhops.controller.resources import EVENTS, JOBS, POLICIES
from mlhops.json_access import items, text
from testkit.api import until
from testkit.builders import monitoring_policy
from testkit.lab_operator import LabOperator
from testkit.ward import Ward

WATCHED: Json = {"policyRef": {"name": "ward"}}
UNITS = 88.4
"""Micromoles per litre of creatinine in a milligram per decilitre."""
MARKER = 31337.424242
"""A value that no one else has: wherever it is found, a row has leaked."""
PATIENCE = 90.0
ACTIONS: Json = [
    {"name": "tell", "type": "Notify", "when": ["Drift", "Candidate"]},
    {"name": "back", "type": "Rollback", "when": ["Candidate"]},
    {
        "name": "retrain",
        "type": "Retrain",
        "when": ["Drift"],
        "retrain": {
            "template": {
                "suspend": True,
                "template": {"spec": {"containers": [{"name": "train", "image": "trainer:1"}]}},
            }
        },
    },
]
LAX: Json = [
    {
        "name": "missed-deaths",
        "type": "Fairness",
        "metric": "FalseNegativeRate",
        "across": {"groups": ["sex"]},
        "limit": 0.9,
    }
]
ENOUGH = 300
AT_ONCE = 20
"""Rows in a request: each goes to one of the pods."""


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


def surer(ward: Ward) -> None:
    """A version that ranks people as 1.0.0 does, and finds each at a much higher risk."""
    model = joblib.load(ward.models / "1.0.0" / "model.joblib")
    model[-1].intercept_ += 2.0
    (ward.models / "9.0.0").mkdir()
    joblib.dump(model, ward.models / "9.0.0" / "model.joblib")


def ask(ward: Ward, people: list[list[float]]) -> None:
    for start in range(0, len(people), AT_ONCE):
        ward.ask(*people[start : start + AT_ONCE])


def counted(ward: Ward, revision: str) -> list[int]:
    """Rows in the window of each pod of a revision."""
    return [report.windows["hour"].rows for report in ward.reports(revision)]


def has_profile(ward: Ward, revision: str) -> bool:
    """Whether the detectors of a revision count scores: what is asked before its profile is mounted goes uncounted."""
    reports = ward.reports(revision)
    return bool(reports) and all(report.profile_digest for report in reports)


def told(ward: Ward) -> Counter[str]:
    """How often Events of a reason were posted."""
    return Counter(text(event, "reason") for event in ward.api.list(EVENTS, ward.namespace))


def jobs(ward: Ward) -> list[Manifest]:
    """The Jobs that retrain."""
    found = ward.api.list(JOBS, ward.namespace)
    return [job for job in found if text(job, "metadata", "labels", "mlhops.io/action")]


def kill_a_detector(ward: Ward, revision: str) -> None:
    """SIGKILL the detector in the first pod, and wait until another counts in its place."""
    pod = ward.pods(revision)[0]
    [sidecar] = [
        each
        for each in items(pod, "status", "containerStatuses")
        if text(each, "name") == "drift-detector"
    ]
    before = {report.instance for report in ward.reports(revision)}
    os.kill(int(text(sidecar, "containerID").removeprefix("lab://")), signal.SIGKILL)

    def another() -> bool:
        try:
            now = {report.instance for report in ward.reports(revision)}
        except OSError:
            return False  # it is being started
        return len(now) == len(before) and now != before

    until("another detector", another, 30)


def looks(operator: LabOperator, verdict: str) -> float:
    """How many looks at what serves came to a verdict in this life of the operator."""
    name = f'mlhops_looks_total{{verdict="{verdict}"}} '
    lines = [line for line in operator.metrics().splitlines() if line.startswith(name)]
    return float(lines[0].removeprefix(name)) if lines else 0.0


def test_a_candidate_that_answers_otherwise_is_rolled_back_and_nothing_is_done_twice_whatever_dies(
    ward: Ward, operator: LabOperator, rows: list[list[float]]
) -> None:
    # given two replicas that a policy watches
    drift: Json = {"every": "10s", "minRows": ENOUGH}
    policy = monitoring_policy({"spec.drift": drift, "spec.actions": ACTIONS})
    ward.api.create(POLICIES, ward.namespace, policy)
    first = ward.serve(
        monitoring=WATCHED, predictor__minReplicas=2, evaluation__gates=LAX
    ).status.stable
    assert first is not None
    until("two pods", lambda: len(ward.pods(first.revision)) == 2)
    found(ward, "Insufficient", f"window hour has fewer than {ENOUGH} rows")

    # of which none counts enough by itself, and both together do
    ask(ward, rows[:ENOUGH])
    monitoring = found(ward, "NoDrift")
    assert min(counted(ward, first.revision)) > 0
    assert monitoring.worst is not None
    assert monitoring.worst.rows == sum(counted(ward, first.revision)) == ENOUGH

    # when a candidate that the gates let pass gives other scores
    surer(ward)
    steps: Json = [{"setWeight": 50}, {"pause": {}}]
    ward.apply(
        "9.0.0",
        monitoring=WATCHED,
        predictor__minReplicas=1,
        predictor__storageUri="pvc://models/9.0.0",
        evaluation__gates=LAX,
        rollout__steps=steps,
    )
    candidate = ward.wait_for_message("50 %", 60).status.candidate
    assert candidate is not None
    until("a profile", lambda: has_profile(ward, candidate.revision))
    ask(ward, rows[:400])

    # then it is seen and rolled back, once, and what serves is untouched
    def failed() -> bool:
        history = ward.model().status.history
        return bool(history) and history[-1].outcome is Outcome.ROLLED_BACK

    until("the rollback", failed, 60)
    assert ward.weights() == {f"{first.inference_service}-predictor": 100}
    assert told(ward)["CandidateDiffers"] == 1
    assert found(ward, "NoDrift").revision == first.revision

    # when drift comes, and the operator and a detector die
    ask(ward, in_other_units(rows[300:]))
    status = found(ward, "Drift")
    assert status.worst is not None
    assert status.worst.of == "creatinine"
    until("the Job", lambda: jobs(ward))
    operator.kill()
    kill_a_detector(ward, first.revision)
    operator.start()
    until("profiles", lambda: has_profile(ward, first.revision))

    # then the same is found again of what is counted since, and nothing is done a second time
    ask(ward, in_other_units(rows[:400]))
    until("it is found", lambda: looks(operator, "Drift") >= 1, 60)
    monitoring = found(ward, "Drift")
    assert len(jobs(ward)) == told(ward)["RetrainingStarted"] == 1
    acted = Counter((each.name, each.about) for each in monitoring.acted)
    assert set(acted.values()) == {1}
    assert {name for name, _ in acted} == {"tell", "back", "retrain"}
