"""The profile of a revision, from the held-out data and the served model to the ConfigMap for sidecars."""

from datetime import timedelta

from mlhops.api.evaluation import Evaluation
from mlhops.api.profile import Profile
from mlhops.controller.resources import CONFIG_MAPS, EVALUATIONS, JOBS
from mlhops.json_access import at, condition, text
from testkit.api import until
from testkit.ward import Ward


def test_a_watched_model_serves_with_the_profile_that_its_evaluator_made(ward: Ward) -> None:
    model = ward.serve("1.0.0", monitoring={"policyRef": {"name": "ward"}})
    serving = model.status.stable
    assert serving is not None

    live = ward.api.get(CONFIG_MAPS, ward.namespace, f"{serving.inference_service}-profile")
    profile = Profile.model_validate_json(text(live, "data", "profile.json"))
    (one,) = map(Evaluation.model_validate, ward.api.list(EVALUATIONS, ward.namespace))
    told = one.status.profile
    assert told is not None
    assert (told.digest, told.error) == (profile.digest(), None)
    assert profile.revision == serving.revision
    assert profile.created_from == one.status.data_digest
    assert profile.rows == one.status.rows
    names = [feature.name for feature in model.spec.interface.features]
    assert [feature.name for feature in profile.features] == names
    assert profile.score is not None
    assert profile.score.rows == profile.rows

    def complete() -> bool:
        job = ward.api.get(JOBS, ward.namespace, one.metadata.name)
        return text(condition(job or {}, "Complete"), "status") == "True"

    until("the end of the Job", complete)
    assert one.status.started_at is not None
    assert one.status.finished_at is not None
    # It was told that the profile is kept, and did not wait out its two minutes.
    assert one.status.finished_at - one.status.started_at < timedelta(seconds=60)
    assert at(live, "immutable") is True
