"""After the gate: whether callers are answered, from a request at the Gateway to what `kubectl get clm` shows."""

import os
import signal
import time

import pytest

from lab.demo.train import FEATURES, Data
from mlhops.api.base import Json
from mlhops.api.conditions import Condition, find
from mlhops.api.status import ServingStatus
from testkit.api import until
from testkit.callers import GOOD, NARROW, at_server, callers, server_process
from testkit.ward import MODEL, Ward


def serving(ward: Ward, verdict: str, seconds: float) -> ServingStatus:
    """Wait until the status has a verdict."""

    def look() -> ServingStatus | None:
        found = ward.model().status.serving
        return found if found is not None and found.verdict == verdict else None

    try:
        return until(f"verdict {verdict}", look, seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}; {ward.model().status.serving}") from error


def available(ward: Ward) -> Condition:
    found = find(ward.model().status.conditions, "Available")
    assert found is not None
    return found


def stable_revision(ward: Ward) -> str:
    stable = ward.model().status.stable
    assert stable is not None
    return stable.revision


def test_a_model_that_answers_is_available_and_its_numbers_are_those_of_its_callers(
    ward: Ward,
) -> None:
    ward.serve()
    with callers(ward, lambda _: GOOD, each=0.05) as statuses:
        told = serving(ward, "Serving", 60)
    assert set(statuses) == {200}
    assert told.failed == 0
    assert available(ward).status == "True"
    columns = ward.cluster.kubectl("get", "clm", "-n", ward.namespace).splitlines()[0].split()
    assert {"SERVING", "AVAILABLE", "READY"} <= set(columns)


def test_a_model_that_somebody_unloads_is_named_within_15_seconds(ward: Ward) -> None:
    ward.serve()
    with callers(ward, lambda _: GOOD) as statuses:
        serving(ward, "Serving", 60)
        assert (
            at_server(ward, stable_revision(ward), f"/v2/repository/models/{MODEL}/unload") == 200
        )
        begun = time.monotonic()
        until("not available", lambda: available(ward).status == "False", 30)
        took = time.monotonic() - begun
    print(f"unloaded: named after {took:.1f} s")
    assert took < 15
    assert any(status != 200 for status in statuses)


def test_malformed_requests_are_named_as_the_callers_own(ward: Ward) -> None:
    ward.serve()
    begun = time.monotonic()
    with callers(ward, lambda _: NARROW, each=0.12) as statuses:
        told = serving(ward, "Failing", 30)
    print(f"malformed: named after {time.monotonic() - begun:.1f} s")
    assert 200 not in statuses
    assert "callers ask otherwise than spec.interface says" in told.message
    assert available(ward).status == "False"


def test_one_failure_in_five_is_named_within_a_minute(ward: Ward, people: Data) -> None:
    """At 5 requests a second; those that fail have five features in place of six."""
    assert len(FEATURES) == 6
    assert people is not None
    ward.serve()
    begun = time.monotonic()
    with callers(ward, lambda number: NARROW if number % 5 == 0 else GOOD):
        serving(ward, "Failing", 60)
    print(f"one in five: named after {time.monotonic() - begun:.1f} s")


STEPS: Json = [{"setWeight": 50}]
EVIDENCE: Json = {"minRequests": 40, "maxFailureRate": 0.1, "wait": "10m"}


def test_a_candidate_without_callers_is_not_raised_and_one_with_callers_is(ward: Ward) -> None:
    ward.serve()
    ward.apply("3.0.0", rollout__steps=STEPS, rollout__evidence=EVIDENCE)
    ward.wait_for_message("waits for live requests", 90)
    time.sleep(10)
    assert ward.model().status.stable is not None
    assert ward.model().status.candidate is not None
    with callers(ward, lambda _: GOOD, each=0.05) as statuses:
        ward.wait("Healthy", 60, version="3.0.0")
    assert set(statuses) == {200}


def test_a_candidate_that_fails_its_callers_is_taken_back(ward: Ward) -> None:
    ward.serve()
    ward.apply("3.0.0", rollout__steps=STEPS, rollout__evidence=EVIDENCE)
    ward.wait_for_message("waits for live requests", 90)
    candidate = ward.model().status.candidate
    assert candidate is not None
    begun = time.monotonic()
    with callers(ward, lambda _: GOOD, each=0.1):
        assert at_server(ward, candidate.revision, f"/v2/repository/models/{MODEL}/unload") == 200
        model = ward.wait("Degraded", 40)
    print(f"a failing candidate: taken back after {time.monotonic() - begun:.1f} s")
    assert model.status.candidate is not None
    assert model.status.candidate.failure is not None
    assert model.status.candidate.failure.reason in ("CandidateFails", "CandidateUnhealthy")
    assert available(ward).status == "True"


@pytest.mark.parametrize("sidecar", ["Off"])
def test_a_model_without_a_sidecar_says_what_is_blind(ward: Ward, sidecar: str) -> None:
    ward.serve(monitoring={"sidecar": sidecar})
    until("blind", lambda: "no sidecar" in available(ward).message, 30)
    assert available(ward).status == "True"
    ward.apply(
        "3.0.0", rollout__steps=STEPS, rollout__evidence=EVIDENCE, monitoring={"sidecar": sidecar}
    )
    ward.wait_for_message("no sidecar", 90)


def test_a_model_server_that_hangs_is_named(ward: Ward) -> None:
    ward.serve()
    with callers(ward, lambda _: GOOD, each=0.2):
        serving(ward, "Serving", 60)
        pid = server_process(ward, stable_revision(ward))
        os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        try:
            until("not available", lambda: available(ward).status == "False", 40)
        finally:
            os.kill(pid, signal.SIGCONT)
    print(f"hanging: named after {time.monotonic() - begun:.1f} s")
