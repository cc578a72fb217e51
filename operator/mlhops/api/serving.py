"""How a model answers its callers: what the sidecar beside a model server counts of live requests, and tells.

Counts add up over pods. A request counts once: when it was answered, or when it was given up.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from mlhops.api.base import Resource, Time
from mlhops.api.summary import TIMES

ANSWER_SECONDS = 10.0
"""A request without an answer for so long counts as unanswered; a later answer changes nothing in that."""
FAILURE_LIMIT = 0.05
"""The share of its requests that a model may fail before it is said to, where nobody says otherwise."""
LONGEST_WAIT = 60.0
"""For so many seconds the sidecar holds a question at most where nothing is news."""


class FailureReason(StrEnum):
    """Why a request failed."""

    UNANSWERED = "unanswered"
    """The request was as the interface says, and had no answer in time: refused, failed or lost."""
    WRONG_ANSWER = "wrongAnswer"
    """The answer is not one score per row, or cannot be read."""
    NOT_A_NUMBER = "notANumber"
    """The answer has a score that is missing or not finite."""
    WRONG_FEATURES = "wrongFeatures"
    """The request has other features than the interface, and no answer."""
    UNREADABLE = "unreadable"
    """The request is no request for a prediction that can be read, and has no answer."""


OF_MODEL = frozenset(
    {FailureReason.UNANSWERED, FailureReason.WRONG_ANSWER, FailureReason.NOT_A_NUMBER}
)
"""Failures of requests that were asked as the interface says; the others are the callers' own."""


class ServingCounts(Resource):
    """Counts of the requests of some span of time; an evaluator's are not among them."""

    seconds: NonNegativeFloat = 0.0
    """How long the span is, as far as the sidecar was there."""
    answered: NonNegativeInt = 0
    """Requests with an answer that can be used."""
    failures: Annotated[Mapping[FailureReason, NonNegativeInt], Field(max_length=16)] = {}
    """Requests that failed, by the reason."""
    times: Annotated[list[NonNegativeInt], Field(max_length=len(TIMES) + 1)] = []
    """Answers by how long they took: at most as long as each of `summary.TIMES`, the last ones longer;
    empty for none."""

    @property
    def failed(self) -> int:
        """Requests that failed."""
        return sum(self.failures.values())

    @property
    def failed_by_model(self) -> int:
        """Requests that failed although they were asked as the interface says."""
        return sum(count for reason, count in self.failures.items() if reason in OF_MODEL)

    @property
    def requests(self) -> int:
        """Requests of which it is known what became of them."""
        return self.answered + self.failed


class ProbeReport(Resource):
    """What the model server answers to the sidecar's synthetic row, which is nobody's."""

    state: Literal["Answers", "Fails", "Unknown"] = "Unknown"
    """Fails: the model is not loaded or does not answer, or it does not answer any more what it did.
    Unknown: not asked yet, or the row was never answered although the model is loaded."""
    reason: Annotated[str, Field(max_length=63)] = ""
    """Why, in one word: `notReady`, `timeout`, `refused`, `status`, `wrongAnswer` or `notANumber`."""
    message: Annotated[str, Field(max_length=256)] = ""
    """Why, in the sidecar's own words; nothing of what the model server said."""
    since: Time | None = None
    """Since when it is in this state."""

    @property
    def answers(self) -> bool | None:
        """Whether the model answers the row, None where that is not known."""
        return {"Answers": True, "Fails": False}.get(self.state)


class ServingReport(Resource):
    """What the sidecar in a model's pod answers to GET /serving."""

    version: str
    """The sidecar's."""
    revision: str = ""
    instance: str
    """Another one for each start of the process, since counts begin at nothing then."""
    started_at: Time
    tag: Annotated[str, Field(max_length=64)] = ""
    """Another one where something is news: asked with the tag that it knows, a client hears at once of news
    and else after the time that it waits."""
    minute: ServingCounts
    """The last minute."""
    hour: ServingCounts
    """The last hour."""
    asked: ServingCounts | None = None
    """The last `within` seconds, where the question names them: whole buckets, never more than was asked."""
    quiet_seconds: NonNegativeFloat | None = None
    """For how long there was no request; None where there was none yet."""
    probe: ProbeReport = ProbeReport()


def add_counts(counts: Iterable[ServingCounts]) -> ServingCounts:
    """Return what was counted in all together.

    Raises:
        ValueError: times are of different shape.
    """
    found = list(counts)
    failures: dict[FailureReason, int] = {}
    times: list[int] = []
    for each in found:
        for reason, count in each.failures.items():
            failures[reason] = failures.get(reason, 0) + count
        if each.times:
            times = [a + b for a, b in zip(times or [0] * len(each.times), each.times, strict=True)]
    return ServingCounts(
        seconds=max((each.seconds for each in found), default=0.0),
        answered=sum(each.answered for each in found),
        failures=failures,
        times=times,
    )
