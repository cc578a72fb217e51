"""What serves is told apart by its content, on a real API server: names and records that lie get nowhere."""

import json
from typing import cast

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import EVALUATIONS, MODELS, REVISIONS, SERVICES
from mlhops.json_access import at, text
from testkit.api import until
from testkit.fake_controllers import MODEL, Hands

STEPS = {"steps": [{"setWeight": 10}, {"pause": {}}]}
PROVEN: Manifest = {
    "storageUri": "s3://models/sepsis/proven",
    "env": [{"name": "NONCE", "value": "0042f490"}],
}
UNPROVEN: Manifest = {
    "storageUri": "s3://attacker/unproven",
    "env": [{"name": "NONCE", "value": "0002ea5b"}],
}
"""Two predictors whose revisions had one name, while that was all that told revisions apart."""


def uri_of(hands: Hands, service: str) -> str:
    """The artefact that an InferenceService serves."""
    live = hands.api.get(SERVICES, hands.namespace, service)
    return text(live, "spec", "predictor", "model", "storageUri")


def edit(hands: Hands, predictor: Manifest) -> None:
    """Somebody who may edit models changes fields of the predictor."""
    hands.api.patch(MODELS, hands.namespace, MODEL, {"spec": {"predictor": predictor}})


def test_an_unproven_model_does_not_get_the_proof_of_a_namesake(hands: Hands) -> None:
    hands.promote_first(rollout=STEPS)
    edit(hands, PROVEN)
    second = until("the proven model", hands.candidate_service)
    hands.load(second)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)
    hands.decide("Promote", "it-is-well")
    hands.accept_weight(100)
    hands.wait_for_phase("Healthy")
    stable = cast(Manifest, at(hands.model(), "status", "stable"))

    edit(hands, UNPROVEN)

    third = until("a candidate", hands.candidate_service)
    assert third != second
    assert text(hands.candidate(), "digest") != text(stable, "digest")
    assert text(at(stable, "proof"), "digest") == text(stable, "digest")
    assert uri_of(hands, second) == "s3://models/sepsis/proven"
    assert hands.weights() == {f"{second}-predictor": 100}
    assert at(hands.model(), "status", "stable") == stable


def test_the_digest_stands_in_record_evaluation_status_and_history(hands: Hands) -> None:
    hands.promote_first(rollout=STEPS)
    stable = at(hands.model(), "status", "stable")
    digest = text(stable, "digest")
    record = hands.api.get(REVISIONS, hands.namespace, text(stable, "inferenceService"))
    made = hands.api.list(EVALUATIONS, hands.namespace)
    history = cast("list[Json]", at(hands.model(), "status", "history"))
    assert len(digest) == 64
    assert text(record, "data", "digest") == digest
    assert [text(each, "spec", "digest") for each in made] == [digest]
    assert text(history[-1], "digest") == digest


def forge_record(hands: Hands, service: str) -> None:
    """Somebody puts another record in the place of a revision's."""
    record = cast(Manifest, hands.api.get(REVISIONS, hands.namespace, service))
    evil = json.loads(json.dumps(record).replace("s3://models/sepsis/1.0.0", "s3://attacker/x"))
    for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        evil["metadata"].pop(field)
    hands.api.delete(REVISIONS, hands.namespace, service)
    hands.api.create(REVISIONS, hands.namespace, evil)


def test_a_forged_record_is_put_right_while_the_spec_still_says_what_serves(hands: Hands) -> None:
    service = hands.promote_first(rollout=STEPS)
    forge_record(hands, service)
    hands.api.delete(SERVICES, hands.namespace, service)

    until("the server again", lambda: uri_of(hands, service))
    assert uri_of(hands, service) == "s3://models/sepsis/1.0.0"
    record = until("the record again", lambda: hands.api.get(REVISIONS, hands.namespace, service))
    assert text(record, "data", "predictor", "storageUri") == "s3://models/sepsis/1.0.0"


def test_a_forged_record_does_not_serve_when_the_spec_has_moved_on(hands: Hands) -> None:
    service = hands.promote_first(rollout=STEPS)
    hands.apply_model("2.0.0")
    second = until("another candidate", hands.candidate_service)
    forge_record(hands, service)
    hands.api.delete(SERVICES, hands.namespace, service)

    until("a complaint", lambda: hands.condition("Stalled").get("reason") == "RevisionLost")
    assert hands.api.get(SERVICES, hands.namespace, service) is None
    assert hands.services() == [second]
    assert "set spec back to 1.0.0" in hands.status("message")


def test_another_spelling_of_the_same_is_no_new_revision(hands: Hands) -> None:
    hands.promote_first(
        rollout=STEPS,
        predictor={
            "modelFormat": {"name": "sklearn"},
            "storageUri": "s3://models/sepsis/1.0.0",
            "resources": {"requests": {"cpu": "1000m", "memory": "0.5Gi"}},
        },
    )
    before = text(at(hands.model(), "status", "stable"), "revision")
    generation = at(hands.model(), "metadata", "generation")

    edit(hands, {"resources": {"requests": {"cpu": "1", "memory": "512Mi"}}})

    until(
        "a look at the edit",
        lambda: at(hands.model(), "status", "observedGeneration") != generation,
    )
    assert hands.candidate() == {}
    assert text(at(hands.model(), "status", "stable"), "revision") == before
    assert hands.status("phase") == "Healthy"
