"""Whether what serves answers its callers: the verdict in the status, its condition, and what people are told.

The sidecars count; their counts are not written with every look. Where nobody counts, or an operator has just
started, that is said, and readiness alone tells whether callers are answered.
"""

from datetime import timedelta

from mlhops.api.conditions import ConditionType, Verdict
from mlhops.api.serving import FAILURE_LIMIT, ServingCounts
from mlhops.api.status import Candidate, CandidateTraffic, FailureCount, ServingStatus
from mlhops.api.summary import TIMES
from mlhops.rollout.draft import Draft
from mlhops.rollout.monitoring.drift_snapshot import Answering, step_of
from mlhops.rollout.reasons import Reason
from mlhops.statistics.inference.answering import ServingVerdict, quantile, verdict

Wanted = tuple[str, Verdict, str, str]
REFRESH = timedelta(minutes=10)
"""How old the numbers in the status may become where nothing else changes."""
_BESIDE = timedelta(minutes=1)
"""The same while a candidate has traffic."""
NO_SIDECAR = "nobody counts whether it answers: its pods have no sidecar"


def hear_serving(draft: Draft) -> None:
    """Take over what the newest look says of how requests are answered, and tell what has changed."""
    old, stable, look = draft.serving, draft.stable, draft.seen.serving
    if stable is None:
        draft.serving = None
        return
    if old is not None and old.revision != stable.revision:
        old = None
    answering = look.stable if look is not None else None
    if look is None or answering is None or answering.revision != stable.revision:
        draft.serving = old or ServingStatus(revision=stable.revision)
        return
    if not answering.told and old is not None and old.verdict == "Failing":
        draft.serving = old  # until somebody knows better
        return
    new = _counted(draft, old, answering)
    draft.serving = new if old is None or _is_news(draft, old, new) else old
    _tell(draft, old, draft.serving, answering)


def is_failing(draft: Draft) -> bool:
    """Whether what serves does not answer its callers, as far as its sidecars know."""
    stable, serving = draft.stable, draft.serving
    if stable is None or serving is None or serving.revision != stable.revision:
        return False
    return serving.verdict == "Failing"


def failing_message(draft: Draft) -> str:
    """Say that what serves does not answer its callers, and why."""
    stable, serving = draft.stable, draft.serving
    why = serving.message if serving is not None else ""
    return f"{stable.version if stable else ''} has the requests and does not answer them: {why}"


def available(
    draft: Draft,
    *,
    reached: bool | None,
    why: str,
    unknown: Reason = Reason.ROUTE_NOT_ACCEPTED,
) -> Wanted:
    """Return the condition that says whether callers are answered.

    Args:
        draft: the plan.
        reached: whether what serves is ready and surely gets the requests; None where that is not known.
        why: what keeps it from that.
        unknown: the reason where it is not known.
    """
    type_, stable = ConditionType.AVAILABLE, draft.stable
    if stable is None:
        return (type_, "False", Reason.NOTHING_SERVES.value, "nothing serves yet")
    if reached is False:
        return (type_, "False", Reason.STABLE_UNREADY.value, why)
    if is_failing(draft):
        return (type_, "False", Reason.REQUESTS_FAIL.value, failing_message(draft))
    if reached is None:
        return (type_, "Unknown", unknown.value, why)
    serving = draft.serving
    if serving is None or serving.verdict is None:
        return (type_, "True", Reason.NOT_COUNTED.value, f"{stable.version} is ready")
    counted = serving.verdict != "Insufficient"
    reason = Reason.ANSWERS if counted else Reason.NOT_COUNTED
    return (type_, "True", reason.value, f"{stable.version} is ready; {serving.message}")


def judged(answering: Answering) -> ServingVerdict:
    """Return what the counts of a revision come to. What pods did not tell may hide failures, never make some."""
    spans = [(span.failed, span.requests) for span in (answering.minute, answering.hour)]
    found = verdict(spans, FAILURE_LIMIT, quiet=answering.quiet, probed=answering.probe.answers)
    return found if answering.told or found == "Failing" else "Insufficient"


def why_failing(answering: Answering) -> str:
    """Say which requests fail, and whose fault that is."""
    if answering.probe.state == "Fails":
        return f"the model server fails its sidecar's own request ({answering.probe.message})"
    recent = answering.minute if answering.minute.failed else answering.hour
    share = f"{100 * recent.failed / recent.requests:.0f} % of requests fail"
    reasons = sorted(recent.failures.items(), key=lambda each: (-each[1], each[0]))
    named = ", ".join(reason.value for reason, count in reasons if count)
    if recent.failed_by_model:
        return f"{share} ({named})"
    return f"{share} ({named}): callers ask otherwise than spec.interface says"


def _counted(draft: Draft, old: ServingStatus | None, answering: Answering) -> ServingStatus:
    state = judged(answering)
    lately = answering.minute.failed > 0 or answering.probe.state == "Fails"
    if state == "Failing" and old is not None and old.verdict == "Serving" and not lately:
        state = "Serving"  # nothing begins to fail in a minute without a failure: what is old was mended
    hour = answering.hour
    known = answering.told > 0
    return ServingStatus(
        revision=answering.revision,
        verdict=state,
        message=_message(state, answering),
        since=old.since if old is not None and old.verdict == state else draft.now,
        requests=hour.requests if known else None,
        failed=hour.failed if known else None,
        failures=[
            FailureCount(reason=reason.value, requests=count)
            for reason, count in sorted(hour.failures.items())
            if count
        ],
        p50_seconds=_seconds(hour, 0.5),
        p99_seconds=_seconds(hour, 0.99),
        candidate=_beside(draft),
        counted_at=draft.now,
    )


def _message(state: ServingVerdict, answering: Answering) -> str:
    """Say what a verdict rests on, in words that stay the same as long as the verdict does."""
    if state == "Failing":
        return why_failing(answering)
    if not answering.told:
        return answering.problem or NO_SIDECAR
    said = {
        "Serving": "it answers its callers",
        "Silent": "no request came within the hour",
        "Insufficient": "too few requests came to tell whether it answers",
    }[state]
    if answering.probe.state == "Answers":
        said += ", and it answers its sidecar's own request"
    return said


def _seconds(counts: ServingCounts, share: float) -> float | None:
    found = quantile(counts.times, TIMES, share)
    return None if found is None else float(f"{found:.2g}")


def of_candidate(draft: Draft, candidate: Candidate) -> Answering | None:
    """Return how a candidate answers, as far as the newest look is about that revision."""
    look = draft.seen.serving
    answering = look.candidate if look is not None else None
    return answering if answering and answering.revision == candidate.revision else None


def of_step(answering: Answering | None, candidate: Candidate) -> ServingCounts | None:
    """Return what was counted since the candidate's present step began, None where nothing is known of that."""
    known = answering is not None and answering.asked_of == step_of(candidate)
    return answering.asked if answering is not None and known else None


def _beside(draft: Draft) -> CandidateTraffic | None:
    candidate = draft.candidate
    if candidate is None:
        return None
    counts = of_step(of_candidate(draft, candidate), candidate)
    if counts is None:
        return None
    return CandidateTraffic(
        revision=candidate.revision, requests=counts.requests, failed=counts.failed
    )


def _is_news(draft: Draft, old: ServingStatus, new: ServingStatus) -> bool:
    """Whether a change is worth a write: another verdict, or numbers that are old."""
    if (old.verdict, _kind(old)) != (new.verdict, _kind(new)):
        return True
    if old.counted_at is None:
        return True
    numbers = {"counted_at", "since", "message"}
    if old.model_dump(exclude=numbers) == new.model_dump(exclude=numbers):
        return False
    patience = _BESIDE if new.candidate is not None else REFRESH
    return draft.now - old.counted_at >= patience


def _kind(status: ServingStatus) -> object:
    """Return what is news beside the verdict: of failures not their share, which changes all the time."""
    if status.verdict != "Failing":
        return status.message
    return status.candidate is None


def _tell(
    draft: Draft, old: ServingStatus | None, new: ServingStatus, answering: Answering
) -> None:
    """Tell people of what begins and what ends."""
    version = draft.stable.version if draft.stable is not None else ""
    before = old.verdict if old is not None else None
    if new.verdict == "Failing" and before != "Failing":
        draft.tell(Reason.REQUESTS_FAIL, f"{version}: {new.message}", warning=True)
        return
    mended = new.verdict in ("Serving", "Silent") or answering.probe.state == "Answers"
    if before == "Failing" and new.verdict != "Failing" and mended:
        draft.tell(Reason.REQUESTS_ANSWERED, f"{version}: {new.message}")
