"""Whose an object is."""

from mlhops.api.base import Manifest
from mlhops.kserve.drift import written_by_us
from mlhops.kserve.read import items


def is_ours(live: Manifest, uid: str) -> bool:
    """Whether the model with that uid controls the object; or nobody does, and the operator has made it.

    Somebody may have stripped the owner reference, and it is put back. What another controls, or what nobody
    has written as the operator, is somebody else's.
    """
    references = items(live, "metadata", "ownerReferences")
    controllers = [one.get("uid") for one in references if one.get("controller") is True]
    return uid in controllers if controllers else written_by_us(live)
