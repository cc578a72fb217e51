"""A model that is deleted and held, or is to leave behind what it owns, on a real API server and garbage collector."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from lab.control import ControlPlane
from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import DECISIONS, MODELS, REVISIONS, ROUTES, SERVICES
from mlhops.json_access import at, items, text
from testkit.api import Api, until
from testkit.builders import clinical_model
from testkit.fake_controllers import MODEL, Hands, OperatorProcess

FOREIGN = "eve.example/keep"
TEN: Manifest = {"steps": [{"setWeight": 10}, {"pause": {}}]}
AWKWARD = "creatinine > 1.2 & <dialysis>, in \u2028lines"
SECONDS = 30.0


@pytest.fixture
def at_ten(hands: Hands) -> Iterator[Hands]:
    """1.0.0 serves, 2.0.0 has ten percent; whatever holds the model afterwards lets go of it at the end."""
    interface = cast(dict[str, Json], at(clinical_model(), "spec", "interface"))
    first, *others = cast("list[Manifest]", interface["features"])
    features: Json = [{**first, "description": AWKWARD}, *others]
    hands.promote_first(rollout=TEN, interface={**interface, "features": features})
    hands.apply_model("2.0.0")
    hands.load(hands.candidate_service())
    hands.finish(EvaluationPhase.SUCCESSFUL)
    hands.accept_weight(10)
    until("a pause", lambda: hands.status("phase") == "Paused")
    yield hands
    if hands.model() is not None:
        hands.api.patch(MODELS, hands.namespace, MODEL, {"metadata": {"finalizers": None}})


def delete(plane: ControlPlane, hands: Hands, *arguments: str) -> None:
    where = ("delete", "clinicalmodel", MODEL, "--namespace", hands.namespace, "--wait=false")
    plane.kubectl(*where, *arguments)


def share(hands: Hands, service: str) -> int:
    return hands.weights().get(f"{service}-predictor", 0)


def uri(hands: Hands, service: str) -> str:
    live = hands.api.get(SERVICES, hands.namespace, service)
    return text(live, "spec", "predictor", "model", "storageUri")


def test_a_finalizer_of_somebody_else_freezes_nothing(
    control_plane: ControlPlane, at_ten: Hands
) -> None:
    hands, stable = at_ten, at_ten.status("stable", "inferenceService")
    candidate = text(hands.candidate(), "inferenceService")
    held: Manifest = {"metadata": {"finalizers": [FOREIGN]}}
    hands.api.patch(MODELS, hands.namespace, MODEL, held)
    delete(control_plane, hands)
    hands.decide("Abort", "ada-stops-it")

    until("no share of the candidate", lambda: share(hands, stable) == 100, SECONDS)
    assert share(hands, candidate) == 0
    until(
        "an answer",
        lambda: (
            text(hands.api.get(DECISIONS, hands.namespace, "ada-stops-it"), "status", "phase")
            == "Honoured"
        ),
        SECONDS,
    )
    evil: Manifest = {"spec": {"predictor": {"model": {"storageUri": "s3://attacker/evil"}}}}
    hands.api.patch(SERVICES, hands.namespace, stable, evil)
    until("the model that was tested", lambda: "evil" not in uri(hands, stable), SECONDS)
    assert FOREIGN in hands.status("message")
    hands.api.patch(MODELS, hands.namespace, MODEL, {"metadata": {"finalizers": None}})
    until("the end of the model", lambda: hands.model() is None, SECONDS)
    until("the end of its server", lambda: not hands.services(), SECONDS)


def owners(api: Api, namespace: str) -> list[str]:
    return [
        text(one, "metadata", "name")
        for kind in (SERVICES, ROUTES, REVISIONS)
        for one in api.list(kind, namespace)
        if items(one, "metadata", "ownerReferences")
    ]


@pytest.mark.parametrize("records", ["of this operator", "of an earlier operator"])
def test_what_is_to_outlive_its_model_does_and_the_deletion_ends(
    control_plane: ControlPlane, at_ten: Hands, operator: OperatorProcess, records: str
) -> None:
    hands, stable = at_ten, at_ten.status("stable", "inferenceService")
    if records == "of an earlier operator":
        operator.stop()
        write_as_before(hands)
        operator.start()
    delete(control_plane, hands, "--cascade=orphan")

    until("the end of the model", lambda: hands.model() is None, SECONDS)
    assert stable in hands.services()
    assert owners(hands.api, hands.namespace) == []


def write_as_before(hands: Hands) -> None:
    """The records as they were written before their keys were sorted."""
    for record in hands.api.list(REVISIONS, hands.namespace):
        name = text(record, "metadata", "name")
        hands.api.delete(REVISIONS, hands.namespace, name)
        metadata = {
            field: at(record, "metadata", field) for field in ("name", "labels", "ownerReferences")
        }
        data = cast(Manifest, record["data"])
        unsorted = dict(sorted(data.items(), reverse=True))
        hands.api.create(
            REVISIONS,
            hands.namespace,
            {"metadata": metadata, "data": unsorted, "revision": record["revision"]},
        )


def test_the_garbage_collector_can_let_go_of_a_record_by_itself(
    control_plane: ControlPlane, at_ten: Hands, operator: OperatorProcess
) -> None:
    operator.stop()
    delete(control_plane, at_ten, "--cascade=orphan")

    until("the end of the model", lambda: at_ten.model() is None, SECONDS)
    assert owners(at_ten.api, at_ten.namespace) == []
    assert len(at_ten.api.list(REVISIONS, at_ten.namespace)) == 2
    operator.start()
    until("the operator", lambda: operator.log.read_text().count("operator ready") == 2, SECONDS)


def test_a_deletion_in_the_foreground_is_not_fought(
    control_plane: ControlPlane, at_ten: Hands, tmp_path: Path
) -> None:
    held: Manifest = {"metadata": {"finalizers": [FOREIGN]}}
    at_ten.api.patch(MODELS, at_ten.namespace, MODEL, held)
    delete(control_plane, at_ten, "--cascade=foreground")
    stable = at_ten.status("stable", "inferenceService")
    until("no share of the candidate", lambda: share(at_ten, stable) in (0, 100), SECONDS)
    at_ten.api.patch(MODELS, at_ten.namespace, MODEL, {"metadata": {"finalizers": None}})
    until("the end of the model", lambda: at_ten.model() is None, SECONDS)
    until("the end of its servers", lambda: not at_ten.services(), SECONDS)
