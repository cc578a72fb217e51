"""Which revision a spec asks for, and the digests of revisions of which earlier operators left only the names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from mlhops.api.model import ClinicalModelSpec
from mlhops.api.status import Candidate, ClinicalModelStatus, Proof, Serving
from mlhops.rollout.revisions.revision import Asked, Served, name_of

R = TypeVar("R", Serving, Candidate)


@dataclass(frozen=True)
class Target:
    """The revision that a spec asks for."""

    digest: str
    """The sha256 of what it serves."""
    name: str
    """The name that it has, or will have."""
    clash: bool
    """Whether something else has that name."""


def target_of(
    spec: ClinicalModelSpec, status: ClinicalModelStatus, recorded: Mapping[str, str]
) -> Target:
    """Return the revision that a spec asks for.

    Args:
        spec: of the model.
        status: of the model, which names the revisions in use.
        recorded: the digest of each revision that is recorded, by its name; empty where nobody knows it.
    """
    digest = Served.of(spec).digest
    in_use = (status.stable, status.candidate, status.previous)
    known = dict(recorded)
    known |= {of.revision: _digest(of, recorded) or "" for of in in_use if of is not None}
    name = next((name for name, its in known.items() if its == digest), name_of(digest))
    return Target(digest, name, known.get(name, digest) != digest)


def adopted(of: R, recorded: Mapping[str, str]) -> R:
    """Return a revision with its digest; what an earlier operator noted without one has that of its record."""
    if of.digest is None:
        of = of.model_copy(update={"digest": _digest(of, recorded)})
    if of.proof is not None and of.proof.digest is None and is_earlier(of.revision, of.digest):
        of = of.model_copy(update={"proof": of.proof.model_copy(update={"digest": of.digest})})
    return of


def _digest(of: Serving | Candidate, recorded: Mapping[str, str]) -> str | None:
    return of.digest or recorded.get(of.revision) or None


def is_earlier(revision: str, digest: str | None) -> bool:
    """Whether a revision has its name from an earlier operator, so that not all that names it has its digest."""
    return digest is None or revision != name_of(digest)


def renewed(proof: Proof | None, asked: Asked) -> Proof | None:
    """Return a proof with the hash of the gates as it is made now, where it was made for the same gates."""
    if proof is None or proof.gates_hash == asked.digest or proof.gates_hash != asked.first_hash:
        return proof
    return proof.model_copy(update={"gates_hash": asked.digest})


def is_about(revision: str, digest: str | None, told: str | None) -> bool:
    """Whether what names a revision means what that revision is.

    What earlier operators made names no digest, and neither do the names of their revisions come from one.

    Args:
        revision: its name.
        digest: its sha256, as the status has it.
        told: the sha256 of which the other object tells.
    """
    return is_earlier(revision, digest) if told is None else told == digest
