"""Revisions are told apart by the digest of what they serve; a name is a name only."""

from collections.abc import Iterator
from typing import cast

import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.decision import Action
from mlhops.rollout.intents import EnsureEvaluation, EnsureService, Intent, SetTraffic
from mlhops.rollout.revisions import identity
from mlhops.rollout.revisions.revision import Asked, Served, name_of
from tests.unit.rollout.test_canary import TEN_AND_PAUSE, canary
from tests.unit.rollout.world import World

OTHER = "0" * 64


@pytest.fixture
def one_name(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every revision comes to have the same name."""
    monkeypatch.setattr(identity, "name_of", lambda _: "vfbrmmfjlf")
    yield
    monkeypatch.undo()


def stalled(world: World) -> tuple[str, str]:
    """Why the model is stalled."""
    for condition in world.status.conditions:
        if condition.type == "Stalled" and condition.status == "True":
            return condition.reason, condition.message
    return "", ""


def writes(world: World, *kinds: type[Intent]) -> list[object]:
    """What was written of these kinds."""
    return [item for item in world.writes if isinstance(item, kinds)]


def test_a_spec_that_comes_to_the_name_of_what_serves_is_refused_and_nothing_moves(
    one_name: None,
) -> None:
    world = World()
    world.deploy()
    stable = world.status.stable
    assert stable is not None
    world.writes.clear()

    world.edit({"spec.predictor.storageUri": "s3://attacker/unproven"})
    world.run()

    assert stalled(world)[0] == "RevisionClash"
    assert "change spec.version" in stalled(world)[1]
    assert world.status.stable == stable
    assert world.status.candidate is None
    assert world.shares() == {stable.inference_service: 100}
    assert writes(world, EnsureService, EnsureEvaluation, SetTraffic) == []


def test_a_clash_with_a_candidate_ends_when_that_candidate_is_gone(one_name: None) -> None:
    world = World()
    world.kserve_prompt = False
    world.run()
    first = world.candidate.digest
    world.edit({"spec.predictor.storageUri": "s3://models/sepsis/2"})
    world.run()
    assert world.candidate.digest != first
    assert world.candidate.desired_weight == 0
    assert [entry.outcome for entry in world.status.history] == ["Superseded"]


def test_what_serves_keeps_its_digest_in_status_proof_and_history() -> None:
    world, _, _ = canary(TEN_AND_PAUSE)
    world.run()
    digest = Served.of(world.model.spec).digest
    candidate, stable = world.candidate, world.status.stable
    assert stable is not None
    assert candidate.proof is not None
    assert stable.proof is not None
    assert candidate.digest == candidate.proof.digest == digest
    assert stable.digest == stable.proof.digest != digest
    assert world.status.history[-1].digest == stable.digest
    made = world.evaluations[candidate.evaluation or ""]
    assert cast(Manifest, made["spec"])["digest"] == digest


def test_a_proof_of_another_digest_gives_no_weight() -> None:
    world, _, new = canary(TEN_AND_PAUSE)
    world.run()
    assert world.shares()[new] == 10
    status = cast(Manifest, world.manifest["status"])
    candidate = cast(Manifest, status["candidate"])
    forged = {**cast(Manifest, candidate["proof"]), "digest": OTHER}
    changed: Manifest = {**status, "candidate": {**candidate, "digest": OTHER, "proof": forged}}
    world.manifest = {**world.manifest, "status": changed}
    world.version += 1
    world.reconcile()
    assert world.shares().get(new, 0) == 0


def test_an_evaluation_of_another_digest_proves_nothing() -> None:
    world, _, new = canary(TEN_AND_PAUSE)
    world.run()
    name = world.candidate.evaluation or ""
    made = world.evaluations[name]
    world.evaluations[name] = {**made, "spec": {**cast(Manifest, made["spec"]), "digest": OTHER}}
    world.reconcile()
    assert world.shares().get(new, 0) == 0
    assert world.candidate.proof is None


def test_an_evaluation_without_a_digest_proves_nothing_of_a_revision_that_has_one() -> None:
    world, _, new = canary(TEN_AND_PAUSE)
    world.run()
    name = world.candidate.evaluation or ""
    made = world.evaluations[name]
    spec = {k: v for k, v in cast(Manifest, made["spec"]).items() if k != "digest"}
    world.evaluations[name] = {**made, "spec": spec}
    world.reconcile()
    assert world.shares().get(new, 0) == 0


def test_the_previous_revision_serves_again_only_while_it_is_recorded() -> None:
    world = World()
    world.deploy()
    second = world.deploy("2.0.0")
    previous = world.status.previous
    assert previous is not None
    del world.revisions[previous.revision]
    world.release("1.0.0")
    world.run()
    assert world.status.stable is not None
    assert world.status.stable.revision == second
    assert world.candidate.version == "1.0.0"


# --- what an earlier operator left ----------------------------------------------------------------


def left_by_an_earlier_operator(monkeypatch: pytest.MonkeyPatch) -> World:
    """A canary at ten percent of which nothing has a digest, with the names and hashes of that time."""
    names: dict[str, str] = {}
    world = World(TEN_AND_PAUSE)

    def first_name(digest: str) -> str:
        names.setdefault(digest, Served.of(world.model.spec).first_name)
        return names[digest]

    with monkeypatch.context() as patched:
        patched.setattr(identity, "name_of", first_name)
        world.deploy()
        world.release("2.0.0")
        world.run()
        asked = Asked.of(world.model.spec)
        status = _aged(cast(Manifest, world.manifest["status"]), asked)
        world.evaluations = {
            k: cast(Manifest, _aged(v, asked)) for k, v in world.evaluations.items()
        }
    world.manifest = {**world.manifest, "status": status}
    world.version += 1
    world.writes.clear()
    return world


def _aged(value: Json, asked: Asked) -> Json:
    if isinstance(value, dict):
        return {
            key: asked.first_hash if inner == asked.digest else _aged(inner, asked)
            for key, inner in value.items()
            if key != "digest"
        }
    return [_aged(inner, asked) for inner in value] if isinstance(value, list) else value


def test_a_rollout_of_an_earlier_operator_goes_on_where_it_stood(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = left_by_an_earlier_operator(monkeypatch)
    shares, revision = world.shares(), world.candidate.revision
    world.run()

    assert writes(world, EnsureService, EnsureEvaluation, SetTraffic) == []
    assert world.shares() == shares
    assert world.candidate.attempt == 1
    assert world.candidate.digest == Served.of(world.model.spec).digest
    assert world.candidate.revision == revision != name_of(world.candidate.digest)
    world.decide(Action.RESUME)
    world.run()
    assert world.status.stable is not None
    assert world.status.stable.revision == revision
    assert world.status.phase == "Healthy"


def test_a_revision_of_an_earlier_operator_without_its_record_is_not_what_a_spec_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = left_by_an_earlier_operator(monkeypatch)
    del world.revisions[world.candidate.revision]
    old = world.candidate.revision
    world.run()
    assert world.candidate.revision != old
    assert world.candidate.desired_weight in (0, 10), "it begins anew, through the gates"
    assert world.candidate.created_at >= world.now.replace(microsecond=0)
