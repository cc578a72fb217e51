"""What serves is measured again, and rolled back, on a real API server."""

import time

from mlhops.api.base import Json
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import EVALUATIONS, MODELS
from mlhops.json_access import at, items, text
from testkit.api import until
from testkit.fake_controllers import MODEL, Hands
from tests.integration.test_decisions import answered

FAILED, SUCCESSFUL = EvaluationPhase.FAILED, EvaluationPhase.SUCCESSFUL
KEPT = {"steps": [], "keepPrevious": "1h"}


def gates(hands: Hands, status: str, reason: str) -> None:
    """Wait until the gates are told of so."""

    def so() -> bool:
        found = hands.condition("GatesPassed")
        return (text(found, "status"), text(found, "reason")) == (status, reason)

    until(f"{status} {reason}", so)


def promote(hands: Hands, version: str) -> str:
    """Bring a second version all the way; return its InferenceService."""
    hands.apply_model(version, rollout=KEPT)
    service = hands.candidate_service()
    hands.load(service)
    hands.finish(SUCCESSFUL)
    hands.accept_weight(100)
    until(version, lambda: hands.status("stable", "version") == version)
    return service


def test_a_tightened_gate_is_unknown_at_once_and_then_what_was_measured(hands: Hands) -> None:
    service = hands.promote_first(rollout=KEPT)
    proof = hands.status("stable", "proof", "evaluation")
    tighter: list[Json] = [
        {**gate, "limit": 0.05}
        for gate in items(hands.manifest("1.0.0"), "spec", "evaluation", "gates")
    ]

    hands.api.patch(MODELS, hands.namespace, MODEL, {"spec": {"evaluation": {"gates": tighter}}})
    gates(hands, "Unknown", "GatesChanged")
    hands.finish(FAILED)
    gates(hands, "False", "Failed")

    assert hands.weights() == {f"{service}-predictor": 100}
    assert hands.status("phase") == "Degraded"
    assert hands.status("stable", "proof", "evaluation") == proof
    assert hands.status("stable", "remeasured", "phase") == "Failed"
    assert "StableFailed" in hands.reasons()
    assert len(items(hands.model(), "status", "history")) == 1


def test_a_person_has_what_serves_measured_again(hands: Hands) -> None:
    hands.promote_first(rollout=KEPT)
    revision = hands.status("stable", "revision")

    hands.decide("Evaluate", "again", revision=revision)
    assert answered(hands, "again") == "Honoured"
    hands.finish(SUCCESSFUL)
    until("the verdict", lambda: hands.status("stable", "remeasured", "phase") == "Successful")

    assert hands.api.get(EVALUATIONS, hands.namespace, f"{MODEL}-{revision}-r1") is not None
    assert hands.status("phase") == "Healthy"


def test_a_rollback_is_instant_and_what_it_left_waits_for_the_spec(hands: Hands) -> None:
    first = hands.promote_first(rollout=KEPT)
    second = promote(hands, "2.0.0")
    evaluations = len(hands.api.list(EVALUATIONS, hands.namespace))

    hands.decide("Rollback", "back", revision=hands.status("previous", "revision"))
    until("the first again", lambda: hands.weights() == {f"{first}-predictor": 100}, 5)
    hands.accept_route()

    assert answered(hands, "back") == "Honoured"
    hands.wait_for_phase("Degraded")
    assert "rolled back by" in hands.status("message")
    entry = items(hands.model(), "status", "history")[-1]
    assert text(entry, "outcome") == "FastRolledBack"
    assert [text(d, "action") for d in items(entry, "deciders")] == ["Rollback"]
    assert at(hands.model(), "status", "candidate") is None
    assert second in hands.services()
    assert len(hands.api.list(EVALUATIONS, hands.namespace)) == evaluations

    hands.apply_model("1.0.0", rollout=KEPT)
    hands.wait_for_phase("Healthy")
    assert hands.weights() == {f"{first}-predictor": 100}


def test_what_was_rolled_back_from_begins_anew_by_retry(hands: Hands) -> None:
    hands.promote_first(rollout=KEPT)
    second = promote(hands, "2.0.0")
    left = hands.status("stable", "revision")
    hands.decide("Rollback", "back", revision=hands.status("previous", "revision"))
    assert answered(hands, "back") == "Honoured"
    hands.accept_route()
    time.sleep(1.1)  # a Retry in the second of a Rollback is not after it

    hands.decide("Retry", "again", revision=left)

    assert answered(hands, "again") == "Honoured"
    until("the candidate", lambda: text(hands.candidate(), "inferenceService") == second)
    hands.finish(SUCCESSFUL)
    hands.accept_weight(100)
    until("2.0.0", lambda: hands.status("stable", "version") == "2.0.0")
