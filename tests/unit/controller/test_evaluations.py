"""A verdict that cannot be written is told once, and the pass goes on."""

import asyncio
from datetime import UTC, datetime
from typing import cast

import orjson
import pytest

from mlhops.api.base import Manifest
from mlhops.api.evaluation import Evaluation, EvaluationPhase, EvaluationStatus
from mlhops.api.profile import StoredProfile
from mlhops.controller.cache.store import Store
from mlhops.controller.kube.client import ApiError, Client
from mlhops.controller.kube.events import Recorder
from mlhops.controller.reconcile.evaluations import Evaluations, event_of
from mlhops.controller.reconcile.profiles import Profiles
from mlhops.controller.resources import Kind
from mlhops.json_access import text
from mlhops.rollout.evaluation.evaluator_pod import EvaluatorImage
from testkit.builders import evaluation

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SUBJECT = Evaluation.model_validate(evaluation())
ODD = EvaluationStatus(phase=EvaluationPhase.SUCCESSFUL, message="fine", rows=10**30)


class Server:
    """Takes JSON, and refuses what an API server would with a status."""

    def __init__(self, refusal: int = 0) -> None:
        self.refusal = refusal
        self.written: list[Manifest] = []

    async def apply(self, kind: Kind, manifest: Manifest, subresource: str) -> Manifest:
        orjson.dumps(manifest)
        if self.refusal and text(manifest, "status", "phase") != "Error":
            raise ApiError(self.refusal, "Refused", "too much")
        self.written.append(manifest)
        return manifest


def kept(server: Server, status: EvaluationStatus) -> EvaluationStatus:
    subject = Evaluations(
        cast(Client, server),
        cast(Store, None),
        EvaluatorImage("evaluator"),
        cast(Profiles, None),
        cast(Recorder, None),
    )
    return asyncio.run(subject.keep(SUBJECT, status, NOW))


def test_a_verdict_that_is_no_json_is_an_error_and_is_written_once() -> None:
    server = Server()
    status = kept(server, ODD)
    assert (status.phase, status.rows) == (EvaluationPhase.ERROR, None)
    assert status.message.startswith("its verdict cannot be written: it is no JSON (")
    assert [text(each, "status", "phase") for each in server.written] == ["Error"]


@pytest.mark.parametrize("refusal", [400, 413, 422])
def test_a_verdict_that_the_api_server_never_takes_is_an_error(refusal: int) -> None:
    server = Server(refusal)
    status = kept(server, ODD.model_copy(update={"rows": 1}))
    assert status.phase is EvaluationPhase.ERROR
    assert "the API server refuses it (Refused)" in status.message
    assert len(server.written) == 1


@pytest.mark.parametrize("refusal", [403, 409, 500])
def test_a_verdict_that_may_be_taken_later_is_tried_again(refusal: int) -> None:
    with pytest.raises(ApiError):
        kept(Server(refusal), ODD.model_copy(update={"rows": 1}))


def test_a_verdict_that_is_taken_stays_as_it_is() -> None:
    fine = ODD.model_copy(update={"rows": 1})
    assert kept(Server(), fine) == fine


@pytest.mark.parametrize(
    ("phase", "told"), [(EvaluationPhase.ERROR, False), (EvaluationPhase.SUCCESSFUL, True)]
)
def test_a_profile_that_is_missing_is_told_where_the_verdict_does_not_say_why(
    phase: EvaluationPhase, told: bool
) -> None:
    profile = StoredProfile(error="the evaluator said nothing of a profile")
    found = event_of(SUBJECT, EvaluationStatus(phase=phase, profile=profile))
    assert (found is not None) is told
