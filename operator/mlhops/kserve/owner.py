"""Whose an object is."""

from mlhops.api.base import Json, Manifest
from mlhops.kserve.drift import written_by_us
from mlhops.kserve.read import items


def owned(live: Manifest, uid: str) -> bool:
    """Whether an object is controlled by the object with that uid."""
    return uid in _controllers(live)


def is_ours(live: Manifest, uid: str) -> bool:
    """Whether the model with that uid controls the object; or nobody does, and the operator has made it.

    Somebody may have stripped the owner reference, and it is put back. What another controls, or what nobody
    has written as the operator, is somebody else's.
    """
    return owned(live, uid) if _controllers(live) else written_by_us(live)


def _controllers(live: Manifest) -> list[Json]:
    references = items(live, "metadata", "ownerReferences")
    return [one.get("uid") for one in references if one.get("controller") is True]
