"""What becomes of events, counted by names of which there are only so many."""

from bisect import bisect_left
from collections import Counter
from enum import StrEnum
from typing import get_args

from mlhops.api.interface import Encoding


class RequestOutcome(StrEnum):
    """What became of one event: each event has exactly one of these."""

    ROWS = "rows"
    """A request whose rows were counted."""
    SCORES = "scores"
    """A response whose scores were counted."""
    EMPTY = "empty"
    """No body or no rows: the model server was asked for its state, not for a prediction."""
    NOT_A_PREDICTION = "notAPrediction"
    """JSON without rows or scores, such as a model's metadata."""
    WRONG_FEATURES = "wrongFeatures"
    """Rows that have another width, or other names, than the model's features."""
    WRONG_OUTPUT = "wrongOutput"
    """Not one score per row, or several outputs of which none has the declared name."""
    UNCLEAR_CLASS = "unclearClass"
    """Two columns, and neither `output.classes` nor the profile says which is the score."""
    BAD_TENSOR = "badTensor"
    """Data that do not fit their own shape, type or length."""
    NOT_JSON = "notJson"
    BAD_GZIP = "badGzip"
    INFLATED_TOO_LARGE = "inflatedTooLarge"
    """Compressed data that are larger than an event may be."""
    OVERSIZED = "oversized"
    """A body larger than an event may be; the rest of it was not read."""
    TOO_MANY_ROWS = "tooManyRows"
    """Rows that would take far more memory than their body, since they leave most features out."""
    CUT_OFF = "cutOff"
    """A body that never came whole, or not in time."""
    SHED = "shed"
    """Let go because too many events were waiting."""
    EVALUATION = "evaluation"
    """A request of an evaluator, or the answer to it: about no patient."""
    NOT_AN_EVENT = "notAnEvent"
    """Without the header Ce-Type of KServe's logger."""
    NOT_CONFIGURED = "notConfigured"
    """An event that came before there was a configuration to decode it by."""
    FAILED = "failed"
    """A fault of the detector itself while it read or decoded."""


class Note(StrEnum):
    """What was odd about an event; one event may have several, or none."""

    GZIP = "gzip"
    FORM_CONTENT_TYPE = "formContentType"
    """Declared as a form, as curl does, whatever the body is."""
    BINARY = "binary"
    """Tensors in the binary extension of the v2 protocol."""
    BINARY_WITHOUT_LENGTH = "binaryWithoutLength"
    """Binary tensors without the header that tells where they begin."""
    NOT_A_NUMBER = "notANumber"
    """The words NaN or Infinity, which JSON does not have."""
    NO_ID = "noId"
    """Without a usable Ce-Id: never joined."""
    REPEATED_ID = "repeatedId"
    """A second request, or a second response, of the same Ce-Id while the first waited."""
    MISSING_FEATURE = "missingFeature"
    """A feature that the request does not mention, so that it is missing in all its rows."""
    UNKNOWN_FEATURE = "unknownFeature"
    """A name in the request that is no feature."""
    OTHER_ORDER = "otherOrder"
    """Features in another order than the interface's: what a model that goes by order reads wrongly."""
    JOINED = "joined"
    """A response whose request was known, or a request whose response was."""
    UNANSWERED = "unanswered"
    """A request without a response in time: it was refused, or its event was lost."""
    ORPHANED = "orphaned"
    """A response without a request in time."""
    EVICTED = "evicted"
    """Gave its place up while it waited for its other half."""
    REFUSED_CONNECTION = "refusedConnection"
    """A connection beyond the bound."""
    CLOSED_IDLE = "closedIdle"
    """An idle connection that gave its place to a new one."""
    CLOCK_JUMP = "clockJump"
    """The wall clock was set. Counts do not depend on it."""
    FAULT = "fault"
    """A fault of the detector itself while it counted; its place is in the log."""
    REFUSED_CONFIG = "refusedConfig"
    REFUSED_PROFILE = "refusedProfile"


ASKED = tuple((protocol, each) for protocol in ("v1", "v2") for each in get_args(Encoding))
"""Protocols and encodings in which rows can be asked about."""
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Latency:
    """How long the model server took, from the times of joined requests and responses."""

    def __init__(self) -> None:
        self.bounds = _SECONDS
        self.counts = [0] * (len(_SECONDS) + 1)
        """How many took at most as long as each bound, and longer than the one before; the last
        ones took longer than all."""
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one answer."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


class Counters:
    """Counts since the start of the process."""

    def __init__(self) -> None:
        self.received = 0
        """Events that arrived at the sink."""
        self.outcomes: Counter[RequestOutcome] = Counter()
        self.notes: Counter[Note] = Counter()
        self.asked: Counter[tuple[str, str]] = Counter()
        """Rows of decoded requests, by protocol and encoding."""
        self.rows = 0
        """Rows of all decoded requests."""
        self.scores = 0
        """Scores of all decoded responses."""
        self.latency = Latency()

    def flat(self) -> dict[str, int]:
        """Return all counts by one name each; those of every outcome and note are there."""
        return {
            "received": self.received,
            "rows": self.rows,
            "scores": self.scores,
            **{f"outcome.{each}": self.outcomes[each] for each in RequestOutcome},
            **{f"note.{each}": self.notes[each] for each in Note},
            **{f"asked.{'.'.join(each)}": self.asked[each] for each in ASKED},
            **{
                f"latency.{bound}": count
                for bound, count in zip(
                    (*map(str, self.latency.bounds), "inf"), self.latency.counts, strict=True
                )
            },
        }
