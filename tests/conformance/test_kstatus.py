"""What kstatus, by which Flux and others wait for objects, makes of ours: its own code, on the planner's statuses."""

import json
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import cast

import pytest

from lab.binaries import kstatus
from mlhops.api.base import Json, Manifest
from mlhops.api.decision import Action
from mlhops.api.evaluation import FINISHED, Evaluation, EvaluationPhase
from mlhops.api.policy import MonitoringPolicy
from mlhops.api.result import encode
from mlhops.rollout.evaluation.evaluator_job import next_status
from mlhops.rollout.monitoring.overview import overview
from testkit.builders import at_path, decision, evaluation, monitoring_policy, with_path
from testkit.last_words import said
from tests.unit.rollout.standings import (
    begun,
    failed,
    failing,
    impossible,
    inconclusive,
    paused,
    rolled_back,
    serving,
    stalled,
    unready,
    unseen,
)
from tests.unit.rollout.world import World
from tools.crd import KINDS, crd

NOW = datetime(2030, 1, 1, tzinfo=UTC)
GONE: Json = "2030-01-01T00:00:00Z"


def judged(*objects: Mapping[str, object]) -> list[str]:
    """What kstatus says of each object."""
    lines = "".join(json.dumps(each) + "\n" for each in objects)
    done = subprocess.run([kstatus()], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line)["status"] for line in done.stdout.splitlines()]


def as_stored(manifest: Manifest) -> Manifest:
    """An object as the API server gives it, which puts a default in place of no status."""
    (kind,) = (each for each in KINDS if each.name == manifest["kind"])
    (version,) = cast("list[Manifest]", at_path(crd(kind), "spec.versions"))
    status = cast(Manifest, at_path(version, "schema.openAPIV3Schema.properties.status"))
    return {**({"status": status["default"]} if "default" in status else {}), **manifest}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (unseen, "InProgress"),
        (begun, "InProgress"),
        (serving, "Current"),
        (paused, "InProgress"),
        (inconclusive, "InProgress"),
        (unready, "InProgress"),
        (failed, "Failed"),
        (impossible, "Failed"),
        (rolled_back, "Failed"),
        (failing, "Failed"),
        (stalled, "Failed"),
    ],
)
def test_a_model_is_current_only_when_its_version_serves(
    made: Callable[[], World], expected: str
) -> None:
    world = made()
    model = as_stored(world.manifest)
    changed = with_path(model, "metadata.generation", world.model.metadata.generation + 1)
    leaving = with_path(model, "metadata.deletionTimestamp", GONE)

    assert judged(model, changed, leaving) == [expected, "InProgress", "Terminating"]


def test_a_policy_is_current_when_the_operator_has_seen_its_present_form() -> None:
    manifest = monitoring_policy({"metadata.generation": 2})
    policy = MonitoringPolicy.model_validate(manifest)
    seen: Manifest = {**manifest, "status": overview(policy, []).to_json()}
    changed = with_path(seen, "metadata.generation", 3)
    leaving = with_path(seen, "metadata.deletionTimestamp", GONE)

    answers = judged(as_stored(manifest), seen, changed, leaving)
    assert answers == ["InProgress", "Current", "InProgress", "Terminating"]


def test_to_kstatus_records_are_there_or_going_and_never_a_reason_to_wait() -> None:
    """A gate that failed is no object that failed: the model says so."""
    verdicts = sorted(FINISHED)
    evaluations = [evaluated(phase) for phase in verdicts]
    waiting = evaluated(None)
    world = paused()
    world.decide(Action.RESUME)
    world.decide(Action.RESUME, revision="0000000000")
    world.reconcile()
    decisions = [{**decision(), **each} for each in world.decisions.values()]
    records: list[Manifest] = [evaluation(), decision(), waiting, *evaluations, *decisions]

    assert {at_path(each, "status.phase") for each in evaluations} == FINISHED
    assert [at_path(each, "status.phase") for each in decisions] == ["Honoured", "Ignored"]
    assert set(judged(*records)) == {"Current"}
    leaving = [with_path(each, "metadata.deletionTimestamp", GONE) for each in records]
    assert set(judged(*leaving)) == {"Terminating"}


def evaluated(phase: EvaluationPhase | None) -> Manifest:
    """An Evaluation with the status that follows from its evaluator's last words, if there were any."""
    manifest = evaluation({"metadata.generation": 1})
    state: Manifest = {}
    if phase is not None:
        result = said(Evaluation.model_validate(manifest).spec, phase)
        state = {"terminated": {"exitCode": 0, "message": encode(result)}}
    pod: Manifest = {"status": {"containerStatuses": [{"name": "evaluator", "state": state}]}}
    job: Manifest = {
        "metadata": {"creationTimestamp": "2030-01-01T00:00:00Z"},
        "spec": {"activeDeadlineSeconds": 600},
    }
    found = next_status(Evaluation.model_validate(manifest), job, [pod], NOW)
    return {**manifest, "status": found.to_json()}
