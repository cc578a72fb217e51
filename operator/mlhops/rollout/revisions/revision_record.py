"""What a revision was, as its ControllerRevision keeps it."""

from typing import Literal, Self

from pydantic import JsonValue, model_validator

from mlhops.api.base import Fingerprint, Resource
from mlhops.api.card import Card
from mlhops.api.interface import Interface
from mlhops.api.predictor import Predictor
from mlhops.kserve.detector import Detector
from mlhops.kserve.form import EARLIER, Form
from mlhops.kserve.runtime import Naming
from mlhops.rollout.revisions.revision import SCALING, Served


class RevisionRecord(Resource):
    """All that the children of a revision are rendered from, so that they can be put right for as long as it serves.

    The detector is no part of the revision's digest, and a record without one is rendered without: an operator
    that brings another image, or is the first to bring one, restarts no model.
    """

    digest: Fingerprint | None = None
    """The sha256 of what is served; records of earlier operators have none."""
    version: str | None = None
    """The clinical version, with the digest."""
    mode: str = "Standard"
    predictor: Predictor
    interface: Interface | None = None
    """What the detector counts; records of earlier operators have none."""
    detector: Detector | None = None
    """What stands beside the model server, None where nothing does."""
    probed: Literal[True] | None = None
    """Whether kubelet and detector ask the model itself; records of earlier operators have none."""
    confined: Literal[True] | None = None
    """Whether its pods have a seccomp profile by default; records of earlier operators have none."""
    runtime: str | None = None
    """The runtime that was chosen where the spec names none; records of earlier operators have none."""
    naming: Naming | None = None
    """How its server is told the model's name; records of earlier operators have none."""
    card: dict[str, JsonValue] | None = None
    """The card with which it was put forward, which nothing is rendered from and a later edit does not change;
    records of earlier operators have none."""

    @classmethod
    def of(
        cls,
        served: Served,
        detector: Detector | None,
        form: Form = EARLIER,
        card: Card | None = None,
    ) -> Self:
        """Return the record of what is served, with this detector beside it, in this form, and what is told of it."""
        return cls(
            digest=served.digest,
            version=served.version,
            mode=served.mode,
            predictor=served.predictor,
            interface=served.interface,
            detector=detector,
            probed=True if form.probed else None,
            confined=True if form.confined else None,
            runtime=form.runtime,
            naming=form.naming,
            # As it was given, and not as a type: a card that a later version reads otherwise damages no record.
            card=card.given() if card is not None else None,
        )

    @property
    def form(self) -> Form:
        """What the operator adds by itself."""
        return Form(
            probed=self.probed is not None,
            confined=self.confined is not None,
            runtime=self.runtime,
            naming=self.naming,
        )

    def digest_as(self, revision: str, version: str | None) -> str | None:
        """Return the sha256 of what is recorded, None where the record is not what it says that it is.

        Args:
            revision: the name under which it is kept. That of a record without a digest is all that tells
                whether it is whole.
            version: the clinical version of that revision, as far as a status knows it.
        """
        version = self.version or version
        if self.interface is None or version is None:
            return None
        served = Served(version, self.predictor, self.interface, self.mode)
        whole = (
            served.first_name == revision if self.digest is None else served.digest == self.digest
        )
        return served.digest if whole else None

    def scaled_as(self, predictor: Predictor) -> Self:
        """Return the same revision with the replicas that a predictor asks for."""
        scaling = {name: getattr(predictor, name) for name in SCALING}
        return self.model_copy(update={"predictor": self.predictor.model_copy(update=scaling)})

    @model_validator(mode="after")
    def _countable(self) -> "RevisionRecord":
        if self.detector is not None and self.interface is None:
            raise ValueError("a detector needs the interface of its revision")
        return self
