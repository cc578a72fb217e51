"""A GitOps tool applies a model again and again while the operator works, and waits as its users do."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from lab.binaries import kubectl
from lab.control import ControlPlane
from mlhops.api.base import Manifest
from mlhops.api.evaluation import EvaluationPhase
from mlhops.controller.resources import MODELS, ROUTES, SERVICES
from mlhops.json_access import at, items, number, text
from testkit.api import until
from testkit.fake_controllers import MODEL, Hands

STEPS: Manifest = {"steps": [{"setWeight": 10}]}


class Repository:
    """A repository with one model, and the tool that applies what stands there, never by force."""

    def __init__(self, plane: ControlPlane, namespace: str, file: Path) -> None:
        self._plane = plane
        self._namespace = ("--namespace", namespace)
        self._on = ("--server-side", "--field-manager=flux", *self._namespace, "--filename", file)
        self._file = file

    def commit(self, manifest: Manifest) -> None:
        """Change the model, and apply it."""
        self._file.write_text(json.dumps(manifest))
        self._plane.kubectl("apply", *self._on)

    def sync(self) -> None:
        """Apply it once more; there must be no conflict, and nothing that differs."""
        self._plane.kubectl("apply", *self._on)
        assert self._plane.kubectl("diff", *self._on) == ""

    @contextmanager
    def wait(self, condition: str) -> Iterator["subprocess.Popen[bytes]"]:
        """`kubectl wait`, as in a pipeline, at the same time; it must end well in the end."""
        command: list[str | Path] = [
            kubectl(),
            "--kubeconfig",
            self._plane.kubeconfig,
            "wait",
            *self._namespace,
        ]
        command += [f"--for=condition={condition}", f"clinicalmodel/{MODEL}", "--timeout=60s"]
        process = subprocess.Popen(command)
        try:
            yield process
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def repository(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Repository:
    return Repository(control_plane, namespace, tmp_path / "model.json")


def pass_gates(hands: Hands) -> str:
    """The candidate's server is ready and its gates pass; return its InferenceService."""
    service = hands.candidate_service()
    hands.load(service)
    hands.finish(EvaluationPhase.SUCCESSFUL)
    return service


def serve(hands: Hands) -> str:
    """The first version gets its route and serves; return its InferenceService."""
    service = pass_gates(hands)
    until("the first route", hands.weights)
    hands.accept_route()
    return service


def owners(live: Manifest | None) -> dict[str, Manifest]:
    """The fields of an object by who owns them; what stands in the status by itself."""
    return {
        text(entry, "manager") + "/" * ("subresource" in entry) + text(entry, "subresource"): cast(
            Manifest, at(entry, "fieldsV1")
        )
        for entry in items(live, "metadata", "managedFields")
    }


def test_it_is_applied_during_a_rollout_without_conflict_or_difference_and_can_be_waited_for(
    hands: Hands, repository: Repository
) -> None:
    repository.commit(hands.manifest("1.0.0", rollout=STEPS))
    with repository.wait("Ready"), repository.wait("Promoted"):
        repository.sync()
        serve(hands)

    repository.commit(hands.manifest("2.0.0", rollout=STEPS))
    with repository.wait("Ready") as ready, repository.wait("Promoted") as promoted:
        pass_gates(hands)
        hands.accept_weight(10)
        repository.sync()
        assert (ready.poll(), promoted.poll()) == (None, None)
        hands.accept_weight(100)
    repository.sync()

    assert hands.status("stable", "version") == "2.0.0"
    assert number(hands.model(), "metadata", "generation") == 2
    fields = owners(hands.model())
    assert set(fields) == {"flux", "mlhops/status"}
    assert set(fields["flux"]) == {"f:spec"}
    assert set(fields["mlhops/status"]) == {"f:status"}


def test_what_neither_the_repository_nor_the_operator_sets_is_left_to_others(
    hands: Hands, repository: Repository
) -> None:
    """How many replicas there are, others may say; what the weights are, nobody else."""
    repository.commit(hands.manifest("1.0.0", rollout=STEPS))
    service = serve(hands)
    ceiling: Manifest = {"spec": {"predictor": {"maxReplicas": 5}}}
    hands.api.patch(SERVICES, hands.namespace, service, ceiling)
    hands.api.patch(MODELS, hands.namespace, MODEL, {"spec": {"predictor": {"minReplicas": 3}}})

    def predictor() -> Manifest:
        live = hands.api.get(SERVICES, hands.namespace, service)
        return cast(Manifest, at(live, "spec", "predictor"))

    until("three replicas", lambda: predictor()["minReplicas"] == 3)
    repository.sync()

    assert at(hands.model(), "spec", "predictor", "minReplicas") == 3
    assert (predictor()["minReplicas"], predictor()["maxReplicas"]) == (3, 5)
    route = owners(hands.api.get(ROUTES, hands.namespace, MODEL))
    holders = [who for who, fields in route.items() if at(fields, "f:spec", "f:rules") is not None]
    assert holders == ["mlhops"]
