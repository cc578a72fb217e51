"""Whole rollouts in the lab: real model servers, the real evaluator, real Envoy, the operator as a process.

The plainest of them, an unfair version that is stopped and a fair one that takes over, is in test_tutorial.py.
"""

import pytest

from mlhops.api.evaluation import EvaluationPhase
from mlhops.api.status import Outcome
from mlhops.controller.resources import (
    EVALUATIONS,
    JOBS,
    MODELS,
    PODS,
    REVISIONS,
    ROUTES,
    SERVICES,
    Kind,
)
from mlhops.json_access import items, text
from testkit.api import until, until_none
from testkit.lab_operator import LabOperator
from testkit.ward import MODEL, Ward

DEPLOYMENTS = Kind("apps", "v1", "deployments")


def test_the_v1_protocol_is_evaluated_as_well(ward: Ward) -> None:
    model = ward.serve(predictor__protocolVersion="v1")
    assert model.status.stable is not None
    assert model.status.stable.proof is not None
    assert model.status.stable.proof.phase is EvaluationPhase.SUCCESSFUL


@pytest.mark.parametrize("place", ["while it evaluates", "at ten percent", "at fifty percent"])
def test_killed_mid_rollout_it_comes_to_the_same_end(
    ward: Ward, operator: LabOperator, place: str
) -> None:
    ward.serve()
    ward.apply(
        "3.0.0",
        rollout__steps=[
            {"setWeight": 10},
            {"pause": {"duration": "2s"}},
            {"setWeight": 50},
            {"pause": {"duration": "2s"}},
        ],
    )
    share = {"while it evaluates": None, "at ten percent": 10, "at fifty percent": 50}[place]
    if share is None:
        until("the second Evaluation", lambda: len(ward.api.list(JOBS, ward.namespace)) == 2, 40)
    else:
        until(f"{share} %", lambda: share in ward.weights().values(), 60)

    operator.kill()
    operator.start()

    model = ward.wait("Healthy", version="3.0.0")
    assert model.status.stable is not None
    assert ward.weights() == {f"{model.status.stable.inference_service}-predictor": 100}
    assert [entry.outcome for entry in model.status.history] == [Outcome.PROMOTED] * 2


def test_a_model_deleted_mid_rollout_leaves_nothing_behind(ward: Ward) -> None:
    ward.serve()
    ward.apply("3.0.0", rollout__steps=[{"setWeight": 10}, {"pause": {}}])
    ward.wait("Paused")

    ward.api.delete(MODELS, ward.namespace, MODEL)

    for kind in (ROUTES, SERVICES, EVALUATIONS, JOBS, DEPLOYMENTS, REVISIONS, PODS):
        until_none(ward.api, kind, ward.namespace, 60)


def test_a_person_can_hold_promote_and_abort(ward: Ward) -> None:
    ward.serve(rollout__steps=[{"setWeight": 10}, {"pause": {}}])
    ward.apply("3.0.0", rollout__steps=[{"setWeight": 10}, {"pause": {}}])
    ward.wait("Paused")
    ward.decide("Promote", reason="two weeks without complaint")
    model = ward.wait("Healthy", version="3.0.0")
    assert model.status.history[-1].outcome is Outcome.FAST_PROMOTED
    assert model.status.history[-1].deciders[0].reason == "two weeks without complaint"
    decisions = ward.cluster.kubectl("get", "decisions", "--namespace", ward.namespace)
    assert "Honoured" in decisions


def test_kubectl_wait_works_for_pipelines(ward: Ward) -> None:
    ward.apply("1.0.0")
    for condition in ("Ready", "Promoted"):
        ward.cluster.kubectl(
            "wait",
            f"--for=condition={condition}",
            "--timeout=60s",
            "--namespace",
            ward.namespace,
            f"clinicalmodel/{MODEL}",
        )
    described = ward.cluster.kubectl(
        "describe", "--namespace", ward.namespace, f"clinicalmodel/{MODEL}"
    )
    assert "GatesPassed" in described
    evaluation = ward.api.list(EVALUATIONS, ward.namespace)[0]
    gates = items(evaluation, "status", "gates")
    assert text(gates[0], "message").startswith("FalseNegativeRate is ")
