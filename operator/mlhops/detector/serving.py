"""What becomes of requests: each counts once, when it is answered or when it is given up.

Only ids (as hashes) and times wait, within bounds. Of a request of which it cannot be known what became, since an
event was lost or there was no room for it, neither an answer nor a failure is counted.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import floor, isfinite

import numpy as np

from mlhops.api.serving import (
    ANSWER_SECONDS,
    FAILURE_LIMIT,
    OF_MODEL,
    FailureReason,
    ProbeReport,
    ServingCounts,
)
from mlhops.api.summary import TIMES
from mlhops.detector.answers import bin_of
from mlhops.detector.correlation import elapsed
from mlhops.detector.counters import RequestOutcome
from mlhops.detector.decode import Decoded, DecodedAnswer
from mlhops.detector.envelope import LoggedEvent, is_evaluation
from mlhops.statistics.arrays import Counts
from mlhops.statistics.inference.answering import verdict

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
_FINE, _COARSE = 5.0, 60.0
_BY_FINE = 120.0
"""Spans up to this length are made of the fine buckets."""
_NUMBERS = frozenset({int, float, bool, type(None)})
_UNREAD = frozenset({RequestOutcome.FAILED, RequestOutcome.INFLATED_TOO_LARGE})
"""An answer that the detector does not read, whatever its callers make of it."""
_UNSEEN = frozenset(
    {RequestOutcome.EVALUATION, RequestOutcome.NOT_CONFIGURED, RequestOutcome.NOT_AN_EVENT}
)


def answer_of(decoded: Decoded) -> DecodedAnswer:
    """Return what a response is worth. It takes time for each score, and touches no counts."""
    if decoded.outcome == RequestOutcome.SCORES:
        return DecodedAnswer(len(decoded.scores), _flaw(decoded.scores))
    if decoded.outcome == RequestOutcome.UNCLEAR_CLASS:
        # Which column is the score is the detector's question, not the caller's.
        return DecodedAnswer(len(decoded.pairs) // 2, _flaw(decoded.pairs))
    if decoded.outcome in _UNREAD:
        return DecodedAnswer(flaw="unread")
    if decoded.outcome == RequestOutcome.NOT_A_PREDICTION:
        return DecodedAnswer(flaw="other")
    return DecodedAnswer(flaw=FailureReason.WRONG_ANSWER)


def _flaw(scores: Sequence[object]) -> FailureReason | None:
    types = set(map(type, scores))
    if not types <= _NUMBERS:
        return FailureReason.WRONG_ANSWER
    try:
        finite = type(None) not in types and all(map(isfinite, scores))  # type: ignore[arg-type]
    except OverflowError:  # a whole number beyond all floats
        finite = False
    return None if finite else FailureReason.NOT_A_NUMBER


@dataclass(slots=True)
class _Bucket:
    number: int
    answered: int = 0
    failures: Counter[FailureReason] = field(default_factory=Counter)
    times: Counts = field(default_factory=lambda: np.zeros(len(TIMES) + 1, dtype=np.int64))

    @property
    def requests(self) -> int:
        return self.answered + self.failures.total()


class _Ring:
    """The newest buckets of one width; empty ones take no place."""

    def __init__(self, width: float, reach: float) -> None:
        self._width = width
        self._kept = round(reach / width)
        self._buckets: deque[_Bucket] = deque()

    def at(self, now: float) -> _Bucket:
        number = floor(now / self._width)
        if not self._buckets or self._buckets[-1].number != number:
            self._buckets.append(_Bucket(number))
            while self._buckets[0].number < number - self._kept:
                self._buckets.popleft()
        return self._buckets[-1]

    def within(self, seconds: float, now: float) -> tuple[float, Iterator[_Bucket]]:
        """Return how far back the whole buckets of a span reach, and those in which something was counted."""
        first = -floor(-(now - seconds) / self._width)
        reach = max(now - first * self._width, 0.0)
        return reach, (bucket for bucket in reversed(self._buckets) if bucket.number >= first)


class ServedRequests:
    """Counts of requests by time, for a day."""

    def __init__(self, now: float) -> None:
        self._began = now
        self._fine = _Ring(_FINE, _BY_FINE)
        self._coarse = _Ring(_COARSE, DAY)
        self.answered = 0
        """Since the start of the process."""
        self.failures: Counter[FailureReason] = Counter()
        """Since the start of the process."""

    def answer(self, seconds: float | None, now: float) -> None:
        """Count a request that was answered, after so many seconds if that is known."""
        self.answered += 1
        for bucket in (self._fine.at(now), self._coarse.at(now)):
            bucket.answered += 1
            if seconds is not None:
                bucket.times[bin_of(seconds)] += 1

    def fail(self, reason: FailureReason, now: float) -> None:
        """Count a request that failed."""
        self.failures[reason] += 1
        for bucket in (self._fine.at(now), self._coarse.at(now)):
            bucket.failures[reason] += 1

    def counts(self, seconds: float, now: float) -> ServingCounts:
        """Return the counts of a span: of whole buckets, so never of more than that."""
        reach, buckets = self._within(seconds, now)
        answered, failures = 0, Counter[FailureReason]()
        times = np.zeros(len(TIMES) + 1, dtype=np.int64)
        for bucket in buckets:
            answered += bucket.answered
            failures += bucket.failures
            times += bucket.times
        return ServingCounts(
            seconds=min(reach, max(now - self._began, 0.0)),
            answered=answered,
            failures=dict(failures),
            times=times.tolist() if times.any() else [],
        )

    def totals(self, now: float) -> Sequence[tuple[int, int, int]]:
        """Return failures, those that are the model's own, and requests, of the last minute and the last hour."""
        return [self._total(seconds, now) for seconds in (MINUTE, HOUR)]

    def _total(self, seconds: float, now: float) -> tuple[int, int, int]:
        failed, own, requests = 0, 0, 0
        for bucket in self._within(seconds, now)[1]:
            failed += bucket.failures.total()
            own += sum(bucket.failures[reason] for reason in OF_MODEL)
            requests += bucket.requests
        return failed, own, requests

    def _within(self, seconds: float, now: float) -> tuple[float, Iterator[_Bucket]]:
        return (self._fine if seconds <= _BY_FINE else self._coarse).within(seconds, now)


@dataclass(slots=True)
class _Asked:
    key: int
    reason: FailureReason | None
    """Why it failed if nothing comes; None where it is no request for a prediction."""
    rows: int
    time: float | None
    since: float
    before: int | None
    """An earlier request of the same id that still waits."""


@dataclass(slots=True)
class _Early:
    answer: DecodedAnswer
    time: float | None
    since: float


class Requests:
    """Requests that wait for their answers, and answers that came before their requests.

    Answers with one id are for the latest request with it, so that a caller who gives all requests one id hides
    none that fails. Ages are those of a clock that nobody sets.
    """

    def __init__(self, served: ServedRequests, most: int) -> None:
        self._served = served
        self.most = most
        """So many of either kind wait."""
        self._asked: dict[int, _Asked] = {}
        """In the order in which they came."""
        self._latest: dict[int, int] = {}
        """By id, the latest that waits."""
        self._early: OrderedDict[int, _Early] = OrderedDict()
        self._next = 0
        self.last: float | None = None
        """When the latest request for a prediction came."""

    def __len__(self) -> int:
        return len(self._asked) + len(self._early)

    def take(self, event: LoggedEvent, decoded: Decoded, time: float | None, now: float) -> None:
        """Take a request, or the answer to one."""
        if decoded.outcome in _UNSEEN or event.kind is None:
            return
        reason = _reason(decoded.outcome) if event.kind == "request" else None
        if reason is not None:
            self.last = now
        if event.identity is None:
            return
        key = hash(event.identity)
        if event.kind == "request":
            asked = _Asked(key, reason, len(decoded.rows), time, now, self._latest.get(key))
            self._ask(asked, now)
        else:
            self._answer(key, decoded.answer or answer_of(decoded), time, now)

    def lose(self, event: LoggedEvent, now: float) -> None:
        """Take it that somebody asked, or that an answer came which nobody will read."""
        if is_evaluation(event):
            return
        if event.kind == "request":
            self.last = now
        elif event.kind == "response" and event.identity:
            self._answer(hash(event.identity), DecodedAnswer(flaw="unread"), None, now)

    def expire(self, now: float) -> None:
        """Give up the requests that have waited for too long, and forget answers that nobody asked for."""
        late: list[tuple[int, _Asked]] = []
        for number, asked in self._asked.items():
            if now - asked.since < ANSWER_SECONDS:
                break
            late.append((number, asked))
        for number, asked in late:
            del self._asked[number]
            if self._latest.get(asked.key) == number:
                del self._latest[asked.key]
            if asked.reason is not None:
                self._served.fail(asked.reason, now)
        while self._early and now - next(iter(self._early.values())).since >= ANSWER_SECONDS:
            self._early.popitem(last=False)

    def _ask(self, asked: _Asked, now: float) -> None:
        early = self._early.pop(asked.key, None)
        if early is not None:
            self._count(asked, early.answer, early.time, now)
        elif len(self._asked) < self.most:
            # Where there is no room, the newest is let go: the oldest would never be old enough to have failed.
            self._next += 1
            self._asked[self._next] = asked
            self._latest[asked.key] = self._next

    def _answer(self, key: int, answer: DecodedAnswer, time: float | None, now: float) -> None:
        asked = self._answered(key)
        if asked is not None:
            self._count(asked, answer, time, now)
            return
        self._early[key] = _Early(answer, time, now)
        self._early.move_to_end(key)
        if len(self._early) > self.most:
            self._early.popitem(last=False)

    def _answered(self, key: int) -> _Asked | None:
        """Take the latest request of an id out, if one waits."""
        number = self._latest.pop(key, None)
        asked = self._asked.pop(number, None) if number is not None else None
        if asked is not None and asked.before in self._asked:
            self._latest[key] = asked.before
        return asked

    def _count(self, asked: _Asked, answer: DecodedAnswer, time: float | None, now: float) -> None:
        if asked.reason is None or answer.flaw == "unread":
            return
        well = asked.reason == FailureReason.UNANSWERED
        if answer.flaw is None and not (well and answer.rows != asked.rows):
            self._served.answer(elapsed(asked.time, time), now)
        elif well:
            flaw = answer.flaw if isinstance(answer.flaw, FailureReason) else None
            self._served.fail(flaw or FailureReason.WRONG_ANSWER, now)
        elif answer.flaw != "other" or asked.reason == FailureReason.WRONG_FEATURES:
            self._served.fail(asked.reason, now)
        # else neither is of a prediction: somebody asked the server for something else, and got it.


def _reason(outcome: RequestOutcome) -> FailureReason | None:
    """Return why a request without an answer has failed."""
    match outcome:
        case RequestOutcome.EMPTY:
            return None
        case RequestOutcome.ROWS:
            return FailureReason.UNANSWERED
        case RequestOutcome.WRONG_FEATURES:
            return FailureReason.WRONG_FEATURES
    return FailureReason.UNREADABLE


def state(served: ServedRequests, probe: ProbeReport, now: float) -> tuple[str, ...]:
    """Return how the model answers in a few words: what others want to hear of at once when it changes."""
    totals = served.totals(now)
    verdicts = (
        verdict(spans, FAILURE_LIMIT, quiet=not totals[-1][-1], probed=probe.answers)
        for spans in (
            [(failed, requests) for failed, _, requests in totals],
            [(own, requests) for _, own, requests in totals],
        )
    )
    return (*verdicts, probe.state, probe.reason)
