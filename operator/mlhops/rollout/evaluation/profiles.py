"""A revision's profile on its way from the evaluator's pod to a ConfigMap, and whether it may stay there.

It comes from a pod that read foreign data, so neither its size nor its content is trusted. What is kept is the
canonical text of what was understood; what the evaluator signed in its last words must be the hash of that.
"""

import json
from typing import cast

from pydantic import ValidationError

from mlhops.api.base import Json, Manifest
from mlhops.api.evaluation import FINISHED, Evaluation, EvaluationPhase, EvaluationStatus
from mlhops.api.model import ClinicalModel
from mlhops.api.profile import MOST_BYTES, WAIT_SECONDS, Profile, StoredProfile
from mlhops.api.status import Candidate, Serving
from mlhops.json_access import condition, text
from mlhops.kserve.content import content_hashes
from mlhops.kserve.names import (
    MANAGED_BY,
    MODEL_LABEL,
    PROFILE_DIGEST,
    PROFILE_EVALUATION,
    PROFILE_KEY,
    PROFILE_POD,
    REVISION_LABEL,
    owner_reference,
    profile_map,
)
from mlhops.kserve.owner import is_ours, owned
from mlhops.rollout.revisions.identity import is_about
from mlhops.rollout.revisions.revision import service_name

_NOT_SIGNED = "the profile that its evaluator handed over is not the one that it made"
_NOT_FETCHED = (
    f"the profile was not fetched in {WAIT_SECONDS} s: see that the operator runs, and that a "
    "NetworkPolicy lets it reach evaluators; Retry makes it again"
)
_UNTOLD = "the evaluator said nothing of a profile"


def name_of_map(evaluation: Evaluation) -> str:
    """Return the name of the ConfigMap for the profile that an Evaluation makes."""
    return profile_map(service_name(evaluation.spec.model, evaluation.spec.revision))


def handing_over(pods: list[Manifest]) -> Manifest | None:
    """Return the pod that hands a profile over: it is ready from then on, and was not before."""
    for pod in pods:
        ready = text(condition(pod, "Ready"), "status") == "True"
        if ready and text(pod, "status", "phase") == "Running" and text(pod, "status", "podIP"):
            return pod
    return None


def understood(body: bytes, evaluation: Evaluation) -> Profile:
    """Return the profile in what a pod answered.

    Raises:
        ValueError: it is no profile of the Evaluation's revision; the message says in what way.
    """
    if len(body) > MOST_BYTES:
        raise ValueError(f"the profile is larger than {MOST_BYTES:,} bytes")
    try:
        profile = Profile.model_validate(json.loads(body))
        size = len(profile.to_text().encode())
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ValueError(f"the profile is not valid at {where[:100] or 'its root'}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("the profile is not JSON that can be read") from error
    if size > MOST_BYTES:
        raise ValueError(f"the profile takes more than {MOST_BYTES:,} bytes")
    _refuse_another(profile, evaluation)
    return profile


def _refuse_another(profile: Profile, evaluation: Evaluation) -> None:
    spec = evaluation.spec
    if profile.revision != spec.revision:
        raise ValueError(f"the profile is not of revision {spec.revision}")
    wanted = [(feature.name, feature.type) for feature in spec.interface.features]
    if [(feature.name, feature.type) for feature in profile.features] != wanted:
        raise ValueError("the profile is not of the features of the interface, in their order")
    if profile.score is not None and profile.score.name != spec.interface.output.name:
        raise ValueError("the profile's score is not the output of the interface")
    if spec.data.digest is not None and profile.created_from != spec.data.digest:
        raise ValueError("the profile was not made of the data that evaluation.data.digest names")


def render(profile: Profile, evaluation: Evaluation, model: ClinicalModel, pod: str) -> Manifest:
    """Return the ConfigMap of a profile that the pod with this uid handed over."""
    meta = model.metadata
    body = profile.to_text()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name_of_map(evaluation),
            "namespace": meta.namespace,
            "labels": {
                **MANAGED_BY,
                MODEL_LABEL: meta.name,
                REVISION_LABEL: evaluation.spec.revision,
            },
            "annotations": {
                PROFILE_DIGEST: profile.digest(),
                PROFILE_EVALUATION: evaluation.metadata.name,
                PROFILE_POD: pod,
            },
            "ownerReferences": [cast(Json, owner_reference(meta.name, meta.uid))],
        },
        "immutable": True,
        "data": {PROFILE_KEY: body},
    }


def is_from(live: Manifest | None, pod: Manifest, model: ClinicalModel) -> bool:
    """Whether a ConfigMap holds what this pod has handed over."""
    if live is None or not is_ours(live, model.metadata.uid):
        return False
    uid = text(pod, "metadata", "uid")
    return text(live, "metadata", "annotations", PROFILE_POD) == uid


def trouble(status: EvaluationStatus, why: str) -> EvaluationStatus:
    """Return the status of an Evaluation that goes on, with what keeps its profile from being kept."""
    return status.model_copy(update={"profile": StoredProfile(error=why[:512])})


def settle(
    evaluation: Evaluation,
    status: EvaluationStatus,
    live: Manifest | None,
    model: ClinicalModel,
    pod: str,
) -> EvaluationStatus:
    """Return the status of an Evaluation that ends, once its profile was compared with what is kept.

    A verdict by an evaluator that hands over another profile than it signs is none. That there is no profile
    changes no verdict: the model serves, and monitoring says that it cannot tell.

    Args:
        evaluation: as it is.
        status: as its pod's last words have it.
        live: the ConfigMap as the API server has it now.
        model: the owner.
        pod: the uid of the pod that left the last words.
    """
    told = status.profile or StoredProfile()
    if told.digest is None:
        error = told.error or _UNTOLD
        return status.model_copy(update={"profile": StoredProfile(error=error)})
    kept = _digest(live) if live is not None and is_ours(live, model.metadata.uid) else ""
    if kept == told.digest:
        return status.model_copy(update={"profile": StoredProfile(digest=told.digest)})
    if kept and text(live, "metadata", "annotations", PROFILE_POD) == pod:
        lost = StoredProfile(digest=told.digest, error=_NOT_SIGNED)
        update = {"phase": EvaluationPhase.ERROR, "message": _NOT_SIGNED, "profile": lost}
        return status.model_copy(update=update)
    before = evaluation.status.profile
    error = (before.error if before is not None else None) or _NOT_FETCHED
    lost = StoredProfile(digest=told.digest, error=error)
    return status.model_copy(update={"profile": lost})


def is_refused(status: EvaluationStatus) -> bool:
    """Whether an Evaluation ended because of its profile."""
    return status.phase is EvaluationPhase.ERROR and status.message == _NOT_SIGNED


def has_none(status: EvaluationStatus) -> bool:
    """Whether an Evaluation has ended without a profile."""
    lost = status.profile is None or status.profile.error is not None
    return status.phase in FINISHED and lost


def is_left_over(evaluation: Evaluation, live: Manifest, model_uid: str) -> bool:
    """Whether a ConfigMap was written for an Evaluation that has ended without a profile."""
    if not has_none(evaluation.status) or not is_ours(live, model_uid):
        return False
    made_for = text(live, "metadata", "annotations", PROFILE_EVALUATION)
    return made_for == evaluation.metadata.name


def is_outdated(status: EvaluationStatus, live: Manifest | None, model_uid: str) -> bool:
    """Whether a ConfigMap holds an earlier profile than the one that an Evaluation, which ends, has made."""
    if live is None or status.profile is None or not is_ours(live, model_uid):
        return False
    return status.profile.digest is not None and _digest(live) != status.profile.digest


def is_signed(
    live: Manifest, record: Manifest | None, of: Serving | Candidate, model_uid: str
) -> bool | None:
    """Whether a ConfigMap holds the profile that a revision's Evaluation says its evaluator signed.

    None where the Evaluation has not ended. Who may write ConfigMaps may write neither an Evaluation's status nor
    one that a model controls.

    Args:
        live: the ConfigMap, which names the Evaluation.
        record: that Evaluation as the API server has it.
        of: the revision, as the model's status has it.
        model_uid: the model's.
    """
    if record is None or not owned(record, model_uid):
        return False
    evaluation = Evaluation.model_validate(record)
    spec = evaluation.spec
    if spec.revision != of.revision or not is_about(of.revision, of.digest, spec.digest):
        return False
    if evaluation.status.phase not in FINISHED:
        return None
    told = evaluation.status.profile or StoredProfile()
    return told.error is None and told.digest is not None and told.digest == _digest(live)


def _digest(live: Manifest) -> str:
    """Return the digest of the text that is there, whatever an annotation says."""
    found = content_hashes(live).get(PROFILE_KEY, "")
    return f"sha256:{found}" if found else ""
