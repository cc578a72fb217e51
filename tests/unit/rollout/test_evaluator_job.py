"""An Evaluation's Job, and what its pod's last words come to."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from mlhops.api.base import Manifest
from mlhops.api.evaluation import Evaluation, EvaluationPhase, EvaluationStatus, GateResult
from mlhops.api.model import ClinicalModel
from mlhops.api.result import Result, encode
from mlhops.rollout.evaluator_job import EvaluatorImage, next_status, render
from tests.builders import clinical_model, evaluation, with_path

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
JOB: Manifest = {
    "metadata": {"creationTimestamp": "2026-11-01T12:00:00Z"},
    "spec": {"activeDeadlineSeconds": 600},
}


def an_evaluation(**status: object) -> Evaluation:
    return Evaluation.model_validate({**evaluation(), "status": status})


def ended(message: str, code: int = 0) -> list[Manifest]:
    state = {"terminated": {"exitCode": code, "message": message}}
    container = {"name": "evaluator", "state": state}
    return [cast(Manifest, {"status": {"phase": "Failed", "containerStatuses": [container]}})]


def job(condition: str, message: str = "") -> Manifest:
    conditions = [{"type": condition, "status": "True", "message": message}]
    return {**JOB, "status": cast(Manifest, {"conditions": conditions})}


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def test_a_verdict_is_taken_over_as_it_is() -> None:
    gate = GateResult(name="missed-sepsis", phase=EvaluationPhase.SUCCESSFUL, estimate=0.02)
    other = GateResult(name="unheard-of", phase=EvaluationPhase.SUCCESSFUL)
    result = Result(phase="Successful", message="fine", gates=[gate, other], rows=900)
    subject = an_evaluation()
    known = subject.spec.gates[0].name
    result = result.model_copy(update={"gates": [gate.model_copy(update={"name": known}), other]})
    status = next_status(subject, JOB, ended(encode(result)), after(1))
    assert status.phase is EvaluationPhase.SUCCESSFUL
    assert (status.passed, status.primary) == ("1/1", None)
    assert [found.name for found in status.gates] == [known]
    assert status.finished_at == after(1)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"estimate": 0.3437, "worst_group": "sex=F"}, "sex=F 0.344, limit 0.1"),
        ({}, "not measured, limit 0.1"),
    ],
)
def test_what_the_primary_gate_found_is_told_in_a_few_words(
    found: dict[str, object], told: str
) -> None:
    subject = an_evaluation()
    gate = GateResult(
        name=subject.spec.gates[0].name, phase=EvaluationPhase.FAILED, primary=True, limit=0.1
    ).model_copy(update=found)
    other = gate.model_copy(update={"primary": False, "estimate": 0.9})
    result = Result(phase="Failed", gates=[gate])
    assert next_status(subject, JOB, ended(encode(result)), after(1)).primary == told
    result = Result(phase="Failed", gates=[other])
    assert next_status(subject, JOB, ended(encode(result)), after(1)).primary is None


@pytest.mark.parametrize("words", ["", "all good", "mlhops.io/evaluation.v1:!!"])
@pytest.mark.parametrize("condition", ["Failed", "Complete"])
def test_an_end_without_a_verdict_is_an_error_whatever_the_job_says(
    words: str, condition: str
) -> None:
    status = next_status(an_evaluation(), job(condition, "why"), ended(words), after(1))
    assert status.phase is EvaluationPhase.ERROR
    assert "left no result" in status.message


def test_a_killed_evaluator_that_is_tried_again_is_still_running() -> None:
    running = cast(Manifest, {"status": {"phase": "Running"}})
    status = next_status(an_evaluation(), JOB, [*ended("", 137), running], after(1))
    assert status.phase is EvaluationPhase.RUNNING


def test_a_verdict_once_given_stays() -> None:
    given = an_evaluation(phase="Failed", message="too far apart")
    fine = encode(Result(phase="Successful"))
    assert next_status(given, JOB, ended(fine), after(1)) == given.status


def test_an_evaluation_that_nobody_ends_is_an_error_after_its_time() -> None:
    assert next_status(an_evaluation(), JOB, [], after(10.5)).phase is EvaluationPhase.PENDING
    late = next_status(an_evaluation(), JOB, [], after(11))
    assert late.phase is EvaluationPhase.ERROR


def test_an_image_that_cannot_be_pulled_is_named() -> None:
    state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    container = {"name": "evaluator", "state": state}
    pod = cast(Manifest, {"status": {"phase": "Pending", "containerStatuses": [container]}})
    status = next_status(an_evaluation(), JOB, [pod], after(1))
    assert status.message == "the evaluator cannot start: ImagePullBackOff: no such image"


def test_planning_twice_changes_nothing() -> None:
    once = next_status(an_evaluation(), JOB, [], after(1))
    subject = an_evaluation().model_copy(update={"status": once})
    assert next_status(subject, JOB, [], after(2)) == once
    assert once != EvaluationStatus()


def test_the_job_gets_no_credentials_and_only_the_claim_that_the_data_are_on() -> None:
    settings = ClinicalModel.model_validate(
        with_path(
            with_path(clinical_model(), "metadata.uid", "u"),
            "spec.evaluation.resources",
            {"limits": {"memory": "1Gi"}},
        )
    ).spec.evaluation
    manifest = with_path(evaluation(), "spec.data.uri", "pvc://held-out/a/b.parquet")
    subject = Evaluation.model_validate(manifest)
    rendered = render(subject, settings, EvaluatorImage("registry.example/evaluator:1"))
    template = cast(Manifest, cast(Manifest, rendered["spec"])["template"])
    pod = cast(Manifest, template["spec"])
    assert pod["automountServiceAccountToken"] is False
    volumes = cast("list[Manifest]", pod["volumes"])
    assert {"claimName": "held-out", "readOnly": True} in [
        volume.get("persistentVolumeClaim") for volume in volumes
    ]
    container = cast("list[Manifest]", pod["containers"])[0]
    assert container["resources"] == {"limits": {"memory": "1Gi"}}
    policy = cast(Manifest, cast(Manifest, rendered["spec"])["podFailurePolicy"])
    # A drained evaluator is tried again, though it says exit code 1 on its way out.
    actions = [rule["action"] for rule in cast("list[Manifest]", policy["rules"])]
    assert actions == ["Ignore", "FailJob"]
