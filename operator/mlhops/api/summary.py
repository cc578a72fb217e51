"""What a model's pods have seen in a span of time: counts that add up, and no rows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, model_validator

from mlhops.api.base import Resource, Time
from mlhops.api.engine import ENGINE_KEY, EngineReport
from mlhops.api.interface import Encoding, Protocol
from mlhops.api.profile import Profile


class FeatureSummary(Resource):
    """Counts of one feature's values, or of the scores.

    Each row is in one bin, missing or a type error.
    """

    counts: Annotated[list[NonNegativeInt], Field(max_length=257)]
    """Rows in each bin of the profile."""
    missing: NonNegativeInt = 0
    """Rows without a value."""
    type_errors: NonNegativeInt = 0
    """Rows with something else than a finite number, or than a category."""
    out_of_range: NonNegativeInt = 0
    """Among the rows in bins: numbers outside the interface's range."""
    unseen: NonNegativeInt = 0
    """Among the rows in bins: categories that the profile does not know."""

    @property
    def rows(self) -> int:
        """Rows in bins."""
        return sum(self.counts)

    @property
    def seen(self) -> int:
        """Rows of any kind."""
        return self.rows + self.missing + self.type_errors


class JointSummary(Resource):
    """Sums of the joint sketch's cosines and sines, in whole units (`profile.UNIT`)."""

    n: NonNegativeInt = 0
    sum: Annotated[list[int], Field(max_length=512)]


TIMES: tuple[float, ...] = tuple(0.001 * 2 ** (i / 4) for i in range(65))
"""What parts the bins of answer times, in seconds: from 1 ms to 66 s, each a fifth more."""


class AnswerSummary(Resource):
    """What became of requests, of any kind: whether and how fast they were answered."""

    answered: NonNegativeInt = 0
    """Requests whose response was seen."""
    unanswered: NonNegativeInt = 0
    """Requests whose response has not come in time: refused, failed, or lost on the way."""
    times: Annotated[list[NonNegativeInt], Field(max_length=len(TIMES) + 1)]
    """Answers by how long they took: at most as long as each of `TIMES`, the last ones longer."""
    microseconds: NonNegativeInt = 0
    """All these answers took together; in whole numbers, so that sums are exact."""

    @property
    def timed(self) -> int:
        """Answers of which it is known how long they took."""
        return sum(self.times)

    @property
    def requests(self) -> int:
        """Requests of which it is known what became of them."""
        return self.answered + self.unanswered


class RequestSummary(Resource):
    """How callers asked about the rows; every count is of rows."""

    protocols: Mapping[Protocol, NonNegativeInt] = {}
    encodings: Mapping[Encoding, NonNegativeInt] = {}
    reordered: NonNegativeInt = 0
    """With named features in another order than the interface's."""
    misnamed: NonNegativeInt = 0
    """With a name that is no feature, or without one that is."""
    kinds: Annotated[
        list[Annotated[list[NonNegativeInt], Field(max_length=3)]], Field(max_length=512)
    ]
    """Of each feature: values of each of `profile.KINDS`."""

    @property
    def rows(self) -> int:
        """Rows of which it is known how they were asked about."""
        return sum(self.protocols.values())


class Summary(Resource):
    """What was seen from `start` until `end`, against one profile."""

    start: Time
    end: Time
    rows: NonNegativeInt = 0
    """Rows of requests."""
    features: Annotated[list[FeatureSummary], Field(max_length=512)] = []
    """In the order of the profile's features; none before there is a profile."""
    score: FeatureSummary | None = None
    joint: JointSummary | None = None
    answers: AnswerSummary | None = None
    """None from a detector that does not tell."""
    requests: RequestSummary | None = None
    """None from a detector that does not tell."""
    profile_digest: Annotated[str, Field(max_length=71)] = ""
    """The profile that the bins are of; empty before there is one."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.start > self.end:
            raise ValueError("start must not be after end")
        if any(feature.seen != self.rows for feature in self.features):
            raise ValueError("each feature must account for every row")
        return self

    def refuse_unless_of(self, profile: Profile, digest: str) -> None:
        """Raise an error unless the summary has the profile's shape.

        Args:
            profile: what it should be of.
            digest: the profile's.

        Raises:
            ValueError: it is of another profile, or damaged.
        """
        if self.profile_digest != digest:
            raise ValueError("the summary is of another profile")
        theirs = [len(feature.counts) for feature in self.features]
        if theirs != [len(feature.counts) for feature in profile.features]:
            raise ValueError("the summary's features are not those of its profile")
        if _bins(self.score) != (len(profile.score.counts) if profile.score else 0):
            raise ValueError("the summary's score is not that of its profile")
        if _sums(self.joint) != (2 * profile.joint.frequencies if profile.joint else 0):
            raise ValueError("the summary's joint sketch is not that of its profile")
        if self.requests is not None and len(self.requests.kinds) != len(profile.features):
            raise ValueError("the summary's requests are not of the features of its profile")


class DetectorReport(Resource):
    """What the drift detector in a model's pod answers to GET /report."""

    version: str
    """The detector's."""
    revision: str
    instance: str
    """Another one for each start of the process, since counts begin at nothing then."""
    started_at: Time
    profile_digest: Annotated[str, Field(max_length=71)] = ""
    """The profile in use; empty before there is one."""
    windows: Annotated[Mapping[str, Summary], Field(max_length=32)] = {}
    """By the window's name in the configuration."""
    counters: Annotated[Mapping[str, NonNegativeInt], Field(max_length=256)] = {}
    engine: Annotated[EngineReport | None, Field(alias=ENGINE_KEY)] = None
    """None where no engine is asked."""


def merge(first: Summary, second: Summary) -> Summary:
    """Return what two summaries have seen together.

    Raises:
        ValueError: they are of different profiles, or of different shape.
    """
    if first.profile_digest != second.profile_digest:
        raise ValueError("summaries of different profiles cannot be merged")
    if len(first.features) != len(second.features):
        raise ValueError("summaries of different features cannot be merged")
    return Summary(
        start=min(first.start, second.start),
        end=max(first.end, second.end),
        rows=first.rows + second.rows,
        features=[_add(a, b) for a, b in zip(first.features, second.features, strict=True)],
        score=_both(first.score, second.score),
        joint=_joint(first.joint, second.joint),
        answers=_answers(first.answers, second.answers),
        requests=_requests(first.requests, second.requests),
        profile_digest=first.profile_digest,
    )


def merge_all(summaries: Iterable[Summary]) -> Summary | None:
    """Return what all summaries have seen together; None for none.

    Raises:
        ValueError: they are of different profiles, or of different shape.
    """
    found = list(summaries)
    return reduce(merge, found) if found else None


def merge_answers(summaries: Iterable[AnswerSummary]) -> AnswerSummary | None:
    """Return what became of all requests together; None for none.

    Raises:
        ValueError: they are of different shape.
    """
    found = list(summaries)
    return reduce(_add_answers, found) if found else None


def _add(a: FeatureSummary, b: FeatureSummary) -> FeatureSummary:
    if len(a.counts) != len(b.counts):
        raise ValueError("summaries of different bins cannot be merged")
    return FeatureSummary(
        counts=[x + y for x, y in zip(a.counts, b.counts, strict=True)],
        missing=a.missing + b.missing,
        type_errors=a.type_errors + b.type_errors,
        out_of_range=a.out_of_range + b.out_of_range,
        unseen=a.unseen + b.unseen,
    )


def _both(a: FeatureSummary | None, b: FeatureSummary | None) -> FeatureSummary | None:
    if a is None or b is None:
        if a is not b:
            raise ValueError("a summary with scores and one without cannot be merged")
        return None
    return _add(a, b)


def _joint(a: JointSummary | None, b: JointSummary | None) -> JointSummary | None:
    if a is None or b is None:
        if a is not b:
            raise ValueError("a summary with a joint sketch and one without cannot be merged")
        return None
    if len(a.sum) != len(b.sum):
        raise ValueError("summaries of different frequencies cannot be merged")
    return JointSummary(n=a.n + b.n, sum=[x + y for x, y in zip(a.sum, b.sum, strict=True)])


def _answers(a: AnswerSummary | None, b: AnswerSummary | None) -> AnswerSummary | None:
    # What is not told of one is not known of both.
    return None if a is None or b is None else _add_answers(a, b)


def _add_answers(a: AnswerSummary, b: AnswerSummary) -> AnswerSummary:
    if len(a.times) != len(b.times):
        raise ValueError("summaries of different answer times cannot be merged")
    return AnswerSummary(
        answered=a.answered + b.answered,
        unanswered=a.unanswered + b.unanswered,
        times=[x + y for x, y in zip(a.times, b.times, strict=True)],
        microseconds=a.microseconds + b.microseconds,
    )


def _requests(a: RequestSummary | None, b: RequestSummary | None) -> RequestSummary | None:
    if a is None or b is None:
        return None
    if [len(each) for each in a.kinds] != [len(each) for each in b.kinds]:
        raise ValueError("summaries of different features cannot be merged")
    return RequestSummary(
        protocols=dict(Counter(a.protocols) + Counter(b.protocols)),
        encodings=dict(Counter(a.encodings) + Counter(b.encodings)),
        reordered=a.reordered + b.reordered,
        misnamed=a.misnamed + b.misnamed,
        kinds=[
            [x + y for x, y in zip(one, other, strict=True)]
            for one, other in zip(a.kinds, b.kinds, strict=True)
        ],
    )


def _bins(score: FeatureSummary | None) -> int:
    return len(score.counts) if score else 0


def _sums(joint: JointSummary | None) -> int:
    return len(joint.sum) if joint else 0
