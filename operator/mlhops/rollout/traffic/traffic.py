"""What live requests must have shown before a candidate gets more of them, and when they show that it fails.

Only counts of the present step, told by all ready pods of the candidate, are evidence. What is missing, old or
of another step is none, and a weight waits for it.
"""

from dataclasses import dataclass, replace
from typing import Self

from mlhops.api.base import later
from mlhops.api.serving import ServingCounts
from mlhops.api.status import Candidate, TakenStep
from mlhops.api.step import Evidence
from mlhops.api.summary import TIMES
from mlhops.rollout.draft import Draft
from mlhops.rollout.intents import Event
from mlhops.rollout.monitoring.drift_snapshot import Answering, step_of
from mlhops.rollout.monitoring.serving import of_candidate, of_step, why_failing
from mlhops.rollout.reasons import Reason
from mlhops.rollout.steps.handler import Done, StepContext, StepOutcome, Waiting
from mlhops.statistics.inference.answering import (
    at_least,
    at_most,
    is_failing,
    is_within,
    quantile_interval,
)

_CONFIDENCE = 0.95
"""Of a candidate's failures being within the limit."""
_SURE = 0.999
_Z = 3.29
"""Two-sided 99.9 % limits of a median."""
_LEAST_ANSWERS = 50
"""Answers of each side without which their times are not compared."""
_SHOWN = "%g"
_WAITED = "has waited for live requests for"


@dataclass(frozen=True)
class ObservedTraffic:
    """An observe step, from its name."""

    requests: int
    seconds: int

    @classmethod
    def of(cls, name: str) -> Self:
        """Return what a step such as `observe 200 60s` asks."""
        _, requests, *lasting = name.split(" ")
        return cls(int(requests), int(lasting[0].removesuffix("s")) if lasting else 0)

    def with_all_of(self, other: Self) -> Self:
        """Return what asks for no less than either."""
        return replace(
            self,
            requests=max(self.requests, other.requests),
            seconds=max(self.seconds, other.seconds),
        )

    @property
    def name(self) -> str:
        """What the step is called."""
        return f"observe {self.requests}" + (f" {self.seconds}s" if self.seconds else "")


def check_traffic(draft: Draft) -> None:
    """Fail a candidate that has traffic and fails it, whatever step it is at."""
    candidate = draft.candidate
    if candidate is None or candidate.failure is not None or draft.stable is None:
        return
    if max(candidate.desired_weight, candidate.weight) <= 0:
        return
    answering = of_candidate(draft, candidate)
    if answering is None:
        return
    why = _why_it_fails(draft, answering, asked_by(draft))
    if why:
        draft.fail(Reason.CANDIDATE_FAILS, why)


def asked_by(draft: Draft, step: TakenStep | None = None) -> Evidence:
    """Return what is asked of live requests at the step under way."""
    evidence, candidate = draft.seen.model.spec.rollout.evidence, draft.candidate
    index = candidate.step_index if candidate is not None else 0
    if index >= len(draft.steps) or (step is not None and draft.steps[index].name != step.step):
        return evidence
    own = draft.steps[index].evidence
    return (
        evidence.model_copy(update=own.model_dump(exclude_none=True, by_alias=False))
        if own
        else evidence
    )


def proven(context: StepContext, asked: Evidence, requests: int) -> StepOutcome:
    """Return whether so many requests of the present step show what is asked; where not, what is missing."""
    answering = of_candidate(context.draft, context.candidate)
    blind = _why_blind(context, answering)
    counts = answering.evidence if answering is not None else None
    if counts is None or blind:
        return _wait(context, asked, blind)
    share, failed = _SHOWN % (100 * asked.max_failure_rate), counts.failed_by_model
    if counts.answered < requests:
        missing = f"{requests:,} requests must have been answered at this weight, and at most {share} % fail"
        return _wait(context, asked, missing)
    if not is_within(failed, counts.answered + failed, asked.max_failure_rate, _CONFIDENCE):
        return _wait(
            context, asked, f"it is not proven yet that at most {share} % of requests fail"
        )
    return Done()


def _why_blind(context: StepContext, answering: Answering | None) -> str:
    """Return why nobody knows how a candidate answers, empty where it is known."""
    weighs = context.step.step.startswith("setWeight")
    way_out = "a Decision Promote goes on without" + (
        ", and so does rollout.evidence.minRequests 0" if weighs else ""
    )
    if answering is None:
        return "its pods were not asked yet"
    if not answering.whole:
        why = answering.problem or "no pod of it is ready"
        return f"nobody knows how the candidate answers: {why} ({way_out})"
    if answering.evidence is None or answering.asked_of != step_of(context.candidate):
        return "its pods were not asked yet since this step began"
    return ""


def _wait(context: StepContext, asked: Evidence, why: str) -> Waiting:
    """Wait for requests; after `evidence.wait` with a warning."""
    draft, candidate, reason = context.draft, context.candidate, Reason.NOT_ENOUGH_TRAFFIC
    end = later(candidate.step_started_at or draft.now, asked.wait)
    if draft.now < end:
        return Waiting(reason, f"waits for live requests: {why}", wake=end)
    message = (
        f"{_WAITED} {asked.wait} and more: {why}. A Decision Promote goes on "
        "without, Abort ends it; rollout.evidence says what is asked"
    )
    told = None
    if not _has_warned(draft, candidate):
        told = Event(reason, f"{candidate.version}: {message}", warning=True)
    return Waiting(reason, message, event=told)


def _has_warned(draft: Draft, candidate: Candidate) -> bool:
    """Whether people were warned that requests do not come at this step, whatever else was said of it since."""
    old = draft.old.candidate
    if old is None or old.pause is None or not old.pause.message.startswith(_WAITED):
        return False
    return step_of(old) == step_of(candidate)


def _why_it_fails(draft: Draft, answering: Answering, asked: Evidence) -> str:
    """Return why a candidate surely fails its requests, empty where it does not."""
    candidate = draft.candidate
    if answering.probe.state == "Fails":
        return why_failing(answering)
    # Failures that some pods tell have happened, whatever others do not tell.
    counts = of_step(answering, candidate) if candidate is not None else None
    if counts is None or candidate is None:
        return ""
    limit = _SHOWN % (100 * asked.max_failure_rate)
    failed = counts.failed_by_model
    known = counts.answered + failed
    if is_failing(failed, known, asked.max_failure_rate):
        share = 100 * failed / known
        named = ", ".join(sorted(reason.value for reason, n in counts.failures.items() if n))
        return f"{share:.0f} % of its requests failed ({named}), and {limit} % may"
    stable = _beside(draft, candidate)
    if stable is None or draft.stable is None:
        return ""
    if _refuses_more(counts, stable, asked.max_failure_rate):
        return f"it does not answer requests that {draft.stable.version} answers: has the interface changed?"
    return _why_slow(draft, counts, stable, asked)


def _beside(draft: Draft, candidate: Candidate) -> ServingCounts | None:
    """Return what a candidate is compared with: what serves, in the same span, so that nothing but chance parts
    their requests. Beside a candidate with all requests there are none, and the hour before must do."""
    look = draft.seen.serving
    stable = look.stable if look is not None else None
    if stable is None or draft.stable is None or stable.revision != draft.stable.revision:
        return None
    if candidate.weight >= 100:
        return stable.hour
    return of_step(stable, candidate)


def _refuses_more(candidate: ServingCounts, stable: ServingCounts, limit: float) -> bool:
    """Whether a candidate surely fails a greater share of what callers ask, their own mistakes included."""
    if stable.requests == 0 or candidate.failed < 3:
        return False
    low = at_least(candidate.failed, candidate.requests, _SURE)
    return low > at_most(stable.failed, stable.requests, _SURE) + limit


def _why_slow(
    draft: Draft, candidate: ServingCounts, stable: ServingCounts, asked: Evidence
) -> str:
    if min(sum(candidate.times), sum(stable.times)) < _LEAST_ANSWERS:
        return ""
    low, _ = quantile_interval(candidate.times, TIMES, 0.5, _Z)
    _, high = quantile_interval(stable.times, TIMES, 0.5, _Z)
    if low <= asked.max_latency_ratio * high:
        return ""
    version = draft.stable.version if draft.stable is not None else "what serves"
    ratio = _SHOWN % asked.max_latency_ratio
    return f"the median of its answer times is surely more than {ratio} times that of {version}"
