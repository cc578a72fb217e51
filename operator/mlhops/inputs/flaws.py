"""Why a body cannot be read."""

from enum import StrEnum


class Flaw(StrEnum):
    """What is wrong with a request or an answer."""

    NOT_A_PREDICTION = "notAPrediction"
    """JSON without rows or scores."""
    WRONG_FEATURES = "wrongFeatures"
    """Rows that have another width, or other names, than the model's features."""
    TOO_MANY_ROWS = "tooManyRows"
    """Rows that would take far more memory than their body, since they leave most features out."""
    BAD_TENSOR = "badTensor"
    """Data that do not fit their own shape, type or length."""
    NO_PREDICTIONS = "noPredictions"
    """A v1 answer without a list."""
    RAGGED = "ragged"
    """Rows of different lengths in an answer."""
    WHICH_OUTPUT = "whichOutput"
    """Several outputs, or none, and not one of the declared name."""
    WRONG_WIDTH = "wrongWidth"
    """Neither one value for each row nor one for each class."""
    UNCLEAR_CLASS = "unclearClass"
    """Two columns, and nobody says which is the score."""


class FlawedError(Exception):
    """A body that cannot be read; it never carries what was in the body."""

    def __init__(self, flaw: Flaw) -> None:
        """Take what is wrong."""
        super().__init__(flaw.value)
        self.flaw = flaw
