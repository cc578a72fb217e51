"""What is counted, and against what: all of the detector but its files, its ports and its clock."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

import numpy as np

from mlhops.api.dates import DateEncoding
from mlhops.api.detector import DetectorBounds, DetectorConfig, Window
from mlhops.api.profile import Profile
from mlhops.api.summary import Summary
from mlhops.detector.answers import AnswerCount
from mlhops.detector.correlation import Join
from mlhops.detector.counters import Counters, Note, RequestOutcome
from mlhops.detector.decode import Decoded, DecodedAnswer, Decoder
from mlhops.detector.engine import DriftEngine
from mlhops.detector.envelope import LoggedEvent, is_evaluation, join_key, moment
from mlhops.detector.requests import RequestCount, types_of
from mlhops.detector.serving import Requests, ServedRequests, answer_of
from mlhops.detector.window import Clock, WindowCounts, Windows
from mlhops.inputs.dates import counted
from mlhops.inputs.rows import Row
from mlhops.statistics.drift.sketch import Column, ColumnCounts, Sketch

log = logging.getLogger(__name__)

AT_ONCE = 256
"""So many rows are counted in one go: enough to pay, and over within a millisecond or two."""
_PLAIN = frozenset({float, int, bool})
_EXACT = 2.0**53
_UNSEEN = frozenset({RequestOutcome.NOT_CONFIGURED, RequestOutcome.EVALUATION})


@dataclass
class RowCount:
    """What can be counted without a profile."""

    rows: int = 0

    def add(self, other: Self) -> None:
        self.rows += other.rows

    def summary(self, start: datetime, end: datetime) -> Summary:
        return Summary(start=start, end=end, rows=self.rows)


@dataclass
class Pending:
    """Rows and scores on their way from an event to a count."""

    rows: list[Row] = field(default_factory=list)
    scores: list[object] = field(default_factory=list)


class Watcher:
    """Counts events by one configuration and, once it is there, one profile.

    Times that are passed in are those of a monotonic clock.
    """

    def __init__(self, clock: Clock, now: float, engine: DriftEngine | None = None) -> None:
        self._engine = engine
        self.counters = Counters()
        self.config: DetectorConfig | None = None
        self.sketch: Sketch | None = None
        self._clock = clock
        bounds = DetectorBounds()
        self._join = Join(
            self.counters,
            events=bounds.join_events,
            size=bounds.join_bytes,
            seconds=bounds.join_seconds,
        )
        self._decoder: Decoder | None = None
        self._names: Sequence[str] = ()
        self._dates: Mapping[str, DateEncoding] = {}
        """Features that are dates as text."""
        self._asked = RequestCount(0)
        """How rows were asked about since windows were last told."""
        self._requests = self._request_windows((), now)
        self._pending = Pending()
        self._blank: Windows[RowCount] = Windows((), RowCount, now)
        self._fate = AnswerCount()
        """What has become of requests since windows were last told."""
        self._answers: Windows[AnswerCount] = Windows((), AnswerCount, now)
        self._windows: Windows[ColumnCounts] | None = None
        self.served = ServedRequests(now)
        self.requests = Requests(self.served, bounds.join_events)

    @property
    def waiting(self) -> int:
        """Rows and scores that are decoded and not counted yet."""
        return max(len(self._pending.rows), len(self._pending.scores))

    @property
    def joining(self) -> int:
        """Events that wait for their other half."""
        return len(self._join)

    def configure(self, config: DetectorConfig, now: float) -> None:
        """Work by another configuration; what was counted before stays."""
        self.flush(now)
        before = self.config
        if before and (before.revision, before.features) != (config.revision, config.features):
            self.sketch, self._windows = None, None
        self.config = config
        bounds = config.bounds
        self._names = [feature.name for feature in config.features]
        self._dates = {
            each.name: each.date
            for each in config.features
            if each.date is not None and each.is_text_of_dates
        }
        if before is None or before.features != config.features:
            self._asked = RequestCount(len(self._names))
            self._requests = self._request_windows(config.windows, now)
        self._decoder = self._new_decoder(config)
        self._join.bound(
            events=bounds.join_events, size=bounds.join_bytes, seconds=bounds.join_seconds
        )
        self.requests.most = bounds.join_events
        self._blank.configure(config.windows, now)
        self._answers.configure(config.windows, now)
        self._requests.configure(config.windows, now)
        if self._windows is not None:
            self._windows.configure(config.windows, now)
        if self._engine is not None:
            self._engine.configure(self.config, self.sketch, now)

    def refuse_unless_fitting(self, profile: Profile) -> None:
        """Raise an error unless the profile is of the configured features.

        Raises:
            ValueError: it is of others, or there is no configuration yet.
        """
        if self.config is None:
            raise ValueError("there is no configuration yet: a profile says nothing without it")
        if profile.revision != self.config.revision:
            raise ValueError("revision: it is of another revision than the configuration")
        theirs = [(feature.name, feature.type) for feature in profile.features]
        if theirs != [(feature.name, feature.type) for feature in self.config.features]:
            raise ValueError(
                "features: they are not those of the configuration, in its order and of its types"
            )
        Sketch(profile)  # what cannot be counted against must not replace what can

    def profile(self, profile: Profile, now: float) -> None:
        """Count against another profile from now on; counts against the one before are over."""
        sketch = Sketch(profile)
        same = self.sketch is not None and (
            self.sketch.profile.counted_digest() == profile.counted_digest()
        )
        if self.sketch is not None and same:
            # The same to count by; what else it says may have changed.
            self.sketch.profile, self.sketch.digest = profile, sketch.digest
            self._decoder = self._new_decoder(self.config)
            return
        self.flush(now)
        windows = self.config.windows if self.config else ()
        self.sketch, self._windows = sketch, Windows(windows, sketch.nothing, now)
        self._decoder = self._new_decoder(self.config)
        if self._engine is not None:
            self._engine.configure(self.config, self.sketch, now)

    def decode(self, event: LoggedEvent) -> Decoded:
        """Return what an event says. It touches no counts, so that any thread may do it."""
        if is_evaluation(event):
            return Decoded(RequestOutcome.EVALUATION)
        if self._decoder is None:
            return Decoded(RequestOutcome.NOT_CONFIGURED)
        decoded = self._decoder.decode(event)
        if event.kind != "response":
            return decoded
        return replace(decoded, answer=answer_of(decoded))

    def worth(self, body: bytes) -> DecodedAnswer:
        """Return what a model's answer is worth; it is not counted."""
        if self._decoder is None:
            return DecodedAnswer(flaw="unread")
        return answer_of(
            self._decoder.decode(LoggedEvent("response", None, None, None, None, body))
        )

    def take(self, event: LoggedEvent, decoded: Decoded, now: float) -> None:
        """Let what an event says wait to be counted."""
        counters = self.counters
        counters.outcomes[decoded.outcome] += 1
        for note in decoded.notes:
            counters.notes[note] += 1
        if event.kind is None or decoded.outcome in _UNSEEN:
            return
        counters.rows += len(decoded.rows)
        counters.scores += len(decoded.scores)
        if decoded.form is not None and decoded.rows:
            counters.asked[decoded.form.protocol, decoded.form.encoding] += len(decoded.rows)
            self._asked.asked(decoded.form, len(decoded.rows))
        self._pending.rows.extend(decoded.rows)
        self._pending.scores.extend(decoded.scores)
        time = moment(event)
        self.requests.take(event, decoded, time, now)
        key = join_key(event)
        if key is None:
            counters.notes[Note.NO_ID] += 1
            return
        joined = counters.notes[Note.JOINED]
        elapsed = self._join.add(event.kind, key, time, now)
        self._fate.answered += counters.notes[Note.JOINED] - joined
        if elapsed is not None:
            counters.latency.add(elapsed)
            self._fate.took(elapsed)

    def count(self, now: float) -> None:
        """Count some of the waiting rows and scores."""
        pending = self._pending
        rows, scores = pending.rows[:AT_ONCE], pending.scores[:AT_ONCE]
        del pending.rows[:AT_ONCE], pending.scores[:AT_ONCE]
        if rows:
            self._blank.add(RowCount(len(rows)), now)
        columns = list(zip(*rows, strict=True)) if rows else []
        for feature, column in enumerate(columns):
            self._asked.valued(feature, types_of(column))
        if self.sketch is None or self._windows is None or not (rows or scores):
            return
        named = {
            name: _column(counted(column, self._dates[name]) if name in self._dates else column)
            for name, column in zip(self._names, columns, strict=False)
        }
        tally = self.sketch.requests(named, len(rows))
        answers = _column(tuple(scores)) if scores else None
        if answers is not None:
            tally.add(self.sketch.scores(answers))
        self._windows.add(tally, now)
        if self._engine is not None:
            self._engine.add(named, len(rows), answers, now)

    def flush(self, now: float) -> None:
        """Count all that waits: rows, scores, and what has become of requests."""
        while self.waiting:
            self.count(now)
        if self._fate.answered or self._fate.unanswered:
            self._answers.add(self._fate, now)
            self._fate = AnswerCount()
        if self._asked:
            self._requests.add(self._asked, now)
            self._asked = RequestCount(len(self._names))

    def expire(self, now: float) -> None:
        """Let go of requests and responses whose other half has not come."""
        self.requests.expire(now)
        before = self.counters.notes[Note.UNANSWERED]
        self._join.expire(now)
        self._fate.unanswered += self.counters.notes[Note.UNANSWERED] - before

    def summaries(self, now: float) -> Mapping[str, Summary]:
        """Return what was seen in each window."""
        if self._windows is None:
            return self._told(self._blank.spans(now), now)
        return self._told(self._windows.spans(now), now)

    def _told(
        self,
        spans: Mapping[str, WindowCounts[ColumnCounts]] | Mapping[str, WindowCounts[RowCount]],
        now: float,
    ) -> Mapping[str, Summary]:
        end = self._time(now)
        answers, requests = self._answers.spans(now), self._requests.spans(now)
        return {
            name: span.counts.summary(min(self._time(span.start), end), end).model_copy(
                update={
                    "answers": answers[name].counts.summary(),
                    "requests": requests[name].counts.summary(),
                }
            )
            for name, span in spans.items()
        }

    def _new_decoder(self, config: DetectorConfig | None) -> Decoder | None:
        if config is None:
            return None
        positive = self.sketch.profile.positive_column if self.sketch else None
        return Decoder(
            config.features,
            config.output,
            config.bounds.body_bytes,
            positive,
            multiclass=config.task == "Multiclass",
        )

    def _request_windows(self, windows: Sequence[Window], now: float) -> Windows[RequestCount]:
        features = len(self._names)
        return Windows(windows, lambda: RequestCount(features), now)

    def _time(self, moment: float) -> datetime:
        return datetime.fromtimestamp(self._clock.label(moment), UTC)


def _column(values: Sequence[object]) -> Column:
    """Return a column as an array where it is nothing but numbers, which is many times faster."""
    if _PLAIN.issuperset(map(type, values)):
        try:
            found = np.array(values, dtype=np.float64)
        except OverflowError:  # a whole number beyond all floats
            return values
        # Beyond 2^53 a whole number would lose its last digit, and be another category.
        return values if (np.abs(found) >= _EXACT).any() else found
    return values
