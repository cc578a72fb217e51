"""What a revision was, as its ControllerRevision keeps it."""

from pydantic import model_validator

from mlhops.api.base import Resource
from mlhops.api.interface import Interface
from mlhops.api.predictor import Predictor
from mlhops.kserve.detector import Detector


class RevisionRecord(Resource):
    """All that the children of a revision are rendered from, so that they can be put right for as long as it serves.

    The detector is no part of the revision's hash, and a record without one is rendered without: an operator
    that brings another image, or is the first to bring one, restarts no model.
    """

    predictor: Predictor
    interface: Interface | None = None
    """What the detector counts; records of earlier operators have none."""
    detector: Detector | None = None
    """What stands beside the model server, None where nothing does."""

    @model_validator(mode="after")
    def _countable(self) -> "RevisionRecord":
        if self.detector is not None and self.interface is None:
            raise ValueError("a detector needs the interface of its revision")
        return self
