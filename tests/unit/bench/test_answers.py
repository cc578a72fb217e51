"""What the world answers is what the operator understands as well."""

from datetime import UTC, datetime

from bench import answers
from bench.fleet import healthy_version, model
from lab.informer import Key
from mlhops.api.evaluation import Evaluation, EvaluationPhase
from mlhops.api.model import ClinicalModel
from mlhops.kserve.health import is_ready
from mlhops.rollout.evaluation.evaluator_job import next_status, render
from mlhops.rollout.evaluation.evaluator_pod import EvaluatorImage
from mlhops.routing.gateway_api import GatewayRouter
from mlhops.routing.traffic import Traffic
from testkit.builders import evaluation, with_path


def of_model() -> ClinicalModel:
    manifest = model(Key("ward", "sepsis"), "1.0.0", {"steps": []})
    return ClinicalModel.model_validate(manifest)


def test_a_loaded_service_is_ready_and_an_unloaded_one_is_not() -> None:
    assert is_ready({"status": answers.service_status("a", "ward")}) is True
    assert is_ready({"status": answers.service_status("a", "ward", ready=False)}) is False


def test_a_route_is_accepted_as_it_is_now() -> None:
    router, sepsis = GatewayRouter(), of_model()
    route = with_path(
        router.desired(sepsis, Traffic({"sepsis-1": 100}), {}), "metadata.generation", 3
    )

    answered = {**route, "status": answers.route_status(route)}

    assert router.observe(sepsis, answered, {}).accepted is True
    assert (
        router.observe(sepsis, with_path(answered, "metadata.generation", 4), {}).accepted is None
    )


def test_the_evaluators_last_words_are_a_verdict_on_every_gate() -> None:
    manifest = with_path(evaluation(), "metadata.namespace", "ward")
    asked = Evaluation.model_validate(with_path(manifest, "metadata.uid", "u1"))
    job = with_path(
        render(asked, of_model().spec.evaluation, EvaluatorImage("image")), "metadata.uid", "u2"
    )

    pod = {**answers.pod_of(job), "status": answers.pod_status(job)}
    status = next_status(asked, job, [pod], datetime.now(UTC))

    assert status.phase is EvaluationPhase.SUCCESSFUL
    assert [gate.name for gate in status.gates] == [gate.name for gate in asked.spec.gates]


def test_only_a_model_at_rest_counts_as_healthy() -> None:
    status = {"phase": "Healthy", "observedGeneration": 2, "stable": {"version": "2.0.0"}}
    live = {"metadata": {"generation": 2}, "status": status}

    assert healthy_version(live) == "2.0.0"
    assert healthy_version({**live, "metadata": {"generation": 3}}) == ""
    assert healthy_version({**live, "status": {**status, "candidate": {"version": "3"}}}) == ""
    assert healthy_version({**live, "status": {**status, "phase": "Progressing"}}) == ""
    assert healthy_version({"metadata": {"generation": 1}}) == ""
