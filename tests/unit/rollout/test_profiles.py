"""Which profile may stay, and what the verdict comes to where it may not."""

from typing import cast

import numpy as np
import pytest

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import Evaluation, EvaluationPhase, EvaluationStatus
from mlhops.api.model import ClinicalModel
from mlhops.api.profile import MOST_BYTES, Profile, StoredProfile
from mlhops.kserve.content import without_content
from mlhops.rollout.evaluation import profiles
from testkit.builders import clinical_model, evaluation, with_path
from testkit.evaluator_pod import profile_of, text_of

MODEL = ClinicalModel.model_validate(clinical_model({"metadata.uid": "uid-model"}))
ASKED = evaluation({"spec.profile": True, "metadata.uid": "uid-eval"})
ASKING = Evaluation.model_validate(ASKED)
MADE = profile_of(cast(Manifest, ASKED["spec"]))
OTHER = profile_of(cast(Manifest, ASKED["spec"]), seed=1)
SIGNED = StoredProfile(digest=MADE.digest())


def stored(profile: Profile = MADE, pod: str = "pod-1", *, heard: bool = False) -> Manifest:
    live = profiles.render(profile, ASKING, MODEL, pod)
    return without_content(live) if heard else live


def settled(
    live: Manifest | None,
    told: StoredProfile | None = SIGNED,
    pod: str = "pod-1",
    before: StoredProfile | None = None,
) -> EvaluationStatus:
    subject = ASKING.model_copy(update={"status": EvaluationStatus(profile=before)})
    words = EvaluationStatus(phase=EvaluationPhase.SUCCESSFUL, message="fine", profile=told)
    return profiles.settle(subject, words, live, MODEL, pod)


@pytest.mark.parametrize("heard", [False, True])
def test_a_profile_that_is_as_it_was_signed_stays(heard: bool) -> None:
    status = settled(stored(heard=heard))
    assert (status.phase, status.profile) == (EvaluationPhase.SUCCESSFUL, SIGNED)
    assert not profiles.has_none(status)
    assert not profiles.is_outdated(status, stored(heard=heard), "uid-model")


def test_an_annotation_is_not_believed() -> None:
    live = stored(OTHER)
    metadata = cast("dict[str, Manifest]", live["metadata"])
    metadata["annotations"]["mlhops.io/profile-digest"] = MADE.digest()
    assert settled(live).phase is EvaluationPhase.ERROR


def test_another_than_the_same_pod_signed_makes_the_verdict_an_error() -> None:
    status = settled(stored(OTHER))
    assert profiles.is_refused(status)
    assert status.profile is not None
    assert status.profile.digest == MADE.digest()
    ended = ASKING.model_copy(update={"status": status})
    assert profiles.is_left_over(ended, stored(OTHER, heard=True), "uid-model")


def test_what_an_earlier_pod_handed_over_is_no_lie_of_the_one_that_ended() -> None:
    status = settled(stored(OTHER, "pod-0"))
    assert status.phase is EvaluationPhase.SUCCESSFUL
    assert profiles.has_none(status)
    assert profiles.is_outdated(status, stored(OTHER, "pod-0"), "uid-model")


@pytest.mark.parametrize(
    ("told", "before", "words"),
    [
        (SIGNED, None, "was not fetched in 120 s"),
        (SIGNED, StoredProfile(error="it answered with HTTP 500"), "HTTP 500"),
        (StoredProfile(error="no profile was made: too wide"), None, "too wide"),
        (None, None, "said nothing of a profile"),
    ],
)
def test_a_missing_profile_says_why_and_changes_no_verdict(
    told: StoredProfile | None, before: StoredProfile | None, words: str
) -> None:
    status = settled(None, told, before=before)
    assert status.phase is EvaluationPhase.SUCCESSFUL
    assert status.profile is not None
    assert words in (status.profile.error or "")


def test_somebody_elses_configmap_is_neither_taken_for_ours_nor_deleted() -> None:
    owners = "metadata.ownerReferences"
    other: list[Json] = [{"uid": "uid-other", "controller": True}]
    live = with_path(stored(), owners, other)
    status = settled(live)
    assert profiles.has_none(status)
    ended = ASKING.model_copy(update={"status": status})
    assert not profiles.is_left_over(ended, live, "uid-model")
    assert not profiles.is_outdated(status, live, "uid-model")


def test_a_profile_of_a_later_attempt_is_not_left_over_from_an_earlier_one() -> None:
    ended = ASKING.model_copy(update={"status": settled(None)})
    later = evaluation({"spec.profile": True}, name="sepsis-2")
    live = profiles.render(OTHER, Evaluation.model_validate(later), MODEL, "pod-9")
    assert not profiles.is_left_over(ended, live, "uid-model")


def test_only_a_pod_that_is_ready_and_has_an_address_hands_over() -> None:
    ready: list[Json] = [{"type": "Ready", "status": "True"}]
    pod: Manifest = {"status": {"phase": "Running", "podIP": "127.0.0.9", "conditions": ready}}
    assert profiles.handing_over([pod]) == pod
    for path, value in (("phase", "Succeeded"), ("podIP", ""), ("conditions", [])):
        assert profiles.handing_over([with_path(pod, f"status.{path}", value)]) is None


def test_what_was_understood_has_the_digest_that_was_signed() -> None:
    assert profiles.understood(text_of(MADE), ASKING).digest() == MADE.digest()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"null", "not valid at its root"),
        (b'{"rows": NaN}', "not valid at"),
        (b"1" * 5000, "not JSON"),
        (b" " * (MOST_BYTES + 1), "larger than"),
        (text_of(MADE, revision="another"), "not of revision"),
        (text_of(MADE, joint=None, features=[MADE.features[-1].to_json()]), "not of the features"),
        (text_of(MADE, score=MADE.features[0].to_json()), "not the output"),
    ],
)
def test_what_is_none_of_this_revision_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        profiles.understood(body, ASKING)


def test_numbers_that_no_json_has_are_refused() -> None:
    text = MADE.to_text().replace(str(MADE.features[0].centres[0]), "Infinity", 1)
    assert np.isfinite(MADE.features[0].centres[0])
    with pytest.raises(ValueError, match="the profile is not valid at features"):
        profiles.understood(text.encode(), ASKING)


def test_a_profile_of_other_data_than_were_named_is_refused() -> None:
    subject = Evaluation.model_validate(
        evaluation({"spec.profile": True, "spec.data.digest": "sha256:" + "0" * 64})
    )
    with pytest.raises(ValueError, match=r"evaluation\.data\.digest"):
        profiles.understood(text_of(MADE), subject)
