"""Whose an object is."""

from mlhops.api.base import Manifest
from mlhops.json_access import at, items, text
from mlhops.kserve.manifest_diff import covers, written_by_us
from mlhops.kserve.names import MANAGED_BY, MODEL_LABEL, backend


def owned(live: Manifest, uid: str) -> bool:
    """Whether an object is controlled by the object with that uid."""
    return uid in controllers(live)


def is_ours(live: Manifest, uid: str) -> bool:
    """Whether the model with that uid controls the object; or nobody does, and the operator has made it.

    Somebody may have stripped the owner reference, and it is put back; or it came back from a backup, written by
    another's hand, with the labels that the operator gave it. What another controls, or what has neither, is
    somebody else's.
    """
    if controllers(live):
        return owned(live, uid)
    return written_by_us(live) or is_labelled(live)


def is_labelled(live: Manifest) -> bool:
    """Whether an object has the labels that the operator gives."""
    labels = at(live, "metadata", "labels")
    return covers(labels, dict(MANAGED_BY)) and text(labels, MODEL_LABEL) != ""


def controllers(live: Manifest) -> tuple[str, ...]:
    """Return the uids of those that control an object."""
    references = items(live, "metadata", "ownerReferences")
    return tuple(text(one, "uid") for one in references if one.get("controller") is True)


def is_of_service(pod: Manifest, service: str) -> bool:
    """Whether a pod was made for KServe's Deployment of an InferenceService, as far as the pod itself tells.

    A label is copied easily. An owner that is not there has the garbage collector remove the pod, and a
    ReplicaSet that is there lets go of a pod without its hash and scales away one with it; so no ReplicaSet
    is read, of which a cluster has as many as Deployments and more.
    """
    hash_ = text(pod, "metadata", "labels", "pod-template-hash")
    return hash_ != "" and any(
        one.get("controller") is True
        and text(one, "kind") == "ReplicaSet"
        and text(one, "apiVersion").startswith("apps/")
        and text(one, "name") == f"{backend(service)}-{hash_}"
        for one in items(pod, "metadata", "ownerReferences")
    )
