"""What a policy's actions do about what was found. None of them can give a candidate more traffic.

Each is done at most once per cooldown about the same thing: `status.monitoring.acted` remembers. What it was
about is the trigger for Notify, the attempt for PauseRollout and Rollback, and the model for Retrain.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import takewhile

from mlhops.api.action import ActionType, PolicyAction, Trigger
from mlhops.api.base import later, seconds
from mlhops.api.status import Acted, Finding, Stop
from mlhops.json_access import text
from mlhops.rollout.draft import Draft
from mlhops.rollout.intents import PostCloudEvent, StartRetraining
from mlhops.rollout.monitoring import cloudevent, retraining
from mlhops.rollout.monitoring.monitoring import described
from mlhops.rollout.monitoring.retrained import is_under_way
from mlhops.rollout.reasons import Reason

Held = Mapping[Trigger, Finding | None]
"""The triggers that hold, with what was found."""

_FORGOTTEN = timedelta(days=30)
_KEPT = 128
_MOST_DOUBLINGS = 5
"""After Jobs that failed the cooldown doubles each time, up to 32 of it."""


def act(draft: Draft) -> None:
    """Let each action answer what was found, as far as it is due."""
    monitored = draft.seen.monitored
    if monitored is None or monitored.policy is None or draft.monitoring is None:
        return
    held = _triggers(draft)
    for action in monitored.policy.actions:
        hits: list[Trigger] = [trigger for trigger in action.when if trigger in held]
        if hits:
            _ACTIONS[action.type](draft, action, {trigger: held[trigger] for trigger in hits})


def _triggers(draft: Draft) -> dict[Trigger, Finding | None]:
    status = draft.monitoring
    found: dict[Trigger, Finding | None] = {}
    if status is None:
        return found
    if status.verdict == "Drift":
        found["Drift"] = status.worst
    if status.quality == "Drift":
        found["DataQuality"] = status.quality_worst
    if status.candidate is not None and status.candidate.verdict == "Drift":
        found["Candidate"] = status.candidate.worst
    return found


def _notify(draft: Draft, action: PolicyAction, held: Held) -> None:
    for trigger, finding in held.items():
        if not _is_due(draft, action, trigger):
            continue
        _note(draft, action, trigger)
        draft.tell(Reason.NOTIFIED, f"{action.name}: {trigger}: {described(finding)}", warning=True)
        sink = action.notify.sink if action.notify is not None else None
        if sink is not None:
            event = cloudevent.render(draft, action, trigger, finding)
            draft.after.append(PostCloudEvent(action.name, sink, event))


def _pause(draft: Draft, action: PolicyAction, held: Held) -> None:
    candidate = draft.candidate
    if candidate is None or candidate.failure is not None or candidate.hold is not None:
        return
    attempt = _attempt(draft)
    if not _is_due(draft, action, attempt):
        return
    _note(draft, action, attempt)
    message = f"{_why(action, held)}; a Decision with action Resume lets it go on"
    hold = Stop(reason=Reason.PAUSED_BY_POLICY, message=message, at=draft.now)
    draft.change(hold=hold, promoting=False)


def _roll_back(draft: Draft, action: PolicyAction, held: Held) -> None:
    candidate = draft.candidate
    if candidate is None or candidate.failure is not None:
        return
    _note(draft, action, _attempt(draft))
    draft.fail(Reason.ROLLED_BACK_BY_POLICY, _why(action, held))


def _retrain(draft: Draft, action: PolicyAction, held: Held) -> None:
    model, settings = draft.seen.model.metadata.name, action.retrain
    if settings is None or not _is_due(draft, action, model):
        return
    if is_under_way(draft, action.name):
        return  # its end is news
    limit, acted = settings.limit, _done(draft, action)
    done = [each.at for each in acted]
    counted = [each.at for each in acted if each.phase != "Failed"]
    lately = sorted(at for at in counted if later(at, limit.per) > draft.now)
    if len(lately) >= limit.at_most:
        draft.wake(later(lately[-limit.at_most], limit.per))
        return
    job = retraining.render(draft, action.name, settings, held, max(done, default=None))
    # Before the status: if that is lost, the same Job is asked for again, and is there already.
    draft.before.append(StartRetraining(action.name, job, _why(action, held)))
    _note(draft, action, model, text(job, "metadata", "name"))


_ACTIONS: dict[ActionType, Callable[[Draft, PolicyAction, Held], None]] = {
    "Notify": _notify,
    "PauseRollout": _pause,
    "Rollback": _roll_back,
    "Retrain": _retrain,
}


def _why(action: PolicyAction, held: Held) -> str:
    found = "; ".join(f"{trigger}: {described(finding)}" for trigger, finding in held.items())
    return f"action {action.name} of the MonitoringPolicy answers {found}"


def _attempt(draft: Draft) -> str:
    candidate = draft.candidate
    return f"{candidate.revision}/{candidate.attempt}" if candidate is not None else ""


def _done(draft: Draft, action: PolicyAction) -> list[Acted]:
    """Return what an action has done. One that has done nothing by its name may have had another before."""
    acted = draft.monitoring.acted if draft.monitoring is not None else []
    monitored = draft.seen.monitored
    policy = monitored.policy if monitored is not None else None
    own = [each for each in acted if each.name == action.name]
    if own or policy is None:
        return own
    present = {each.name for each in policy.actions}
    return [each for each in acted if each.type == action.type and each.name not in present]


def _is_due(draft: Draft, action: PolicyAction, about: str) -> bool:
    """Whether an action may be done about something; asks to be woken when it may."""
    done = sorted((each for each in _done(draft, action) if each.about == about), key=_when)
    if not done:
        return True
    failures = sum(1 for _ in takewhile(lambda each: each.phase == "Failed", reversed(done)))
    due = done[-1].at
    for _ in range(2 ** min(max(failures - 1, 0), _MOST_DOUBLINGS)):
        due = later(due, action.cooldown)
    draft.wake(due)
    return draft.now >= due


def _when(acted: Acted) -> datetime:
    return acted.at


def _note(draft: Draft, action: PolicyAction, about: str, job: str | None = None) -> None:
    """Remember that an action was done, and forget what no longer matters to any."""
    status, monitored = draft.monitoring, draft.seen.monitored
    if status is None or monitored is None or monitored.policy is None:
        return
    spans = {each.name: _span(each) for each in monitored.policy.actions}
    mine = _done(draft, action)
    acted = [
        each.model_copy(update={"name": action.name}) if each in mine else each
        for each in status.acted
    ]
    latest = {each.name: each.at for each in acted}
    kept = [
        each
        for each in acted
        # The last one stays: the name of the next Job follows from it.
        if each.at == latest[each.name] or _counts(each, spans, draft.now)
    ]
    done = Acted(name=action.name, type=action.type, at=draft.now, about=about, job=job)
    draft.monitoring = status.model_copy(update={"acted": [*kept, done][-_KEPT:]})


def _span(action: PolicyAction) -> timedelta:
    """Return how long it matters that an action was done."""
    longest = seconds(action.cooldown)
    if action.retrain is not None:
        longest = max(longest, seconds(action.retrain.limit.per))
    return timedelta(seconds=min(longest, 1e9))


def _counts(acted: Acted, spans: Mapping[str, timedelta], now: datetime) -> bool:
    return now - acted.at <= spans.get(acted.name, _FORGOTTEN)
